"""Whose line is it: an outline between two pieces moves with one of them, all of it.

The label map halves every line between the pieces on its two sides; moved so, it tears into crumbs. Each stretch of line
between two pieces therefore goes as a whole to the piece whose motion explains it better. What is not explained goes on with the
line that it is part of.
"""

from __future__ import annotations

import cv2
import numpy as np

from ..dense_flow import read_at, warp
from ..images import difference
from .motion import PieceGrid


def line_owners(grid: PieceGrid, motion: np.ndarray, lines: np.ndarray) -> np.ndarray:
    """The piece that each pixel moves with: (H, W) int32.

    :param grid: the frame's pieces at full size.
    :param motion: (K, 6), see ``PieceGrid.flow``.
    :param lines: (H, W) bool, the frame's contours.
    """
    labels = grid.labels
    other_side = _other_side(labels, grid.config.line_reaches)
    wide = cv2.dilate(lines.view(np.uint8), np.ones((3, 3), np.uint8)).view(bool)
    index = np.flatnonzero(wide & (other_side != labels))
    own, far = labels.ravel()[index].astype(np.int64), other_side.ravel()[index].astype(np.int64)
    cost_own = _cost(grid, motion, labels).ravel()[index]
    cost_far = _cost(grid, motion, other_side).ravel()[index]
    low, high = np.minimum(own, far), np.maximum(own, far)
    pairs, member = np.unique(low * grid.count + high, return_inverse=True)
    # By how much better the one of the lower number explains all that is between the two.
    advantage = np.bincount(member, np.where(own == low, cost_far - cost_own, cost_own - cost_far), len(pairs))[member]
    owner = labels.copy()
    owner.ravel()[index] = np.where(advantage > 0, low, np.where(advantage < 0, high, own))
    _, parts = cv2.connectedComponents(wide.view(np.uint8), connectivity=8)
    for _ in range(grid.config.line_claims):
        claimed = _claimed(grid, motion, owner, parts)
        if claimed is owner:
            break
        owner = claimed
    return owner


def _claimed(grid: PieceGrid, motion: np.ndarray, owner: np.ndarray, parts: np.ndarray) -> np.ndarray:
    """``owner`` with the stretches of line that it does not explain given to owners of the same line that do.

    A strand of hair or a fingertip is a line in the middle of what it passes over, and no border between two pieces; but
    it goes on as one, and moves with the piece that moves the rest of it. ``owner`` itself is returned where nothing changes.
    ``parts`` (H, W): the line, by number, that each pixel is of; 0 for none.
    """
    config = grid.config
    height, width = owner.shape
    index = np.flatnonzero((parts > 0) & (_cost(grid, motion, owner) > config.line_unexplained))
    if index.size == 0:
        return owner
    # A stretch is of one connected line, one owner, and short: an outline goes round more than one piece.
    across = width // config.line_stretch + 3  # a column of cells more on each side: neighbours do not wrap around
    cells = across * (height // config.line_stretch + 3)

    def place(at: np.ndarray) -> np.ndarray:
        row, column = at // width // config.line_stretch, at % width // config.line_stretch
        return parts.ravel()[at].astype(np.int64) * cells + (row + 1) * across + column + 1

    stretches, member = np.unique(place(index) * grid.count + owner.ravel()[index], return_inverse=True)
    everywhere = np.flatnonzero(parts)
    known = np.unique(place(everywhere) * grid.count + owner.ravel()[everywhere])
    stretch, piece = np.divmod(_continued(stretches // grid.count, known, grid.count, across), grid.count)
    y, x = np.divmod(index, width)
    # Every pixel of a stretch under the motion of every piece that owns the line beside it.
    order = np.argsort(member, kind="stable")
    size = np.bincount(member, minlength=len(stretches))
    first = np.cumsum(size) - size
    pair = np.repeat(np.arange(len(stretch)), size[stretch])
    within = np.arange(pair.size) - np.repeat(np.cumsum(size[stretch]) - size[stretch], size[stretch])
    pixel = order[first[stretch[pair]] + within]
    error = _error_at(grid, motion, x[pixel], y[pixel], piece[pair])
    error = np.bincount(pair, error, len(stretch)) / size[stretch]
    own = np.bincount(member, _error_at(grid, motion, x, y, owner.ravel()[index]), len(stretches)) / size
    best = np.lexsort((error, stretch))[np.searchsorted(stretch, np.arange(len(stretches)))]
    claimed = (error[best] < config.line_explained * own) & (own > config.line_unexplained)
    if not claimed.any():
        return owner
    result = owner.copy()
    taken = claimed[member]
    result.ravel()[index[taken]] = piece[best][member][taken]
    return result


def _continued(place: np.ndarray, known: np.ndarray, count: int, across: int) -> np.ndarray:
    """The owners of the same line in the cells around each stretch, as stretch * count + owner."""
    at = known // count
    found = []
    for step in (dy * across + dx for dy in (-1, 0, 1) for dx in (-1, 0, 1)):
        first, last = np.searchsorted(at, place + step), np.searchsorted(at, place + step, side="right")
        size = last - first
        stretch = np.repeat(np.arange(len(place)), size)
        row = np.repeat(first - np.cumsum(size) + size, size) + np.arange(stretch.size)
        found.append(stretch * count + known[row] % count)
    return np.unique(np.concatenate(found))


def _error_at(grid: PieceGrid, motion: np.ndarray, x: np.ndarray, y: np.ndarray, piece: np.ndarray) -> np.ndarray:
    """The truncated colour difference of single pixels, each under the motion of its row of ``piece``. (N,)."""
    m, off_x, off_y = motion[piece], x - grid.centres[piece, 0], y - grid.centres[piece, 1]
    to_x = x + m[:, 0] + m[:, 2] * off_x + m[:, 3] * off_y
    to_y = y + m[:, 1] + m[:, 4] * off_x + m[:, 5] * off_y
    found, inside = read_at(grid.other, to_x, to_y)
    error = np.abs(found - grid.image[y, x]).sum(axis=1)
    return np.where(inside, np.minimum(error, 3 * grid.config.truncate), 3 * grid.config.truncate)


def _other_side(labels: np.ndarray, reaches: tuple[int, ...]) -> np.ndarray:
    """For each pixel the nearest piece, in eight directions, that is not its own; its own where there is none."""
    height, width = labels.shape
    reach = max(reaches)
    padded = np.pad(labels, reach, mode="edge")
    result = labels.copy()
    for radius in reaches:
        for angle in range(8):
            dx, dy = round(radius * np.cos(angle * np.pi / 4)), round(radius * np.sin(angle * np.pi / 4))
            seen = padded[reach + dy : reach + dy + height, reach + dx : reach + dx + width]
            np.copyto(result, seen, where=(result == labels) & (seen != labels))
    return result


def _cost(grid: PieceGrid, motion: np.ndarray, owner: np.ndarray) -> np.ndarray:
    warped, inside = warp(grid.other, grid.flow_of(motion, owner))
    error = np.minimum(difference(warped, grid.image), 3 * grid.config.truncate)
    error[~inside] = grid.config.truncate / 2
    return cv2.blur(error, (3, 3))
