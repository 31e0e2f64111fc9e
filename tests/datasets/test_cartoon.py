"""The cartoon generator against what must be true of any drawn motion."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from animeinterp.datasets.cartoon import CartoonConfig, CartoonSample, draw, draw_batch, draw_scenes, prepare
from animeinterp.datasets.cartoon.compose import travel
from animeinterp.errors import AnimeInterpError

SIZE = (128, 192)
MOVING = CartoonConfig(motion=(0.05, 0.2), line_art=0.0, plain=0.0, inverted=0.0)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Pictures this small are drawn fastest by one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def samples() -> CartoonSample:
    return draw_batch([3, 4, 5, 6], size=SIZE, times=[0.5], config=MOVING)


def backwarp(values: torch.Tensor, flow: torch.Tensor, mode: str = "bilinear") -> torch.Tensor:
    """``values`` (N, C, H, W) read where ``flow`` points, pixel centres at whole numbers."""
    height, width = values.shape[-2:]
    x = (torch.arange(width) + flow[:, 0]) * 2 / (width - 1) - 1
    y = (torch.arange(height)[:, None] + flow[:, 1]) * 2 / (height - 1) - 1
    return F.grid_sample(values, torch.stack([x, y], -1), mode=mode, align_corners=True, padding_mode="border")


def psnr(a: torch.Tensor, b: torch.Tensor, where: torch.Tensor) -> float:
    error = (a - b).square().mean(1, keepdim=True)[where].mean()
    return float(-10 * torch.log10(error + 1e-12))


def test_shapes_and_ranges(samples: CartoonSample) -> None:
    height, width = SIZE
    assert samples.frame0.shape == samples.frame1.shape == (4, 3, height, width)
    assert samples.mids.shape == (4, 1, 3, height, width)
    assert samples.flow_01.shape == samples.flow_10.shape == (4, 2, height, width)
    assert samples.flow_t0.shape == samples.flow_t1.shape == (4, 1, 2, height, width)
    assert samples.flow_01.dtype == torch.float32
    assert samples.labels_0.shape == (4, height, width) and samples.labels_0.dtype == torch.int32
    assert samples.occlusion_0.shape == samples.depth_0.shape == (4, 1, height, width)
    assert 0 <= samples.frame0.min() and samples.frame0.max() <= 1
    for field in (samples.frame0, samples.mids, samples.flow_01, samples.flow_t0):
        assert torch.isfinite(field).all()


def test_flow_carries_one_frame_onto_the_other(samples: CartoonSample) -> None:
    """Outside of occlusion, frame 1 read along the flow is frame 0, up to what reading between pixels blurs."""
    for flow, here, there, occluded in (
        (samples.flow_01, samples.frame0, samples.frame1, samples.occlusion_0),
        (samples.flow_10, samples.frame1, samples.frame0, samples.occlusion_1),
    ):
        assert psnr(backwarp(there, flow), here, ~occluded) > 26
        assert psnr(backwarp(there, flow), here, ~occluded) > psnr(there, here, ~occluded) + 5
        assert psnr(backwarp(there, -flow), here, ~occluded) < 20


def test_flow_from_between_reaches_both_ends(samples: CartoonSample) -> None:
    middle = samples.mids[:, 0]
    seen_in_0 = (backwarp(samples.frame0, samples.flow_t0[:, 0]) - middle).abs().mean(1)
    seen_in_1 = (backwarp(samples.frame1, samples.flow_t1[:, 0]) - middle).abs().mean(1)
    # What shows at half time shows at one end or the other, but for a little that is hidden at both.
    assert float((torch.minimum(seen_in_0, seen_in_1) < 0.15).float().mean()) > 0.97
    assert float(seen_in_0.mean()) < 0.5 * float((samples.frame0 - middle).abs().mean())


def test_pieces_go_with_the_flow(samples: CartoonSample) -> None:
    for b in range(4):
        height, width = SIZE
        flow, seen = samples.flow_01[b], ~samples.occlusion_0[b, 0]
        y = (torch.arange(height)[:, None] + flow[1]).round().long().clamp(0, height - 1)
        x = (torch.arange(width) + flow[0]).round().long().clamp(0, width - 1)
        table = torch.full((int(samples.labels_0[b].max()) + 1,), -1)
        table[samples.matches[b][:, 0]] = samples.matches[b][:, 1]
        landed = samples.labels_1[b][y, x]
        same = table[samples.labels_0[b].long()] == landed
        # Where pieces meet, a rounded place falls on either side.
        assert float(same[seen].float().mean()) > 0.93


def test_labels_have_no_gaps_and_matches_are_mutual(samples: CartoonSample) -> None:
    for b in range(4):
        for labels in (samples.labels_0[b], samples.labels_1[b]):
            present = labels.unique()
            assert present.tolist() == list(range(len(present)))
            assert len(present) > 10
        pairs = samples.matches[b]
        assert len(pairs) > 10
        assert len(pairs[:, 0].unique()) == len(pairs[:, 1].unique()) == len(pairs)
        assert pairs[:, 0].max() <= samples.labels_0[b].max() and pairs[:, 1].max() <= samples.labels_1[b].max()


def test_what_hides_is_in_front(samples: CartoonSample) -> None:
    """Where a pixel of frame 0 lands behind something in frame 1, that something is drawn later."""
    height, width = SIZE
    y = torch.arange(height)[:, None] + samples.flow_01[:, 1]
    x = torch.arange(width) + samples.flow_01[:, 0]
    inside = (x > 0) & (x < width - 1) & (y > 0) & (y < height - 1)
    covered = samples.occlusion_0[:, 0] & inside
    place = y.round().long().clamp(0, height - 1) * width + x.round().long().clamp(0, width - 1)
    landed = samples.depth_1.flatten(1).gather(1, place.flatten(1)).view_as(y)
    in_front = landed > samples.depth_0[:, 0]
    assert int(covered.sum()) > 200
    assert float(in_front[covered].float().mean()) > 0.9


def test_nothing_moves_at_zero_motion() -> None:
    sample = draw(11, size=SIZE, times=[0.3], config=CartoonConfig(motion=(0.0, 0.0)))
    assert torch.equal(sample.frame0, sample.frame1) and torch.equal(sample.frame0, sample.mids[:, 0])
    assert not sample.flow_01.any() and not sample.flow_10.any() and not sample.flow_t0.any()
    assert not sample.occlusion_0.any() and not sample.occlusion_1.any()
    assert torch.equal(sample.labels_0, sample.labels_1)


def test_times_zero_and_one_are_the_frames() -> None:
    sample = draw(12, size=SIZE, times=[0.0, 1.0], config=MOVING)
    assert torch.equal(sample.mids[:, 0], sample.frame0) and torch.equal(sample.mids[:, 1], sample.frame1)
    assert torch.equal(sample.flow_t1[:, 0], sample.flow_01) and torch.equal(sample.flow_t0[:, 1], sample.flow_10)


def test_a_seed_is_a_clip_whatever_the_batch() -> None:
    alone = draw(5, size=SIZE, config=MOVING)
    again = draw_batch([9, 5], size=SIZE, config=MOVING)
    assert torch.equal(alone.frame0[0], again.frame0[1]) and torch.equal(alone.flow_01[0], again.flow_01[1])
    assert torch.equal(alone.matches[0], again.matches[1])
    assert not torch.equal(again.frame0[0], again.frame0[1])


def test_a_batch_drawn_at_once_is_the_clips_drawn_singly() -> None:
    """On a GPU all clips of a batch share their tensors; on a CPU they are drawn one by one. Both ways agree."""
    seeds = [21, 22, 23]
    together = draw_scenes([prepare(s, SIZE, MOVING) for s in seeds], size=SIZE, times=[0.5], device="cpu",
                           dtype=torch.float32, config=MOVING, seeds=seeds)
    singly = draw_batch(seeds, size=SIZE, times=[0.5], config=MOVING)
    torch.testing.assert_close(together.mids, singly.mids, atol=2e-4, rtol=0)
    torch.testing.assert_close(together.flow_01, singly.flow_01, atol=1e-3, rtol=0)
    assert torch.equal(together.labels_1, singly.labels_1)


def test_the_largest_motion_is_what_was_asked_for() -> None:
    width = SIZE[1]
    for low, high in ((0.0, 0.015), (0.05, 0.1), (0.15, 0.25)):
        config = CartoonConfig(motion=(low, high))
        flows = draw_batch(range(40, 46), size=SIZE, config=config).flow_01
        largest = flows.norm(dim=1).flatten(1).quantile(0.995, dim=1) / width
        assert float(largest.median()) < 1.2 * high
        assert float(largest.max()) > 0.6 * low


def test_motion_has_a_heavy_tail() -> None:
    """Half of the clips move by under 2 px of 384, and one in fourteen or so by more than an eighth of the width."""
    sizes = np.array([travel(np.random.default_rng(seed), CartoonConfig()) for seed in range(4000)])
    assert 0.47 < (sizes < 2 / 384).mean() < 0.53
    assert 0.05 < (sizes > 0.12).mean() < 0.10
    assert sizes.max() <= 0.25


def test_odd_sizes_and_half_precision() -> None:
    sample = draw(8, size=(67, 101), times=[0.25, 0.75], dtype=torch.float16)
    assert sample.mids.shape == (1, 2, 3, 67, 101) and sample.frame0.dtype == torch.float16
    assert sample.flow_01.dtype == torch.float32


def test_a_size_is_the_same_shot_larger() -> None:
    small = draw(14, size=(96, 144), config=MOVING)
    large = draw(14, size=(192, 288), config=MOVING)
    shrunk = F.interpolate(large.frame0, size=(96, 144), mode="area")
    assert float((shrunk - small.frame0).square().mean()) < 0.01
    torch.testing.assert_close(F.avg_pool2d(large.flow_01, 2).mean() / 2, small.flow_01.mean(), atol=0.3, rtol=0.1)


def test_degrading_is_alike_in_kind_and_leaves_truth_alone() -> None:
    clean = draw(15, size=SIZE, config=MOVING)
    spoilt = draw(15, size=SIZE, config=CartoonConfig(**{**MOVING.__dict__, "grain": 1.0, "jpeg": 1.0, "blur": 1.0}))
    assert torch.equal(clean.flow_01, spoilt.flow_01)
    losses = [float((a - b).abs().mean()) for a, b in ((clean.frame0, spoilt.frame0), (clean.frame1, spoilt.frame1))]
    assert 0.003 < min(losses) and max(losses) < 0.08 and max(losses) < 1.3 * min(losses)


def test_wrong_input_says_what_to_do() -> None:
    with pytest.raises(AnimeInterpError, match="at least one integer"):
        draw_batch([])
    with pytest.raises(AnimeInterpError, match="at least 32"):
        draw(1, size=(16, 64))
    with pytest.raises(AnimeInterpError, match="from 0 to 1"):
        draw(1, times=[1.5])
