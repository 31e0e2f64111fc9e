"""A camera that pans: the shift of the picture is found at once, and dense flow begins there."""

import numpy as np
import pytest
import torch

import animeinterp as ai
from animeinterp.datasets.cartoon import CartoonConfig, draw
from animeinterp.dense_flow import dis_flow
from animeinterp.evaluation.metrics import psnr
from animeinterp.images import to_image
from animeinterp.panning import frame_shift, panned_flow

SHOT = CartoonConfig(motion=(0.004, 0.01), figures=(1, 1), hold=0, plain=0, line_art=0, inverted=0)
HEIGHT, WIDTH = 135, 240


def pan(seed, by, height=HEIGHT, width=WIDTH):
    """Two windows (1, 3, H, W) of one wide drawing, ``by`` pixels apart, and the one half-way."""
    wide = draw(seed, size=(height, width + by), config=SHOT).frame0
    return [wide[..., x : x + width] for x in (by, by // 2, 0)]


@pytest.mark.parametrize(("seed", "by"), [(601, 48), (604, 64), (606, 72)])
def test_the_shift_of_a_pan_is_found_both_ways(seed, by):
    first, _, last = (to_image(frame[0]) for frame in pan(seed, by))
    assert np.allclose(frame_shift(first, last), (by, 0), atol=1.0)
    assert np.allclose(frame_shift(last, first), (-by, 0), atol=1.0)


def test_up_and_down_and_in_larger_frames():
    tall = draw(602, size=(2 * HEIGHT + 80, 2 * WIDTH), config=SHOT).frame0
    first, last = to_image(tall[0, :, 80:]), to_image(tall[0, :, :-80])
    assert np.allclose(frame_shift(first, last), (0, 80), atol=2.0)


def test_no_shift_where_the_camera_stands():
    fast = draw(521, size=(HEIGHT, WIDTH), config=CartoonConfig(motion=(0.05, 0.08), hold=0, plain=0, line_art=0, inverted=0))
    still = pan(601, 4)
    flat = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    for one, other in ((fast.frame0, fast.frame1), (still[0], still[2])):
        assert frame_shift(to_image(one[0]), to_image(other[0])) is None
    assert frame_shift(flat, flat) is None and frame_shift(flat, flat // 2) is None


def test_dense_flow_begins_at_the_shift_and_leaves_what_the_camera_follows():
    first, _, last = (to_image(frame[0]) for frame in pan(601, 64))
    for image in (first, last):  # a figure that the camera goes along with
        image[40:90, 100:140] = (20, 40, 200)
        image[50:60, 110:130] = (250, 250, 30)
    shift = frame_shift(first, last)
    flow, plain = panned_flow(first, last, shift), dis_flow(first, last)
    behind = np.ones((HEIGHT, WIDTH), bool)
    behind[:, WIDTH - 64 :] = behind[30:100, 90:150] = behind[:, 26:90] = False  # leaves the frame, or passes behind the figure
    off = np.abs(flow - np.float32([64, 0])).sum(axis=2)
    assert np.median(off[behind]) < 0.5 and (off[behind] > 3).mean() < 0.1
    assert (np.abs(plain - np.float32([64, 0])).sum(axis=2)[behind] > 3).mean() > 0.3, "it does follow; choose a longer pan"
    assert np.abs(flow[48:62, 108:132]).mean() < 0.5
    assert np.array_equal(panned_flow(first, last, None), plain)


def test_a_long_pan_is_drawn():
    first, middle, last = pan(602, 120, 180, 320)
    drawn = ai.interpolate(torch.cat([first, last]), times=[0.5], model=None)[1:2]
    assert psnr(drawn[..., 120:-120], middle[..., 120:-120]) > 50
