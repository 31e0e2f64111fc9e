"""A flow carried to a time between: where it comes from in either drawing, what is in front before what is behind."""

import pytest
import torch

from animeinterp.flow import Flow
from animeinterp.synthesis.motion_splatting import SCALE, splat_motion

HEIGHT, WIDTH = 64, 96
CELL = (0, slice(None), 3, 6)  # of the motion: the pixels from (24, 48) on


def passing(depth):
    """A box goes 32 pixels to the right over ground that goes 16 to the left; both are known from either side."""
    frames, fields, depths = [], [], []
    for k in (0, 1):
        there = (..., slice(16, 40), slice(32 + 32 * k, 48 + 32 * k))
        frame, field = torch.full((1, 3, HEIGHT, WIDTH), 0.5), torch.zeros(1, 2, HEIGHT, WIDTH)
        order = torch.zeros(1, 1, HEIGHT, WIDTH)
        frame[there] = 0.8
        field[:, 0], order[there] = (-16 if k == 0 else 16), depth
        field[0, 0][there[1:]] = 32 if k == 0 else -32
        frames.append(frame)
        fields.append(field)
        depths.append(order)
    return frames, fields, depths


@pytest.mark.parametrize("front", [3.0, 100.0])
def test_what_is_in_front_is_where_both_land(front, time=0.5):
    for sign, way in ((1, 32.0), (-1, -16.0)):
        frames, fields, depths = passing(sign * front)
        start = splat_motion(*frames, Flow(*fields, depth_0=depths[0], depth_1=depths[1]), time)
        assert torch.isfinite(start.motion).all()
        expected = torch.tensor([-time * way, 0, (1 - time) * way, 0]) / SCALE
        assert (start.motion[CELL] - expected).abs().max() < 0.1


@pytest.mark.parametrize("time", [0.0, 0.25, 0.5, 1.0])
def test_a_shift_leads_to_both_drawings_at_any_time(time):
    frame, field = torch.full((1, 3, HEIGHT, WIDTH), 0.5), torch.zeros(1, 2, HEIGHT, WIDTH)
    field[:, 0], field[:, 1] = 16, -8
    start = splat_motion(frame, frame, Flow(field, -field), time)
    inside = start.motion[0, :, 2:-2, 3:-3].flatten(1)
    expected = torch.tensor([-16 * time, 8 * time, 16 * (1 - time), -8 * (1 - time)]) / SCALE
    assert (inside - expected[:, None]).abs().max() < 1e-3 and (start.known[0, :, 2:-2, 3:-3] > 0.99).all()


def test_a_way_that_does_not_lead_back_is_believed_less():
    frame, field = torch.full((1, 3, HEIGHT, WIDTH), 0.5), torch.zeros(1, 2, HEIGHT, WIDTH)
    field[:, 0] = 8
    starts = [splat_motion(frame, frame, Flow(field, back), 0.5) for back in (-field, 2 * field)]
    sure, off = (start.known[0, :, 3:5, 4:8] for start in starts)
    assert sure.min() > 0.99 and off[0].min() >= 0 and off.mean() < 0.7


def test_the_farther_it_goes_the_more_it_may_miss():
    frame, believed = torch.full((1, 3, HEIGHT, WIDTH), 0.5), []
    for way in (4.0, 24.0):
        field = torch.zeros(1, 2, HEIGHT, WIDTH)
        field[:, 0] = way
        back = -field
        back[:, 1] = 2.5  # pixels that the way back misses by
        believed.append(float(splat_motion(frame, frame, Flow(field, back), 0.5).known[0, 0, 3:5, 5:7].mean()))
    assert 0.2 < believed[0] < believed[1] - 0.1 and believed[1] < 1


def test_where_little_lands_little_is_known():
    """All goes away from the middle, in both drawings: what half a pixel lands on is half known."""
    frame, field = torch.full((1, 3, HEIGHT, WIDTH), 0.5), torch.zeros(1, 2, HEIGHT, WIDTH)
    field[:, 0, :, : WIDTH // 2], field[:, 0, :, WIDTH // 2 :] = -9, 9
    known = splat_motion(frame, frame, Flow(field, field), 0.5).known
    middle = known[..., 3:5, WIDTH // SCALE // 2 - 1 : WIDTH // SCALE // 2 + 1]
    assert known.max() <= 1 and 0 < middle.max() < 0.6
