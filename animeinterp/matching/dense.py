"""Whole-frame dense optical flow (Kroeger et al., "Fast Optical Flow using Dense Inverse Search", ECCV 2016)."""

from __future__ import annotations

import cv2
import numpy as np


def dis_flow(image0: np.ndarray, image1: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """Dense flow from ``image0`` to ``image1``.

    :param image0: (H, W, 3) uint8; ``image1`` likewise.
    :param start: (H, W, 2) float32 in pixels to begin at; None begins at zero.
    :return: (H, W, 2) float32.
    """
    solver = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    gray0, gray1 = (cv2.cvtColor(i, cv2.COLOR_RGB2GRAY) for i in (image0, image1))
    if min(gray0.shape) < 32:  # too small for its pyramid
        return np.zeros((*gray0.shape, 2), np.float32) if start is None else start.copy()
    return solver.calc(gray0, gray1, None if start is None else start.copy())


def disagreement(flow: np.ndarray, back: np.ndarray) -> np.ndarray:
    """How far the way there and back ends from where it began, in pixels. (H, W) float32.

    :param flow: (H, W, 2) from this frame to the other; ``back`` (H, W, 2) from the other.
    """
    height, width = flow.shape[:2]
    x = flow[..., 0] + np.arange(width, dtype=np.float32)[None]
    y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    returned = cv2.remap(back, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    off = flow + returned
    return np.sqrt(off[..., 0] ** 2 + off[..., 1] ** 2)  # cv2.magnitude is not the same twice
