"""People: a head on a body of cloth and limbs.

One unit is the head's height; the chin is at (0, 0), the soles at about 4.
"""

from __future__ import annotations

import numpy as np

from .creatures import hold
from .head import Head
from .palette import HAIR, SKIN, Style, darker, garment, hsv, lighter, pick
from .scene import Scene
from .shapes import contour, ellipse, limb, mirrored, stroke, symmetric

HEIGHT = 5.0  # from crown to soles


class Person:
    """A figure hung on ``parent``, its rest pose scaled by ``scale`` and put with the chin at ``place``.

    ``joints``: root, torso, head's own, and arm, fore, hand, leg, shin with _l and _r. ``sway`` are joints that
    bend, with the length of what hangs on them.
    """

    def __init__(self, scene: Scene, rng: np.random.Generator, style: Style, parent: int, place: tuple[float, float],
                 scale: float, flip: bool = False) -> None:
        self.scene, self.rng, self.style, self.scale = scene, rng, style, scale
        self.line = style.width / scale
        log = float(np.log(scale))
        lean = float(rng.normal(0, 0.04))
        root = scene.joint(parent, (0.0, 0.0), pose_0=(*place, lean, log, log), pose_1=(*place, lean, log, log))
        self.joints = {"root": root, "torso": scene.joint(root, (0.0, 1.5))}
        self.skin, self.hair = pick(rng, SKIN), pick(rng, HAIR)
        self.top, self.bottom = garment(rng), garment(rng)
        self.sleeve = self.top if rng.random() < 0.7 else self.skin
        self.skirt = rng.random() < 0.5
        self.head = Head(scene, rng, style, self.joints["torso"], self.line, self.skin, self.hair)
        self._arm_joints()
        self._draw()
        self.joints.update(self.head.joints)
        self.sway = self.head.sway + ([(self.joints["skirt"], 1.0)] if self.skirt else [])

    def _part(self, outline: object, joint: str, colour: tuple, width: float = 1.0, **options: object) -> int:
        style = self.style
        return self.scene.part(outline, self.joints[joint], style.fill(colour), style.ink(colour), self.line * width,
                               **options)

    def _shade(self, mark: int, colour: tuple, by: float) -> None:
        if self.style.shades:
            x, y = self.style.light
            self.scene.shade(mark, (x * by, 0.4 * y * by), darker(colour, self.style.shade_depth))

    def _fold(self, points: list, joint: str, clip: int, colour: tuple) -> None:
        self.scene.mark(stroke(points, self.line * 0.8, taper=(0.2, 0.2)), self.joints[joint], self.style.ink(colour),
                        clip=clip,
                        piece=self.scene.marks[clip].piece)

    def _arm_joints(self) -> None:
        """Arms in one of a few attitudes: hanging, akimbo, waving, reaching, both up."""
        scene, rng = self.scene, self.rng
        for side, tag in ((-1, "_l"), (1, "_r")):
            lift, bend = [(0.1, 0.1), (0.55, -1.7), (2.3, 0.5), (1.3, 0.4), (0.25, 1.6), (2.7, -0.3)][
                int(rng.choice(6, p=[0.34, 0.14, 0.16, 0.14, 0.14, 0.08]))]
            lift, bend = lift + rng.normal(0, 0.12), bend + rng.normal(0, 0.15)
            pose = (0.0, 0.0, float(-lift * side), 0.0, 0.0)
            arm = scene.joint(self.joints["torso"], (0.37 * side, 0.36), pose_0=pose, pose_1=pose)
            pose = (0.0, 0.0, float(-bend * side), 0.0, 0.0)
            fore = scene.joint(arm, (0.40 * side, 1.0), pose_0=pose, pose_1=pose)
            self.joints |= {"arm" + tag: arm, "fore" + tag: fore, "hand" + tag: scene.joint(fore, (0.40 * side, 1.55))}
            root = self.joints["root"]
            leg = scene.joint(root, (0.19 * side, 1.6))
            self.joints |= {"leg" + tag: leg, "shin" + tag: scene.joint(leg, (0.2 * side, 2.7))}

    def _draw(self) -> None:
        rng = self.rng
        self.head.draw_back()
        behind = [tag for tag in ("_l", "_r") if rng.random() < 0.25]
        for tag in behind:
            self._arm(tag)
        for tag in ("_l", "_r"):
            self._leg(tag)
        self._torso()
        before = [tag for tag in ("_l", "_r") if tag not in behind]
        last = [tag for tag in before if rng.random() < 0.75]
        for tag in before:
            if tag not in last:
                self._arm(tag)
        self.head.draw_front()
        for tag in last:
            self._arm(tag)

    def _arm(self, tag: str) -> None:
        side, rng = (-1 if tag == "_l" else 1), self.rng
        x = 0.40 * side
        hand = "hand" + tag
        fingers = [limb((x + dx, 1.72), (x + dx * 1.5, 1.86 - abs(dx) * 0.35), 0.032, 0.026) for dx in (-0.055, -0.018,
                                                                                                        0.02, 0.055)]
        palm = contour([(x - 0.07, 1.5), (x + 0.07, 1.5), (x + 0.1, 1.64), (x + 0.075, 1.76), (x, 1.79),
                        (x - 0.075, 1.76), (x - 0.1, 1.64)])
        thumb = limb((x - 0.06 * side, 1.6), (x - 0.14 * side, 1.73), 0.036, 0.028)
        skin, style = self.skin, self.style
        spread = [(f, self.joints[hand], style.fill(skin)) for f in ([*fingers,
                                                                      thumb] if rng.random() < 0.8 else [thumb])]
        self.scene.joined([*spread, (palm, self.joints[hand], style.fill(skin))], style.ink(skin), self.line * 0.9)
        upper = limb((0.36 * side, 0.4), (x, 1.0), 0.14, 0.115)
        fore = limb((x, 1.0), (x, 1.52), 0.115, 0.085 if self.sleeve is self.skin else 0.11)
        fills = self.scene.joined([(fore, self.joints["fore" + tag], style.fill(self.sleeve)),
                                   (upper, self.joints["arm" + tag], style.fill(self.sleeve))], style.ink(self.sleeve),
                                   self.line)
        if rng.random() < 0.12:
            hold(self.scene, rng, style, self.joints[hand], x, self.line)
        for mark, by in zip(fills, (0.05, 0.06), strict=True):
            self._shade(mark, self.sleeve, by)
        if self.sleeve is self.skin:
            cap = contour([(0.22 * side, 0.27), (0.42 * side, 0.27), (0.54 * side, 0.42), (0.56 * side, 0.68),
                           (0.24 * side, 0.7)])
            self._shade(self._part(cap, "arm" + tag, self.top), self.top, 0.05)
        else:
            self._part(contour([(x - 0.12, 1.44), (x + 0.12, 1.44), (x + 0.125, 1.56), (x - 0.125, 1.56)]),
                       "fore" + tag,
                       lighter(self.top, 0.3))
            self._fold([(x - 0.08, 0.94), (x + 0.02, 1.0), (x + 0.08, 1.02)], "arm" + tag, fills[1], self.top)

    def _leg(self, tag: str) -> None:
        side, rng = (-1 if tag == "_l" else 1), self.rng
        x = 0.19 * side
        wear = self.skin if self.skirt else self.bottom
        fills = self.scene.joined(
            [(limb((x, 2.7), (x * 1.05, 3.75), 0.14, 0.085, bulge=0.025), self.joints["shin" + tag],
              self.style.fill(wear)),
             (limb((x, 1.6), (x, 2.7), 0.21, 0.14), self.joints["leg" + tag], self.style.fill(wear))],
            self.style.ink(wear), self.line)
        for mark in fills:
            self._shade(mark, wear, 0.06)
        if self.skirt and self.style.ground is None:
            sock = hsv(rng.random(), 0.25, 0.25) if rng.random() < 0.5 else (0.95, 0.95, 0.95)
            self.scene.mark(contour([(x - 0.3, 3.1, 1), (x + 0.3, 3.1, 1), (x + 0.3, 4.0, 1), (x - 0.3, 4.0, 1)]),
                            self.joints["shin" + tag],
                            sock, clip=fills[0])
        shoe = contour([(x - 0.1, 3.68), (x + 0.1, 3.68), (x + 0.13 + 0.05 * side, 3.86), (x + 0.13 + 0.12 * side,
                                                                                           3.95),
                        (x - 0.13 + 0.1 * side, 3.96), (x - 0.13, 3.86)])
        self._part(shoe, "shin" + tag, darker(self.bottom, 0.3))

    def _torso(self) -> None:
        rng, top = self.rng, self.top
        self._part(contour([(-0.11, -0.15), (0.11, -0.15), (0.12, 0.2), (0.24, 0.36), (-0.24, 0.36), (-0.12, 0.2)]),
                   "torso", self.skin)
        if self.style.shades:
            neck = len(self.scene.marks) - 1
            self.scene.mark(ellipse(0.0, -0.02, 0.25, 0.17), self.head.head, darker(self.skin, self.style.shade_depth),
                            clip=neck)
        if not self.skirt:
            self._part(symmetric([(0, 1.3), (0.31, 1.3), (0.40, 1.6), (0.40, 1.9), (0.1, 1.85), (0, 1.75)]), "torso",
                       self.bottom)
        else:
            self.joints["skirt"] = self.scene.joint(self.joints["torso"], (0.0, 1.3), bend_root=1.3,
                                                    wave=float(rng.uniform(2, 5)))
            low, flare = float(rng.uniform(1.9, 2.9)), float(rng.uniform(0.45, 0.75))
            hem = [(x, low + (0.05 if i % 2 else -0.03), 0.0) for i, x in enumerate(np.linspace(flare, -flare, 9))]
            skirt = self._part(contour([(-0.29, 1.25), (0.29, 1.25), *hem]), "skirt", self.bottom)
            self._shade(skirt, self.bottom, 0.08)
            for x in np.linspace(-0.8, 0.8, 5):
                self._fold([(0.26 * x, 1.38), (0.7 * flare * x, 0.5 * (1.4 + low)), (flare * x, low)], "skirt", skirt,
                           self.bottom)
        long = 1.42 if rng.random() < 0.6 else 1.65
        body = self._part(symmetric([(0, 0.32), (0.11, 0.2), (0.26, 0.25), (0.41, 0.33), (0.45, 0.5), (0.35, 0.85),
                                     (0.30, 1.15),
                                     (0.36, long, 1), (0, long + 0.03)]), "torso", top)
        self._shade(body, top, 0.09)
        self._fold([(0.33, 0.9), (0.2, 1.0), (0.12, 1.02)], "torso", body, top)
        self._fold([(-0.32, 1.2), (-0.18, 1.28), (-0.02, 1.3)], "torso", body, top)
        self._collar(body)

    def _collar(self, body: int) -> None:
        rng = self.rng
        trim = garment(rng)
        kind = int(rng.integers(4))
        if kind == 0:  # sailor collar and a bow
            flap = contour([(0.0, 0.36, 1), (0.13, 0.17), (0.4, 0.3), (0.36, 0.52, 1), (0.1, 0.62, 1)])
            for outline in (flap, mirrored(flap)):
                self._part(outline, "torso", trim)
            bow = garment(rng)
            wing = contour([(0.0, 0.56), (0.2, 0.45), (0.24, 0.66), (0.06, 0.63)])
            for outline in (wing, mirrored(wing)):
                self._part(outline, "torso", bow)
            self._part(ellipse(0, 0.58, 0.06), "torso", bow)
        elif kind == 1:  # buttoned, with a tie
            self._part(contour([(-0.06, 0.36, 1), (0.06, 0.36, 1), (0.1, 0.95, 1), (0, 1.05, 1), (-0.1, 0.95, 1)]),
                       "torso", trim)
            flap = contour([(0.02, 0.38, 1), (0.12, 0.17, 1), (0.24, 0.28, 1), (0.17, 0.5, 1)])
            for outline in (flap, mirrored(flap)):
                self._part(outline, "torso", lighter(self.top, 0.5))
        elif kind == 2:  # a scarf
            self._part(contour([(-0.3, 0.18), (0, 0.12), (0.3, 0.18), (0.28, 0.36), (0, 0.44), (-0.28, 0.36)]),
                       "torso", trim)
            self._part(contour([(0.08, 0.36), (0.24, 0.36), (0.26, 0.95, 1), (0.1, 0.95, 1)]), "torso", trim)
        else:  # a stripe or two across the chest
            for y in (0.72, 0.86)[: int(rng.integers(1, 3))]:
                self.scene.mark(contour([(-0.6, y, 1), (0.6, y, 1), (0.6, y + 0.08, 1), (-0.6, y + 0.08, 1)]),
                                self.joints["torso"],
                                self.style.fill(trim), clip=body)
