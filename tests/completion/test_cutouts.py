"""Cut-outs that move are told from drawings drawn anew, and drawn by the model for them."""

import importlib
from collections import Counter
from dataclasses import replace

import cv2
import pytest
import torch
from figures import bent, drawing
from torch.nn.functional import avg_pool2d, interpolate

import animeinterp as ai
from animeinterp.completion import candidates, complete
from animeinterp.completion.config import DEFAULT
from animeinterp.completion.cutouts import may_be_cutouts
from animeinterp.config import SynthesisConfig
from animeinterp.frames import FramePair
from animeinterp.model import ModelConfig, build
from animeinterp.sequence import ClipFlow
from animeinterp.stages import Stages
from animeinterp.training.checkpoint import save_weights
from animeinterp.weights import load_model

LIGHT = ModelConfig(refine=None, synthesis=SynthesisConfig(network="painter", channels=(8, 8, 8, 8)))
BOTH = ModelConfig(refine=None, synthesis=SynthesisConfig(network="bilateral"), cutouts=LIGHT)


def softened(frame: torch.Tensor) -> torch.Tensor:
    blurred = cv2.GaussianBlur(frame[0].permute(1, 2, 0).numpy(), (0, 0), 1.5)
    return torch.from_numpy(blurred).permute(2, 0, 1)[None]


def completed(*frames: torch.Tensor) -> ai.Flow:
    stages = Stages(None)
    return stages.pair(*(stages.load(frame) for frame in frames)).flow


@pytest.mark.parametrize("shift", [6.5, 21.25])
def test_a_figure_that_is_shifted_is_a_cutout(shift):
    frames = drawing(0), drawing(shift)
    assert may_be_cutouts(*frames) and completed(*frames).cutouts == [True]


@pytest.mark.parametrize("shift", [6.5, 21.25])
def test_one_that_is_drawn_anew_is_none(shift):
    assert completed(bent(drawing(0), 1), bent(drawing(shift), 2)).cutouts == [False]


def test_what_is_plainly_drawn_anew_is_not_completed_for_nothing(monkeypatch):
    """``Stages.pair`` looks no further than it needs to; who asks for the completion by name gets all of it."""
    frames = bent(drawing(0), 3), bent(drawing(6.5), 4)
    whole = importlib.import_module("animeinterp.completion.complete")
    asked, ordered = [], whole._order
    monkeypatch.setattr(whole, "_order", lambda *sides: asked.append(sides) or ordered(*sides))
    assert may_be_cutouts(*frames) and completed(*frames).cutouts == [False] and not asked
    assert completed(drawing(0), drawing(6.5)).cutouts == [True] and len(asked) == 1
    stages = Stages(None, refiner="completion")
    flow = stages.pair(*(stages.load(frame) for frame in frames)).flow
    assert flow.cutouts == [False] and flow.bend_01 is not None and len(asked) == 2


def test_what_is_off_by_far_is_given_up_half_way(monkeypatch):
    settled, stages = [], Stages(None, refiner="completion")
    monkeypatch.setattr(candidates, "settle_patterns", settled.append)  # what is done when motions are found
    far = replace(DEFAULT, cutout_half_way=0.12)  # these frames are off by little more
    for frames, cutouts in (((bent(drawing(0), 3), bent(drawing(6.5), 4)), False), ((drawing(0), drawing(6.5)), True)):
        pair = FramePair(*(stages.load(frame) for frame in frames))
        flow = complete(*frames, stages.match(pair, move=False), far, only_cutouts=True)
        assert flow.cutouts == [cutouts] and len(settled) == (2 if cutouts else 0)


@pytest.mark.parametrize(("anew", "larger"), [(True, 2.5), (False, 2.5), (True, 1.25)])
def test_large_drawings_are_told_by_a_glance_at_small_ones(anew, larger, monkeypatch):
    frames = (bent(drawing(0), 3), bent(drawing(6.5), 4)) if anew else (drawing(0), drawing(6.5))
    frames = [interpolate(frame, scale_factor=larger, mode="bicubic").clamp(0, 1) for frame in frames]
    stages, segmented = Stages(None), []
    monkeypatch.setattr(stages.cutouts, "segment", lambda x: segmented.append(x.shape[-1]) or Stages.segment(stages, x))
    pair = [stages.load(frame) for frame in frames]
    assert stages.pair(*pair).flow.cutouts == [not anew]
    glanced = {480: 2} if larger > 2 else {}
    wholly = {} if anew and larger > 2 else {int(384 * larger): 2}
    assert Counter(segmented) == Counter(glanced | wholly)


def test_a_soft_and_grainy_film_is_not_taken_for_one():
    """Its lines are off alike, by grain: whether they were drawn anew cannot be told."""
    chance = torch.Generator().manual_seed(0)
    frames = [softened(drawing(shift)) for shift in (0, 6.5)]
    grainy = [frame + 2 / 255 * 3 * avg_pool2d(torch.randn(frame.shape, generator=chance), 3, 1, 1) for frame in frames]
    assert completed(*(frame.clamp(0, 1) for frame in grainy)).cutouts == [False]


def test_a_clips_flow_remembers_it():
    flow = completed(drawing(0), drawing(6.5))
    assert ClipFlow([flow]).pair(0).cutouts == [True]


def test_what_does_not_move_is_none():
    frame = drawing(0)
    assert not may_be_cutouts(frame, frame.clone())


@pytest.fixture(scope="module")
def both():
    torch.manual_seed(0)
    return build(BOTH).eval()


def test_each_is_drawn_by_the_model_for_it(both, monkeypatch):
    drawn = []
    for name, model in (("whole", both), ("cutouts", both.cutouts)):
        def prepare(pair, flow, name=name, make=model.synthesis.prepare):
            drawing = make(pair, flow)

            class Counted:
                def at(self, *times, **more):
                    drawn.append(name)
                    return drawing.at(*times, **more)

                def onto(self, *other, **more):
                    drawn.append(name)
                    return drawing.onto(*other, **more)

            return Counted()

        monkeypatch.setattr(model.synthesis, "prepare", prepare)
    for frames, by in (
        ((drawing(0), drawing(9)), ["cutouts", "whole"]),  # both: see ``synthesis/reconcile.py``
        ((bent(drawing(0), 1), bent(drawing(9), 2)), ["whole"]),
    ):
        drawn.clear()
        told = []
        ai.interpolate(torch.cat(frames), 2, model=both, progress=lambda *share, told=told: told.append(share[0]))
        assert drawn == by and told == sorted(told) and told[-1] == 1


def test_both_come_back_from_one_file(both, tmp_path):
    save_weights(tmp_path / "both.safetensors", both)
    again = load_model(tmp_path / "both.safetensors")
    assert again.config == BOTH and again.config.cutouts == LIGHT
    frames = torch.cat([drawing(0), drawing(9)])
    assert torch.equal(ai.interpolate(frames, 2, model=both), ai.interpolate(frames, 2, model=again))
