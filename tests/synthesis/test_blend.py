"""The weights-free in-between: sharp where things move, whole where they part, in order where they overlap."""

import numpy as np
import pytest
import torch

from animeinterp import AnimeInterpError
from animeinterp.flow import Flow, displacement
from animeinterp.synthesis.blend import _evened_share, _standing_out, blend, fill_holes
from animeinterp.synthesis.config import BLEND, BlendConfig
from animeinterp.synthesis.sampling import _sample_torch, sample_lanczos


def smooth(height=48, width=64, channels=3, seed=0) -> torch.Tensor:
    small = torch.rand(1, channels, height // 8, width // 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(small, (height, width), mode="bicubic").clamp(0, 1)


def uniform(frame: torch.Tensor, dx: float, dy: float) -> Flow:
    field = torch.tensor([float(dx), float(dy)])[None, :, None, None].expand(1, 2, *frame.shape[-2:]).contiguous()
    return Flow(field, -field)


def test_no_motion_is_the_identity_at_any_time():
    frame = smooth()
    mids = blend(frame, frame, uniform(frame, 0, 0), [0.0, 0.25, 0.5, 1.0])
    assert (mids - frame).abs().max() < 1e-5


def test_the_ends_are_the_frames():
    frame0, frame1 = smooth(seed=1), smooth(seed=2)
    first, last = blend(frame0, frame1, uniform(frame0, 0, 0), [0, 1])
    assert (first - frame0[0]).abs().max() < 1e-5 and (last - frame1[0]).abs().max() < 1e-5


@pytest.mark.parametrize("t", [0.25, 0.5, 0.75])
def test_a_pan_is_followed(t):
    frame0 = smooth()
    frame1 = frame0.roll((4, 8), dims=(2, 3))
    truth = frame0.roll((round(4 * t), round(8 * t)), dims=(2, 3))
    mid = blend(frame0, frame1, uniform(frame0, 8, 4), [t])
    assert (mid - truth)[..., 10:-10, 14:-14].abs().max() < 0.02


def test_a_line_keeps_its_darkness_half_a_pixel_along():
    rows = torch.linspace(-24, 23, 48)
    line = 1 - torch.exp(-(rows**2) / 2)
    half = 1 - torch.exp(-((rows - 0.5) ** 2) / 2)
    frame0 = line[:, None].expand(1, 3, 48, 64).contiguous()
    frame1 = frame0.roll(1, dims=2)
    mid = blend(frame0, frame1, uniform(frame0, 0, 1), [0.5])
    assert (mid[0, 0, 20:28, 30] - half[20:28]).abs().max() < 0.02  # bilinear reading would be off by 0.08


def test_the_piece_in_front_covers_whichever_frame_it_comes_from():
    frame0 = torch.zeros(1, 3, 64, 64)
    frame0[:, 2] = 1
    frame1 = frame0.clone()
    frame0[:, :, 20:40, 10:30] = torch.tensor([1.0, 0, 0])[None, :, None, None]
    frame1[:, :, 20:40, 30:50] = torch.tensor([1.0, 0, 0])[None, :, None, None]
    flow = uniform(frame0, 0, 0)
    flow.flow_01, flow.flow_10 = flow.flow_01.clone(), flow.flow_10.clone()
    flow.depth_0, flow.depth_1 = torch.zeros(1, 1, 64, 64), torch.zeros(1, 1, 64, 64)
    flow.flow_01[:, 0, 20:40, 10:30] = 20
    flow.flow_10[:, 0, 20:40, 30:50] = -20
    flow.depth_0[..., 20:40, 10:30] = 6
    flow.depth_1[..., 20:40, 30:50] = 6
    mid = blend(frame0, frame1, flow, [0.5])[0]
    assert (mid[:, 22:38, 22:38] - torch.tensor([1.0, 0, 0])[:, None, None]).abs().max() < 0.02
    assert (mid[:, 22:38, 2:8] - torch.tensor([0, 0, 1.0])[:, None, None]).abs().max() < 0.02


def test_what_one_frame_does_not_see_comes_from_the_other_and_the_rest_is_filled():
    frame = torch.full((1, 3, 64, 64), 0.25)
    flow = uniform(frame, 0, 0)
    flow.flow_01, flow.flow_10 = flow.flow_01.clone(), flow.flow_10.clone()
    flow.flow_01[:, 0, 20:30, 20:30] = 40  # leaves a hole in both
    flow.flow_10[:, 0, 20:30, 20:30] = 40
    mid = blend(frame, frame, flow, [0.5])
    assert (mid - 0.25).abs().max() < 0.01


def test_fill_holes_keeps_what_is_there():
    frame = smooth()
    hole = torch.zeros(1, 1, 48, 64, dtype=torch.bool)
    hole[..., 10:14, 20:24] = True
    broken = torch.where(hole, torch.full_like(frame, 9.0), frame)
    filled = fill_holes(broken, hole)
    assert torch.equal(torch.where(hole, 0, filled), torch.where(hole, 0, frame))
    assert (filled - frame)[..., 10:14, 20:24].abs().max() < 0.15


def test_transparent_colour_does_not_bleed():
    frame = torch.zeros(1, 4, 64, 64)
    frame[:, 1] = 1  # green, where nothing is to be seen
    frame[:, :, 20:40, 20:40] = torch.tensor([1.0, 0, 0, 1])[None, :, None, None]
    moved = frame.roll(5, dims=3)
    mid = blend(frame, moved, uniform(frame, 5, 0), [0.5])[0]
    seen = mid[3] > 0.05
    assert (mid[1][seen]).max() < 0.05 and (mid[0][seen]).min() > 0.9
    assert mid[3, 25:35, 26:38].min() > 0.98 and mid[3, 5, 5] == 0


def test_the_two_samplers_agree_and_whole_positions_are_exact():
    frame = smooth()
    generator = torch.Generator().manual_seed(3)
    x, y = 60 * torch.rand(48, 64, generator=generator), 44 * torch.rand(48, 64, generator=generator)
    # OpenCV rounds positions to 1/32 pixel.
    assert (sample_lanczos(frame, x, y) - _sample_torch(frame, x, y)).abs().max() < 0.02
    gx, gy = torch.arange(64.0)[None].expand(48, 64), torch.arange(48.0)[:, None].expand(48, 64)
    assert (sample_lanczos(frame, gx, gy) - frame).abs().max() < 1e-6
    assert (_sample_torch(frame, gx, gy) - frame).abs().max() < 1e-6


def test_step_hears_of_every_time_and_may_stop():
    frame = smooth()
    heard = []
    blend(frame, frame, uniform(frame, 0, 0), [0.2, 0.4, 0.6], progress=heard.append)
    assert np.allclose(heard, [0, 1 / 3, 2 / 3])

    def stop(_):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        blend(frame, frame, uniform(frame, 0, 0), [0.5], progress=stop)


@pytest.mark.parametrize(("flow", "times", "says"), [
    (Flow(torch.zeros(1, 2, 9, 9), torch.zeros(1, 2, 9, 9)), [0.5], "flow_01"),
    (None, [1.5], "times"),
    (None, [], "times"),
])
def test_wrong_input_is_named(flow, times, says):
    frame = smooth()
    with pytest.raises(AnimeInterpError, match=says):
        blend(frame, frame, flow or uniform(frame, 0, 0), times)


def test_an_order_in_depth_counts_only_where_motions_part():
    """Where all moves alike nothing is covered; where it does not, what is in front stays in front."""
    generator = torch.Generator().manual_seed(1)
    frame = torch.rand(1, 3, 40, 64, generator=generator)
    depth = torch.zeros(1, 1, 40, 64)
    depth[..., :32] = 1
    slow, parted = torch.full((1, 2, 40, 64), 0.5), torch.full((1, 2, 40, 64), 0.5)
    slow[:, 0, :, 32:] += 1
    parted[:, 0, :, :32] += 14

    def ordering_matters(field):
        with_order = blend(frame, frame, Flow(field, -field, depth_0=depth, depth_1=depth), [0.5])
        return (with_order - blend(frame, frame, Flow(field, -field), [0.5])).abs().max()

    assert ordering_matters(slow) < 0.05
    assert ordering_matters(parted) > 0.2


def test_a_second_opinion_a_fraction_of_a_pixel_off_betters_the_first():
    frame0 = smooth()
    frame1, truth = frame0.roll(8, dims=3), frame0.roll(4, dims=3)

    def error(flow):
        return (blend(frame0, frame1, flow, [0.5]) - truth)[..., 10:-10, 14:-14].square().mean()

    # Both frames land 0.3 pixels too far to the right by one flow, too far to the left by the other.
    flow = Flow(uniform(frame0, 8.6, 0).flow_01, uniform(frame0, -7.4, 0).flow_01)
    alone = error(flow)
    flow.dense_01, flow.dense_10 = uniform(frame0, 7.4, 0).flow_01, uniform(frame0, -8.6, 0).flow_01
    assert error(flow) < 0.3 * alone


def test_a_second_opinion_that_shows_something_else_leaves_no_ghost():
    """Neither of a line, which is dark, nor of what hardly differs from what is around it."""
    for contrast in (0.8, 0.05):
        frame0 = torch.full((1, 3, 64, 64), 0.9)
        frame0[:, :, 20:40, 10:14] -= contrast
        frame1 = frame0.roll(24, dims=3)
        flow = uniform(frame0, 24, 0)
        alone = blend(frame0, frame1, flow, [0.5])
        flow.dense_01 = flow.dense_10 = torch.zeros_like(flow.flow_01)
        assert (blend(frame0, frame1, flow, [0.5]) - alone).abs().max() < 0.02 * contrast
        overlaid = blend(frame0, frame1, Flow(flow.dense_01, flow.dense_10), [0.5])
        assert (overlaid - alone).abs().max() > 0.4 * contrast


def test_an_opinion_that_is_the_same_changes_nothing_at_any_time():
    frame0, frame1 = smooth(seed=1), smooth(seed=2)
    flow = uniform(frame0, 3, 1)
    alone = blend(frame0, frame1, flow, [0, 0.3, 1])
    flow.dense_01, flow.dense_10 = flow.flow_01, flow.flow_10
    assert (blend(frame0, frame1, flow, [0, 0.3, 1]) - alone).abs().max() < 1e-6


def test_shares_are_evened_where_the_frames_disagree_and_kept_where_they_do_not():
    one, other = torch.full((2, 1, 3, 24, 24), 0.5)
    other[..., 12:] = 0.9
    masses = [torch.ones(1, 1, 24, 24), torch.ones(1, 1, 24, 24)]
    masses[1][..., 10, 4] = masses[1][..., 10, 18] = 9  # a grain of either kind
    share = _evened_share([one, other], masses, BLEND)[0, 0]
    assert share[10, 4] == pytest.approx(0.9) and share[10, 18] == pytest.approx(0.5, abs=0.01)
    masses[0][..., 18] = 0
    assert _evened_share([one, other], masses, BLEND)[0, 0, 10, 18] == 1  # of what one frame alone sees nothing is evened


def test_lines_stand_out_from_what_is_around_them():
    frame = torch.full((1, 3, 40, 40), 0.8)
    frame[..., 20:22] = 0.2
    out = _standing_out(frame, BLEND.surroundings)[0, 0]
    assert out[:, 20:22].mean() == pytest.approx(1.8, abs=0.02) and out[:, :20].max() == 0 and out[:, 22:].max() == 0


@pytest.mark.parametrize("t", [0.0, 0.25, 0.5, 1.0])
def test_what_bends_is_off_its_straight_line_and_arrives(t):
    field, bend = torch.full((1, 2, 4, 4), 8.0), torch.full((1, 2, 4, 4), 3.0)
    there, back = displacement(field, bend, t), displacement(-field, None, 1 - t)
    assert there[0, 0, 0, 0] == pytest.approx(8 * t + 12 * t * (1 - t)) and back[0, 0, 0, 0] == pytest.approx(-8 * (1 - t))


def test_what_goes_far_is_not_mixed_with_what_it_passes_over():
    """A striped thing of 16 pixels goes 60 to the right over a ground that goes 8 to the left, and is a little nearer only."""
    ground = torch.full((1, 3, 64, 128), 0.2)
    thing = torch.full((1, 3, 16, 16), 0.9)
    thing[..., ::4, :] = 0.5
    thing[..., :, ::4] = 0.5
    frames, flows, depths = [], [], []
    for left, way in ((16, 1.0), (76, -1.0)):
        frame, flow, depth = ground.clone(), torch.zeros(1, 2, 64, 128), torch.zeros(1, 1, 64, 128)
        frame[..., 24:40, left : left + 16] = thing
        flow[:, 0] = -8 * way
        flow[:, 0, 24:40, left : left + 16] = 60 * way
        depth[..., 24:40, left : left + 16] = 1
        frames.append(frame), flows.append(flow), depths.append(depth)
    made = blend(*frames, Flow(*flows, depth_0=depths[0], depth_1=depths[1]), [0.5])
    assert (made[..., 24:40, 46:62] - thing).abs().mean() < 0.1
    plain = BlendConfig(motion_mixed=1e9)
    mixed = blend(*frames, Flow(*flows, depth_0=depths[0], depth_1=depths[1]), [0.5], config=plain)
    assert (made[..., 24:40, 46:62] - thing).abs().mean() < 0.5 * (mixed[..., 24:40, 46:62] - thing).abs().mean()
