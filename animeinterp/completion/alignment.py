"""The motion of every piece at once, fitted: to a dense flow, or to the pixels by Gauss-Newton steps.

Lucas and Kanade, "An Iterative Image Registration Technique" (1981); Baker and Matthews, "Lucas-Kanade 20 Years On" (2004): an
affine motion a piece.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..dense_flow import lengths, warp
from ..images import difference, gradients
from .motion import PieceGrid
from .sums import PieceSums


def fit_motions(flow: np.ndarray, grid: PieceGrid, trust: np.ndarray, *, rounds: int = 3) -> np.ndarray:
    """The affine motion of each piece that fits a dense flow best, robustly. (K, 6).

    :param flow: (H, W, 2). :param trust: (H, W) float, what each pixel's flow counts.
    """
    count, sums = grid.count, grid.sums
    step, half = grid.step, grid.step // 2
    flow, trust = flow[half::step, half::step], trust[half::step, half::step]
    x, y, trusted = sums.take(grid.x), sums.take(grid.y), sums.take(trust)
    along = [sums.take(np.ascontiguousarray(flow[..., k])) for k in range(2)]
    motion = np.zeros((count, 6), np.float32)
    weight = trusted.astype(np.float32)
    for _ in range(rounds):
        weighted = (weight, weight * x, weight * y)
        normal = np.empty((count, 3, 3))
        right = np.empty((count, 3, 2))
        for i in range(3):
            for j, basis in enumerate((None, x, y)[i:], i):
                normal[:, i, j] = normal[:, j, i] = sums.total(weighted[i] if basis is None else weighted[i] * basis)
            for k in range(2):
                right[:, i, k] = sums.total(weighted[i] * along[k])
        # A ridge on the linear part: pieces with little to go by shift and do not shear.
        normal[:, 0, 0] += 1e-3
        normal[:, 1, 1] += 0.02 * normal[:, 0, 0] * grid.spread**2 + 1
        normal[:, 2, 2] += 0.02 * normal[:, 0, 0] * grid.spread**2 + 1
        solution = np.linalg.solve(normal, right)  # (K, 3, 2)
        motion = pack(solution)
        off = sums.take(lengths(grid.flow(motion) * step - flow))
        weight = trusted / (1 + (off / 1.5) ** 2)
    return motion


def pack(solution: np.ndarray) -> np.ndarray:
    """(K, 3, 2) rows 1, x, y and columns dx, dy to (K, 6) ``ax, ay, bxx, bxy, byx, byy``."""
    return np.stack(
        [solution[:, 0, 0], solution[:, 0, 1], solution[:, 1, 0], solution[:, 2, 0], solution[:, 1, 1], solution[:, 2, 1]], 1
    ).astype(np.float32)


def align(grid: PieceGrid, motion: np.ndarray, *, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Newton steps on the colour difference, all pieces at once; a step that does not help a piece is not taken.

    :return: (K, 6) motions and their (K,) costs.
    """
    config, best, seen = grid.config, motion.copy(), _Seen.of(grid, motion)
    cost = grid.cost_seen(best, seen.unlike, seen.inside)
    damp = np.full(grid.count, 1e-2)
    # Of both frames' mean, in levels a pixel of the full frame.
    scale = 1 / (2 * grid.step)
    here_x, here_y = gradients(grid.image, scale)
    none = np.zeros_like(here_x)
    for step in range(steps):
        gx, gy = gradients(seen.warped, scale)
        gx += here_x
        gy += here_y
        edges = difference(gx, none) + difference(gy, none)
        # Only pixels with an edge say anything.
        sums = grid.sums.where((edges > 1 / grid.step) & seen.inside & (seen.unlike < 3 * config.truncate))
        if not len(sums.order):
            break
        change = cv2.subtract(seen.warped, grid.image)
        weight = 1 / (1 + (sums.take(seen.unlike) / config.truncate) ** 2)
        products = [weight * sums.take(_dot(a, b)) for a, b in ((gx, gx), (gx, gy), (gy, gy), (gx, change), (gy, change))]
        position = sums.take(grid.x), sums.take(grid.y)
        delta = _solve_step(sums, position, products[:3], products[3:], damp, grid.spread, 4.0 * grid.step)
        trial = best + delta
        there = _Seen.of(grid, trial)
        trial_cost = grid.cost_seen(trial, there.unlike, there.inside)
        better = trial_cost < cost
        best[better], cost[better] = trial[better], trial_cost[better]
        damp = np.where(better, damp * 0.5, damp * 8)
        if step + 1 < steps:
            seen = there.but(seen, ~better[grid.index])
    return best, cost


@dataclass(frozen=True)
class _Seen:
    """The other frame read along a motion of each piece: ``warped`` (h, w, 3), where that is ``inside`` it, (h, w) bool, and how
    ``unlike`` (h, w) the frame it looks."""

    warped: np.ndarray
    inside: np.ndarray
    unlike: np.ndarray

    @staticmethod
    def of(grid: PieceGrid, motion: np.ndarray) -> _Seen:
        warped, inside = warp(grid.other, grid.flow(motion))
        return _Seen(warped, inside, difference(warped, grid.image))

    def but(self, other: _Seen, where: np.ndarray) -> _Seen:
        """Itself, but ``other`` where (h, w) bool that is said."""
        mask = where.view(np.uint8)
        for own, theirs in ((self.warped, other.warped), (self.inside.view(np.uint8), other.inside.view(np.uint8)),
                            (self.unlike, other.unlike)):
            cv2.copyTo(theirs, mask, own)
        return self


def _dot(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The product of two (h, w, C) float32, summed over channels: (h, w)."""
    return cv2.transform(cv2.multiply(one, other), np.ones((1, one.shape[2]), np.float32))


def _solve_step(sums: PieceSums, position, tensor, right, damp, spread, reach) -> np.ndarray:
    """The 6x6 normal equations of every piece, from the structure tensor of its pixels: the motion step (K, 6)."""
    px, py = position
    basis = (None, px, py)  # None: ones

    def total(values: np.ndarray, factor: np.ndarray | None) -> np.ndarray:
        return sums.total(values if factor is None else factor * values)

    normal = np.empty((sums.count, 6, 6))
    vector = np.empty((sums.count, 6))
    for i in range(3):
        for j in range(i, 3):
            both = None if basis[j] is None else basis[j] if basis[i] is None else basis[i] * basis[j]
            blocks = [total(t, both) for t in tensor]
            for r, c, b in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
                normal[:, 3 * r + i, 3 * c + j] = normal[:, 3 * r + j, 3 * c + i] = blocks[b]
        for k in range(2):
            vector[:, 3 * k + i] = -total(right[k], basis[i])
    # Marquardt damping in units of pixels at the piece's rim, heavier on the linear part than on the shift.
    trace = (normal[:, 0, 0] + normal[:, 3, 3]) / 2 + 1.0
    for i, unit in ((0, 1.0), (3, 1.0)):
        normal[:, i, i] += damp * trace * unit
    for i in (1, 2, 4, 5):
        normal[:, i, i] += (damp + 0.02) * trace * spread**2
    step = np.linalg.solve(normal, vector[..., None])[..., 0]
    rim = np.abs(step[:, [0, 3]]).sum(1) + np.abs(step[:, [1, 2, 4, 5]]).sum(1) * spread
    step *= np.minimum(1, reach / np.maximum(rim, 1e-6))[:, None]  # no farther than the linearisation carries
    return step[:, [0, 3, 1, 2, 4, 5]].astype(np.float32)
