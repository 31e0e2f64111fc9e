"""Contours: the lines that bound the colour pieces of a frame (paper 3.1, "Color Piece Segmentation").

An edge-preserving filter flattens shading, a Laplacian finds the dark side of every edge and line, hysteresis keeps weak
responses that hang on strong ones. Light lines, which a Laplacian of one sign does not see, come from a white top-hat.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import NamedTuple

import cv2
import numpy as np


class BilateralPreset(NamedTuple):
    """Parameters of the bilateral filter and of the hysteresis that follows (REFERENCE values of the method).

    ``spacings``: of the passes that stand in for the one wide filter of the method, see ``smooth_colours``.
    """

    sigma_colour: float
    sigma_space: float
    low: float
    spacings: tuple[int, ...]


STYLES = {
    "japanese": BilateralPreset(10.0, 10.0, 2.0, (2, 1, 1)),  # for 10 pixels of diameter
    "disney": BilateralPreset(40.0, 30.0, 1.0, (3, 2, 1)),  # for 30
}
PASS = 5  # pixels: the diameter of one pass
HIGH = 20.0  # hysteresis: a line has to reach this somewhere
LEAST_SCALE = 64.0  # a frame whose strongest response is weaker than this is not stretched further: that would be noise
# Compression leaves ripples beside edges, which would be lines that cut off all that is narrow: three quarters of what a plain
# colour is off there, in levels, times NOISE_GAIN are flattened, up to MOST_COLOUR.
EDGE, BESIDE, NEXT_TO = 40, 9, 5  # levels of an edge; pixels across: the band beside it, but not its own soft rim
NOISE_SHARE, NOISE_GAIN, MOST_COLOUR = 0.75, 7.0, 40.0
LIGHT_LOW, LIGHT_HIGH = 12, 40  # hysteresis of the top-hat, in 8-bit levels
LIGHT_WIDTH = 7  # light structures thinner than this are lines


def find_contours(image: np.ndarray, style: str = "japanese") -> np.ndarray:
    """Line pixels of one frame.

    :param image: (H, W, 3) uint8, RGB or BGR (channels are treated alike).
    :param style: "japanese" or "disney", a key of ``STYLES``.
    :return: (H, W) bool, True on a line or on the dark side of an edge.
    """
    preset = STYLES[style]
    flattened = min(NOISE_GAIN * compression_noise(image), MOST_COLOUR)
    preset = preset._replace(sigma_colour=max(preset.sigma_colour, flattened))
    channels = cv2.split(smooth_colours(image, preset))
    return _dark_lines(channels, preset.low) | _light_lines(channels)


def compression_noise(image: np.ndarray) -> float:
    """How many levels plain colours (H, W, 3) uint8 are off beside edges; 0 where nothing was compressed with loss."""
    plain = cv2.medianBlur(image, 5)
    steep = cv2.morphologyEx(plain, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8))
    edge = (np.maximum.reduce(cv2.split(steep)) > EDGE).astype(np.uint8)
    beside = cv2.dilate(edge, np.ones((BESIDE, BESIDE), np.uint8)) > cv2.dilate(edge, np.ones((NEXT_TO, NEXT_TO), np.uint8))
    off = np.maximum.reduce(cv2.split(cv2.absdiff(image, plain)))[beside]
    return float(np.quantile(off, NOISE_SHARE)) if off.size else 0.0


def smooth_colours(image: np.ndarray, preset: BilateralPreset) -> np.ndarray:
    """The frame with shading and compression noise flattened, edges kept. (H, W, 3) uint8.

    The cost of a bilateral filter grows with the square of its diameter. Small passes, the pixels of each further apart
    than those of the next (the a-trous way: Dammertz et al., "Edge-Avoiding A-Trous Wavelet Transform", HPG 2010),
    spread as far at a fifth of the cost or less.
    """
    for spacing in preset.spacings:
        smooth = np.empty_like(image)
        for y in range(spacing):
            for x in range(spacing):
                phase = np.ascontiguousarray(image[y::spacing, x::spacing])
                if phase.size:
                    smooth[y::spacing, x::spacing] = cv2.bilateralFilter(
                        phase, PASS, preset.sigma_colour, preset.sigma_space
                    )
        image = smooth
    return image


def _dark_lines(channels: tuple[np.ndarray, ...], low: float) -> np.ndarray:
    response = _strongest(cv2.Laplacian(channel, cv2.CV_16S, ksize=5) for channel in channels)
    scale = 255.0 / max(float(response.max()), LEAST_SCALE * 16)
    return hysteresis(response, low / scale, HIGH / scale)


def _light_lines(channels: tuple[np.ndarray, ...]) -> np.ndarray:
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (LIGHT_WIDTH, LIGHT_WIDTH))
    # The channel that it stands out in most: a coloured line need not be lighter than its surroundings in all of them.
    response = _strongest(cv2.morphologyEx(channel, cv2.MORPH_TOPHAT, kernel) for channel in channels)
    return hysteresis(response, LIGHT_LOW, LIGHT_HIGH)


def _strongest(responses: Iterable[np.ndarray]) -> np.ndarray:
    return reduce(cv2.max, responses)


def hysteresis(response: np.ndarray, low: float, high: float) -> np.ndarray:
    """Pixels over ``low`` that are connected (8 neighbours) to one over ``high``. (H, W) integers to (H, W) bool."""
    weak = response > int(np.floor(low))  # of integers, the same, and nothing is converted
    count, components = cv2.connectedComponents(weak.view(np.uint8), connectivity=8)
    keep = np.zeros(count, bool)
    keep[components[response > int(np.floor(high))]] = True
    keep[0] = False
    return keep.take(components)
