"""The body below the head: neck, torso, arms with hands, legs with shoes.

Everything hangs in the head's frame at rest: the chin near y = -0.55, shoulders at -0.85, hips at -2.0, soles near -4.6.
Limbs are given by directions, not angles: (2, 3) upper and lower part, x outwards, in the frame of chest or hips.
"""

from __future__ import annotations

import numpy as np

from .geometry import Piece, cross, loft, rounded_ends, smooth_table, unit
from .materials import Material, Palette

# y, half width, half depth, z of the middle
TORSO = np.array(
    [
        (-2.2, 0.0, 0.0, -0.06),
        (-2.15, 0.26, 0.18, -0.06),
        (-2.0, 0.40, 0.26, -0.06),
        (-1.8, 0.38, 0.245, -0.05),
        (-1.55, 0.31, 0.2, -0.03),
        (-1.3, 0.345, 0.225, -0.03),
        (-1.1, 0.39, 0.25, -0.04),
        (-0.92, 0.43, 0.23, -0.07),
        (-0.80, 0.40, 0.19, -0.09),
        (-0.72, 0.24, 0.15, -0.1),
        (-0.66, 0.13, 0.12, -0.1),
        (-0.62, 0.0, 0.0, -0.1),
    ]
)
SHOULDER, HIP = np.array([0.43, -0.86, -0.08]), np.array([0.21, -2.05, -0.05])

ARM_POSES = {
    "down": ((0.22, -1, 0.0), (0.08, -1, 0.22)),
    "hip": ((0.75, -0.75, -0.15), (-0.8, -0.55, 0.4)),
    "chest": ((0.35, -0.9, 0.3), (-0.5, 0.6, 0.65)),
    "wave": ((0.8, -0.3, 0.3), (0.3, 1, 0.2)),
    "up": ((0.4, 0.9, 0.1), (0.05, 1, 0.1)),
    "point": ((0.3, -0.25, 1), (0, 0.02, 1)),
    "side": ((1, -0.05, 0.1), (1, 0.12, 0.2)),
    "fold": ((0.3, -0.9, 0.25), (-0.95, 0.1, 0.55)),
    "chin": ((0.3, -0.75, 0.6), (-0.4, 0.95, 0.25)),
    "back": ((0.3, -0.9, -0.5), (0.1, -0.95, 0.1)),
    "reach": ((0.5, 0.35, 0.8), (0.1, 0.5, 0.9)),
    "run": ((0.2, -0.8, -0.6), (-0.1, -0.3, 0.95)),
    "shy": ((0.2, -1, 0.15), (-0.45, -0.75, 0.5)),
    "face": ((0.5, -0.5, 0.7), (-0.55, 0.85, -0.1)),
}
LEG_POSES = {
    "stand": ((0.06, -1, 0.0), (0.02, -1, -0.03)),
    "wide": ((0.35, -1, 0.05), (0.2, -1, -0.08)),
    "ahead": ((0.05, -0.9, 0.45), (0, -1, -0.05)),
    "behind": ((0.05, -0.95, -0.25), (0, -0.9, -0.45)),
    "kneel": ((0.1, -0.35, 1.0), (0.0, -1, -0.15)),
    "kick": ((0.1, -0.5, 0.9), (0.05, -0.3, 0.95)),
    "tuck": ((0.1, -0.7, 0.6), (0.0, -0.6, -0.8)),
}


class BodyDesign:
    """Proportions and materials of one body."""

    def __init__(self, rng: np.random.Generator, palette: Palette, skin: Material, *, male: bool) -> None:
        self.rng, self.skin, self.male = rng, skin, male
        self.arm = np.array([rng.uniform(0.78, 0.95), rng.uniform(0.72, 0.85)])
        self.leg = np.array([rng.uniform(1.05, 1.35), rng.uniform(1.0, 1.3)])
        self.thin = rng.uniform(0.85, 1.15) * (1.08 if male else 0.95)
        table = TORSO.copy()
        table[:, 1] *= 1 + (0.12 if male else 0.0) * np.clip((table[:, 0] + 1.6) / 0.7, -0.6, 1)
        table[5:8, 2] += np.array([0.02, 0.05, 0.02]) * (0 if male else rng.uniform(0, 1))
        self.shoulder = SHOULDER * np.array([1.12 if male else 1.0, 1, 1])
        y = np.linspace(-0.62, -2.2, 26)
        w, d, z = smooth_table(table, y).T
        a = np.arange(32) * (2 * np.pi / 32)
        bent = np.abs(np.sin(a)) ** 0.85 * np.sign(np.sin(a))
        self.torso = np.stack(
            [w[:, None] * bent, np.broadcast_to(y[:, None], (26, 32)), z[:, None] + d[:, None] * np.cos(a)], -1
        )[None]
        s = np.linspace(0, 1, 8)[:, None]
        r = 0.115 * self.thin + 0.05 * (s - 0.35) ** 2
        b = np.arange(18) * (2 * np.pi / 18)
        self.neck = np.stack([r * np.sin(b), np.broadcast_to(-0.36 - 0.46 * s, (8, 18)), -0.06 - 0.07 * s + r * np.cos(b)], -1)[
            None
        ]


def bend(points: np.ndarray, low: np.ndarray, high: np.ndarray, y0: float, y1: float) -> np.ndarray:
    """Points (..., 3) that go with the map ``low`` below ``y0``, with ``high`` above ``y1`` and between the two in between."""
    share = np.clip((points[..., 1:2] - y0) / (y1 - y0), 0, 1)
    share = share * share * (3 - 2 * share)
    return (points @ low[:, :3].T + low[:, 3]) * (1 - share) + (points @ high[:, :3].T + high[:, 3]) * share


def limb_line(start: np.ndarray, directions: np.ndarray, lengths: np.ndarray, count: int = 15) -> np.ndarray:
    """The centre line (count, 3) of a limb, rounded at its joint; starts a little before ``start``."""
    d = unit(directions)
    joint = start + d[0] * lengths[0]
    end = joint + d[1] * lengths[1]
    s = np.linspace(0, 1, count)[:, None]
    share = lengths[0] / lengths.sum()
    straight = np.where(s < share, start + (joint - start) * s / share, joint + (end - joint) * (s - share) / (1 - share))
    near = np.clip(1 - np.abs(s - share) / 0.16, 0, 1) ** 2
    return straight + near * (start * (1 - share) + end * share - joint) * 0.1


def tube(
    line: np.ndarray,
    radius: np.ndarray,
    material: Material,
    rest_at: np.ndarray,
    columns: int = 12,
    *,
    flat: float = 1.0,
    front: np.ndarray | None = None,
    **options: object,
) -> Piece:
    """One tube along ``line`` (K, 3). Its rest is a straight hanging tube at ``rest_at``, so that patterns stay on it."""
    d = line[-1] - line[0]
    if front is None:
        bow = line[len(line) // 2] - (line[0] + line[-1]) / 2
        front = bow if np.linalg.norm(bow) > 0.03 else cross(d, np.array([0.9, 0.1, 0.3]))
    points = loft(line[None], radius[None], radius[None] * flat, np.asarray(front)[None], columns)
    k = len(line)
    a = np.arange(columns) * (2 * np.pi / columns)
    down = np.linspace(0, 1, k)[:, None] * np.linalg.norm(np.diff(line, axis=0), axis=-1).sum()
    rest = (
        np.stack([radius[:, None] * np.cos(a), -np.broadcast_to(down, (k, columns)), radius[:, None] * np.sin(a)], -1) + rest_at
    )
    return Piece(points, rest[None], material, **options)


def arm_radius(s: np.ndarray, thin: float) -> np.ndarray:
    """Radii of a bare arm along s in 0..1."""
    return thin * np.interp(s, [0, 0.12, 0.35, 0.5, 0.62, 0.9, 1], [0.1, 0.125, 0.1, 0.085, 0.09, 0.062, 0.058])


def leg_radius(s: np.ndarray, thin: float) -> np.ndarray:
    """Radii of a bare leg along s in 0..1."""
    return thin * np.interp(s, [0, 0.15, 0.4, 0.5, 0.65, 0.9, 1], [0.2, 0.205, 0.15, 0.12, 0.125, 0.075, 0.07])


def hand(
    wrist: np.ndarray, direction: np.ndarray, palm: np.ndarray, side: int, curl: float, spread: float, material: Material
) -> list[Piece]:
    """A hand with five fingers. ``direction`` of the fingers, ``palm``: where the palm looks; ``curl`` 0 flat .. 1 a fist."""
    d = unit(direction)
    n = unit(palm - (palm * d).sum() * d)
    across = cross(d, n) * side  # from the thumb to the little finger
    k = 8
    s = np.linspace(0, 1, k)
    lines, radii = [], []
    for i, place in enumerate((1.2, 0.4, -0.4, -1.15)):
        base = wrist + d * 0.185 + across * 0.042 * place * 1.15
        out = d + across * place * (0.05 + 0.28 * spread)
        reach = (0.165, 0.2, 0.21, 0.185)[i]  # little finger to first
        angle = curl * 2.9 * s**0.8
        step = unit(out)[None] * np.cos(angle)[:, None] + n * np.sin(angle)[:, None]
        lines.append(base + np.concatenate([np.zeros((1, 3)), np.cumsum(step[:-1], 0)]) * reach / (k - 1))
        radii.append(0.029 - 0.006 * s)
    thumb_out = unit(-across * (0.75 + 0.5 * spread) + d * 0.75 + n * (0.35 + 0.5 * curl))
    angle = curl * 1.2 * s
    step = thumb_out * np.cos(angle)[:, None] + (n + across * 0.6) * np.sin(angle)[:, None]
    lines.append(wrist + d * 0.05 - across * 0.045 + np.concatenate([np.zeros((1, 3)), np.cumsum(step[:-1], 0)]) * 0.19 / (k - 1))
    radii.append(0.034 - 0.008 * s)
    radius = np.array(radii) * np.sqrt(np.clip(1 - s**7, 0, 1))
    lines = np.array(lines)
    fingers = loft(lines, radius, radius, np.broadcast_to(n, (5, 3)), 7)
    t = np.linspace(0, 1, 9)
    line = wrist - d * 0.03 + d * t[:, None] * 0.26 + n * (curl * 0.03) * t[:, None]
    wide = np.interp(t, [0, 0.3, 0.75, 1], [0.055, 0.085, 0.092, 0.07]) * rounded_ends(t, 0.2)
    palm_grid = loft(line[None], wide[None], wide[None] * 0.42, n[None], 12)
    return [Piece(palm_grid, palm_grid, material), Piece(fingers, fingers, material)]
