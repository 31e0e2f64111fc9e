"""Contours: the lines that bound the colour pieces of a frame (paper 3.1, "Color Piece Segmentation").

An edge-preserving filter flattens shading, a Laplacian finds the dark side of every edge and line, hysteresis keeps weak
responses that hang on strong ones. Light lines, which a Laplacian of one sign does not see, come from a white top-hat.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np


class BilateralPreset(NamedTuple):
    """Parameters of the bilateral filter and of the hysteresis that follows (REFERENCE values of the method)."""

    diameter: int
    sigma_colour: float
    sigma_space: float
    low: float


STYLES = {
    "japanese": BilateralPreset(10, 10.0, 10.0, 2.0),
    "disney": BilateralPreset(30, 40.0, 30.0, 1.0),
}
HIGH = 20.0  # hysteresis: a line has to reach this somewhere
LEAST_SCALE = 64.0  # a frame whose strongest response is weaker than this is not stretched further: that would be noise
LIGHT_LOW, LIGHT_HIGH = 12, 40  # hysteresis of the top-hat, in 8-bit levels
LIGHT_WIDTH = 7  # light structures thinner than this are lines


def find_contours(image: np.ndarray, style: str = "japanese") -> np.ndarray:
    """Line pixels of one frame.

    :param image: (H, W, 3) uint8, RGB or BGR (channels are treated alike).
    :param style: "japanese" or "disney", a key of ``STYLES``.
    :return: (H, W) bool, True on a line or on the dark side of an edge.
    """
    preset = STYLES[style]
    smooth = smooth_colours(image, preset)
    return _dark_lines(smooth, preset.low) | _light_lines(smooth)


def smooth_colours(image: np.ndarray, preset: BilateralPreset) -> np.ndarray:
    """The frame with shading and compression noise flattened, edges kept. (H, W, 3) uint8.

    The cost of a bilateral filter grows with the square of its diameter: for a wide one, two passes of ten pixels stand in.
    """
    if preset.diameter <= 10:
        return cv2.bilateralFilter(image, preset.diameter, preset.sigma_colour, preset.sigma_space)
    once = cv2.bilateralFilter(image, 10, preset.sigma_colour, 10.0)
    return cv2.bilateralFilter(once, 10, preset.sigma_colour, 10.0)


def _dark_lines(smooth: np.ndarray, low: float) -> np.ndarray:
    response = np.zeros(smooth.shape[:2], np.float32)
    for channel in cv2.split(smooth):
        np.maximum(response, cv2.Laplacian(channel, cv2.CV_32F, ksize=5), out=response)
    response *= 255.0 / max(float(response.max()), LEAST_SCALE * 16)
    return hysteresis(response, low, HIGH)


def _light_lines(smooth: np.ndarray) -> np.ndarray:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (LIGHT_WIDTH, LIGHT_WIDTH))
    # The channel that it stands out in most: a coloured line need not be lighter than its surroundings in all of them.
    response = cv2.morphologyEx(smooth, cv2.MORPH_TOPHAT, kernel).max(axis=2)
    return hysteresis(response, LIGHT_LOW, LIGHT_HIGH)


def hysteresis(response: np.ndarray, low: float, high: float) -> np.ndarray:
    """Pixels over ``low`` that are connected (8 neighbours) to one over ``high``. (H, W) bool."""
    weak = response > low
    count, components = cv2.connectedComponents(weak.view(np.uint8), connectivity=8)
    keep = np.zeros(count, bool)
    keep[components[response > high]] = True
    keep[0] = False
    return keep[components]
