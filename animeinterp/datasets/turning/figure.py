"""One figure and its clip."""

from __future__ import annotations

import numpy as np

from .acting import Acting
from .body import HIP, BodyDesign, arm_radius, bend, hand, limb_line, tube
from .clothes import Clothes
from .face import FaceDesign, draw_face, lay
from .geometry import Piece, ball, cross, moved, rotation, unit
from .hair import Hair
from .head import HeadDesign, animal_ears, ears, posed
from .materials import Palette
from .motion import fine_times, lagging


class Figure:
    """A person: everything that is drawn from a seed. ``pieces(i)`` is its i-th moment."""

    def __init__(self, rng: np.random.Generator, palette: Palette, framing: str, frames: int) -> None:
        self.rng, self.framing = rng, framing
        male = bool(rng.random() < 0.35)
        skin_colour = palette.skin()
        self.skin = palette.material(skin_colour, warm=True)
        self.face_skin = palette.material(
            skin_colour, warm=True, pattern=self._paint_face, width=0.9, lit=float(rng.choice([0.0, 0.45]))
        )
        self.face_skin.line = self.skin.line
        hair_colour = palette.hair()
        self.head = HeadDesign(rng, male=male)
        self.face = FaceDesign(rng, palette, hair_colour, male=male)
        self.hair = Hair(rng, palette, hair_colour, male=male)
        self.body = BodyDesign(rng, palette, self.skin, male=male)
        self.clothes = Clothes(rng, palette, self.body)
        self.acting = Acting(rng, self.body, framing)
        self.ears = ears(self.head, self.skin)[0]
        self.pointed = animal_ears(rng) if rng.random() < 0.1 else None
        self.tie = palette.material(palette.cloth())
        self.band = palette.material(palette.cloth()) if rng.random() < 0.14 and self.hair.style != "spiky" else None
        self.glasses = palette.material(palette.cloth() * 0.5, casts=False) if rng.random() < 0.08 else None
        self.times = np.linspace(0, 1, frames)
        self.maps = self.acting.frames_of(self.times)
        fine = self.acting.frames_of(fine_times())
        stiff = np.array([42.0, 24.0, 15.0, 10.0]) * rng.uniform(0.75, 1.4)
        damping = rng.uniform(0.4, 0.8)
        self.lag = {name: lagging(fine[name], stiff, damping, frames) for name in ("root", "chest", "head")}
        self._wind()
        self.sheet: np.ndarray | None = None

    def _wind(self) -> None:
        """Now and then wind, that moves what hangs loose even while the body is still."""
        rng = self.rng
        strength = float(rng.choice([0.0, rng.uniform(0.05, 0.3)], p=[0.65, 0.35]))
        steady, beats, phase = rng.uniform(-1, 1, 3) * np.array([1, 0.1, 0.6]), rng.uniform(0.5, 1.6), rng.uniform(0, 6)
        for levels in self.lag.values():
            for k in range(levels.shape[1]):
                gust = 0.6 + 0.7 * np.sin(phase + 2 * np.pi * beats * self.times - 0.7 * k)
                levels[:, k, :, 3] += strength * (k / (levels.shape[1] - 1)) ** 1.5 * gust[:, None] * steady

    def _paint_face(self, rest: np.ndarray, normals: np.ndarray, base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return lay(self.sheet, rest, base), np.zeros(len(rest), np.int32)

    def _heads(self, i: int, face: dict) -> list[Piece]:
        head = self.maps["head"][i]
        out = [
            posed(self.head.mouth_open(face["mouth"]), head, self.face_skin, round_normals=0.85),
            posed(self.ears, head, self.skin),
            *self.hair.pieces(self.lag["head"][i]),
        ]
        if self.pointed is not None:
            out.append(posed(self.pointed, head, self.hair.material))
        for tie in self.hair.ties:
            bun = self.hair.style == "bun"
            grid = ball(tie, np.array([0.2, 0.19, 0.19]) if bun else np.array([0.075, 0.075, 0.075]), 12, 18)
            out.append(posed(grid, head, self.hair.material if bun else self.tie))
        if self.band is not None:
            a = np.linspace(-1.5, 1.5, 30)
            line = np.stack([0.462 * np.sin(a), 0.03 + 0.535 * np.cos(a), np.full(30, 0.1)], -1)
            wide = np.full(30, 0.045)
            piece = tube(line, wide, self.band, np.zeros(3), 8, flat=0.4, front=np.array([-1.0, 0.2, 0.0]))
            out.append(posed(piece.points, head, self.band))
        if self.glasses is not None:
            for side in (-1, 1):
                a = np.linspace(0, 2 * np.pi, 30)
                line = np.stack(
                    [
                        side * 0.19 + 0.125 * np.cos(a),
                        self.face.eye_y + 0.1 * np.sin(a),
                        0.455 - 0.12 * (0.19 + 0.125 * np.cos(a) * side),
                    ],
                    -1,
                )
                piece = tube(line, np.full(30, 0.008), self.glasses, np.zeros(3), 6, front=np.array([0.0, 0.0, 1.0]))
                out.append(posed(piece.points, head, self.glasses))
        return out

    def _arms(self, i: int, phase: float) -> list[Piece]:
        chest, out = self.maps["chest"][i], []
        at = self.times[i : i + 1]
        for k, side in enumerate((-1, 1)):
            mirror = np.array([side, 1, 1])
            directions = (self.acting.arms[k](at)[0] * mirror) @ chest[:, :3].T
            start = moved(chest, self.body.shoulder * mirror)
            line = limb_line(start, directions, self.body.arm)
            s = np.linspace(0, 1, len(line))
            radius = arm_radius(s, self.body.thin)
            # Within a sleeve the arm starts lower, so that the shoulder never comes through the cloth.
            first = 0 if self.clothes.sleeve == "none" else 3
            radius[first] *= 0.4
            out.append(tube(line[first:], radius[first:], self.skin, np.array([2.0, -10.0, 0.0])))
            out += self.clothes.over_arm(line, phase + k)
            upper, fore = unit(directions)
            inward = np.array([-side, -0.1, 0.35]) @ chest[:, :3].T
            hinge = cross(upper, fore)
            palm = inward if np.linalg.norm(hinge) < 0.25 else inward * 0.5 - unit(upper) * 0.6
            out += hand(
                line[-1], fore, palm, side, float(self.acting.curl[k](at)[0]), float(self.acting.spread[k](at)[0]), self.skin
            )
        return out

    def _legs(self, i: int, phase: float) -> list[Piece]:
        root, out, knees = self.maps["root"][i], [], []
        at = self.times[i : i + 1]
        for k, side in enumerate((-1, 1)):
            mirror = np.array([side, 1, 1])
            local = self.acting.legs[k](at)[0] * mirror
            knees.append(unit(local)[0] * self.body.leg[0])
            directions = local @ root[:, :3].T
            line = limb_line(moved(root, HIP * mirror), directions, self.body.leg, 18)
            s = np.linspace(0, 1, 18)
            out.append(tube(line, self.clothes.trousers_radius(s), self.clothes.socks, np.array([0.0, -10.0, 0.0]), 16))
            shin = unit(directions)[1]
            ahead = unit(np.array([side * 0.15, 0.0, 1.0]) @ root[:, :3].T)
            toe = unit(ahead - 0.75 * (ahead * shin).sum() * shin)
            t = np.linspace(0, 1, 12)
            foot = line[-1] + shin * (0.06 + 0.03 * t[:, None]) + toe * (t[:, None] * 0.5 - 0.12)
            wide = np.interp(t, [0, 0.2, 0.7, 1], [0.09, 0.105, 0.11, 0.08]) * np.sqrt(np.clip(1 - np.abs(2 * t - 1) ** 5, 0, 1))
            out.append(tube(foot, wide, self.clothes.shoes, np.zeros(3), 12, flat=0.85, front=-shin))
        return out + self.clothes.skirt(self.lag["root"][i], np.array(knees), phase)

    def pieces(self, i: int) -> list[Piece]:
        """All surfaces at the i-th moment; sets the face's drawing too."""
        face = self.acting.face(float(self.times[i]))
        self.sheet = draw_face(self.face, face, self.face_skin.colour)
        phase = float(self.acting.phase(self.times[i : i + 1])[0])
        chest, root, head = (self.maps[name][i] for name in ("chest", "root", "head"))
        torso = bend(self.body.torso, root, chest, -1.95, -1.2)
        neck = bend(self.body.neck, chest, head, -0.72, -0.5)
        out = self._heads(i, face)
        out += [Piece(torso, self.body.torso, self.clothes.top), Piece(neck, self.body.neck, self.skin)]
        out += self.clothes.at_neck(chest, self.lag["chest"][i], phase) + self._arms(i, phase)
        if self.framing in ("full", "bust"):
            out += self._legs(i, phase)
        return out

    def focus(self) -> tuple[np.ndarray, float]:
        """What the camera looks at (3,), and about how tall the view is in units."""
        if self.framing == "hands":
            return self.maps["chest"].mean(0) @ np.array([0.0, -0.95, 0.2, 1.0]), float(self.rng.uniform(1.5, 2.1))
        if self.framing == "head":
            return self.maps["head"].mean(0) @ np.array([0.0, -0.08, 0.0, 1.0]), float(
                self.rng.uniform(1.35, 2.1)
            ) * self.acting.head_size
        if self.framing == "bust":
            return self.maps["chest"].mean(0) @ np.array([0.0, -0.55, 0.0, 1.0]), float(self.rng.uniform(2.6, 3.6))
        return self.maps["root"].mean(0) @ np.array([0.0, -1.9, 0.0, 1.0]), 0.0


def camera_turn(acting: Acting, t: float) -> np.ndarray:
    """The view's rotation (3, 3) at one time."""
    at = np.array([t])
    return rotation(*(track(at)[0] for track in acting.camera))
