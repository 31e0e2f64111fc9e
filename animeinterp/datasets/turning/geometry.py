"""Grids of points: every surface here is a batch of bent rectangles (N, rows, columns, 3).

Units: one head's height is about 1. Axes: x to the viewer's right, y up, z towards the viewer.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from .materials import Material


@dataclass
class Piece:
    """A batch of surfaces of one material.

    ``points`` (N, R, C, 3) in the world; ``rest`` the same points on the figure at rest, on which patterns are painted.
    ``wrap``: the columns close to a ring. ``two_sided``: the inside may be seen. ``separate``: lines between the N items.
    """

    points: np.ndarray
    rest: np.ndarray
    material: Material
    wrap: bool = True
    two_sided: bool = False
    separate: bool = True
    round_normals: float = 0.0  # how much of the normal is that of a ball: faces are shaded as if they were simpler
    flat: bool = False


@lru_cache(maxsize=64)
def topology(rows: int, columns: int, wrap: bool) -> np.ndarray:
    """Triangles (T, 3) of a grid, as indices into its flattened points."""
    r, c = np.meshgrid(np.arange(rows - 1), np.arange(columns if wrap else columns - 1), indexing="ij")
    right = (c + 1) % columns
    a, b, d, e = r * columns + c, r * columns + right, (r + 1) * columns + c, (r + 1) * columns + right
    return np.concatenate([np.stack([a, b, e], -1).reshape(-1, 3), np.stack([a, e, d], -1).reshape(-1, 3)]).astype(np.int32)


def unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors (..., 3) at length 1; zero stays zero."""
    return vectors / np.maximum(np.sqrt(np.einsum("...i,...i->...", vectors, vectors)), 1e-9)[..., None]


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The cross product of (..., 3), several times quicker than numpy's own."""
    return np.stack(
        [
            a[..., 1] * b[..., 2] - a[..., 2] * b[..., 1],
            a[..., 2] * b[..., 0] - a[..., 0] * b[..., 2],
            a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0],
        ],
        -1,
    )


def grid_normals(points: np.ndarray, wrap: bool) -> np.ndarray:
    """Normals (N, R, C, 3) that point away from each item's middle."""
    if wrap:
        along = np.roll(points, -1, 2) - np.roll(points, 1, 2)
    else:
        along = np.gradient(points, axis=2)
    normals = unit(cross(along, np.gradient(points, axis=1)))
    # At a pole the ring has no direction of its own: it takes its neighbours'.
    for row, near in ((0, 1), (-1, -2)):
        pole = np.sqrt((along[:, row] ** 2).sum(-1)).max(-1) < 1e-5
        if pole.any():
            normals[pole, row] = unit(normals[pole, near].mean(1, keepdims=True))
    middle = points.mean((1, 2), keepdims=True)
    inward = ((points - middle) * normals).sum((1, 2, 3)) < 0
    normals[inward] *= -1
    return normals


def rotation(yaw: np.ndarray, pitch: np.ndarray, roll: np.ndarray) -> np.ndarray:
    """Rotations (..., 3, 3), radians: roll about z first, then pitch about x (nods down), then yaw about y (to the right)."""
    yaw, pitch, roll = np.broadcast_arrays(*(np.asarray(angle, float) for angle in (yaw, pitch, roll)))
    cy, sy, cp, sp, cr, sr = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch), np.cos(roll), np.sin(roll)
    o, i = np.zeros_like(cy), np.ones_like(cy)
    about_y = np.stack([cy, o, sy, o, i, o, -sy, o, cy], -1).reshape(*cy.shape, 3, 3)
    about_x = np.stack([i, o, o, o, cp, -sp, o, sp, cp], -1).reshape(*cy.shape, 3, 3)
    about_z = np.stack([cr, -sr, o, sr, cr, o, o, o, i], -1).reshape(*cy.shape, 3, 3)
    return about_y @ about_x @ about_z


def about(pivot: np.ndarray, turn: np.ndarray, move: np.ndarray | float = 0.0) -> np.ndarray:
    """Maps (..., 3, 4) that turn about ``pivot`` and then move."""
    pivot = np.asarray(pivot, float)
    shift = pivot - (turn @ pivot[..., None])[..., 0] + move
    return np.concatenate([turn, shift[..., None]], -1)


def chain(outer: np.ndarray, inner: np.ndarray) -> np.ndarray:
    """The map (..., 3, 4) that applies ``inner`` and then ``outer``."""
    turn = outer[..., :3] @ inner[..., :3]
    return np.concatenate([turn, outer[..., :3] @ inner[..., 3:] + outer[..., 3:]], -1)


def moved(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (..., 3) through one map (3, 4), or through one map each (..., 3, 4)."""
    if matrix.ndim == 2:
        return points @ matrix[:, :3].T + matrix[:, 3]
    return (matrix[..., :3] @ points[..., None])[..., 0] + matrix[..., 3]


def at_level_map(levels: np.ndarray, s: np.ndarray) -> np.ndarray:
    """Maps (..., 3, 4) for looseness s (...) in 0..1 from ``levels`` (L + 1, 3, 4): 0 the first, 1 the last."""
    at = np.clip(s, 0, 1) * (len(levels) - 1)
    low = np.minimum(at.astype(int), len(levels) - 2)
    share = (at - low)[..., None, None]
    return levels[low] * (1 - share) + levels[low + 1] * share


def smooth_table(table: np.ndarray, at: np.ndarray) -> np.ndarray:
    """A smooth curve (Catmull-Rom) through rows ``(position, values...)`` of rising position, read at ``at``."""
    x, v = table[:, 0], table[:, 1:]
    slope = np.gradient(v, x, axis=0)
    i = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    h = x[i + 1] - x[i]
    t = np.clip((at - x[i]) / h, 0.0, 1.0)[..., None]
    h = h[..., None]
    return (
        (2 * t**3 - 3 * t**2 + 1) * v[i]
        + (t**3 - 2 * t**2 + t) * h * slope[i]
        + (3 * t**2 - 2 * t**3) * v[i + 1]
        + (t**3 - t**2) * h * slope[i + 1]
    )


def loft(centres: np.ndarray, wide: np.ndarray, thick: np.ndarray, front: np.ndarray, columns: int = 10) -> np.ndarray:
    """Tubes (N, K, columns, 3) about centre lines (N, K, 3); half widths (N, K); ``front`` (N, 3): where the flat side looks."""
    tangents = unit(np.gradient(centres, axis=1))
    normal = np.broadcast_to(front, centres[:, 0].shape)
    normals = np.empty_like(centres)
    # WarpedFrames along the line, so that a tube never twists in a knot.
    for k in range(centres.shape[1]):
        t = tangents[:, k]
        normal = unit(normal - (normal * t).sum(-1, keepdims=True) * t)
        normals[:, k] = normal
    across = cross(tangents, normals)
    angle = np.arange(columns) * (2 * np.pi / columns)
    return (
        centres[:, :, None]
        + across[:, :, None] * (wide[..., None] * np.cos(angle))[..., None]
        + normals[:, :, None] * (thick[..., None] * np.sin(angle))[..., None]
    )


def ball(middle: np.ndarray, radii: np.ndarray, rows: int = 12, columns: int = 20, power: float = 1.0) -> np.ndarray:
    """An ellipsoid (1, rows, columns, 3), poles up and down; ``power`` below 1 makes it a rounded box."""

    def bent(v: np.ndarray) -> np.ndarray:
        return np.sign(v) * np.abs(v) ** power

    up = np.linspace(np.pi / 2, -np.pi / 2, rows)[:, None]
    angle = (np.arange(columns) * (2 * np.pi / columns))[None]
    flat = bent(np.cos(up).clip(0))
    grid = np.stack(
        [flat * bent(np.sin(angle)), np.broadcast_to(bent(np.sin(up)), (rows, columns)), flat * bent(np.cos(angle))], -1
    )
    return (np.asarray(middle) + grid * np.asarray(radii))[None]


def rounded_ends(s: np.ndarray, share: float = 0.12) -> np.ndarray:
    """A factor for radii along s in 0..1 that closes a tube at both ends."""
    beyond = np.clip((np.abs(2 * s - 1) - (1 - 2 * share)) / (2 * share), 0, 1)
    return np.sqrt(np.maximum(1 - beyond**2, 0.0))
