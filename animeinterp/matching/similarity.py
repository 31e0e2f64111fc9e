"""A similarity for each match: the turn, scale and shift that its flow comes closest to."""

from __future__ import annotations

import numpy as np

Way = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def fit_similarities(forward: Way, backward: Way, moments: np.ndarray) -> np.ndarray:
    """Least squares over the pixels of both pieces of each match, their flows being one motion there and back.

    :param forward: labels (H, W), flow (H, W, 2), (M,) the matched pieces and (M,) bool, which of them the flow moved, of
        frame 0; ``backward`` likewise of frame 1, in the same order of matches.
    :param moments: (K, 6) of frame 0's pieces: where a match that moved nothing stays.
    :return: (M, 6) float32: centre in frame 0 (x, y), centre in frame 1, turn in radians (clockwise as seen), logarithm
        of the scale. The identity about its own centre for a match that moved nothing in either direction.
    """
    count = len(forward[2])
    at_0, from_0, to_1 = _points(*forward)
    at_1, from_1, to_0 = _points(*backward)
    match = np.concatenate([at_0, at_1])
    start, end = np.concatenate([from_0, to_0]), np.concatenate([to_1, from_1])  # complex positions: x + iy

    def total(values: np.ndarray) -> np.ndarray:
        return np.bincount(match, values, count)

    def centred(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        centres = (total(points.real) + 1j * total(points.imag)) / mass
        return centres, points - centres[match]

    mass = np.maximum(np.bincount(match, minlength=count), 1)
    centre_0, start = centred(start)
    centre_1, end = centred(end)
    spread_0, spread_1 = total(np.abs(start) ** 2), total(np.abs(end) ** 2)
    product = start.conj() * end
    fits = (spread_0 > 0) & (spread_1 > 0)
    turn = np.where(fits, np.arctan2(total(product.imag), total(product.real)), 0)
    # The ratio of the spreads, not the regression of one on the other: the same from both ends.
    scale = np.where(fits, np.log(np.where(fits, spread_1, 1) / np.where(fits, spread_0, 1)) / 2, 0)
    rests = ~(forward[3] | backward[3])
    own = moments[forward[2], 1] + 1j * moments[forward[2], 2]
    centre_0, centre_1 = np.where(rests, own, centre_0), np.where(rests, own, centre_1)
    return np.stack([centre_0.real, centre_0.imag, centre_1.real, centre_1.imag, turn, scale], axis=1).astype(np.float32)


def _points(labels: np.ndarray, flow: np.ndarray, pieces: np.ndarray, moved: np.ndarray):
    """Number of the match, position and flow's end of each pixel in a piece that moved; positions as x + iy."""
    number = np.full(int(labels.max()) + 1, -1)
    number[pieces[moved]] = np.flatnonzero(moved)
    match = number[labels]
    y, x = np.nonzero(match >= 0)
    at = x + 1j * y
    return match[y, x], at, at + flow[y, x, 0] + 1j * flow[y, x, 1]
