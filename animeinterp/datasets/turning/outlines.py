"""Lines where one part ends over another: found from depth and parts, then drawn with a width of their own each."""

from __future__ import annotations

import cv2
import numpy as np

from .materials import Material

SHORTEST = 16  # pixels of an edge, before the picture is made smaller
NEIGHBOURS = ((0, 1), (0, -1), (1, 0), (-1, 0))


def _shifted(image: np.ndarray, dy: int, dx: int, fill: float) -> np.ndarray:
    """``image`` read at (y + dy, x + dx)."""
    out = np.full_like(image, fill)
    h, w = image.shape
    out[max(0, -dy) : h - max(0, dy), max(0, -dx) : w - max(0, dx)] = image[
        max(0, dy) : h + min(0, dy), max(0, dx) : w + min(0, dx)
    ]
    return out


def _edges(depth: np.ndarray, group: np.ndarray, soft: np.ndarray, unit_pixels: float) -> np.ndarray:
    """How strongly (0..1) each pixel is the edge of the nearer part; 0: not an edge."""
    strength = np.zeros(depth.shape, np.float32)
    own, part = group >= 0, group >> 4
    least, fold_least = np.maximum(soft, -0.004), 0.03 + 3.0 / unit_pixels
    for dy, dx in NEIGHBOURS:
        other, far = _shifted(group, dy, dx, -2), _shifted(depth, dy, dx, 1e3)
        changed = own & (other != group) & (other != -2)
        jump = far - depth
        differs = (other >> 4) != part
        # What a slanting surface would give anyway is no jump.
        jumps = own & (jump > fold_least) & (other != -2)
        at = np.flatnonzero(jumps & ~differs)
        back = (depth - _shifted(depth, -dy, -dx, 1e3)).flat[at]
        line = changed & differs & (jump > least)
        line.flat[at] = jump.flat[at] - np.clip(back, 0, 0.12) > fold_least
        at = np.flatnonzero(line)
        strength.flat[at] = np.maximum(strength.flat[at], np.clip(0.55 + jump.flat[at] * 1.2, 0.5, 1.0))
        painted = changed & ~differs & (group > other)
        at = np.flatnonzero(painted)
        strength.flat[at] = np.maximum(strength.flat[at], 0.45)
    return strength


def draw_lines(
    picture: np.ndarray,
    depth: np.ndarray,
    group: np.ndarray,
    owner: np.ndarray,
    materials: list[Material],
    width: float,
    wobble: float,
    unit_pixels: float,
    rng: np.random.Generator,
) -> None:
    """Draw the outlines over ``picture`` (H, W, 4) RGBA 0..1, in place.

    ``depth`` (H, W), 1000 where empty; ``group`` (H, W) 16 * part + painted region, -1 empty; ``owner`` the material.
    """
    soft_table = np.array([m.soft for m in materials] + [0.0], np.float32)
    strength = _edges(depth, group, soft_table[owner], unit_pixels)
    edge = strength > 0
    # Specks are where a jump hovers about its threshold: nobody would draw them, and they would flicker.
    _, labels, stats, _ = cv2.connectedComponentsWithStats(edge.astype(np.uint8), connectivity=8)
    edge &= (stats[:, cv2.CC_STAT_AREA] >= SHORTEST)[labels]
    if not edge.any():
        return
    distance, labels = cv2.distanceTransformWithLabels((~edge).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL)
    near = distance < width * 1.6 + 2
    label = labels[near]
    # Labels number the edge pixels; the edge pixel itself knows its strength and its part.
    count = int(labels.max()) + 1
    of_label = np.zeros(count, np.float32)
    of_label[labels[edge]] = strength[edge]
    part = np.zeros(count, np.int32)
    part[labels[edge]] = owner[edge]
    field = rng.normal(0, 1, (9, 9)).astype(np.float32)
    jitter = cv2.resize(field, (edge.shape[1], edge.shape[0]), interpolation=cv2.INTER_CUBIC)[near]
    widths = np.array([m.width for m in materials], np.float32)
    half = 0.5 * width * of_label[label] * widths[part[label]] * np.clip(1 + jitter * (0.05 + 0.2 * min(wobble, 1.0)), 0.5, 1.6)
    cover = np.clip(half + 0.5 - distance[near], 0, 1)[:, None]
    colours = np.array([m.line for m in materials], np.float32)[part[label]]
    old = picture[near]
    new = np.concatenate([old[:, :3] * (1 - cover) + colours * cover, np.maximum(old[:, 3:], cover)], -1)
    picture[near] = new
