"""The head: skull, chin, nose and ears. Its middle is the origin, its chin at y = -0.545."""

from __future__ import annotations

import numpy as np

from .geometry import Piece, ball, rotation, smooth_table
from .materials import Material

# y, half width, reach to the front, reach to the back (negative: the underside of the jaw lies before the middle)
SKULL = np.array(
    [
        (-0.545, 0.00, 0.325, -0.325),
        (-0.53, 0.075, 0.365, -0.21),
        (-0.48, 0.165, 0.385, -0.08),
        (-0.40, 0.275, 0.392, 0.08),
        (-0.30, 0.352, 0.392, 0.24),
        (-0.18, 0.398, 0.395, 0.38),
        (-0.05, 0.418, 0.405, 0.46),
        (0.10, 0.42, 0.425, 0.48),
        (0.28, 0.38, 0.385, 0.44),
        (0.42, 0.28, 0.28, 0.32),
        (0.50, 0.14, 0.14, 0.17),
        (0.525, 0.0, 0.0, 0.0),
    ]
)


class HeadDesign:
    """A head's proportions, and its grid (1, R, C, 3) at rest."""

    def __init__(self, rng: np.random.Generator, *, male: bool) -> None:
        table = SKULL.copy()
        jaw = rng.uniform(-0.02, 0.03) + (0.03 if male else 0.0)
        table[1:5, 1] += jaw * np.array([0.5, 0.9, 1.0, 0.6])
        table[:4, 0] -= rng.uniform(-0.02, 0.02) + (0.03 if male else 0.0)
        self.table = table
        self.chin = table[0, 0]
        rows = np.concatenate([np.linspace(0.525, 0.3, 8)[:-1], np.linspace(0.3, self.chin, 34)])
        # More columns in front, where nose and mouth need them.
        a = np.linspace(-np.pi, np.pi, 49)[:-1]
        a = a - 0.62 * np.sin(a)
        w, front, back = smooth_table(table, rows).T
        power = 0.86
        side, ahead = np.sin(a), np.cos(a)
        x = w[:, None] * (np.sign(side) * np.abs(side) ** power)
        z = ((front - back) / 2)[:, None] + ((front + back) / 2)[:, None] * (np.sign(ahead) * np.abs(ahead) ** power)
        y = np.broadcast_to(rows[:, None], x.shape).copy()
        nose = rng.uniform(0.055, 0.085) + (0.02 if male else 0)
        drop = np.where(y > -0.235, np.exp(-(((y + 0.235) / 0.095) ** 2)), np.exp(-(((y + 0.235) / 0.03) ** 2)))
        ahead_only = z > 0.1
        z += nose * drop * np.exp(-((x / (0.028 + 0.03 * drop)) ** 2)) * ahead_only
        # Eyes lie in shallow hollows, lips stand out a little.
        z -= 0.022 * np.exp(-(((y + 0.09) / 0.09) ** 2)) * np.exp(-(((np.abs(x) - 0.17) / 0.12) ** 2)) * ahead_only
        z += 0.012 * np.exp(-(((y + 0.385) / 0.03) ** 2)) * np.exp(-((x / 0.07) ** 2)) * ahead_only
        self.grid = np.stack([x, y, z], -1)[None]
        self.ear_size = rng.uniform(0.8, 1.15)

    def mouth_open(self, amount: float) -> np.ndarray:
        """The grid with the jaw let down."""
        grid = self.grid.copy()
        low = np.clip((-0.36 - grid[..., 1]) / 0.15, 0, 1) * np.clip(grid[..., 2] / 0.3 + 0.3, 0, 1)
        grid[..., 1] -= 0.05 * amount * low
        return grid


def ears(design: HeadDesign, skin: Material) -> tuple[np.ndarray, Material]:
    """Two ears (2, R, C, 3) at rest."""
    out = []
    for side in (-1, 1):
        ear = ball(np.zeros(3), np.array([0.035, 0.105, 0.065]) * design.ear_size, 9, 12)
        turn = rotation(side * 0.45, 0.0, -side * 0.12)
        out.append(ear @ turn.T + np.array([side * 0.398, -0.13, -0.03]))
    return np.concatenate(out), skin


def animal_ears(rng: np.random.Generator) -> np.ndarray:
    """Two pointed ears (2, R, C, 3) on top of the head, at rest."""
    length, width = rng.uniform(0.22, 0.42), rng.uniform(0.1, 0.15)
    s = np.linspace(0, 1, 9)[:, None]
    a = np.arange(14) * (2 * np.pi / 14)
    r = width * (1 - s**1.7) + 0.0
    cone = np.stack([r * np.cos(a), np.broadcast_to(s * length, (9, 14)), 0.45 * r * np.sin(a)], -1)
    out = []
    for side in (-1, 1):
        turn = rotation(side * 0.35, 0.0, -side * rng.uniform(0.3, 0.5))
        out.append(cone @ turn.T + np.array([side * 0.27, 0.42, 0.0]))
    return np.stack(out)


def posed(grid: np.ndarray, matrix: np.ndarray, material: Material, **options: object) -> Piece:
    """A rigid part: its grid at rest (N, R, C, 3) through one map (3, 4)."""
    return Piece(grid @ matrix[:, :3].T + matrix[:, 3], grid, material, **options)
