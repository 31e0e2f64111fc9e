"""Outlines: closed contours (n, 3) of x, y, corner, made from a few numbers each."""

from __future__ import annotations

import numpy as np


def contour(points: list[tuple[float, ...]] | np.ndarray) -> np.ndarray:
    """A contour from (x, y) or (x, y, corner) tuples, turned clockwise as seen (y down)."""
    full = np.array([(*p, 0.0)[:3] for p in points], dtype=np.float64)
    return full if area(full) >= 0 else full[::-1].copy()


def area(points: np.ndarray) -> float:
    """Signed area, positive when clockwise as seen with y down."""
    x, y = points[:, 0], points[:, 1]
    return 0.5 * float(x[:-1] @ y[1:] - y[:-1] @ x[1:] + x[-1] * y[0] - y[-1] * x[0])


def mirrored(points: np.ndarray) -> np.ndarray:
    """The contour reflected at x = 0, still clockwise."""
    return (points * np.array([-1.0, 1.0, 1.0]))[::-1].copy()


def hole(points: np.ndarray) -> np.ndarray:
    """The contour run the other way round: a hole in whatever it shares a mark with."""
    return points[::-1].copy()


def symmetric(half: list[tuple[float, ...]]) -> np.ndarray:
    """A contour from its right half, listed from the top point to the bottom one (both on x = 0 or doubled)."""
    right = [(*p, 0.0)[:3] for p in half]
    left = [(-x, y, c) for x, y, c in reversed(right) if abs(x) > 1e-6]
    return contour(right + left)


def ellipse(x: float, y: float, rx: float, ry: float | None = None, *, turn: float = 0.0, n: int = 8) -> np.ndarray:
    """A smooth ellipse about (x, y)."""
    ry = rx if ry is None else ry
    a = np.arange(n) * (2 * np.pi / n)
    c, s = np.cos(turn), np.sin(turn)
    px, py = rx * np.cos(a), ry * np.sin(a)
    return np.stack([x + c * px - s * py, y + s * px + c * py, np.zeros(n)], 1)


def box(x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """An axis-aligned rectangle with four corners."""
    return contour([(x0, y0, 1), (x1, y0, 1), (x1, y1, 1), (x0, y1, 1)])


def polygon(points: list[tuple[float, float]]) -> np.ndarray:
    """Straight edges through ``points``."""
    return contour([(x, y, 1) for x, y in points])


def rounded(x0: float, y0: float, x1: float, y1: float, r: float) -> np.ndarray:
    """A rectangle with rounded corners."""
    r = min(r, 0.45 * (x1 - x0), 0.45 * (y1 - y0))
    k = 0.3 * r
    return contour([
        (x0 + r, y0), (x1 - r, y0), (x1 - k, y0 + k), (x1, y0 + r), (x1, y1 - r), (x1 - k, y1 - k), (x1 - r, y1),
        (x0 + r, y1), (x0 + k, y1 - k), (x0, y1 - r), (x0, y0 + r), (x0 + k, y0 + k),
    ])


def stroke(points: list[tuple[float, float]], width: float, *, taper: tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """A line with a body: ``width`` in the middle, times ``taper`` at its two ends. Ends are corners."""
    p = np.asarray(points, dtype=np.float64)
    d = np.gradient(p, axis=0)
    n = np.stack([-d[:, 1], d[:, 0]], 1) / np.maximum(np.hypot(d[:, 0], d[:, 1]), 1e-9)[:, None]
    s = np.linspace(0, 1, len(p))
    swell = 1 - (1 - np.where(s < 0.5, taper[0], taper[1])) * np.abs(2 * s - 1) ** 1.6
    side = n * (0.5 * width * swell)[:, None]
    flags = np.zeros(len(p))
    flags[[0, -1]] = 1.0
    ring = np.concatenate([np.column_stack([p + side, flags]), np.column_stack([p - side, flags])[::-1]])
    return ring if area(ring) >= 0 else ring[::-1].copy()


def limb(a: tuple[float, float], b: tuple[float, float], ra: float, rb: float, *, bulge: float = 0.0) -> np.ndarray:
    """A tapered capsule from ``a`` to ``b``; ``bulge`` fattens its middle (a calf, a sleeve)."""
    a, b = np.asarray(a, float), np.asarray(b, float)
    d = (b - a) / max(float(np.hypot(*(b - a))), 1e-9)
    n = np.array([-d[1], d[0]])
    rm = 0.5 * (ra + rb) + bulge
    mid = 0.5 * (a + b)
    ring = [a + n * ra, mid + n * rm, b + n * rb, b + 0.75 * (n + d) * rb, b + d * rb, b + 0.75 * (d - n) * rb,
            b - n * rb, mid - n * rm, a - n * ra, a - 0.75 * (n + d) * ra, a - d * ra, a + 0.75 * (n - d) * ra]
    return contour([tuple(p) for p in ring])


def lock(root: tuple[float, float], tip: tuple[float, float], width: float, *, curve: float = 0.0) -> np.ndarray:
    """A lock of hair or a blade: broad at ``root``, a point at ``tip``, bowed sideways by ``curve``."""
    a, b = np.asarray(root, float), np.asarray(tip, float)
    d = b - a
    n = np.array([-d[1], d[0]]) / max(float(np.hypot(*d)), 1e-9)
    bow = n * curve
    w = n * width / 2
    return contour([
        tuple(a + w), tuple(a + 0.4 * d + bow * 0.8 + w * 1.05), tuple(a + 0.75 * d + bow + w * 0.6), (*b, 1.0),
        tuple(a + 0.7 * d + bow * 0.9 - w * 0.6), tuple(a + 0.35 * d + bow * 0.7 - w), tuple(a - w),
    ])


def moved(points: np.ndarray, x: float, y: float, scale: float = 1.0, scale_y: float | None = None) -> np.ndarray:
    """The contour scaled about the origin, then shifted."""
    return points * np.array([scale, scale if scale_y is None else scale_y, 1.0]) + np.array([x, y, 0.0])


def leafy(rng: np.random.Generator, x: float, y: float, rx: float, ry: float, *, bumps: int = 9) -> np.ndarray:
    """A scalloped crown: round bumps that meet in inward corners (a cloud, a tree)."""
    points = []
    start = rng.uniform(0, 2 * np.pi)
    for i in range(bumps):
        a = start + 2 * np.pi * (i + 0.25 * rng.uniform(-1, 1)) / bumps
        step = 2 * np.pi / bumps
        out = 1 + 0.12 * rng.uniform(-1, 1)
        points.append((x + rx * 0.86 * np.cos(a), y + ry * 0.86 * np.sin(a), 1.0))
        for part in (0.3, 0.7):
            points.append((x + rx * out * np.cos(a + part * step), y + ry * out * np.sin(a + part * step), 0.0))
    return contour(points)
