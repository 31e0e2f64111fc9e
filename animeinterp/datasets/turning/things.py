"""What is no person: animals, robots, vehicles, fish, flowers, boxes and balls, built of balls, rounded boxes and tubes."""

from __future__ import annotations

import numpy as np

from .assembly import Assembly, Part
from .head import animal_ears
from .materials import Palette, Pattern
from .motion import Track


def striped(axis: int, length: float, colour: np.ndarray, share: float = 0.5) -> Pattern:
    """Bands of ``colour`` across an axis."""

    def paint(rest: np.ndarray, normals: np.ndarray, base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        on = (rest[:, axis] / length) % 1.0 < share
        return np.where(on[:, None], colour, base), on.astype(np.int32)

    return paint


def above(axis: int, low: float, high: float, colour: np.ndarray) -> Pattern:
    """``colour`` between two heights of an axis."""

    def paint(rest: np.ndarray, normals: np.ndarray, base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        on = (rest[:, axis] > low) & (rest[:, axis] < high)
        return np.where(on[:, None], colour, base), on.astype(np.int32)

    return paint


class Thing(Assembly):
    """A random thing."""

    KINDS = ("animal", "robot", "sphere", "fish", "box", "car", "flower")

    def __init__(self, rng: np.random.Generator, palette: Palette, frames: int) -> None:
        super().__init__(rng, palette, frames)
        getattr(self, "_" + self.KINDS[rng.integers(len(self.KINDS))])()
        self.settle(frames)

    def _animal(self) -> None:
        rng, (fur, second, dress, _) = self.rng, self.colours
        head = self.joint("head", (0, -0.45, 0), 0.45)
        self.ball((0, 0, 0), (rng.uniform(0.48, 0.62), 0.47, 0.46), fur, head, lit=0.2)
        light = fur * 0.4 + 0.6
        self.ball((0, -0.17, 0.36), (rng.uniform(0.17, 0.3), 0.15, rng.uniform(0.14, 0.3)), light, head)
        self.ball((0, -0.1, 0.56), (0.055, 0.04, 0.04), np.array([0.2, 0.12, 0.12]), head)
        self.eyes(rng.uniform(0.18, 0.26), 0.06, 0.37, rng.uniform(0.07, 0.12), head)
        if rng.random() < 0.6:
            self.parts.append(Part(animal_ears(rng), self.palette.material(fur), head))
        else:
            tall = rng.uniform(0.12, 0.45)
            for side in (-1, 1):
                self.ball((side * 0.33, 0.4 + tall * 0.4, 0), (0.14, tall, 0.07), second, head)
        if rng.random() < 0.4:
            return
        self.ball(
            (0, -1.0, -0.02),
            (0.42, 0.58, 0.36),
            dress,
            pattern=striped(1, 0.2, self.palette.graded(second)) if rng.random() < 0.5 else None,
        )
        for side in (-1, 1):
            arm = self.joint(f"arm{side}", (side * 0.36, -0.75, 0), 0.6)
            self.ball((side * 0.5, -0.95, 0.05), (0.13, 0.3, 0.13), dress, arm)
            self.ball((side * 0.56, -1.25, 0.06), (0.13, 0.13, 0.13), fur, arm)
            leg = self.joint(f"leg{side}", (side * 0.2, -1.4, 0), 0.35)
            self.ball((side * 0.2, -1.6, 0), (0.16, 0.3, 0.17), fur, leg)
            self.ball((side * 0.21, -1.86, 0.1), (0.17, 0.1, 0.25), light, leg)
        s = np.linspace(0, 1, 14)
        line = np.stack([0.5 * np.sin(2.5 * s), -1.3 + 0.5 * s, -0.3 - 0.6 * s], -1)
        wide = rng.uniform(0.06, 0.18) * np.sqrt(np.sin(np.pi * np.clip(s * 0.92 + 0.06, 0, 1)))
        self.tube(line, wide, wide, second, "root", s)

    def _robot(self) -> None:
        rng, (steel, second, lamp, _) = self.rng, self.colours
        head = self.joint("head", (0, -0.4, 0), 0.4)
        power = rng.uniform(0.2, 0.5)
        self.ball((0, 0, 0), (0.42, 0.33, 0.36), steel, head, power, shininess=1.0)
        self.ball((0, 0.02, 0.33), (0.32, 0.14, 0.07), np.array([0.1, 0.12, 0.16]), head, power)
        for side in (-1, 1):
            self.ball((side * 0.15, 0.02, 0.39), (0.06, 0.07, 0.03), lamp * 0.5 + 0.5, head)
            self.ball((side * 0.45, 0, 0), (0.07, 0.13, 0.13), second, head)
        self.ball(
            (0, -0.95, 0), (0.5, 0.5, 0.33), steel, "root", power, pattern=above(1, -1.2, -1.1, self.palette.graded(second))
        )
        self.ball((0, -0.85, 0.3), (0.22, 0.16, 0.07), second, "root", power)
        for side in (-1, 1):
            arm = self.joint(f"arm{side}", (side * 0.55, -0.7, 0), 0.7)
            fore = self.joint(f"fore{side}", (side * 0.66, -1.15, 0), 0.7, arm)
            self.ball((side * 0.6, -0.65, 0), (0.18, 0.18, 0.18), second, arm)
            self.ball((side * 0.66, -0.95, 0), (0.1, 0.25, 0.1), steel, arm, power)
            self.ball((side * 0.66, -1.35, 0), (0.13, 0.28, 0.13), second, fore, power)
            self.ball((side * 0.66, -1.68, 0), (0.12, 0.12, 0.12), steel, fore)
            leg = self.joint(f"leg{side}", (side * 0.25, -1.45, 0), 0.4)
            self.ball((side * 0.25, -1.75, 0), (0.15, 0.36, 0.16), steel, leg, power)
            self.ball((side * 0.25, -2.15, 0.06), (0.2, 0.13, 0.3), second, leg, power)

    def _sphere(self) -> None:
        rng, colour = self.rng, self.palette.graded(self.colours[1])
        pattern = striped(int(rng.integers(3)), rng.uniform(0.3, 0.9), colour)
        self.ball((0, 0, 0), (0.6, 0.6, 0.6), self.colours[0], pattern=pattern, shininess=rng.uniform(0, 0.5))

    def _box(self) -> None:
        rng, (main, second, _, _) = self.rng, self.colours
        size = rng.uniform(0.35, 0.8, 3)
        self.ball(
            (0, 0, 0),
            tuple(size),
            main,
            "root",
            rng.uniform(0.08, 0.3),
            pattern=above(int(rng.integers(2)), -0.1, 0.1, self.palette.graded(second)),
        )
        lid = self.joint("lid", (0, size[1], -size[2]), 0.0)
        self.joints["lid"][2][1] = Track(rng, -rng.uniform(0, 1.2), -rng.uniform(0, 1.2))
        self.ball((0, size[1] + 0.07, 0), (size[0] * 1.05, 0.08, size[2] * 1.05), second, lid, 0.15)
        self.ball((0, size[1] + 0.18, 0), (0.12, 0.08, 0.12), main, lid)

    def _car(self) -> None:
        rng, (body, second, _, _) = self.rng, self.colours
        length, glass = rng.uniform(1.0, 1.5), self.palette.graded(np.array([0.62, 0.8, 0.9]))
        self.ball(
            (0, 0, 0),
            (0.55, 0.27, length),
            body,
            "root",
            rng.uniform(0.25, 0.5),
            shininess=1.0,
            pattern=above(1, -0.08, -0.03, self.palette.graded(second)),
        )
        self.ball((0, 0.38, -0.1), (0.47, 0.28, length * 0.55), body, "root", 0.45, pattern=above(1, 0.3, 0.56, glass))
        spin = Track(rng, 0.0, rng.normal(0, 4))
        for side in (-1, 1):
            self.ball((side * 0.38, 0.02, length * 0.97), (0.1, 0.09, 0.06), np.array([1.0, 0.97, 0.8]))
            for z in (-0.6, 0.6):
                wheel = self.joint(f"wheel{side}{z}", (side * 0.5, -0.25, z * length), 0.0)
                self.joints[wheel][2][1] = spin
                self.ball((side * 0.5, -0.25, z * length), (0.12, 0.24, 0.24), np.array([0.16, 0.16, 0.18]), wheel, 0.6)
                self.ball((side * 0.6, -0.25, z * length), (0.06, 0.13, 0.1), np.array([0.8, 0.82, 0.85]), wheel)

    def _fish(self) -> None:
        rng, (main, second, fins, _) = self.rng, self.colours
        self.wave = rng.uniform(0.08, 0.25)
        s = np.linspace(0, 1, 26)
        line = np.stack([1.0 - 2.0 * s, 0 * s, 0 * s], -1)
        high = rng.uniform(0.35, 0.65) * np.sqrt(np.clip(s * (1.02 - s) ** 1.4 * 5, 0, 1)) * (s > 0)
        self.tube(line, high, high * 0.5, main)
        belly = self.palette.graded(second)
        self.parts[-1].material.pattern = (
            striped(0, rng.uniform(0.3, 0.7), belly) if rng.random() < 0.5 else above(1, -2, -0.08, belly)
        )
        t = np.linspace(0, 1, 10)
        for side in (-1, 1):
            tail = np.stack([-0.85 - 0.6 * t, side * 0.5 * t**1.3, 0 * t], -1)
            self.tube(tail, 0.17 * np.sin(np.pi * np.clip(t * 0.8 + 0.15, 0, 1)), 0.02 + 0 * t, fins, loose=t * 0.6)
            fin = np.stack([0.3 - 0.5 * t, -0.1 - 0.2 * t, side * (0.18 + 0.35 * t)], -1)
            self.tube(
                fin,
                0.12 * np.sin(np.pi * np.clip(t * 0.85 + 0.1, 0, 1)),
                0.02 + 0 * t,
                fins,
                self.joint(f"fin{side}", (0.3, -0.1, side * 0.15), 0.4),
                loose=t,
                front=(0.0, 1.0, 0.2),
            )
            self.ball((0.68, 0.1, side * 0.17), (0.09, 0.09, 0.06), np.array([0.98, 0.98, 1.0]))
            self.ball((0.7, 0.1, side * 0.21), (0.05, 0.06, 0.04), np.array([0.1, 0.1, 0.15]), shininess=2.0)
        back = np.stack([0.35 - 1.0 * t, 0.3 + 0.35 * np.sin(np.pi * t), 0 * t], -1)
        self.tube(back, 0.12 * np.sin(np.pi * np.clip(t, 0.03, 0.97)), 0.02 + 0 * t, fins, loose=0.5 * np.sin(np.pi * t))

    def _flower(self) -> None:
        rng, (petal, second, _, _) = self.rng, self.colours
        green = self.palette.jitter((0.3, 0.5, 0.45))
        s = np.linspace(0, 1, 18)
        bow = rng.normal(0, 0.4)
        stem = np.stack([bow * np.sin(np.pi * s * 0.6), -2.2 + 2.2 * s, 0 * s], -1)
        stem -= stem[-1]
        head = self.joint("bloom", (0, 0, 0), 0.35)
        self.tube(stem, 0.045 + 0 * s, 0.045 + 0 * s, green, loose=0.7 * (1 - s))
        for side in (-1, 1):
            t = np.linspace(0, 1, 12)
            leaf = stem[6] + np.stack([side * 0.8 * t, 0.5 * np.sin(2.4 * t), 0.2 * t], -1)
            self.tube(
                leaf,
                0.16 * np.sin(np.pi * np.clip(t, 0.02, 1)) ** 0.8,
                0.015 + 0 * t,
                green * 0.9,
                loose=t,
                front=(0.0, 1.0, 0.4),
            )
        count, open_by = int(rng.integers(5, 11)), rng.uniform(0.2, 1.0)
        t = np.linspace(0, 1, 12)
        for k in range(count):
            a = 2 * np.pi * k / count
            out = np.array([np.cos(a), 0, np.sin(a)])
            line = (
                out * (open_by * 0.6 * t**0.8 + 0.13 * np.sin(np.pi * t))[:, None]
                + np.array([0, 1, 0]) * (0.5 * t * (1.25 - open_by))[:, None]
            )
            self.tube(
                line,
                1.5 / count * np.sin(np.pi * np.clip(t * 0.9 + 0.06, 0, 1)) ** 0.7,
                0.02 + 0 * t,
                petal,
                head,
                loose=0.6 * t,
                front=tuple(np.array([0, 1.0, 0]) - out * 0.4),
            )
        self.ball((0, 0.03, 0), (0.14, 0.1, 0.14), second, head)
