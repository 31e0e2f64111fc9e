"""The pipeline with a model that finds its own motion: nothing is cut or matched, and what stands still is held."""

import pytest
import torch

import animeinterp as ai
from animeinterp.config import SynthesisConfig
from animeinterp.errors import AnimeInterpError
from animeinterp.model import ModelConfig, build
from animeinterp.stages import Stages
from animeinterp.synthesis.still import StillColours


@pytest.fixture(scope="module")
def whole():
    torch.manual_seed(0)
    model = build(ModelConfig(refine=None, synthesis=SynthesisConfig(network="bilateral"))).eval()
    model.synthesis.network.begin()
    return model


@pytest.fixture
def frames():
    chance = torch.Generator().manual_seed(0)
    small = 0.85 * torch.rand(1, 3, 9, 12, generator=chance) + 0.15 * torch.rand(3, 3, 9, 12, generator=chance)
    clip = torch.nn.functional.interpolate(small, (72, 96), mode="nearest")
    clip[:, :, :20] = clip[:1, :, :20]  # stands still
    return clip


def test_nothing_is_segmented(whole, frames, monkeypatch):
    def never(*_, **__):
        raise AssertionError("asked for pieces")

    monkeypatch.setattr(Stages, "segment", never)
    monkeypatch.setattr(Stages, "match", never)
    told = []
    clip = ai.interpolate(frames, 2, model=whole, progress=lambda done, total: told.append(done / total))
    assert clip.shape == (5, 3, 72, 96) and told[-1] == 1.0 and told == sorted(told)
    assert torch.equal(clip[::2], frames)
    assert torch.equal(clip[1, :, :16], frames[0, :, :16])


def test_a_flow_is_where_it_begins(whole, frames):
    zero = torch.zeros(1, 2, 72, 96)
    clip = ai.interpolate(frames[:2], 2, model=whole, flows=ai.Flow(zero, zero))
    assert clip.shape == (3, 3, 72, 96)
    with pytest.raises(AnimeInterpError, match="flow_01"):
        whole.synthesize(frames[:1], frames[1:2], zero[..., :50], zero, [0.5])


def test_alpha_comes_along(whole, frames):
    alpha = torch.ones(2, 1, 72, 96)
    alpha[:, :, :, :30] = 0
    clip = ai.interpolate(torch.cat([frames[:2], alpha], dim=1), 2, model=whole)
    assert clip.shape == (3, 4, 72, 96) and clip[1, 3, :, :20].max() < 0.02 and clip[1, 3, :, 40:].min() > 0.98


def test_what_was_encoded_is_used_for_the_next_pair(whole, frames, monkeypatch):
    calls = []
    encode = type(whole.synthesis).encode
    monkeypatch.setattr(type(whole.synthesis), "encode", lambda self, frame: calls.append(1) or encode(self, frame))
    ai.interpolate(frames, 3, model=whole)
    assert len(calls) == 3


def test_what_stands_still_is_held_unless_something_passes():
    chance = torch.Generator().manual_seed(1)
    frame0 = torch.rand(1, 3, 40, 40, generator=chance)
    frame1 = frame0.clone()
    frame1[..., 30:] = torch.rand(1, 3, 40, 10, generator=chance)
    painted = (frame0 + 0.01).clamp(0, 1)
    painted[..., 10:14, 10:14] = 1 - frame0[..., 10:14, 10:14]  # passes over
    held = StillColours(frame0, frame1).hold(painted, 0.5)
    assert torch.equal(held[..., :8, :27], frame0[..., :8, :27])
    assert torch.equal(held[..., 10:14, 10:14], painted[..., 10:14, 10:14])
    assert torch.equal(held[..., 31:], painted[..., 31:])
