"""Animals, mascots and things: what shares a shot with people."""

from __future__ import annotations

import numpy as np

from .palette import Style, darker, hsv, lighter, mix
from .scene import Scene
from .shapes import box, contour, ellipse, hole, limb, lock, stroke, symmetric

FUR = ((0.95, 0.93, 0.88), (0.25, 0.23, 0.25), (0.87, 0.60, 0.33), (0.62, 0.44, 0.30), (0.60, 0.60, 0.64),
       (0.90, 0.78, 0.58))


class Actor:
    """Something that moves by itself: ``joints`` by name, and ``swing``, how far each likes to turn (radians).

    ``stretch`` names joints that squash and stretch, ``scale`` is points to a unit.
    """

    def __init__(self, scene: Scene, rng: np.random.Generator, style: Style, parent: int, place: tuple[float, float],
                 scale: float) -> None:
        self.scene, self.rng, self.style, self.scale = scene, rng, style, scale
        self.line = style.width / scale
        self.side = float(rng.choice([-1, 1]))
        log, lean = float(np.log(scale)), float(rng.normal(0, 0.05))
        self.joints = {"root": scene.joint(parent, (0.0, 0.0), pose_0=(*place, lean, log, log), pose_1=(*place, lean,
                                                                                                        log, log))}
        self.swing: dict[str, float] = {}
        self.stretch: list[str] = []
        self.draw()

    def draw(self) -> None:
        """Make joints and marks."""
        raise NotImplementedError

    def bone(self, name: str, parent: str, x: float, y: float, swing: float = 0.0, turn: float = 0.0) -> int:
        """A joint that turns about (x, y), facing the actor's side."""
        pose = (0.0, 0.0, turn * self.side, 0.0, 0.0)
        self.joints[name] = self.scene.joint(self.joints[parent], (x * self.side, y), pose_0=pose, pose_1=pose)
        if swing:
            self.swing[name] = swing
        return self.joints[name]

    def turned(self, outline: np.ndarray) -> np.ndarray:
        """The outline, facing the actor's side."""
        return contour([(x * self.side, y, c) for x, y, c in outline])

    def part(self, outline: np.ndarray, name: str, colour: tuple, width: float = 1.0, shade: float = 0.0,
             clip: int = -1) -> int:
        """An outlined piece of the actor, cel-shaded where ``shade`` says how far."""
        style = self.style
        mark = self.scene.part(self.turned(outline), self.joints[name], style.fill(colour), style.ink(colour),
                               self.line * width,
                               clip=clip)
        if shade and style.shades:
            self.scene.shade(mark, (style.light[0] * shade, style.light[1] * shade), darker(colour, style.shade_depth))
        return mark

    def spot(self, outline: np.ndarray, name: str, colour: tuple, clip: int = -1) -> int:
        """A piece without a line."""
        return self.scene.mark(self.turned(outline), self.joints[name], self.style.fill(colour), clip=clip)

    def ink(self, points: list, name: str, colour: tuple, width: float = 1.0) -> None:
        """A drawn line."""
        outline = self.turned(stroke(points, self.line * width, taper=(0.3, 0.3)))
        self.scene.mark(outline, self.joints[name], self.style.ink(colour), piece=self.scene.marks[-1].piece)

    def eye(self, x: float, y: float, r: float, name: str) -> None:
        """A round eye with its light."""
        self.part(ellipse(x, y, r, 1.25 * r), name, (0.99, 0.99, 1.0), 0.7)
        dark = (0.1, 0.08, 0.1) if self.style.ground is None else self.style.line
        self.spot(ellipse(x + 0.2 * r, y + 0.1 * r, 0.62 * r, 0.9 * r), name,
                  dark) if self.style.ground is None else self.scene.mark(
            self.turned(ellipse(x + 0.2 * r, y + 0.1 * r, 0.62 * r, 0.9 * r)), self.joints[name], dark)
        self.spot(ellipse(x, y - 0.35 * r, 0.25 * r), name, (1.0, 1.0, 1.0))


class Beast(Actor):
    """A cat, a dog or a fox seen from the side; the body is one unit long, the feet at y = FEET."""

    FEET = 0.75

    def draw(self) -> None:
        rng = self.rng
        fur = FUR[int(rng.integers(len(FUR)))]
        if rng.random() < 0.2:
            fur = hsv(rng.random(), 0.4, 0.85)
        belly = lighter(fur, 0.5)
        self.bone("body", "root", 0.0, 0.2)
        self._tail(fur, belly)
        for n, (x, far) in enumerate(((-0.36, True), (0.38, True), (-0.28, False), (0.3, False))):
            if n == 2:
                self._trunk(fur, belly)
            self._leg(f"leg{n}", x, darker(fur, 0.12) if far else fur, belly)
        self._head(fur, belly)

    def _leg(self, name: str, x: float, fur: tuple, paw: tuple) -> None:
        self.bone(name, "body", x, 0.15, 0.5)
        self.bone(name + "_low", name, x, 0.42, 0.4)
        low = [(self.turned(limb((x, 0.42), (x, 0.68), 0.075, 0.06)), self.joints[name + "_low"], self.style.fill(fur)),
               (self.turned(limb((x, 0.12), (x, 0.42), 0.13, 0.075)), self.joints[name], self.style.fill(fur))]
        self.scene.joined(low, self.style.ink(fur), self.line)
        self.part(ellipse(x + 0.03, 0.71, 0.095, 0.055), name + "_low", paw)

    def _trunk(self, fur: tuple, belly: tuple) -> None:
        rng = self.rng
        trunk = self.part(contour([(-0.5, 0.05), (-0.3, -0.13), (0.1, -0.1), (0.4, -0.16), (0.55, 0.05), (0.45, 0.26),
                                   (0.1, 0.28), (-0.35, 0.28)]),
                          "body", fur, shade=0.06)
        if rng.random() < 0.6:
            for x in np.linspace(-0.35, 0.25, int(rng.integers(2, 6))):
                blot = ellipse(x, -0.05 + float(rng.uniform(-0.05, 0.08)), 0.045,
                               0.14) if rng.random() < 0.6 else ellipse(x, 0.02, 0.1, 0.08)
                self.spot(blot, "body", darker(fur, 0.4), clip=trunk)
        self.spot(ellipse(0.45, 0.18, 0.16, 0.2), "body", belly, clip=trunk)

    def _tail(self, fur: tuple, tip: tuple) -> None:
        """Three links, outlined as one."""
        points = [(-0.45, 0.0), (-0.68, -0.15), (-0.78, -0.4), (-0.72, -0.62)]
        parent, parts = "body", []
        for n in range(3):
            parent, before = f"tail{n}", parent
            self.bone(parent, before, *points[n], 0.5)
            ring = self.turned(limb(points[n], points[n + 1], 0.09 - 0.01 * n, 0.085 - 0.015 * n, bulge=0.02 * n))
            parts.append((ring, self.joints[parent], self.style.fill(tip if n == 2 else fur)))
        self.scene.joined(parts, self.style.ink(fur), self.line)

    def _head(self, fur: tuple, belly: tuple) -> None:
        rng = self.rng
        self.bone("neck", "body", 0.42, 0.0, 0.35)
        self.part(limb((0.42, 0.02), (0.6, -0.22), 0.17, 0.15), "neck", fur)
        self.bone("head", "neck", 0.6, -0.22, 0.3)
        pointed = rng.random() < 0.6
        for n, x in enumerate((0.5, 0.72)):
            self.bone(f"ear{n}", "head", x, -0.45, 0.3)
            if pointed:
                self.part(contour([(x - 0.1, -0.42), (x - 0.06, -0.72, 1), (x + 0.12, -0.46)]), f"ear{n}", fur)
                self.spot(contour([(x - 0.05, -0.46), (x - 0.035, -0.62, 1), (x + 0.06, -0.48)]), f"ear{n}",
                          (0.95, 0.65, 0.65))
            else:
                out = -1 if n == 0 else 1
                self.part(lock((x, -0.47), (x + 0.17 * out, -0.2), 0.16, curve=0.03), f"ear{n}", darker(fur, 0.3))
        head = self.part(contour([(0.4, -0.3), (0.45, -0.48), (0.62, -0.56), (0.8, -0.48), (0.86, -0.3), (0.8, -0.16),
                                  (0.62, -0.1), (0.46, -0.16)]),
                         "head", fur, shade=0.05)
        self.spot(ellipse(0.72, -0.18, 0.15, 0.1), "head", belly, clip=head)
        for x in (0.58, 0.77):
            self.eye(x, -0.34, 0.055, "head")
        self.part(contour([(0.68, -0.25), (0.76, -0.25), (0.72, -0.2)]), "head", (0.35, 0.2, 0.22), 0.7)
        self.ink([(0.65, -0.16), (0.70, -0.14), (0.72, -0.19), (0.75, -0.14), (0.80, -0.16)], "head", fur, 0.8)
        if pointed:
            for y in (-0.22, -0.18):
                self.ink([(0.84, y), (0.95, y - 0.02 + (y + 0.2) * 0.8)], "head", fur, 0.6)


class Mascot(Actor):
    """A round being with a face: an egg, a ghost, a robot. Its body is about one unit across, its feet at y = FEET."""

    FEET = 0.55

    def draw(self) -> None:
        rng = self.rng
        skin = hsv(rng.random(), rng.uniform(0.15, 0.6), rng.uniform(0.75, 0.98))
        self.bone("body", "root", 0.0, 0.45, 0.25)
        self.stretch.append("body")
        for n, side in enumerate((-1, 1)):
            self.bone(f"foot{n}", "root", 0.2 * side, 0.4, 0.3)
            self.part(ellipse(0.22 * side, 0.48, 0.15, 0.09), f"foot{n}", darker(skin, 0.3))
            self.bone(f"ear{n}", "body", 0.22 * side, -0.4, 0.4)
            tall = float(rng.uniform(0.1, 0.55))
            self.part(lock((0.2 * side, -0.3), ((0.2 + 0.35 * rng.random()) * side, -0.5 - tall), 0.2,
                           curve=0.08 * side), f"ear{n}", skin)
        body = self.part(symmetric([(0, -0.52), (0.3, -0.44), (0.45, -0.12), (0.47, 0.2), (0.3, 0.46), (0, 0.5)]),
                         "body", skin, shade=0.07)
        self.spot(ellipse(0.05, 0.3, 0.27, 0.24), "body", lighter(skin, 0.45), clip=body)
        for x in (-0.1, 0.24):
            self.eye(x, -0.14, 0.085, "body")
        mouth = self.part(contour([(-0.03, 0.05, 1), (0.07, 0.07), (0.17, 0.05, 1), (0.14, 0.15), (0.0, 0.15)]),
                          "body", (0.6, 0.2, 0.2), 0.8)
        self.spot(ellipse(0.07, 0.16, 0.06, 0.04), "body", (0.95, 0.55, 0.5), clip=mouth)
        for n, side in enumerate((-1, 1)):
            self.bone(f"arm{n}", "body", 0.42 * side, 0.05, 0.9, turn=float(rng.uniform(-0.6, 0.6)))
            self.part(limb((0.42 * side, 0.05), (0.66 * side, 0.2), 0.09, 0.075), f"arm{n}", skin)


class Bird(Actor):
    """A bird in flight, one unit long, wings that beat."""

    def draw(self) -> None:
        rng = self.rng
        coat = hsv(rng.random(), rng.uniform(0.1, 0.7), rng.uniform(0.4, 0.95))
        self._wing("far", darker(coat, 0.25), 0.08)
        self.part(contour([(-0.3, 0.0), (-0.62, -0.12, 1), (-0.55, 0.02), (-0.64, 0.12, 1)]), "root",
                  darker(coat, 0.15))
        self.part(contour([(-0.36, 0.0), (-0.05, -0.14), (0.25, -0.14), (0.42, -0.16), (0.47, -0.02), (0.3, 0.1),
                           (0, 0.16)]), "root", coat, shade=0.05)
        self.part(contour([(0.44, -0.09), (0.6, -0.02, 1), (0.45, 0.0)]), "root", (0.95, 0.7, 0.25))
        self.eye(0.35, -0.08, 0.035, "root")
        self._wing("near", lighter(coat, 0.15), 0.0)

    def _wing(self, name: str, coat: tuple, x: float) -> None:
        turn = float(self.rng.uniform(-0.6, 0.3))
        self.bone(name, "root", x, -0.05, 1.0, turn=turn)
        self.bone(name + "_tip", name, x - 0.1, -0.4, 0.6, turn=turn)
        tip = contour([(x - 0.24, -0.38), (x - 0.35, -0.85, 1), (x - 0.2, -0.75), (x + 0.02, -0.4), (x - 0.1, -0.33)])
        arm = contour([(x - 0.2, 0.0), (x - 0.28, -0.36), (x - 0.1, -0.46), (x + 0.06, -0.38), (x + 0.16, -0.05),
                       (x, 0.05)])
        self.scene.joined([(self.turned(tip), self.joints[name + "_tip"], self.style.fill(darker(coat, 0.2))),
                           (self.turned(arm), self.joints[name], self.style.fill(coat))], self.style.ink(coat),
                           self.line)


class Thing(Actor):
    """A ball, a balloon, a hoop or a paper plane: one unit across."""

    def draw(self) -> None:
        rng = self.rng
        colour, other = hsv(rng.random(), rng.uniform(0.4, 0.85), 0.92), hsv(rng.random(), 0.4, 0.95)
        kind = int(rng.integers(4))
        self.bone("body", "root", 0.0, 0.0, 1.2)
        if kind == 0:
            ball = self.part(ellipse(0, 0, 0.5), "body", colour)
            for a in np.arange(3) * 2.1 + rng.random():
                self.part(lock((0, 0), (0.7 * np.cos(a), 0.7 * np.sin(a)), -0.34, curve=0.05), "body", other, 0.7,
                          clip=ball)
            self.part(ellipse(0, 0, 0.09), "body", (0.97, 0.97, 0.97), 0.7)
        elif kind == 1:
            self.swing["body"] = 0.25
            self.ink([(0, 0.55), (0.07, 1.0), (-0.05, 1.5), (0.03, 2.0)], "root", colour, 0.9)
            skin = self.part(contour([(0, -0.6), (0.42, -0.4), (0.47, 0.0), (0.2, 0.45), (0.06, 0.56, 1), (-0.06, 0.56,
                                                                                                           1),
                                                                                                           (-0.2,
                                                                                                            0.45),
                                                                                                            (-0.47,
                                                                                                             0.0),
                                      (-0.42, -0.4)]), "body", colour, shade=0.09)
            self.spot(ellipse(-0.18, -0.25, 0.07, 0.13, turn=0.4), "body", lighter(colour, 0.6), clip=skin)
        elif kind == 2:
            self.scene.part([ellipse(0, 0, 0.5, n=12), hole(ellipse(0, 0, 0.33, n=12))], self.joints["body"],
                            self.style.fill(colour),
                            self.style.ink(colour), self.line)
        else:
            self.swing["body"] = 0.5
            self.part(contour([(0.6, 0, 1), (-0.5, -0.3, 1), (-0.3, 0.0, 1)]), "body", mix(other, (1, 1, 1), 0.6))
            self.part(contour([(0.6, 0, 1), (-0.3, 0.0, 1), (-0.45, 0.2, 1)]), "body", darker(other, 0.15))


def hold(scene: Scene, rng: np.random.Generator, style: Style, hand: int, x: float, line: float) -> None:
    """Put something into a person's hand at (x, 1.7): a stick, a fan, a flag, a lens, a cup."""
    colour = hsv(rng.random(), rng.uniform(0.3, 0.8), rng.uniform(0.5, 0.95))
    wood = (0.55, 0.38, 0.24)

    def put(outline: object, tone: tuple) -> int:
        return scene.part(outline, hand, style.fill(tone), style.ink(tone), line)

    kind = int(rng.integers(5))
    if kind == 0:
        put(limb((x, 1.35), (x, 3.0), 0.035, 0.03), wood)
        put(ellipse(x, 3.1, 0.14), colour)
    elif kind == 1:
        put(symmetric([(0, 1.9), (0.2, 1.95), (0.42, 2.25), (0.36, 2.45), (0, 2.55)]) + np.array([x, 0, 0]), colour)
        put(limb((x, 1.55), (x, 1.95), 0.03, 0.03), wood)
    elif kind == 2:
        put(contour([(x, 2.2, 1), (x + 0.5, 2.3), (x + 1.0, 2.2, 1), (x + 0.95, 2.75, 1), (x + 0.5, 2.85),
                     (x, 2.75, 1)]), colour)
        put(limb((x, 1.3), (x, 2.85), 0.03, 0.03), wood)
    elif kind == 3:
        put([ellipse(x, 2.2, 0.27, n=10), hole(ellipse(x, 2.2, 0.2, n=10))], colour)
        put(limb((x, 1.6), (x, 1.94), 0.045, 0.04), wood)
    else:
        put(contour([(x - 0.16, 1.62, 1), (x + 0.16, 1.62, 1), (x + 0.12, 1.98, 1), (x - 0.12, 1.98, 1)]), colour)
        put(box(x - 0.17, 1.68, x + 0.17, 1.76), lighter(colour, 0.5))
