"""Clothes: what is painted on the torso, and what is put over it: sleeves, skirts, collars, capes, bows."""

from __future__ import annotations

import numpy as np

from .body import BodyDesign, arm_radius, leg_radius, tube
from .geometry import Piece, at_level_map, ball, moved, unit
from .materials import Palette


class Clothes:
    """What one figure wears, and its colours."""

    def __init__(self, rng: np.random.Generator, palette: Palette, body: BodyDesign) -> None:
        self.rng, self.body = rng, body
        top, second, bottom = palette.cloth(), palette.cloth(), palette.cloth()
        g = palette.graded
        self.colours = {
            "second": g(second),
            "bottom": g(bottom),
            "skin": body.skin.colour,
            "accent": g(palette.cloth()),
            "white": g(np.array([0.96, 0.96, 0.98])),
        }
        folds = rng.uniform(0.12, 0.4)
        self.neck = rng.choice(["v", "round", "high", "jacket", "sailor"])
        self.tie = self.neck in ("v", "jacket", "sailor") and rng.random() < 0.6
        self.buttons = rng.random() < 0.35
        self.stripes = rng.choice([0.0, rng.uniform(0.08, 0.25)], p=[0.85, 0.15])
        self.waist = rng.uniform(-1.75, -1.5)
        self.top = palette.material(top, pattern=self._paint_torso, folds=folds)
        self.sleeve = rng.choice(["short", "long", "none", "wide"], p=[0.3, 0.45, 0.1, 0.15])
        self.cuff = rng.random() < 0.5
        sleeve_colour = top if rng.random() < 0.8 else second
        self.sleeves = palette.material(sleeve_colour, pattern=self._paint_sleeve, folds=folds * 1.3)
        self.skirted = not body.male and rng.random() < 0.7
        self.below = palette.material(bottom, folds=folds, pattern=self._paint_hem)
        self.hem = rng.random() < 0.35
        self.skirt_length, self.flare = rng.uniform(0.55, 1.6), rng.uniform(0.3, 0.6)
        self.pleats, self.pleat_depth = int(rng.integers(7, 16)), rng.uniform(0.012, 0.05)
        self.socks = palette.material(
            body.skin.colour if self.skirted else bottom,
            pattern=self._paint_leg,
            warm=self.skirted,
            folds=0.0 if self.skirted else folds,
        )
        self.sock_top = rng.choice([-0.9, -1.4, -1.9, -9.0])
        self.shoes = palette.material(palette.cloth() * 0.7)
        self.collar = palette.material(second if rng.random() < 0.6 else np.array([0.97, 0.97, 0.99]))
        self.bow = palette.material(palette.cloth()) if rng.random() < 0.3 else None
        self.cape = palette.material(palette.cloth(), folds=folds * 0.6) if rng.random() < 0.14 else None
        self.scarf = palette.material(palette.cloth(), folds=folds) if rng.random() < 0.12 else None

    def _paint_torso(self, rest: np.ndarray, normals: np.ndarray, base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        x, y, z = rest.T
        colour, region = base.copy(), np.zeros(len(rest), np.int32)

        def put(where: np.ndarray, name: str, number: int) -> None:
            colour[where] = self.colours[name]
            region[where] = number

        front = z > -0.08
        if self.stripes:
            put((np.floor(y / self.stripes) % 2 == 0), "second", 1)
        if self.buttons:
            put(front & (np.abs(x - 0.004) < 0.006), "second", 2)
            put(front & (x**2 + ((y + 0.1) % 0.22 - 0.11) ** 2 < 0.022**2) & (y < -1.0), "accent", 3)
        depth = {"v": 0.42, "jacket": 0.85, "sailor": 0.35}.get(self.neck, 0.0)
        if depth:
            opening = front & (np.abs(x) < (y + 0.72 + depth) * 0.34 / depth * (0.42 + depth * 0.3))
            put(opening, "white" if self.neck == "jacket" or self.tie else "skin", 4)
            if self.neck == "jacket":
                put(opening & (y > -0.72) & (np.abs(x) < 0.1), "skin", 5)
        if self.neck == "round":
            put((y > -0.75 + 0.25 * x * x) & (np.abs(x) < 0.25), "skin", 4)
        if self.tie:
            put(
                front & (np.abs(x) < 0.03 + 0.035 * np.clip(-0.75 - y, 0, 0.6)) & (y > -1.35 + np.abs(x) * 1.2) & (y < -0.72),
                "accent",
                6,
            )
        put(y < self.waist, "bottom", 7)
        put(np.abs(y - self.waist) < 0.035, "accent", 8)
        return colour, region

    def _paint_sleeve(self, rest: np.ndarray, normals: np.ndarray, base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        down = -rest[:, 1] - 10.0
        length = {"short": 0.55, "wide": 1.25}.get(self.sleeve, 1.5)
        band = self.cuff & (down > length - 0.13)
        return np.where(band[:, None], self.colours["second"], base), band.astype(np.int32)

    def _paint_hem(self, rest: np.ndarray, normals: np.ndarray, base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        low = rest[:, 1] - (self.waist - self.skirt_length)
        band = self.hem & (low > 0.06) & (low < 0.12)
        return np.where(band[:, None], self.colours["second"], base), band.astype(np.int32)

    def _paint_leg(self, rest: np.ndarray, normals: np.ndarray, base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        if not self.skirted:
            return base, np.zeros(len(rest), np.int32)
        sock = rest[:, 1] + 10.0 < self.sock_top
        return np.where(sock[:, None], self.colours["accent"], base), sock.astype(np.int32)

    def over_arm(self, line: np.ndarray, phase: float) -> list[Piece]:
        """The sleeve about an arm's centre line (K, 3)."""
        if self.sleeve == "none":
            return []
        share = {"short": 0.38, "long": 0.95, "wide": 0.8}[self.sleeve]
        s = share * np.concatenate([[0.0, 0.02], np.linspace(0.06, 1, 13)])
        at = np.linspace(0, 1, len(line))
        path = np.stack([np.interp(s, at, line[:, i]) for i in range(3)], -1)
        loose = {"short": 0.035, "long": 0.03, "wide": 0.045}[self.sleeve]
        flare = {"short": 0.05, "long": 0.012, "wide": 0.13}[self.sleeve]
        radius = arm_radius(s, self.body.thin) + loose + flare * (s / share) ** 2
        elbow = np.exp(-(((s - 0.5) / 0.09) ** 2)) + 0.5 * np.exp(-(((s - 0.12) / 0.08) ** 2))
        radius += 0.008 * np.sin(s * 60 + phase) * elbow
        radius[0], radius[1] = 0.02, radius[1] * 0.8
        return [tube(path, radius, self.sleeves, np.array([3.0, -10.0, 0.0]), 14, two_sided=True)]

    def skirt(self, levels: np.ndarray, knees: np.ndarray, phase: float) -> list[Piece]:
        """The skirt; ``levels`` (L + 1, 3, 4) of the hips, ``knees`` (2, 3) in the hips' frame push it out."""
        if not self.skirted:
            return []
        rows, columns = 12, 72
        s = np.linspace(0, 1, rows)[:, None]
        a = np.arange(columns) * (2 * np.pi / columns)
        wave = np.cos(self.pleats * a + 0.8 * np.sin(2 * a + phase) + 0.5 * phase * s)
        out = self.flare * s * (1 - 0.25 * s) + self.pleat_depth * wave * s * 1.4
        w, d = 0.335 + out, 0.225 + out * 0.9
        rest = np.stack(
            [w * np.sin(a), np.broadcast_to(self.waist + 0.04 - self.skirt_length * s, w.shape), -0.04 + d * np.cos(a)], -1
        )
        # Each leg lifts the cloth that lies over it: the ring's points on its side move as the thigh does at that height.
        down = (0.45 - (rest[..., 1] + 2.0)) * 0.8
        for knee, side in zip(knees, (-1, 1), strict=True):
            thigh = unit(knee)
            near = np.clip(0.5 + 0.9 * np.sin(a) * side, 0, 1)[None] * np.clip(s * 1.6, 0, 1)
            lifted = np.clip(thigh[1] + 1, 0, 1.2)
            shift = np.array([thigh[0] * 0.8, lifted * 0.8, thigh[2]]) * np.clip(down, 0, 1.3)[..., None]
            rest = rest + near[..., None] * shift
        posed = moved(at_level_map(levels, np.broadcast_to(0.75 * s, w.shape)), rest)
        return [Piece(posed[None], rest[None], self.below, two_sided=True)]

    def trousers_radius(self, s: np.ndarray) -> np.ndarray:
        """Radii of a leg in what covers it."""
        r = leg_radius(s, self.body.thin)
        return r if self.skirted else r + 0.02 + 0.035 * s

    def at_neck(self, chest: np.ndarray, levels: np.ndarray, phase: float) -> list[Piece]:
        """Collar, scarf, bow and cape; ``chest`` (3, 4), ``levels`` (L + 1, 3, 4) of the chest."""
        out = []
        a = np.arange(28) * (2 * np.pi / 28)

        def ring(s: np.ndarray, w: np.ndarray, d: np.ndarray, y: np.ndarray, z: float) -> np.ndarray:
            shape = (len(s), len(a))
            grid = np.stack([w[:, None] * np.sin(a), np.broadcast_to(y[:, None], shape), z + d[:, None] * np.cos(a)], -1)
            return grid

        s = np.linspace(0, 1, 6)
        if self.scarf is not None:
            grid = ring(s, 0.17 + 0.1 * np.sin(np.pi * s), 0.17 + 0.1 * np.sin(np.pi * s), -0.52 - 0.3 * s, -0.09)
            grid[..., 1] += 0.02 * np.sin(3 * a + phase * 0.5)
            out.append(Piece(moved(chest, grid)[None], grid[None], self.scarf, two_sided=True))
        elif self.neck == "high":
            grid = ring(s, 0.155 + 0.05 * s**2, 0.15 + 0.05 * s**2, -0.56 - 0.18 * s, -0.1)
            out.append(Piece(moved(chest, grid)[None], grid[None], self.collar, two_sided=True))
        elif self.neck in ("v", "jacket", "sailor"):
            wide = 0.33 if self.neck == "sailor" else 0.2
            grid = ring(s, 0.15 + wide * 0.75 * s, 0.145 + wide * 0.45 * s, -0.62 - 0.17 * s**1.2, -0.1)
            front = np.clip(np.cos(a), 0, 1) ** 3
            grid[..., 1] -= (0.12 + wide * 0.3) * front * s[:, None] ** 0.8 + 0.03 * front
            grid[..., 2] += 0.1 * front * s[:, None]
            if self.neck == "sailor":
                grid[..., 1] -= 0.28 * np.clip(-np.cos(a), 0, 1) ** 0.5 * s[:, None]
                grid[..., 2] -= 0.09 * np.clip(-np.cos(a), 0, 1) * s[:, None]
            out.append(Piece(moved(chest, grid)[None], grid[None], self.collar, two_sided=True))
        if self.bow is not None:
            sway = 0.1 * np.sin(phase * 0.5)
            for side in (-1, 1):
                half = ball(np.array([side * 0.11, -0.93 + sway * 0.05, 0.2]), np.array([0.1, 0.065, 0.035]), 8, 14)
                half[..., 1] += (half[..., 0] * side - 0.1) * (half[..., 1] + 0.93) * 3
                out.append(Piece(moved(chest, half), half, self.bow))
            knot = ball(np.array([0, -0.93, 0.22]), np.array([0.035, 0.04, 0.035]), 8, 12)
            out.append(Piece(moved(chest, knot), knot, self.bow))
        if self.cape is not None:
            s = np.linspace(0, 1, 14)[:, None]
            b = np.linspace(-1, 1, 48)
            angle = np.pi + b * (1.15 - 0.15 * s)
            out_by = 0.3 * s + 0.035 * s * np.cos(8 * b + phase) + 0.02 * s * np.cos(15 * b - 2 * phase)
            w, d = 0.52 * np.minimum(1, 0.5 + 2 * s) + out_by, 0.33 * np.minimum(1, 0.4 + 3 * s) + out_by
            rest = np.stack(
                [w * np.sin(angle), np.broadcast_to(-0.68 - 2.4 * s, w.shape) - 0.08 * np.abs(b), -0.06 + d * np.cos(angle)], -1
            )
            posed = moved(at_level_map(levels, np.broadcast_to(s, w.shape)), rest)
            out.append(Piece(posed[None], rest[None], self.cape, wrap=False, two_sided=True))
        return out
