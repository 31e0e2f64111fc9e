"""A similarity for each match: the turn, scale and shift that its flow comes closest to."""

from __future__ import annotations

import numpy as np

Way = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]  # as ``forward`` below


def fit_similarities(forward: Way, backward: Way, moments: np.ndarray) -> np.ndarray:
    """Least squares over the pixels of both pieces of each match, their flows being one motion there and back.

    :param forward: labels (H, W), flow (H, W, 2), (M,) the matched pieces and (M,) bool, which of them the flow moved,
        of frame 0; ``backward`` likewise of frame 1, in the same order of matches.
    :param moments: (K, 6) of frame 0's pieces: where a match that moved nothing stays.
    :return: (M, 6) float32: centre in frame 0 (x, y), centre in frame 1, turn in radians (clockwise as seen), logarithm
        of the scale. The identity about its own centre for a match that moved nothing in either direction.
    """
    count = len(forward[2])
    at_0, from_0, to_1 = _points(*forward)
    at_1, from_1, to_0 = _points(*backward)
    match = np.concatenate([at_0, at_1])
    (x0, y0), (x1, y1) = np.concatenate([from_0, to_0], axis=1), np.concatenate([to_1, from_1], axis=1)

    def mean(values: np.ndarray) -> np.ndarray:
        return np.bincount(match, values, count) / mass

    mass = np.maximum(np.bincount(match, minlength=count), 1)
    cx0, cy0, cx1, cy1 = (mean(values) for values in (x0, y0, x1, y1))
    spread_0 = mean(x0 * x0 + y0 * y0) - cx0**2 - cy0**2
    spread_1 = mean(x1 * x1 + y1 * y1) - cx1**2 - cy1**2
    along = mean(x0 * x1 + y0 * y1) - cx0 * cx1 - cy0 * cy1
    across = mean(x0 * y1 - y0 * x1) - cx0 * cy1 + cy0 * cx1
    fits = (spread_0 > 1e-3) & (spread_1 > 1e-3)  # not one pixel
    turn = np.where(fits, np.arctan2(across, along), 0)
    # The ratio of the spreads, not the regression of one on the other: the same from both ends.
    scale = np.where(fits, np.log(np.where(fits, spread_1, 1) / np.where(fits, spread_0, 1)) / 2, 0)
    rests = ~(forward[3] | backward[3])
    for values, own in ((cx0, 1), (cy0, 2), (cx1, 1), (cy1, 2)):
        values[rests] = moments[forward[2][rests], own]
    return np.stack([cx0, cy0, cx1, cy1, turn, scale], axis=1).astype(np.float32)


def _points(labels: np.ndarray, flow: np.ndarray, pieces: np.ndarray, moved: np.ndarray):
    """Number of the match (n,), position (2, n) and flow's end (2, n) of each pixel in a piece that moved."""
    number = np.full(int(labels.max()) + 1, -1)
    number[pieces[moved]] = np.flatnonzero(moved)
    match = number[labels].ravel()
    kept = np.flatnonzero(match >= 0)
    at = np.stack([kept % labels.shape[1], kept // labels.shape[1]]).astype(np.float64)
    return match[kept], at, at + flow.reshape(-1, 2)[kept].T


def axis_turn(one: np.ndarray, other: np.ndarray, long: float) -> np.ndarray:
    """How far, in radians, the long axis turns from one piece to the other, the short way round. Moments (M, 6) of both, (M,).

    :param long: the least relative difference of the axes' variances for a piece to have a direction; 0 unless both have one.
    """
    axes, longish = [], np.ones(len(one), bool)
    for m in (one, other):
        axes.append(0.5 * np.arctan2(2 * m[:, 5], m[:, 3] - m[:, 4]))
        longish &= np.hypot(m[:, 3] - m[:, 4], 2 * m[:, 5]) > long * (m[:, 3] + m[:, 4])
    return np.where(longish, (axes[1] - axes[0] + np.pi / 2) % np.pi - np.pi / 2, 0.0)
