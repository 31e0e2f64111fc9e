"""Connected components of masks."""

from __future__ import annotations

import cv2
import numpy as np


def connected_components(mask: np.ndarray, connectivity: int) -> tuple[np.ndarray, np.ndarray]:
    """The components of a bool ``mask`` (H, W): each pixel's label, (H, W) int32, 0 outside of it; and the area of each label in
    pixels, 0's too. ``connectivity``: 4 or 8."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=connectivity)
    return labels, stats[:, cv2.CC_STAT_AREA]


def component_means(labels: np.ndarray, values: np.ndarray, areas: np.ndarray) -> np.ndarray:
    """The mean of ``values`` (H, W) over each component, by its label."""
    return np.bincount(labels.ravel(), values.ravel(), len(areas)) / areas.clip(1)


def small_components(mask: np.ndarray, share: float, connectivity: int) -> np.ndarray:
    """Which of a bool ``mask`` (H, W) belongs to components smaller than ``share`` of the frame: (H, W) bool."""
    labels, areas = connected_components(mask, connectivity)
    return (areas < share * mask.size)[labels] & mask
