"""A drawing is drawn as well at any size: lengths in pixels that were chosen at one do not fail at another.

Pixels are not the same at any size: a line one pixel wide that moves by half of one comes out softer than it was drawn, whoever
moves it, and however well (docs/numbers.md). So what moves slowly is worse where it is small, and what moves fast is the same.
"""

import pytest
import torch
from torch.nn.functional import avg_pool2d

from animeinterp import interpolate
from animeinterp.datasets.cartoon import CartoonConfig, draw
from animeinterp.datasets.clips import _CLEAN
from animeinterp.evaluation.metrics import psnr_moving, to_8bit


def qualities(seed, size, motion):
    """dB over moving pixels of the in-between of a quarter of ``size``, of half and of the whole, all shrunk to the first."""
    sample = draw(seed, size=size, times=(0.5,), config=CartoonConfig(**{**_CLEAN.__dict__, "motion": motion}))
    drawing = [to_8bit(frame) for frame in (sample.frame0, sample.mids[:, 0], sample.frame1)]
    first, true, last = (to_8bit(avg_pool2d(frame, 4)) for frame in drawing)
    found = []
    for times in (4, 2, 1):
        frames = [to_8bit(avg_pool2d(drawing[k], times)) for k in (0, 2)]
        drawn = interpolate(torch.cat(frames), model=None)[1:2]
        found.append(psnr_moving(to_8bit(avg_pool2d(drawn, 4 // times)), true, first, last))
    return found


def test_what_moves_fast_is_drawn_the_same_at_360_720_and_1440_lines():
    smallest, middle, largest = qualities(306, (1440, 960), (0.05, 0.25))
    assert smallest == pytest.approx(middle, abs=1.0) and middle == pytest.approx(largest, abs=1.0)


def test_what_moves_slowly_is_no_worse_where_it_is_larger():
    smallest, middle, largest = qualities(204, (480, 832), (0.015, 0.05))
    assert smallest > 20
    assert middle > smallest - 1 and largest > middle - 1
