"""Trapped-ball fill: regions between contours whose gaps do not leak (paper 3.1).

Zhang et al., "Vectorizing Cartoon Animations", TVCG 2009. A ball of radius r rolls between the lines; what one ball
reaches is one region, and a gap narrower than the ball holds it back. Smaller balls then fill what is left.

The ball's centres are the pixels further than r from every line, so one distance transform finds the centres of all
balls at once, connected components tell the regions apart, and a second distance transform grows them back by r: no seed
is filled on its own.
"""

from __future__ import annotations

import cv2
import numpy as np


def trapped_ball_fill(lines: np.ndarray, radius: int = 3, least: int = 1) -> np.ndarray:
    """Regions between lines, by balls of ``radius``, ``radius`` - 1, ..., 1.

    What no ball reaches is two pixels wide at most: the inside of a thick line, or a crumb in a corner. It counts as line,
    where a plain fill would make a region of each.

    :param lines: (H, W) bool, True on a line.
    :param radius: of the first ball, in pixels; 0 is a plain fill, through which every gap leaks.
    :param least: regions of fewer pixels that hold no ball of radius 2 count as line too.
    :return: (H, W) int32, 0 on lines, 1..K in the regions.
    """
    regions = np.zeros(lines.shape, np.int32)
    free = ~lines
    if radius == 0:
        _append(regions, cv2.connectedComponents(free.view(np.uint8), connectivity=4)[1])
        return regions
    thick = 0
    for ball in range(radius, 0, -1):
        _fill(regions, free, ball)
        if ball == min(2, radius):
            thick = int(regions.max())
    crumb = np.bincount(regions.ravel()) < least
    crumb[: thick + 1] = False
    regions[crumb[regions]] = 0
    return regions


def _fill(regions: np.ndarray, free: np.ndarray, ball: int) -> None:
    """Write the regions of one ball into ``regions`` and take their pixels out of ``free``, both in place."""
    centres = _distance_to_blocked(free) > ball
    count, components = cv2.connectedComponents(centres.view(np.uint8), connectivity=4)
    if count == 1:
        return
    distance, grown = grow(components)
    grown[(distance > ball) | ~free] = 0
    _append(regions, grown)
    free &= grown == 0


def grow(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every pixel's nearest label, and the distance to it in pixels.

    :param labels: (H, W) int32, 0 where there is none; at least one pixel must be labelled.
    :return: (H, W) float32 distances, (H, W) int32 labels.
    """
    distance, nearest = cv2.distanceTransformWithLabels(
        (labels == 0).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    # OpenCV numbers the labelled pixels in an order of its own: read the number off each, then look the label up.
    seeds = labels > 0
    lookup = np.zeros(int(nearest.max()) + 1, np.int32)
    lookup[nearest[seeds]] = labels[seeds]
    return distance, lookup[nearest]


def _distance_to_blocked(free: np.ndarray) -> np.ndarray:
    # The frame's border does not block: a piece that leaves the frame goes on behind it.
    if free.all():
        return np.full(free.shape, np.inf, np.float32)
    return cv2.distanceTransform(free.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)


def _append(regions: np.ndarray, components: np.ndarray) -> None:
    """Number the non-zero ``components`` on from those in ``regions``."""
    new = components > 0
    regions[new] = components[new] + regions.max()
