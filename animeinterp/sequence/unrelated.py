"""Two frames that have nothing in common: a cut, or a drawing of something else. There is no motion between them."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from ..images import area_average, to_image
from .detection import CUT_WIDTH, UNLIKE, unmatched

# The share of a frame that dense flow finds nowhere in the other. Of 144 pairs of real and drawn animation at full speed none
# has over 0.44, and of frames of different films hardly any under 0.7.
_NOTHING = 0.65
_FLAT = 6.0  # levels by which a frame deviates from its mean: less is a plain colour, which everything fades to


def nothing_in_common(frame0: Tensor, frame1: Tensor) -> bool:
    """Whether hardly anything of one frame (1, 3, H, W) is found in the other; both are in one light (``light.Leveled``)."""
    one, other = _small(frame0), _small(frame1)
    if (cv2.absdiff(one, other).max(axis=2) > UNLIKE).mean() < _NOTHING:
        return False  # most is where it was: the usual case, at no cost
    if min(one.std(), other.std()) < _FLAT:
        return False
    return min(unmatched(one, other), unmatched(other, one)) > _NOTHING


def _small(frame: Tensor) -> np.ndarray:
    """(H, W, 3) uint8, without specks."""
    height, width = frame.shape[-2:]
    if width > CUT_WIDTH:
        frame = area_average(frame.float(), (max(round(height * CUT_WIDTH / width), 1), CUT_WIDTH))
    with torch.no_grad():
        return cv2.medianBlur(to_image(frame[0]), 3)
