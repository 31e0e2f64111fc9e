"""Whether two drawings are one cut-out figure moved, or drawn anew: which way of drawing in between suits them.

The pieces of a puppet, or of a painting that a camera pans over, lie in the other drawing as they are: once their motion is
known, lines fall on lines to a small part of a pixel, and a bend that dense flow adds betters nothing. Lines that an animator
drew again bend from drawing to drawing, and those of a film are off by a good part of a pixel however well the motion is known.
How far off the better lines are tells these apart, and does not ask that every motion be found.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from torch import Tensor

from ..dense_flow import disagreement, lengths, warp
from ..images import to_image
from .panning import panned_flows

BETTER, MIDDLE = 0.25, 0.5  # of the lines, from the best
OFF = 0.084  # pixels, that the better lines of cut-outs are off at most along their completed flow
GRAIN = 0.58  # times what the middle line is off, at most: lines off alike are off by the grain of a film, and tell nothing
STRAIGHT = 1.42  # times: how much farther off than along that the middle line is along each piece's own plain motion
ANEW = 0.1  # pixels: where even the better lines are off more along plain motions, no bend brings them under OFF
SURELY = 0.05  # pixels: where the middle line is off less, along plain motions, nothing was drawn anew
MAYBE_OFF = 0.12  # pixels of a picture of SIDE, along its dense flow: beyond it they are no cut-outs
LOST = 0.15  # of the lines that move, so few come back along dense flow that it tells nothing
SIDE = 480  # pixels of the longer side of the picture that is looked at first
LINE, NOISE = 4.0, 2.0  # levels a pixel: from which slope on it is a line; a slope that any pixel may have
MOVES = 2e-3  # of the longer side: lines that move less far than this are of no interest here
RETURNS = 4e-3  # of the longer side: how near the way there and back has to end to where it began
FEWEST = 50  # pixels of lines from which on there is something to tell


def may_be_cutouts(frame0: Tensor, frame1: Tensor) -> bool:
    """Whether it is worth while to find out (``are_cutouts``): a look at small pictures, in a twentieth of a second.

    :param frame0: (1, 3, H, W) in 0..1, any device; ``frame1`` likewise.
    """
    images = [_small(to_image(frame[0])) for frame in (frame0, frame1)]
    (off, _), found = lines_off(images, panned_flows(images))
    return off < MAYBE_OFF or found < LOST


def are_cutouts(images: Sequence[np.ndarray], straight: Sequence[np.ndarray], completed: Sequence[np.ndarray]) -> bool:
    """Whether what moves in one image lies in the other as it is.

    :param images: both, (H, W, 3) uint8. ``straight``: the flow from either to the other, (H, W, 2) in pixels, each piece
        moving by its one affine motion; ``completed``: the same bent to what the pixels show.
    """
    (better, middle), _ = lines_off(images, completed)
    plain = lines_off(images, straight)[0][1]
    return plain < SURELY or (better < min(OFF, GRAIN * middle) and plain < STRAIGHT * middle)


def are_drawn_anew(images: Sequence[np.ndarray], straight: Sequence[np.ndarray]) -> bool:
    """Whether it is plain, before motion is known well, that ``are_cutouts`` will say no. False wherever lines do not tell.

    :param images: both, (H, W, 3) uint8. ``straight``: as for ``are_cutouts``, but lines may move with either side's piece.
    """
    (better, _), found = lines_off(images, straight)
    return found > LOST and ANEW < better < np.inf


def lines_off(images: Sequence[np.ndarray], flows: Sequence[np.ndarray]) -> tuple[tuple[float, float], float]:
    """How far, in pixels, lines that move lie from lines of the other image: the better quarter of them, and half of them.

    What a line's pixel is off is its difference in colour by how steep colours are there.

    :param images: both, (H, W, 3) uint8. ``flows``: (H, W, 2) from the first to the second and back, in pixels.
    :return: pixels (infinite where nothing moves), and which share of the moving lines is found in the other image.
    """
    images = [cv2.GaussianBlur(image, (3, 3), 0.8).astype(np.float32) for image in images]
    side = max(images[0].shape[:2])
    found, lines = [], 0
    for k in (0, 1):
        read, inside = warp(images[1 - k], flows[k])
        grey = cv2.cvtColor(images[k], cv2.COLOR_RGB2GRAY)
        steep = lengths(np.dstack([cv2.Sobel(grey, cv2.CV_32F, *axes, scale=1 / 8) for axes in ((1, 0), (0, 1))]))
        line = (steep > LINE) & (lengths(flows[k]) > MOVES * side)
        lines += np.count_nonzero(line)
        line &= inside & (disagreement(flows[k], flows[1 - k]) < RETURNS * side)
        found.append(np.abs(read - images[k]).mean(axis=2)[line] / (steep[line] + NOISE))
    off = np.concatenate(found)
    better, middle = np.quantile(off, (BETTER, MIDDLE)) if len(off) > FEWEST else (np.inf, np.inf)
    return (float(better), float(middle)), len(off) / lines if lines > FEWEST else 1.0


def _small(image: np.ndarray) -> np.ndarray:
    scale = SIDE / max(image.shape[:2])
    return image if scale >= 1 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
