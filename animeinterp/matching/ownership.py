"""Whose line is it: an outline between two pieces moves with one of them, all of it.

The label map halves every line between the pieces on its two sides; moved so, it tears into crumbs. Each stretch of line
between two pieces therefore goes as a whole to the piece whose motion explains it, or, where both do, to the one in front.
"""

from __future__ import annotations

import cv2
import numpy as np

from .motion import TRUNCATE, PieceGrid, difference, warp

SURE = 1.0  # levels a pixel by which one piece's motion has to explain the line better
IN_FRONT = 0.3  # difference in depth from which the front piece gets a line that either could own
REACHES = (2, 4)  # pixels in which the piece on the other side is looked for


def line_owners(
    grid: PieceGrid, motion: np.ndarray, lines: np.ndarray, depth: np.ndarray | None = None
) -> np.ndarray:
    """The piece that each pixel moves with.

    :param grid: the frame's pieces at full size.
    :param motion: (K, 6), see ``PieceGrid.flow``.
    :param lines: (H, W) bool, the frame's contours.
    :param depth: (K,), greater in front; None while it is not known.
    :return: (H, W) int32, the labels with the lines given away.
    """
    labels = grid.labels
    other_side = _other_side(labels)
    zone = cv2.dilate(lines.view(np.uint8), np.ones((3, 3), np.uint8)).view(bool) & (other_side != labels)
    index = np.flatnonzero(zone)
    if index.size == 0:
        return labels
    own, far = labels.ravel()[index].astype(np.int64), other_side.ravel()[index].astype(np.int64)
    cost_own = _cost(grid, motion, labels).ravel()[index]
    cost_far = _cost(grid, motion, other_side).ravel()[index]
    low, high = np.minimum(own, far), np.maximum(own, far)
    pairs, member, size = np.unique(low * grid.count + high, return_inverse=True, return_counts=True)
    advantage = np.bincount(member, np.where(own == low, cost_far - cost_own, cost_own - cost_far)) / size
    low, high = pairs // grid.count, pairs % grid.count
    owner = np.where(advantage >= 0, low, high)
    decided = np.abs(advantage) > SURE
    if depth is not None:
        ahead = depth[low] - depth[high]
        by_depth = ~decided & (np.abs(ahead) > IN_FRONT)
        owner = np.where(by_depth, np.where(ahead >= 0, low, high), owner)
        decided |= by_depth
    result = labels.copy()
    given = decided[member]
    result.ravel()[index[given]] = owner[member][given]
    return result


def _other_side(labels: np.ndarray) -> np.ndarray:
    """For each pixel the nearest piece, in eight directions, that is not its own; its own where there is none."""
    height, width = labels.shape
    reach = max(REACHES)
    padded = np.pad(labels, reach, mode="edge")
    result = labels.copy()
    for radius in REACHES:
        for angle in range(8):
            dx, dy = round(radius * np.cos(angle * np.pi / 4)), round(radius * np.sin(angle * np.pi / 4))
            seen = padded[reach + dy : reach + dy + height, reach + dx : reach + dx + width]
            np.copyto(result, seen, where=(result == labels) & (seen != labels))
    return result


def _cost(grid: PieceGrid, motion: np.ndarray, owner: np.ndarray) -> np.ndarray:
    warped, inside = warp(grid.other, grid.flow_of(motion, owner))
    error = np.minimum(difference(warped, grid.image), 3 * TRUNCATE)
    error[~inside] = TRUNCATE / 2
    return cv2.blur(error, (3, 3))
