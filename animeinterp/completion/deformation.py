"""What a piece does beyond its affine motion, and where plain dense flow knows better.

The residual is dense flow between a frame and the other one warped by the pieces' motions, kept where it can be trusted
and smoothed within each piece, so that flow stays smooth inside and breaks between. Then every piece, and within a few
pixels every pixel, takes the best of three: its own motion, dense flow begun at it, dense flow begun at zero.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..dense_flow import dis_flow, disagreement, lengths, warp
from ..images import difference, steepness
from .motion import PieceGrid


def add_residual(grid: PieceGrid, image: np.ndarray, other: np.ndarray, owner: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """``flow`` (H, W, 2) with the pieces' smooth deformation added. ``image``, ``other``: (H, W, 3) uint8."""
    warped, inside = warp(other, flow)
    residual, back = dis_flow(image, warped), dis_flow(warped, image)
    before = cv2.blur(difference(warped, image).astype(np.float32), (5, 5))
    after = cv2.blur(difference(warp(other, flow + residual)[0], image).astype(np.float32), (5, 5))
    edge = np.minimum(steepness(grid.image) / 20, 1)
    trusted = inside & (after <= before + 3) & (after < 120) & (lengths(residual) < grid.config.residual_largest)
    weight = (edge + 0.02) * np.exp(-(disagreement(residual, back) ** 2)) * trusted
    return flow + smooth_within(residual, weight.astype(np.float32), owner, grid.config.residual_smooth)


def smooth_within(field: np.ndarray, weight: np.ndarray, owner: np.ndarray, sigma: float) -> np.ndarray:
    """Normalised convolution of a field (H, W, 2) within each piece, far reach where near there is no weight."""
    result = np.zeros_like(field)
    stacked = np.dstack([weight, weight * field[..., 0], weight * field[..., 1]])
    for piece, (rows, columns) in _boxes(owner):
        inside = owner[rows, columns] == piece
        values = stacked[rows, columns] * inside[..., None]
        if values[..., 0].sum() < 3:
            continue
        near = cv2.GaussianBlur(values, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT)
        blurred = near + 0.02 * _wide_blur(values, 4 * sigma)
        smooth = blurred[..., 1:] / (blurred[..., :1] + 1e-4)
        result[rows, columns][inside] = smooth[inside]
    return result


def choose_flow(
    grid: PieceGrid, owner: np.ndarray, flows: list[np.ndarray], backs: list[np.ndarray]
) -> np.ndarray:
    """The best of several flows, first for each piece, then for each pixel among those near its piece's choice.

    :param flows: each (H, W, 2), the piece's own first. :param backs: the flows of the other frame, in the same order.
    :return: (H, W, 2).
    """
    config = grid.config
    costs, returns = [], []
    for flow, back in zip(flows, backs, strict=True):
        warped, inside = warp(grid.other, flow)
        error = np.minimum(difference(warped, grid.image), config.pixel_truncate)
        error[~inside] = config.pixel_truncate / 2
        off = disagreement(flow, back)
        costs.append(error + 2 * np.minimum(off, 6))
        returns.append(cv2.blur(off, (5, 5)) < config.far_returns)
    mass = np.bincount(owner.ravel(), grid.weight.ravel(), grid.count) + 1e-6
    by_piece = [
        np.bincount(owner.ravel(), (np.minimum(c, config.piece_truncate) * grid.weight).ravel(), grid.count) / mass for c in costs
    ]
    choice = np.argmin(by_piece, axis=0)[owner]
    local = [cv2.blur(c, (config.choice_window, config.choice_window)) for c in costs]
    chosen = np.choose(choice[..., None], flows)
    result, best = chosen.copy(), np.choose(choice, local)
    for flow, cost, there_and_back in zip(flows, local, returns, strict=True):
        apart = _apart(flow, chosen)
        sure = there_and_back & (apart < config.pixel_far_reach) & (cost < best - config.far_margin)
        better = (cost < best) & ((apart < config.pixel_reach) | sure)
        result[better], best[better] = flow[better], cost[better]
    return result


def _apart(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """|dx| + |dy| between two flows (H, W, 2). (H, W)."""
    off = cv2.absdiff(one, other)
    return off[..., 0] + off[..., 1]


def _wide_blur(values: np.ndarray, sigma: float) -> np.ndarray:
    """A wide Gaussian at a quarter of the size: what it blurs is smooth."""
    height, width = values.shape[:2]
    small = cv2.resize(values, (max(1, width // 4), max(1, height // 4)), interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), sigma / 4, borderType=cv2.BORDER_CONSTANT)
    return cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)


def _boxes(owner: np.ndarray):
    """Each piece that owns pixels with its bounding box as two slices."""
    height, width = owner.shape
    flat = owner.ravel()
    order = np.argsort(flat, kind="stable")
    present, start = np.unique(flat[order], return_index=True)
    rows, columns = order // width, order % width
    first, last = rows[start], np.maximum.reduceat(rows, start)
    left, right = np.minimum.reduceat(columns, start), np.maximum.reduceat(columns, start)
    for piece, y0, y1, x0, x1 in zip(present, first, last, left, right, strict=True):
        yield piece, (slice(y0, y1 + 1), slice(x0, x1 + 1))
