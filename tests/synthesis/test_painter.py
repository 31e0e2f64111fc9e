"""The painter: the blend before it is trained, better than it after; in a model, through files, along the pipeline."""

from __future__ import annotations

import pytest
import torch

import animeinterp as ai
from animeinterp.config import SynthesisConfig
from animeinterp.datasets.cartoon import CartoonConfig, draw
from animeinterp.flow import Flow
from animeinterp.frames import FramePair
from animeinterp.model import ModelConfig, build
from animeinterp.stages import Stages
from animeinterp.synthesis.blend import FrameWarper, WarpedFrames, blend
from animeinterp.synthesis.painter import Painter
from animeinterp.synthesis.sampling import sample_cubic
from animeinterp.weights import load_model, save_model

LIGHT = ModelConfig(refine=None, synthesis=SynthesisConfig(network="painter", channels=(8, 12, 16)))


@pytest.fixture
def light():
    torch.manual_seed(3)
    model = build(LIGHT).eval()
    model.synthesis.painter.start_as_blend()
    return model


@pytest.fixture(scope="module")
def clip():
    return draw(41, size=(96, 144), config=CartoonConfig(motion=(0.03, 0.06), hold=0, plain=0, line_art=0, inverted=0))


def pair(sample):
    return sample.frame0, sample.frame1, Flow(sample.flow_01, sample.flow_10)


def test_an_untrained_painter_is_close_to_the_blend(light, clip):
    frame0, frame1, flow = pair(clip)
    with torch.no_grad():
        painted = light.synthesize(frame0, frame1, flow.flow_01, flow.flow_10, [0.3, 0.5])
    blended = blend(frame0, frame1, flow, [0.3, 0.5])
    assert painted.shape == blended.shape
    assert (painted - blended).abs().mean() < 0.01
    assert not torch.equal(painted, blended)


def test_training_on_one_clip_betters_the_blend(light, clip):
    torch.manual_seed(0)
    painter = light.synthesis.painter
    # Half of the motion is not known, so the blend is wrong.
    warped = FrameWarper(clip.frame0, clip.frame1, Flow(clip.flow_01 / 2, clip.flow_10 / 2)).at(0.5)
    truth, time = clip.mids[:, 0], torch.tensor([0.5])
    optimiser = torch.optim.Adam(painter.parameters(), lr=3e-3)
    # After 60 steps the loss still falls steeply, 0.58 to 0.95 of the blend's by where it began; after 120 it is 0.43 to 0.48.
    for _ in range(120):
        loss = (painter(warped, clip.frame0, clip.frame1, time) - truth).abs().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    assert all(p.grad is not None and bool(torch.isfinite(p.grad).all()) for p in painter.parameters())
    before = (warped.blended - truth).abs().mean()
    assert loss < 0.7 * before


def test_where_all_candidates_agree_so_does_the_painter():
    """Nothing moves, nothing is hidden: whatever the logits and the shifts' zero start, it is the frame."""
    torch.manual_seed(1)
    painter = Painter((8, 12))
    painter.start_as_blend()
    frame = torch.rand(1, 3, 64, 80)
    still = torch.zeros(1, 2, 64, 80)
    warped = FrameWarper(frame, frame, Flow(still, still)).at(0.5)
    with torch.no_grad():
        painted = painter(warped, frame, frame, torch.tensor([0.5]))
    assert (painted - frame).abs().max() < 2e-3


@pytest.mark.parametrize("size", [(64, 64), (65, 83), (96, 130)])
def test_any_size_and_deterministic(light, size):
    torch.manual_seed(2)
    frame0, frame1 = torch.rand(2, 1, 3, *size)
    flows = torch.randn(2, 1, 2, *size) * 3
    with torch.no_grad():
        painted = light.synthesize(frame0, frame1, *flows, [0.25])
        again = light.synthesize(frame0, frame1, *flows, [0.25])
    assert painted.shape == (1, 3, *size)
    assert bool(torch.isfinite(painted).all())
    assert torch.equal(painted, again)


def test_a_part_of_a_frame_is_painted_as_the_whole_is(clip):
    """Training crops: the same inputs and the same frames give the same pixels away from the crop's border."""
    torch.manual_seed(4)
    painter = Painter((8,)).eval()
    warped = FrameWarper(clip.frame0, clip.frame1, Flow(clip.flow_01, clip.flow_10)).at(0.5)
    time, side, x, y = torch.tensor([0.5]), 64, 40, 16

    def cut(v):
        return v[..., y : y + side, x : x + side]

    part = WarpedFrames(
        tuple(map(cut, warped.colours)), tuple(map(cut, warped.masses)), tuple(map(cut, warped.shifts)),
        cut(warped.share), cut(warped.blended),
    )
    with torch.no_grad():
        whole = cut(painter(warped, clip.frame0, clip.frame1, time))
        crop = painter(part, clip.frame0, clip.frame1, time, torch.tensor([[float(x), float(y)]]))
    inner = (..., slice(16, -16), slice(16, -16))
    assert (whole[inner] - crop[inner]).abs().max() < 1e-4


def test_reading_between_pixels():
    torch.manual_seed(5)
    image = torch.rand(2, 3, 9, 11)
    ys, xs = torch.meshgrid(torch.arange(9.0), torch.arange(11.0), indexing="ij")
    grid = torch.stack([xs, ys])[None]
    assert (sample_cubic(image, grid) - image).abs().max() < 1e-5
    ramp = (xs / 12 + ys / 10)[None, None]
    read = sample_cubic(ramp, grid + torch.tensor([0.5, 0.5]).reshape(1, 2, 1, 1))
    assert (read - ramp - 0.5 / 12 - 0.5 / 10)[..., 2:-3, 2:-3].abs().max() < 1e-5
    # A line one pixel wide that is read half a pixel beside keeps more of itself than between two pixels' mean.
    line = torch.zeros(1, 1, 9, 11)
    line[..., 5] = 1
    assert sample_cubic(line, grid + torch.tensor([0.5, 0.0]).reshape(1, 2, 1, 1)).max() > 0.55


def test_through_a_file_and_the_pipeline(light, clip, tmp_path):
    with torch.no_grad():
        light.synthesis.painter.head[-1].bias += 0.3
    path = save_model(light, tmp_path / "light.safetensors")
    loaded = load_model(path)
    assert loaded.config == LIGHT and loaded.refinement is None and loaded.piece_describer is None
    frames = torch.cat([clip.frame0, clip.frame1])
    ours = ai.interpolate(frames, 3, model=loaded)
    assert torch.equal(ours, ai.interpolate(frames, 3, model=light))
    free = ai.interpolate(frames, 3, model=None)
    assert ours.shape == free.shape and not torch.equal(ours, free)
    assert torch.equal(ours[[0, 3]], frames)


def test_the_stages_one_by_one_are_the_pipeline(light, clip):
    frames = torch.cat([clip.frame0, clip.frame1])
    stages = Stages(light)
    pair = FramePair(*(stages.load(frame) for frame in frames.split(1)))
    coarse = ai.coarse_flow(*frames.split(1), model=light)
    fine = stages.refine(pair, coarse)
    assert fine.depth_0 is not None
    by_hand = stages.pair(pair.frame0, pair.frame1, fine).at([0.5])
    assert torch.equal(by_hand[0], ai.interpolate(frames, 2, model=light)[1])


def test_alpha_is_carried(light, clip):
    alpha = torch.ones(2, 1, 96, 144)
    alpha[..., :48] = 0
    frames = torch.cat([torch.cat([clip.frame0, clip.frame1]), alpha], dim=1)
    mid = ai.interpolate(frames, 2, model=light)[1]
    assert mid.shape[0] == 4
    assert mid[3, :, 70:].min() > 0.98 and mid[3, :, :20].max() < 0.02


def test_foreign_flow_without_a_refinement_network(light, clip):
    """From no motion, dense flow; begun at a flow, dense flow from there on: nearer to the truth than no motion."""
    flow_01, flow_10 = light.refine(clip.frame0, clip.frame1)
    assert flow_01.shape == flow_10.shape == (1, 2, 96, 144)
    seen = ~clip.occlusion_0
    still_error = (clip.flow_01.norm(dim=1, keepdim=True))[seen].mean()
    started, _ = light.refine(clip.frame0, clip.frame1, clip.flow_01, clip.flow_10)
    assert ((started - clip.flow_01).norm(dim=1, keepdim=True))[seen].mean() < still_error


def test_pieces_are_not_described_by_a_model_that_cannot(light, clip):
    with pytest.raises(ai.AnimeInterpError, match="no networks that describe pieces"):
        light.piece_features(clip.frame0)


def test_an_unknown_network_is_named():
    with pytest.raises(ai.AnimeInterpError, match="'paintre'"):
        build(ModelConfig(synthesis=SynthesisConfig(network="paintre")))


def test_half_precision_is_close(light, clip):
    with torch.no_grad():
        light.synthesis.painter.head[-1].weight.normal_(0, 0.02)
        full = light.synthesize(clip.frame0, clip.frame1, clip.flow_01, clip.flow_10, [0.5])
        half = light.to(torch.bfloat16).synthesize(clip.frame0, clip.frame1, clip.flow_01, clip.flow_10, [0.5])
    assert half.dtype == torch.float32
    assert (full - half).abs().max() < 0.05 and (full - half).abs().mean() < 2e-3
