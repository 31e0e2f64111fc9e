"""Triangles to pixels with a depth buffer, all at once in numpy."""

from __future__ import annotations

import numpy as np


def _runs(lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For runs of these lengths laid end to end: each element's run, and its place within the run."""
    owner = np.repeat(np.arange(len(lengths), dtype=np.int32), lengths)
    starts = np.cumsum(lengths) - lengths
    return owner, np.arange(len(owner), dtype=np.int32) - np.repeat(starts, lengths).astype(np.int32)


def rasterise(corners: np.ndarray, depth: np.ndarray, height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Which triangle each pixel shows.

    ``corners`` (T, 3, 2) pixels x, y (a pixel's middle is at +0.5); ``depth`` (T, 3), smaller is nearer, within -100..100.
    Returns pixels (P,) as flat indices, rising, and the triangle (P,) seen there.
    """
    order = np.argsort(corners[..., 1], axis=1)
    sorted_corners = np.take_along_axis(corners, order[..., None], 1)
    (x0, y0), (x1, y1), (x2, y2) = (sorted_corners[:, i].T for i in range(3))
    top = np.clip(np.ceil(y0 - 0.5), 0, height).astype(np.int32)
    bottom = np.clip(np.ceil(y2 - 0.5), 0, height).astype(np.int32)
    tri, row = _runs(np.maximum(bottom - top, 0))
    row = row + top[tri]
    y = row + 0.5
    with np.errstate(divide="ignore", invalid="ignore"):
        long = ((x2 - x0) / (y2 - y0))[tri]
        upper = ((x1 - x0) / (y1 - y0))[tri]
        lower = ((x2 - x1) / (y2 - y1))[tri]
        a = x0[tri] + (y - y0[tri]) * long
        b = np.where(y < y1[tri], x0[tri] + (y - y0[tri]) * upper, x1[tri] + (y - y1[tri]) * lower)
    left = np.clip(np.ceil(np.minimum(a, b) - 0.5), 0, width).astype(np.int32)
    right = np.clip(np.ceil(np.maximum(a, b) - 0.5), 0, width).astype(np.int32)
    run, x = _runs(np.maximum(right - left, 0))
    # Depth is a plane over each triangle: d = gx x + gy y + c.
    p, d = corners.astype(np.float64), depth.astype(np.float64)
    e1, e2 = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    area = e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0]
    area = np.where(np.abs(area) < 1e-9, 1e-9, area)
    d1, d2 = d[:, 1] - d[:, 0], d[:, 2] - d[:, 0]
    gx = (d1 * e2[:, 1] - d2 * e1[:, 1]) / area
    gy = (d2 * e1[:, 0] - d1 * e2[:, 0]) / area
    base = d[:, 0] - gx * p[:, 0, 0] - gy * p[:, 0, 1]
    at_left = base[tri] + gx[tri] * (left + 0.5) + gy[tri] * y
    z = at_left[run] + gx[tri][run] * x
    flat = (row * width + left)[run] + x
    key = (np.clip(z, -100, 100) * 1e6).astype(np.int64) * (1 << 24) + tri[run]
    nearest = np.full(height * width, np.iinfo(np.int64).max)
    np.minimum.at(nearest, flat, key)
    pixels = np.flatnonzero(nearest != np.iinfo(np.int64).max)
    return pixels, (nearest[pixels] & ((1 << 24) - 1)).astype(np.int32)


def weights(corners: np.ndarray, tri: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Barycentric weights (P, 3) of points (x, y) in their triangles."""
    e1, e2 = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    area = e1[:, 0] * e2[:, 1] - e1[:, 1] * e2[:, 0]
    area = np.where(np.abs(area) < 1e-9, 1e-9, area)
    per = np.stack([e1[:, 0], e1[:, 1], e2[:, 0], e2[:, 1], corners[:, 0, 0], corners[:, 0, 1], 1 / area], -1)[tri]
    dx, dy = x - per[:, 4], y - per[:, 5]
    v = (dx * per[:, 3] - dy * per[:, 2]) * per[:, 6]
    w = (dy * per[:, 0] - dx * per[:, 1]) * per[:, 6]
    # A pixel's middle lies in its triangle; rounding in slivers must not throw it far out.
    v, w = np.clip(v, 0, 1), np.clip(w, 0, 1)
    return np.stack([np.maximum(1 - v - w, 0), v, w], -1).astype(np.float32)
