"""Heads of people: face, eyes that blink, mouth, hair in front and behind.

One unit is the head's height; the chin is at (0, 0).
"""

from __future__ import annotations

import numpy as np

from .palette import Style, darker, hsv, lighter, mix
from .scene import Scene
from .shapes import contour, ellipse, lock, mirrored, moved, stroke, symmetric

FACES = (
    [(0, -1.0), (0.27, -0.96), (0.42, -0.75), (0.44, -0.5), (0.40, -0.28), (0.25, -0.1), (0.08, -0.005), (0, 0.0)],
    [(0, -1.0), (0.28, -0.95), (0.43, -0.74), (0.45, -0.48), (0.42, -0.25), (0.30, -0.08), (0.12, 0.0), (0, 0.01)],
    [(0, -1.0), (0.25, -0.96), (0.38, -0.76), (0.39, -0.5), (0.36, -0.26), (0.22, -0.05), (0.09, 0.02), (0, 0.025)],
)


class Head:
    """One head on ``neck``. After ``draw_back`` (hair behind the body) and ``draw_front``, ``joints`` holds what moves.

    Joints: head, face (shifts as the head turns), fringe, lid_l, lid_r, mouth, brow, iris,
    and the bending locks and tail.
    """

    def __init__(self, scene: Scene, rng: np.random.Generator, style: Style, neck: int, line: float, skin: tuple,
                 hair: tuple) -> None:
        self.scene, self.rng, self.style, self.line, self.skin, self.hair = scene, rng, style, line, skin, hair
        self.joints = {"head": scene.joint(neck, (0.0, 0.05))}
        turn = float(rng.uniform(-0.09, 0.09)) if rng.random() < 0.75 else 0.0
        pose = (turn, 0.0, 0.0, -abs(turn) * 0.8, 0.0)
        self.joints["face"] = scene.joint(self.head, (0.0, -0.4), pose_0=pose, pose_1=pose)
        half = (turn * 0.45, 0.0, 0.0, 0.0, 0.0)
        self.joints["fringe"] = scene.joint(self.head, (0.0, -0.7), pose_0=half, pose_1=half)
        self.sway: list[tuple[int, float]] = []  # joints that bend, and how long what hangs on them is
        self.long = float(rng.choice([-0.35, 0.0, 0.25, 0.7, 1.3, 1.9], p=[0.2, 0.2, 0.15, 0.18, 0.17, 0.1]))

    @property
    def head(self) -> int:
        """The joint of the skull."""
        return self.joints["head"]

    def _part(self, outline: object, joint: int, colour: tuple, width: float = 1.0, **options: object) -> int:
        return self.scene.part(outline, joint, self.style.fill(colour), self.style.ink(colour), self.line * width,
                               **options)

    def _shade(self, mark: int, colour: tuple, by: float) -> int:
        if not self.style.shades:
            return mark
        x, y = self.style.light
        return self.scene.shade(mark, (x * by, y * by), darker(colour, self.style.shade_depth))

    def _ink(self, points: list, joint: int, width: float, colour: tuple | None = None, taper: tuple = (0.15, 0.15),
             **options: object) -> int:
        ink = self.style.ink(self.skin) if colour is None else colour
        piece = self.scene.marks[-1].piece if options.get("clip", -1) < 0 else self.scene.marks[options["clip"]].piece
        return self.scene.mark(stroke(points, self.line * width, taper=taper), joint, ink, piece=piece, **options)

    def draw_back(self) -> None:
        """Hair that hangs behind neck and shoulders, and tails."""
        rng, long = self.rng, self.long
        tone = darker(self.hair, 0.18) if self.style.shades else self.hair
        joint = self.scene.joint(self.head, (0.0, -0.6), bend_root=-0.2)
        self.sway.append((joint, long + 0.3))
        low = -0.05 + long
        points = [(0, -1.1), (0.36, -1.03), (0.53, -0.75), (0.56, -0.4), (0.55 + 0.04 * long, min(0.4 * low,
                                                                                                  low - 0.1)),
                                                                                                  (0.47, low - 0.06)]
        tips = int(3 + rng.integers(3))
        for i in range(tips):
            x = 0.45 - 0.45 * (i + 0.5) / tips
            points += [(x + 0.05, low + float(rng.uniform(0.02, 0.16)), 1.0),
                       (x - 0.02, low - float(rng.uniform(0.04, 0.14)), 1.0)]
        points.append((0, low))
        back = self._part(symmetric(points), joint, tone)
        for _ in range(int(rng.integers(2, 5)) if long > 0.3 else 0):
            x = float(rng.uniform(-0.4, 0.4))
            self._ink([(x, -0.1), (x * 1.1, 0.4 * low), (x * 1.15, low * 0.85)], joint, 0.8, self.style.ink(tone),
                      clip=back)
        if rng.random() < 0.3:
            self._tails(tone)

    def _tails(self, tone: tuple) -> None:
        """One or two tails of hair, tied at the back."""
        rng = self.rng
        for side in ((-1, 1) if rng.random() < 0.6 else (float(rng.choice([-1, 1])),)):
            length, wide = float(rng.uniform(0.8, 1.7)), float(rng.uniform(0.2, 0.34))
            joint = self.scene.joint(self.head, (0.45 * side, -0.75), bend_root=-0.75, wave=float(rng.uniform(1.5,
                                                                                                              3.5)))
            self.sway.append((joint, length))
            x = 0.5 * side
            tail = self._part(contour([
                (x, -0.85), (x + side * wide, -0.65), (x + side * (wide + 0.16), -0.7 + 0.5 * length),
                (x + side * 0.28, -0.7 + length, 1),
                (x + side * 0.12, -0.75 + 0.8 * length), (x - side * 0.02, -0.7 + 0.4 * length), (x - side * 0.05,
                                                                                                  -0.7),
            ]), joint, tone)
            self._shade(tail, self.scene.marks[tail].colour, 0.06)
            tie = hsv(rng.random(), 0.7, 0.85)
            self._part(ellipse(x - side * 0.01, -0.8, 0.1, 0.11), self.head, tie)

    def draw_front(self) -> None:
        """Face, features and fringe; everything in front of the neck."""
        rng, scene = self.rng, self.scene
        ear = contour([(0.40, -0.55), (0.50, -0.58), (0.53, -0.47), (0.48, -0.33), (0.40, -0.3)])
        for outline in (ear, mirrored(ear)):
            self._part(outline, self.head, self.skin)
        face = self._part(symmetric(FACES[int(rng.integers(len(FACES)))]), self.head, self.skin)
        if self.style.shades:  # the fringe's shadow on the brow
            shadow = symmetric([(0, -1.1), (0.5, -1.0), (0.5, -0.66), (0.3, -0.6), (0.1, -0.66), (0, -0.62)])
            scene.mark(shadow, self.joints["fringe"], darker(self.skin, 0.6 * self.style.shade_depth), clip=face)
        self._features(face)
        self._fringe()

    def _features(self, face: int) -> None:
        rng, scene, joint = self.rng, self.scene, self.joints["face"]
        if self.style.ground is None and rng.random() < 0.45:
            blush = mix(self.skin, (1.0, 0.35, 0.35), 0.35)
            for side in (-1, 1):
                scene.mark(ellipse(0.25 * side, -0.19, 0.085, 0.04), joint, blush, piece=scene.marks[face].piece,
                           clip=face)
        eye_w, eye_h = float(rng.uniform(0.2, 0.27)), float(rng.uniform(0.17, 0.29))
        self.eye_height = 0.9 * eye_h
        iris = hsv(rng.random(), rng.uniform(0.35, 0.8), rng.uniform(0.35, 0.8))
        self.joints["iris"] = scene.joint(joint, (0.0, -0.36))
        for side, name in ((-1, "lid_l"), (1, "lid_r")):
            self._eye(side, name, eye_w, eye_h, iris)
        brow = scene.joint(joint, (0.0, -0.6))
        self.joints["brow"] = brow
        slope = float(rng.uniform(-0.05, 0.05))
        for side in (-1, 1):
            x, y = 0.21 * side, -0.34 - eye_h * 0.75
            self._ink([(x - 0.1 * side, y + slope), (x, y - 0.03), (x + 0.11 * side, y + 0.01)], brow, 1.5,
                      self.style.ink(self.hair))
        x = 0.02
        self._ink([(x, -0.25), (x + 0.025, -0.2), (x - 0.005, -0.185)], joint, 1.0)
        self._mouth(joint)

    def _eye(self, side: int, name: str, w: float, h: float, iris: tuple) -> None:
        scene, joint, x, y = self.scene, self.joints["face"], 0.205 * side, -0.36
        lid = scene.joint(joint, (x, y - 0.5 * h))
        self.joints[name] = lid
        # The eyeball shows below the lid's edge: an opening, never painted, that comes down as the eye shuts.
        opening = contour([(x - 0.8 * w, y + 2 * h, 1), (x - 0.8 * w, y - 0.42 * h, 1), (x, y - 0.56 * h),
                           (x + 0.8 * w, y - 0.42 * h, 1),
                           (x + 0.8 * w, y + 2 * h, 1)])
        gate = scene.gate(opening, lid)
        shape = np.array([(-0.5, 0.05, 0), (-0.36, -0.36, 0), (0, -0.5, 0), (0.36, -0.42, 0), (0.52, 0.0, 0),
                          (0.34, 0.4, 0),
                          (0, 0.5, 0), (-0.34, 0.4, 0)]) * np.array([w * side, h, 1])
        white = scene.mark(moved(contour(shape), x, y), joint, self.style.fill((0.99, 0.99, 1.0)), clip=gate)
        look = self.joints["iris"]
        line_art = self.style.ground is not None
        dark = self.style.ink(iris) if line_art else darker(iris, 0.5)
        ball = scene.mark(ellipse(x - 0.03 * side * w, y + 0.03 * h, 0.37 * w, 0.47 * h), look, dark, clip=white)
        scene.mark(ellipse(x - 0.03 * side * w, y + 0.12 * h, 0.30 * w, 0.34 * h), look, self.style.fill(iris),
                   clip=ball)
        scene.mark(ellipse(x - 0.03 * side * w, y + 0.02 * h, 0.15 * w, 0.22 * h), look, dark, clip=ball)
        if not line_art:
            scene.mark(ellipse(x - 0.03 * side * w, y + 0.33 * h, 0.2 * w, 0.11 * h), look, lighter(iris, 0.45),
                       clip=ball)
        scene.mark(ellipse(x - 0.14 * w, y - 0.2 * h, 0.13 * w, 0.13 * h), look, self.style.fill((1.0, 1.0, 1.0)),
                   clip=white)
        self._ink([(x - 0.3 * w, y + 0.46 * h), (x, y + 0.53 * h), (x + 0.3 * w, y + 0.46 * h)], joint, 0.6)
        lash = [(x - 0.56 * w, y - 0.02 * h), (x - 0.36 * w, y - 0.42 * h), (x, y - 0.55 * h), (x + 0.36 * w,
                                                                                                y - 0.44 * h),
                (x + 0.56 * w, y - 0.02 * h)]
        lash = lash if side > 0 else [(2 * x - px, py) for px, py in reversed(lash)]
        ink = self.style.ink(self.hair) if self.style.line is None else self.style.ink(self.skin)
        scene.mark(stroke(lash, max(2.2 * self.line, 0.028), taper=(0.4, 0.4)), lid, ink)

    def _mouth(self, joint: int) -> None:
        rng, scene = self.rng, self.scene
        mouth = scene.joint(joint, (0.0, -0.115))
        self.joints["mouth"] = mouth
        w = float(rng.uniform(0.05, 0.11))
        if rng.random() < 0.45:
            h = float(rng.uniform(0.05, 0.11))
            inside = (0.62, 0.22, 0.22)
            hollow = self._part(contour([(-w, -0.13, 1), (0, -0.12), (w, -0.13, 1), (0.6 * w, -0.13 + 0.8 * h),
                                         (0, -0.13 + h),
                                         (-0.6 * w, -0.13 + 0.8 * h)]), mouth, inside, 0.8)
            scene.mark(ellipse(0, -0.12 + h, 0.6 * w, 0.45 * h), mouth, self.style.fill((0.92, 0.5, 0.48)), clip=hollow)
        else:
            bow = float(rng.uniform(-0.015, 0.03))
            self._ink([(-w, -0.12 - bow), (-0.3 * w, -0.115), (0.3 * w, -0.115), (w, -0.12 - bow)], mouth, 0.9)

    def _fringe(self) -> None:
        """A cap of hair whose lower edge hangs in points over the brow, then locks beside the face."""
        rng, joint = self.rng, self.joints["fringe"]
        for side in (-1, 1):
            if rng.random() < 0.85:
                length = float(rng.uniform(0.15, 0.5) + 0.5 * max(self.long, -0.3) * rng.random())
                lock_joint = self.scene.joint(self.head, (0.42 * side, -0.6), bend_root=-0.55)
                self.sway.append((lock_joint, length + 0.25))
                side_lock = self._part(lock((0.43 * side, -0.85), (float(rng.uniform(0.36, 0.5)) * side, -0.3 + length),
                                            float(rng.uniform(0.14, 0.22)), curve=-0.05 * side), lock_joint, self.hair)
                self._shade(side_lock, self.hair, 0.03)
        for _ in range(int(rng.integers(0, 3))):  # thin strands that stand off
            a = float(rng.uniform(-0.6, 0.6))
            strand = self.scene.joint(self.head, (a * 0.5, -1.1), bend_root=-1.1)
            self.sway.append((strand, 0.3))
            tip = (a * 0.5 + 0.35 * np.sign(a), -1.15 - float(rng.uniform(-0.05, 0.2)))
            self._part(lock((a * 0.5, -1.08), tip, float(rng.uniform(0.03, 0.09)), curve=0.1 * np.sign(a)), strand,
                       self.hair)
        count = int(rng.integers(3, 7))
        edges = np.linspace(-0.47, 0.47, count + 1)
        part = float(rng.uniform(-0.4, 0.4))
        points = [(-0.52, -0.5), (-0.54, -0.75), (-0.4, -1.03), (0.0, -1.13), (0.4, -1.03), (0.54, -0.75),
                  (0.52, -0.5), (0.47, -0.36, 1)]
        tips = []
        for i in range(count, 0, -1):
            middle = 0.5 * (edges[i] + edges[i - 1])
            lean = 0.09 * np.sign(middle - part) * float(rng.uniform(0.3, 1.2))
            tip = (middle + lean, -0.47 + float(rng.uniform(-0.13, 0.09)) - 0.07 * (1 - abs(middle) * 2))
            valley = -0.77 + float(rng.uniform(-0.07, 0.06))
            if i < count:
                points.append((edges[i] + 0.4 * lean, valley, 1.0))
            points.append((0.45 * tip[0] + 0.55 * edges[i] + 0.2 * lean, 0.5 * (tip[1] + valley) - 0.01))
            points.append((*tip, 1.0))
            points.append((0.4 * tip[0] + 0.6 * edges[i - 1] + 0.4 * lean, 0.5 * (tip[1] + valley) + 0.02))
            tips.append(tip)
        points.append((-0.47, -0.36, 1))
        cap = self._part(contour(points), joint, self.hair)
        lit = self._shade(cap, self.hair, 0.05)
        if self.style.shades and rng.random() < 0.7:
            self._gloss(lit)
        for tip in tips[:-1]:
            top = (part + (tip[0] - part) * 0.35, -1.0 + 0.1 * rng.random())
            self._ink([(tip[0] + 0.05, tip[1] - 0.14), (0.5 * (tip[0] + top[0]) + 0.08 * np.sign(tip[0]), -0.82), top],
                      joint, 0.8,
                      self.style.ink(self.hair), clip=cap, taper=(0.8, 0.1))

    def _gloss(self, cap: int) -> None:
        """The ring of light on the hair: a jagged band."""
        y, light = -0.86 + float(self.rng.uniform(-0.05, 0.05)), lighter(self.hair, 0.35)
        top = [(x, y + 0.16 * x * x, 1.0 if i % 2 else 0.0) for i, x in enumerate(np.linspace(-0.36, 0.36, 9))]
        low = [(x, y + 0.16 * x * x + (0.07 if i % 2 else 0.02), 1.0) for i, x in enumerate(np.linspace(0.36, -0.36,
                                                                                                        13))]
        self.scene.mark(contour(top + low), self.joints["fringe"], light, clip=cap)
