"""Trapped-ball fill: regions between contours whose gaps do not leak (paper 3.1).

Zhang et al., "Vectorizing Cartoon Animations", TVCG 2009. A ball of radius r rolls between the lines; what one ball
reaches is one region, and a gap narrower than the ball holds it back. Smaller balls then fill what is left.

The ball's centres are the pixels further than r from every line, so one erosion finds the centres of all balls at once,
connected components tell the regions apart, and all grow back by r together: no seed is filled on its own.
"""

from __future__ import annotations

import cv2
import numpy as np

LARGEST_KERNEL = 8  # pixels of radius: above this a distance transform is cheaper than a kernel
GROWTH = 6  # pixels that labels grow step by step; a distance transform finds the label of what is further off
_STEPS = tuple(cv2.getStructuringElement(shape, (3, 3)) for shape in (cv2.MORPH_CROSS, cv2.MORPH_RECT))


def trapped_ball_fill(lines: np.ndarray, radius: int = 3, least: int = 1) -> np.ndarray:
    """Regions between lines, by balls of ``radius``, ``radius`` - 1, ..., 1.

    What no ball reaches is two pixels wide at most: the inside of a thick line, or a crumb in a corner. It counts as line,
    where a plain fill would make a region of each.

    :param lines: (H, W) bool, True on a line.
    :param radius: of the first ball, in pixels; 0 is a plain fill, through which every gap leaks.
    :param least: regions of fewer pixels that hold no ball of radius 2 count as line too.
    :return: (H, W) int32, 0 on lines, 1..K in the regions.
    """
    if radius == 0:
        return cv2.connectedComponents((~lines).view(np.uint8), connectivity=4)[1]
    free, count, thick = ~lines, 0, 0
    regions = np.zeros(lines.shape, np.uint16)
    for ball in range(radius, 0, -1):
        grown, count = _fill(free, ball, count)
        regions = np.maximum(regions, grown)
        free &= grown == 0
        if ball == min(2, radius):
            thick = count
    crumb = np.bincount(regions.ravel().astype(np.intp), minlength=count + 1) < least
    crumb[: thick + 1] = False
    return np.where(crumb, 0, np.arange(count + 1)).astype(np.int32).take(regions.astype(np.intp))


def _fill(free: np.ndarray, ball: int, count: int) -> tuple[np.ndarray, int]:
    """The regions that one ball finds in ``free``, numbered on from ``count`` (H, W), 0 elsewhere; and the new count."""
    centres = ~within(~free, ball)
    found, components = cv2.connectedComponents(centres.view(np.uint8), connectivity=4)
    numbers = np.arange(count, count + found)
    numbers[0] = 0
    count += found - 1
    regions = numbers.astype(_smallest_type(count)).take(components)
    for step in range(ball):
        regions = _spread(regions, step)
    return regions * (within(centres, ball) & free), count


def within(mask: np.ndarray, distance: int) -> np.ndarray:
    """Pixels that lie no further than ``distance`` pixels from one of ``mask``, both (H, W) bool.

    By OpenCV's 5x5 chamfer metric. What lies outside of the frame is of no ``mask``: where that means lines, a piece that
    leaves the frame goes on behind it.
    """
    if not mask.any():
        return np.zeros_like(mask)
    if distance > LARGEST_KERNEL:
        return cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5) <= distance
    point = np.ones((2 * distance + 1, 2 * distance + 1), np.uint8)
    point[distance, distance] = 0
    disc = (cv2.distanceTransform(point, cv2.DIST_L2, cv2.DIST_MASK_5) <= distance).astype(np.uint8)
    return cv2.dilate(mask.view(np.uint8), disc).view(bool)


def _spread(labels: np.ndarray, step: int) -> np.ndarray:
    """Let labels (0: none) grow by a pixel where there is none; cross and square take turns, as an octagon is roundish."""
    grown = cv2.dilate(labels, _STEPS[step % 2])
    return cv2.copyTo(labels, (labels > 0).view(np.uint8), grown)


def grow(labels: np.ndarray) -> np.ndarray:
    """Give every pixel without a label the nearest one.

    :param labels: (H, W) int32, 0 where there is none; at least one pixel must be labelled.
    :return: (H, W) int32.
    """
    grown = labels.astype(_smallest_type(int(labels.max())))
    for step in range(GROWTH):
        grown = _spread(grown, step)
    grown = grown.astype(np.int32)
    empty = (grown == 0).view(np.uint8)
    left = np.flatnonzero(empty)
    if left.size:
        _, nearest = cv2.distanceTransformWithLabels(
            empty, cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
        )
        # OpenCV numbers the labelled pixels in an order of its own: read the number off each that can be a nearest one,
        # then look the label up.
        flat, nearest = grown.ravel(), nearest.ravel()
        rim = np.flatnonzero(cv2.dilate(empty, _STEPS[1]) > empty)
        lookup = np.zeros(int(nearest.max()) + 1, np.int32)
        lookup[nearest.take(rim)] = flat.take(rim)
        flat[left] = lookup.take(nearest.take(left))
    return grown


def _smallest_type(highest: int) -> type:
    """For labels as large as this: dilations take as long as the type is wide."""
    return np.uint16 if highest < 2**16 else np.float32  # of the types that OpenCV dilates
