"""Segmentation the slow way: one wide bilateral filter, distance transforms alone, pixels read again in each merging.

What the library does faster has to cut a frame as this does.
"""

import cv2
import numpy as np

from animeinterp.segmentation.contours import HIGH, LEAST_SCALE, LIGHT_HIGH, LIGHT_LOW, LIGHT_WIDTH


def segment_exactly(image: np.ndarray, least: int, radius: int = 3) -> np.ndarray:
    """(H, W, 3) uint8 to labels (H, W), as ``segment_image`` in its "japanese" style."""
    return merge(nearest(fill(contours(image), radius, least))[1], image, least)


def contours(image: np.ndarray) -> np.ndarray:
    smooth = cv2.bilateralFilter(image, 10, 10.0, 10.0)
    dark = np.max([cv2.Laplacian(smooth[..., c], cv2.CV_64F, ksize=5) for c in range(3)], axis=0).clip(min=0)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (LIGHT_WIDTH, LIGHT_WIDTH))
    light = cv2.morphologyEx(smooth, cv2.MORPH_TOPHAT, kernel).max(axis=2)
    scale = 255 / max(dark.max(), LEAST_SCALE * 16)
    return hanging(dark * scale, 2.0, HIGH) | hanging(light, LIGHT_LOW, LIGHT_HIGH)


def hanging(response: np.ndarray, low: float, high: float) -> np.ndarray:
    """Pixels over ``low`` that are connected to one over ``high``."""
    _, components = cv2.connectedComponents((response > low).astype(np.uint8), connectivity=8)
    return np.isin(components, np.setdiff1d(components[response > high], 0))


def fill(lines: np.ndarray, radius: int, least: int) -> np.ndarray:
    regions, free, thick = np.zeros(lines.shape, np.int64), ~lines, 0
    for ball in range(radius, 0, -1):
        room = cv2.distanceTransform(np.pad(free, 80, constant_values=True).astype(np.uint8), cv2.DIST_L2, 5)
        centres = (room[80:-80, 80:-80] > ball).astype(np.uint8)
        count, components = cv2.connectedComponents(centres, connectivity=4)
        if count > 1:
            distance, grown = nearest(components)
            taken = (distance <= ball) & free
            regions[taken] = grown[taken] + regions.max()
            free &= ~taken
        thick = regions.max() if ball == min(2, radius) else thick
    for piece in range(thick + 1, regions.max() + 1):
        if (regions == piece).sum() < least:
            regions[regions == piece] = 0
    return regions


def nearest(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distance to the nearest label, and that label, of every pixel."""
    distance, number = cv2.distanceTransformWithLabels(
        (labels == 0).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    label = np.zeros(number.max() + 1, np.int64)
    label[number[labels > 0]] = labels[labels > 0]
    return distance, label[number]


def merge(labels: np.ndarray, image: np.ndarray, least: int) -> np.ndarray:
    labels = np.unique(labels, return_inverse=True)[1].reshape(labels.shape)
    for limit in [limit for limit in (4, 16, 64, 256, 1024, 4096) if limit < least] + [least]:
        while (chosen := choices(labels, image, limit)) is not None:
            area = np.bincount(labels.ravel())
            labels = np.unique([follow(chosen, area, i) for i in range(area.size)], return_inverse=True)[1][labels]
    return labels


def choices(labels: np.ndarray, image: np.ndarray, limit: int) -> dict[int, int] | None:
    """Whom each piece under ``limit`` joins; None if nobody joins."""
    area = np.bincount(labels.ravel())
    mean = np.stack([np.bincount(labels.ravel(), image[..., c].ravel()) for c in range(3)], 1) / area[:, None]
    border: dict[tuple[int, int], int] = {}
    for one, other in ((labels[:, 1:], labels[:, :-1]), (labels[1:], labels[:-1])):
        for p, q in zip(one[one != other].tolist(), other[one != other].tolist(), strict=True):
            border[p, q] = border.get((p, q), 0) + 1
            border[q, p] = border.get((q, p), 0) + 1
    best: dict[int, tuple[float, int]] = {}
    for (p, q), length in border.items():
        if area[p] < limit:
            cost = max(float(np.linalg.norm(mean[p] - mean[q])), 3.0) - 1e-6 * length
            best[p] = min(best.get(p, (np.inf, -1)), (cost, q))
    return {p: q for p, (_, q) in best.items()} or None


def follow(chosen: dict[int, int], area: np.ndarray, piece: int) -> int:
    """Where a piece ends up: of two that chose each other the larger stays, a longer ring is cut at its smallest number."""
    seen = [piece]
    while (after := chosen.get(seen[-1])) is not None:
        if after in seen:
            ring = seen[seen.index(after) :]
            return min(ring, key=lambda i: (-area[i], i)) if len(ring) == 2 else min(ring)
        seen.append(after)
    return seen[-1]
