"""A drawing is drawn as well at any size: lengths in pixels that were chosen at one do not fail at another."""

import pytest
import torch
from torch.nn.functional import avg_pool2d

from animeinterp import interpolate
from animeinterp.datasets.cartoon import CartoonConfig, draw
from animeinterp.datasets.clips import _CLEAN
from animeinterp.evaluation.metrics import psnr_moving, to_8bit


@pytest.fixture(scope="module")
def drawing():
    config = CartoonConfig(**{**_CLEAN.__dict__, "motion": (0.015, 0.05)})
    sample = draw(204, size=(480, 832), times=(0.5,), config=config)
    return [to_8bit(frame) for frame in (sample.frame0, sample.mids[:, 0], sample.frame1)]


def test_the_larger_is_no_worse(drawing):
    """Shrunk to the smallest size, the in-between of each size is as good as that of the size below, less 1 dB."""
    first, true, last = (avg_pool2d(frame, 4) for frame in drawing)
    quality = []
    for times in (4, 2, 1):
        frames = [avg_pool2d(drawing[k], times) for k in (0, 2)]
        drawn = interpolate(torch.cat(frames), model=None)[1:2]
        quality.append(psnr_moving(to_8bit(avg_pool2d(drawn, 4 // times)), true, first, last))
    assert quality[0] > 20
    assert quality[1] > quality[0] - 1 and quality[2] > quality[1] - 1
