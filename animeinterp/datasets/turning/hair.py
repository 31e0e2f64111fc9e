"""Hair: a cap, and locks that hang from it on springs."""

from __future__ import annotations

import numpy as np

from .geometry import Piece, at_level_map, loft
from .materials import Palette

CAP = np.array([0.455, 0.555, 0.505])  # radii of the hair's ball
MIDDLE = np.array([0.0, 0.02, -0.025])
KNOTS = 13


def _on_cap(a: np.ndarray, phi: np.ndarray, lift: np.ndarray | float = 0.0) -> np.ndarray:
    """Points (..., 3) of the hair's ball at azimuth ``a`` (0 in front, to the right) and height ``phi``; ``lift`` outwards."""
    flat = np.cos(phi)
    direction = np.stack([flat * np.sin(a), np.sin(phi), flat * np.cos(a)], -1)
    return MIDDLE + direction * (CAP + np.asarray(lift)[..., None])


class _Locks:
    """A growing batch of locks at rest."""

    def __init__(self) -> None:
        self.lines, self.wide, self.thick, self.front, self.loose = [], [], [], [], []

    def hanging(
        self,
        rng: np.random.Generator,
        a: float,
        a_end: float,
        phi: float,
        length: float,
        width: float,
        *,
        lift: float = 0.0,
        flick: float = 0.0,
        wave: float = 0.0,
        loose: float = 1.0,
        thick: float = 0.3,
        tight: float = 0.0,
    ) -> None:
        """A lock that lies on the ball from ``phi`` down and hangs straight from where the ball turns inwards."""
        s = np.linspace(0, 1, KNOTS)
        along = s * length
        reach = (phi + 0.15) * 0.53  # until the widest place
        angle = phi - np.minimum(along, reach) / 0.53
        azimuth = a + (a_end - a) * s**1.3
        # The root is sunk in the cap, so that no line is drawn where a lock begins.
        rise = np.clip(s * 3.5, 0, 1)
        line = _on_cap(azimuth, angle, lift * s**2 - 0.05 + (0.055 + rng.uniform(-0.012, 0.022)) * rise)
        line[:, 1] -= np.maximum(along - reach, 0)
        out = np.stack([np.sin(azimuth), np.zeros(KNOTS), np.cos(azimuth)], -1)
        line += out * (flick * s**3 - tight * np.clip(along - reach, 0, None))[:, None]
        if wave:
            side = np.stack([np.cos(azimuth), np.zeros(KNOTS), -np.sin(azimuth)], -1)
            line += side * (wave * np.sin(s * rng.uniform(5, 9) + rng.uniform(0, 6)) * s)[:, None]
        profile = width * np.clip((0.55 + 1.4 * s) * (1 - s**1.8), 0.0, 1.0)
        self.add(
            line,
            profile,
            (profile * thick + 0.004 * (1 - s)) * (0.3 + 0.7 * rise),
            out[0] + np.array([0, 0.8 * np.sin(phi), 0]),
            loose * np.clip((along - reach * 0.55) / 1.3, 0, 1),
        )

    def add(self, line: np.ndarray, wide: np.ndarray, thick: np.ndarray, front: np.ndarray, loose: np.ndarray) -> None:
        """Any lock: centre line (KNOTS, 3), half widths (KNOTS,), which way its flat side looks, looseness (KNOTS,)."""
        self.lines.append(line)
        self.wide.append(wide)
        self.thick.append(thick)
        self.front.append(front)
        self.loose.append(np.broadcast_to(loose, (KNOTS,)))


class Hair:
    """A hairdo, at rest; ``pieces`` hangs it on the head of one frame."""

    def __init__(self, rng: np.random.Generator, palette: Palette, colour: np.ndarray, *, male: bool) -> None:
        self.rng = rng
        self.band = (rng.uniform(0.2, 0.34), rng.uniform(0.015, 0.05)) if rng.random() < 0.65 else None
        count = int(rng.integers(14, 30))
        strands = np.stack([rng.uniform(0.3, 0.7, count), rng.uniform(-0.3, 0.5, count), rng.uniform(0.2, 0.7, count)], -1)
        self.strands = strands if rng.random() < 0.7 else None
        self.band_colour = palette.graded(colour * 0.45 + 0.55)
        self.material = palette.material(colour, pattern=self._paint, soft=0.012, width=0.85)
        self.locks = _Locks()
        self.ties: list[np.ndarray] = []
        styles = (
            ["short", "spiky", "spiky", "bob"] if male else ["short", "bob", "bob", "long", "long", "long", "twin", "pony", "bun"]
        )
        self.style = styles[rng.integers(len(styles))]
        self.part = rng.uniform(-0.5, 0.5)
        self._fringe()
        self._sides()
        self._back()
        if rng.random() < 0.3:
            self._strand_up()
        self._cap_points = self._cap()
        batch = self.locks
        self.lines, self.wide, self.thick = (np.array(v) for v in (batch.lines, batch.wide, batch.thick))
        self.front, self.loose = np.array(batch.front), np.array(batch.loose)
        self.rest = loft(self.lines, self.wide, self.thick, self.front, 8)

    def _paint(self, rest: np.ndarray, normals: np.ndarray, base: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        region = np.zeros(len(rest), np.int32)
        turn = np.arctan2(rest[:, 0], rest[:, 2])
        if self.band is not None:
            level, half = self.band
            zigzag = 0.03 * np.abs(((turn * 7) % 2) - 1) + 0.025 * np.abs(((turn * 17 + 0.4) % 2) - 1)
            bright = np.abs(rest[:, 1] - level - zigzag) < half * np.clip(normals[:, 2] * 2.0 - 0.8, 0, 1)
            base = np.where(bright[:, None], self.band_colour, base)
        if self.strands is not None:
            # Strokes along the hair, one in each slice of the head, each with its own start, end and place in its slice.
            slices = (turn + np.pi) * (len(self.strands) / (2 * np.pi))
            which = np.minimum(slices.astype(np.int32), len(self.strands) - 1)
            place, top, length = self.strands[which].T
            along = (top - rest[:, 1]) / length
            thin = 0.05 * np.sin(np.pi * np.clip(along, 0, 1))
            stroke = np.abs(slices - which - place + 0.1 * along) < thin
            base = np.where(stroke[:, None], self.material.line * 0.6 + base * 0.4, base)
        return base, region

    def _fringe(self) -> None:
        rng = self.rng
        count = int(rng.integers(6, 12))
        low = rng.uniform(-0.05, 0.16)  # phi of the tips
        swept = rng.choice([0.0, rng.uniform(-0.5, 0.5)])
        open_middle = rng.random() < 0.25
        ragged = rng.uniform(0.04, 0.14)
        for k, a in enumerate(np.linspace(-0.95, 0.95, count)):
            tip = low + rng.normal(0, ragged) - 0.25 * (abs(a) > 0.75) * rng.random()
            end = a + (a - self.part) * 0.08 + swept * (1 - abs(a)) + rng.normal(0, 0.07)
            if open_middle:
                end += 0.45 * np.sign(a - self.part + 1e-6) * np.exp(-(((a - self.part) / 0.4) ** 2))
            start = self.part * 0.55 + (a - self.part) * 0.8
            self.locks.hanging(
                rng,
                start,
                end,
                1.1,
                (1.1 - tip) * 0.53,
                rng.uniform(0.8, 1.2) * 1.1 / count + 0.01,
                lift=rng.uniform(0.0, 0.03) + 0.03 * (k % 2),
                flick=rng.uniform(-0.01, 0.03),
                loose=1.8,
                thick=0.25,
            )

    def _sides(self) -> None:
        rng = self.rng
        length = {"short": 0.75, "spiky": 0.7, "bob": 1.0}.get(self.style, float(rng.uniform(0.9, 1.6)))
        for side in (-1, 1):
            for a in (1.08, 1.35):
                self.locks.hanging(
                    rng,
                    side * a,
                    side * (a - 0.03 + rng.normal(0, 0.04)),
                    0.85,
                    length * rng.uniform(0.85, 1.1) - 0.12 * (a > 1.2),
                    rng.uniform(0.085, 0.125),
                    lift=rng.uniform(0, 0.03),
                    flick=rng.normal(0, 0.04),
                    wave=rng.uniform(0, 0.025),
                    thick=0.35,
                    tight=rng.uniform(-0.03, 0.12),
                )

    def _back(self) -> None:
        rng = self.rng
        if self.style == "spiky":
            for phi in (0.25, 0.65, 1.0, 1.3):
                count = int(6 + 7 * np.cos(phi))
                for a in np.linspace(0.9, 2 * np.pi - 0.9, count) + rng.normal(0, 0.1):
                    self.locks.hanging(
                        rng,
                        a,
                        a + rng.normal(0, 0.3),
                        phi,
                        rng.uniform(0.35, 0.5),
                        rng.uniform(0.1, 0.15),
                        lift=rng.uniform(0.06, 0.2),
                        flick=rng.uniform(0.03, 0.15),
                        loose=0.8,
                        thick=0.4,
                    )
            for a in rng.uniform(-0.9, 0.9, 4):
                self.locks.hanging(rng, a, a + rng.normal(0, 0.4), 1.45, 0.36, 0.1, lift=0.16, loose=0.8, thick=0.4)
            return
        length = {"short": 0.85, "bob": 1.15, "long": float(rng.uniform(1.5, 2.7))}.get(self.style, 0.72)
        tight = {"short": 0.35, "bob": float(rng.uniform(-0.05, 0.25)), "long": 0.02}.get(self.style, 0.5)
        wave = rng.choice([0.0, rng.uniform(0.02, 0.06)])
        flick = rng.choice([0.0, rng.uniform(-0.05, 0.16)])
        for k, a in enumerate(np.linspace(1.45, 2 * np.pi - 1.45, 19)):
            self.locks.hanging(
                rng,
                a,
                a + rng.normal(0, 0.07),
                0.95,
                length * rng.uniform(0.84, 1.06),
                rng.uniform(0.085, 0.16),
                lift=0.035 * (k % 2),
                flick=flick + rng.normal(0, 0.02),
                wave=wave,
                tight=tight,
                thick=0.3,
            )
        if self.style in ("twin", "pony"):
            self._tails()
        elif self.style == "bun":
            self.ties.append(np.array([0.0, 0.34, -0.5]))

    def _tails(self) -> None:
        rng = self.rng
        s = np.linspace(0, 1, KNOTS)
        high = rng.uniform(0.05, 0.35)
        roots = (
            [np.array([0.0, high + 0.1, -0.5])]
            if self.style == "pony"
            else [np.array([side * 0.43, high, -0.2]) for side in (-1, 1)]
        )
        length, out_by = rng.uniform(0.8, 2.0), rng.uniform(0.15, 0.35)
        for root in roots:
            self.ties.append(root)
            out = root / np.linalg.norm(root * np.array([1, 0, 1]))
            out = out * np.array([1, 0, 1])
            for _ in range(5):
                spread = rng.normal(0, 0.045, 3)
                line = (
                    root
                    + out * (out_by * (1 - (1 - s) ** 2.5))[:, None]
                    + spread * np.sin(np.pi * np.clip(s * 0.9, 0, 1))[:, None] * 1.6
                )
                line[:, 1] += 0.12 * np.sin(np.pi * np.clip(s * 2.4, 0, 1)) - length * s**1.15 * rng.uniform(0.88, 1.05)
                wide = rng.uniform(0.1, 0.15) * np.clip((0.35 + 2.4 * s) * (1 - s**2.4), 0, 1)
                self.locks.add(line, wide, wide * 0.6, out, np.clip(s * 1.15, 0, 1))

    def _strand_up(self) -> None:
        rng, s = self.rng, np.linspace(0, 1, KNOTS)
        lean, length = rng.uniform(-1, 1), rng.uniform(0.2, 0.45)
        line = np.array([0.0, 0.56, 0.02]) + np.stack([lean * 0.35 * s**2, length * (s - 0.55 * s**3), 0.12 * s], -1)
        self.locks.add(line, 0.035 * (1 - s**2), 0.015 * (1 - s**2), np.array([0.2, 0.0, 1.0]), s)

    def _cap(self) -> np.ndarray:
        a = np.linspace(-np.pi, np.pi, 41)[:-1]
        nape = -0.75 if self.style in ("short", "spiky", "pony", "twin", "bun") else -0.5
        # The hairline: high over the forehead, down before the ears, low at the nape.
        low = np.interp(np.abs(a), [0.0, 0.8, 1.1, 1.5, 1.9, np.pi], [0.52, 0.45, 0.2, 0.0, -0.45, nape])
        s = np.linspace(0, 1, 14)[:, None]
        phi = np.pi / 2 + (low - np.pi / 2) * s
        return _on_cap(np.broadcast_to(a, phi.shape), phi, np.full(phi.shape, -0.012))[None]

    def pieces(self, levels: np.ndarray) -> list[Piece]:
        """The hair on one frame; ``levels`` (L + 1, 3, 4): the head's map, and looser and looser followers of it."""
        maps = at_level_map(levels, self.loose)
        lines = (maps[..., :3] @ self.lines[..., None])[..., 0] + maps[..., 3]
        # What swings into the head is pushed out again, along the head's own directions.
        head = levels[0]
        inside = (lines - head[:, 3]) @ np.linalg.inv(head[:, :3]).T - MIDDLE
        far = np.sqrt(((inside / (CAP * 0.97)) ** 2).sum(-1, keepdims=True))
        scale = np.where((far < 1) & (far > 0.3), 1 / np.maximum(far, 0.3), 1.0)
        lines = (inside * scale + MIDDLE) @ head[:, :3].T + head[:, 3]
        size = float(np.cbrt(np.linalg.det(head[:, :3])))
        points = loft(lines, self.wide * size, self.thick * size, self.front @ head[:, :3].T, 8)
        cap = self._cap_points @ head[:, :3].T + head[:, 3]
        return [Piece(cap, self._cap_points, self.material, two_sided=True), Piece(points, self.rest, self.material)]
