"""Make a scene's largest motion as large as asked for."""

from __future__ import annotations

import numpy as np

from .scene import Scene


def fit_motion(scene: Scene, amount: float, size: tuple[float, float]) -> float:
    """Scale all motion so that the mark in sight which moves most goes ``amount`` points; returns the factor.

    ``size`` (H, W) in points. Small motion is made at most 1.6 times larger: joints have their limits.
    """
    if amount <= 0:
        _scale(scene, 0.0)
        return 0.0
    points, joints = _probes(scene)
    total = 1.0
    for _ in range(2):
        moved = _travel(scene, points, joints, size)
        if moved < 1e-6:
            return total
        factor = min(amount / moved, 1.6 / total)
        _scale(scene, factor)
        total *= factor
    return total


def _scale(scene: Scene, factor: float) -> None:
    for j in scene.joints:
        j.pose_1 = tuple(a + factor * (b - a) for a, b in zip(j.pose_0, j.pose_1, strict=True))
        j.bend_1 = tuple(a + factor * (b - a) for a, b in zip(j.bend_0, j.bend_1, strict=True))


def _probes(scene: Scene) -> tuple[np.ndarray, np.ndarray]:
    """Points (P, 4, 2) on the unclipped marks, and their joints (P,)."""
    marks = [m for m in scene.marks if m.clip < 0]
    picks = [m.contours[0][[0, n // 4, n // 2, 3 * n // 4], :2] for m in marks for n in (len(m.contours[0]),)]
    return np.array(picks), np.array([m.joint for m in marks])


def _travel(scene: Scene, points: np.ndarray, joints: np.ndarray, size: tuple[float, float]) -> float:
    """The largest, over marks in sight, of the mean distance that a mark's points go."""
    places = []
    for end in (0, 1):
        world = np.zeros((len(scene.joints), 2, 3))
        for i, j in enumerate(scene.joints):
            x, y, turn, sx, sy = j.pose_1 if end else j.pose_0
            c, s, ex, ey = np.cos(turn), np.sin(turn), np.exp(sx), np.exp(sy)
            if j.parent < 0:  # the canvas scales points to pixels; distances here stay in points
                world[i, :, :2] = np.eye(2)
                continue
            local = np.array([[c * ex, -s * ey], [s * ex, c * ey]])
            shift = np.array([j.pivot[0] + x, j.pivot[1] + y]) - local @ np.array(j.pivot)
            up = world[j.parent]
            world[i, :, :2] = up[:, :2] @ local
            world[i, :, 2] = up[:, :2] @ shift + up[:, 2]
        m = world[joints]
        bend = np.array([(*(j.bend_1 if end else j.bend_0), j.bend_root, j.wave) for j in scene.joints])[joints][:,
                                                                                                                 None]
        a, b, phase, _, root, wave = np.moveaxis(bend, -1, 0)
        r = np.maximum(points[..., 1] - root, 0)
        bent = np.stack([points[..., 0] + r * (a * r + b * np.sin(wave * r + phase)), points[..., 1]], -1)
        places.append(np.einsum("pij,pkj->pki", m[..., :2], bent) + m[:, None, :, 2])
    first, last = places
    inside = [((p >= 0) & (p <= np.array([size[1], size[0]]))).all(-1) for p in places]
    seen = (inside[0] | inside[1]).sum(-1) >= 2
    far = np.hypot(*np.moveaxis(last - first, -1, 0)).mean(-1)
    return float(far[seen].max()) if seen.any() else float(far.max())
