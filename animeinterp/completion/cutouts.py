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
from ..panning import panned_flows
from ..runtime.sides import both
from .config import DEFAULT, CompletionConfig


def may_be_cutouts(frame0: Tensor, frame1: Tensor, config: CompletionConfig = DEFAULT) -> bool:
    """Whether it is worth while to find out (``are_cutouts``): a look at small pictures, in a twentieth of a second.

    :param frame0: (1, 3, H, W) in 0..1, any device; ``frame1`` likewise.
    """
    images = [_small(to_image(frame[0]), config.cutout_side) for frame in (frame0, frame1)]
    (off, _), found = lines_off(images, panned_flows(images), config)
    if off == np.inf:  # no line moves along dense flow: nothing does, or what does goes too far for it
        changed = np.abs(images[0].astype(int) - images[1]).sum(axis=2) > config.loose_unlike
        return np.count_nonzero(changed) > config.cutout_fewest or found < config.cutout_missed
    return not config.cutout_maybe < off < config.cutout_unknown or found < config.cutout_missed


def are_cutouts(
    images: Sequence[np.ndarray], pieces: Sequence[np.ndarray], straight: Sequence[np.ndarray], completed: Sequence[np.ndarray],
    config: CompletionConfig = DEFAULT,
) -> bool:
    """Whether what moves in one image lies in the other as it is.

    :param images: both, (H, W, 3) uint8. ``straight``: the flow from either to the other, (H, W, 2) in pixels, each piece
        moving by its one affine motion; ``completed``: the same bent to what the pixels show; ``pieces``: as straight, each
        half of a line moving with the piece on its side, which tells more where lines were given to the wrong side.
    """
    (better, middle), _ = lines_off(images, completed, config)
    (by_pieces, middle_by_pieces), _ = lines_off(images, pieces, config)
    plain = lines_off(images, straight, config)[0][1]
    bends_help_little = plain < config.cutout_straight * middle
    falls = (better < min(config.cutout_off, config.cutout_grain * middle)) or (
        by_pieces < min(config.cutout_off, config.cutout_grain * middle_by_pieces)
    )
    return plain < config.cutout_surely or (falls and bends_help_little)


def are_drawn_anew(
    images: Sequence[np.ndarray], straight: Sequence[np.ndarray], config: CompletionConfig = DEFAULT,
    *, least: float | None = None,
) -> bool:
    """Whether it is plain, before motion is known well, that ``are_cutouts`` will say no. False wherever lines do not tell, or
    are off so far that it is their motion which is not known.

    :param images: both, (H, W, 3) uint8. ``straight``: as for ``are_cutouts``, but lines may move with either side's piece.
    :param least: pixels that the better lines are off at least; None: ``cutout_anew``.
    """
    (better, _), _ = lines_off(images, straight, config)
    return (config.cutout_anew if least is None else least) < better < config.cutout_unknown


def lines_off(
    images: Sequence[np.ndarray], flows: Sequence[np.ndarray], config: CompletionConfig = DEFAULT
) -> tuple[tuple[float, float], float]:
    """How far, in pixels, lines that move lie from lines of the other image: the better quarter of them, and half of them.

    What a line's pixel is off is its difference in colour by how steep colours are there.

    :param images: both, (H, W, 3) uint8. ``flows``: (H, W, 2) from the first to the second and back, in pixels.
    :return: pixels (infinite where nothing moves), and which share of the moving lines is found in the other image.
    """
    images = [cv2.GaussianBlur(image, (3, 3), 0.8).astype(np.float32) for image in images]
    side = max(images[0].shape[:2])

    def off_of(k: int) -> tuple[np.ndarray, int]:
        read, inside = warp(images[1 - k], flows[k])
        grey = cv2.cvtColor(images[k], cv2.COLOR_RGB2GRAY)
        steep = lengths(np.dstack([cv2.Sobel(grey, cv2.CV_32F, *axes, scale=1 / 8) for axes in ((1, 0), (0, 1))]))
        line = (steep > config.cutout_line) & (lengths(flows[k]) > config.cutout_moves * side)
        lines = np.count_nonzero(line)
        line &= inside & (disagreement(flows[k], flows[1 - k]) < config.cutout_returns * side)
        return np.abs(read - images[k])[line].mean(axis=1) / (steep[line] + config.cutout_noise), lines

    found, counts = zip(*both(off_of), strict=True)
    off, lines = np.concatenate(found), sum(counts)
    shares, tells = (config.cutout_better, config.cutout_middle), len(off) > config.cutout_fewest
    better, middle = np.quantile(off, shares) if tells else (np.inf, np.inf)
    return (float(better), float(middle)), len(off) / lines if lines > config.cutout_fewest else 1.0


def _small(image: np.ndarray, side: int) -> np.ndarray:
    scale = side / max(image.shape[:2])
    return image if scale >= 1 else cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
