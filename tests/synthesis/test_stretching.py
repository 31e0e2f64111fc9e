"""Where two readings have nothing in common, one of them is drawn, whole: that which is stretched less."""

import math

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from animeinterp.images import without_holes
from animeinterp.synthesis.config import STRETCHING
from animeinterp.synthesis.painting import Fused, Halfway
from animeinterp.synthesis.stretching import _stretch, less_stretched

HEIGHT, WIDTH = 64, 96  # at 1/4
EYE = (slice(24, 40), slice(30, 60))  # half-way, at 1/4


def opening(high0=4.0, high1=32.0):
    """A motion at 1/4 that leads from half-way, where an eye is 16 high, to where it is so high in either drawing."""
    rows = torch.arange(HEIGHT) - 31.5
    fields = []
    for high in (high0, high1):
        inside = rows * (high / 16)
        outside = rows.sign() * (high / 2 + (rows.abs() - 8) * (31.5 - high / 2) / (31.5 - 8))
        dy = torch.where(rows.abs() < 8, inside, outside) - rows
        columns = torch.zeros(WIDTH)
        columns[EYE[1]] = 1.0
        fields += [torch.zeros(HEIGHT, WIDTH), dy[:, None] * columns]
    return torch.stack(fields)[None]


def readings(holes=True):
    """Of a lash, dark all over, and of an eye, that is partly as dark: they differ where the eye is white."""
    first, last = torch.full((1, 3, HEIGHT, WIDTH), 0.8), torch.full((1, 3, HEIGHT, WIDTH), 0.8)
    first[..., EYE[0], EYE[1]], last[..., EYE[0], EYE[1]] = 0.1, 0.6
    if holes:
        last[..., 30:33, 42:46] = 0.1  # the pupil
    return first, last


def test_how_much_something_is_stretched_is_the_logarithm_of_its_area():
    rows, columns = torch.meshgrid(torch.arange(20.0), torch.arange(30.0), indexing="ij")
    for factor, expected in ((0.5, math.log(2)), (1.0, 0.0), (2.0, 0.0), (0.01, math.log(10))):
        for field in ((torch.zeros_like(rows), (factor - 1) * rows), ((factor - 1) * columns, torch.zeros_like(rows))):
            found = _stretch(torch.stack(field)[None])[0, 0, 2:-2, 2:-2]
            assert torch.allclose(found, torch.full_like(found, expected), atol=1e-5)
    turned = torch.stack([-columns - rows, columns - rows])[None]  # by a quarter: nothing is stretched
    assert _stretch(turned)[0, 0, 2:-2, 2:-2].abs().max() < 1e-5


@pytest.mark.parametrize("swapped", [False, True])
def test_the_eye_is_drawn_and_not_the_lash_that_is_stretched(swapped):
    motion, (first, last) = opening(), readings()
    if swapped:
        motion, first, last = motion[:, [2, 3, 0, 1]], last, first
    speaks = less_stretched(motion, first, last)
    sign = 1.0 if swapped else -1.0
    whole = (sign * speaks)[0, 0, 25:39, 31:59]
    assert whole.min() == STRETCHING.less_stretched, "all of it, the pupil too, in which they are alike"
    far = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)
    far[20:44, 26:64] = False
    assert speaks[0, 0][far].abs().max() == 0


@pytest.mark.parametrize("why", ["alike", "moves", "stretched as much"])
def test_otherwise_nothing_is_said(why):
    motion, (first, last) = opening(), readings()
    if why == "alike":
        last = first + 0.05
    if why == "moves":
        motion = torch.tensor([5.0, 3.0, -5.0, -3.0]).reshape(1, 4, 1, 1).expand(1, 4, HEIGHT, WIDTH)
    if why == "stretched as much":
        motion = opening(8.0, 8.5)
    assert less_stretched(motion, first, last).abs().max() == 0


def test_holes_are_filled():
    mask = np.zeros((60, 80), bool)
    mask[20:40, 20:30] = mask[20:40, 33:44] = True
    mask[26:34, 36:40] = False
    filled = without_holes(mask)
    assert filled[20:40, 33:44].min() == 1 and filled.dtype == np.float32
    filled[20:40, 33:44] = mask[20:40, 33:44]
    assert np.array_equal(filled, mask), "and nothing else is another"
    assert without_holes(mask & False).max() == 0


@torch.no_grad()
@pytest.mark.parametrize("time", [0.25, 0.5, 0.75])
def test_an_eye_opens_at_every_time(time):
    """Of a lash in one drawing and an eye in the other, the eye, as high as it is then, on every way between them."""
    frames = []
    for k, high in enumerate((16, 128)):
        frame = torch.full((1, 3, 4 * HEIGHT, 4 * WIDTH), 0.8)
        frame[..., 128 - high // 2 : 128 + high // 2, 120:240] = 0.6 if k else 0.1
        frames.append(frame)
    nothing = torch.zeros(1, 3, 4 * HEIGHT, 4 * WIDTH)
    made = Halfway(frames, Fused(opening(), nothing[:, :1], nothing), (4 * HEIGHT, 4 * WIDTH), None).at(time)
    middle = made[0, 0, :, 140:220]
    assert middle[124:132].min() > 0.55, "nothing of the lash"
    high = (F.threshold(0.75 - middle, 0.0, 0.0) > 0).sum(dim=0).float().mean()
    half = 64.0  # 16 at 1/4
    expected = 2 * (time - 0.5) * (time - 1) * 16 + 4 * time * (1 - time) * half + 2 * time * (time - 0.5) * 128
    assert abs(high - expected) < 8
