"""Cut-outs that move are told from drawings drawn anew, and drawn by the model for them."""

import cv2
import numpy as np
import pytest
import torch

import animeinterp as ai
from animeinterp.completion.cutouts import are_cutouts, may_be_cutouts
from animeinterp.config import SynthesisConfig
from animeinterp.model import ModelConfig, build
from animeinterp.stages import Stages
from animeinterp.training.checkpoint import save_weights
from animeinterp.weights import load_model

SIZE = (216, 384)
LIGHT = ModelConfig(refine=None, synthesis=SynthesisConfig(network="painter", channels=(8, 8, 8, 8)))
BOTH = ModelConfig(refine=None, synthesis=SynthesisConfig(network="bilateral"), cutouts=LIGHT)


def drawing(shift: float, wobble: float, seed: int) -> torch.Tensor:
    """A figure of five outlined pieces over a backdrop, ``shift`` along; its corners drawn anew by ``wobble`` pixels."""
    chance = np.random.default_rng(seed)
    image = np.full((*SIZE, 3), (200, 220, 235), np.uint8)
    for k in range(6):
        cv2.rectangle(image, (20 + 60 * k, 120 - 11 * k), (60 + 60 * k, 215), (90 + 20 * k, 140, 180 - 20 * k), -1)
    figure = [
        (np.array([[-45, -10], [45, -10], [60, 90], [-60, 90]]), (60, 80, 200)),
        (np.array([[-30, -70], [30, -70], [38, -35], [22, -8], [-22, -8], [-38, -35]]), (240, 210, 190)),
        (np.array([[-34, -52], [-10, -84], [20, -82], [36, -50], [0, -60]]), (150, 40, 60)),
        (np.array([[40, -5], [90, -50], [98, -40], [52, 14]]), (240, 200, 180)),
        (np.array([[-40, -5], [-95, 20], [-92, 34], [-50, 14]]), (240, 200, 180)),
    ]
    for corners, colour in figure:
        corners = corners * 0.9 + (140 + shift, 110 + shift / 4) + wobble * chance.standard_normal(corners.shape)
        fixed = np.round(corners * 16).astype(np.int32)
        cv2.fillPoly(image, [fixed], colour, cv2.LINE_AA, 4)
        cv2.polylines(image, [fixed], True, (20, 15, 25), 2, cv2.LINE_AA, 4)
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255


def completed(*frames: torch.Tensor) -> ai.Flow:
    stages = Stages(None)
    return stages.pair(*(stages.look(frame) for frame in frames)).flow


@pytest.mark.parametrize("shift", [6.5, 21.25])
def test_a_figure_that_is_shifted_is_a_cutout(shift):
    frames = drawing(0, 0, 0), drawing(shift, 0, 0)
    assert may_be_cutouts(*frames) and are_cutouts(*frames, completed(*frames))


@pytest.mark.parametrize("shift", [6.5, 21.25])
def test_one_that_is_drawn_anew_is_none(shift):
    frames = drawing(0, 2.5, 1), drawing(shift, 2.5, 2)
    assert not are_cutouts(*frames, completed(*frames))


def test_what_does_not_move_is_none():
    frame = drawing(0, 0, 0)
    assert not may_be_cutouts(frame, frame.clone())


@pytest.fixture(scope="module")
def both():
    torch.manual_seed(0)
    return build(BOTH).eval()


def test_each_is_drawn_by_the_model_for_it(both, monkeypatch):
    drawn = []
    for name, model in (("whole", both), ("cutouts", both.cutouts)):
        def synthesize(*frames, model=model, name=name, make=model.synthesize, **more):
            drawn.append(name)
            return make(*frames, **more)

        monkeypatch.setattr(model, "synthesize", synthesize)
    for frames, by in (
        ((drawing(0, 0, 0), drawing(9, 0, 0)), "cutouts"),
        ((drawing(0, 2.5, 1), drawing(9, 2.5, 2)), "whole"),
    ):
        drawn.clear()
        told = []
        ai.interpolate(torch.cat(frames), 2, model=both, progress=lambda done, total: told.append(done))
        assert drawn == [by] and told == sorted(told) and told[-1] == 1


def test_both_come_back_from_one_file(both, tmp_path):
    save_weights(tmp_path / "both.safetensors", both)
    again = load_model(tmp_path / "both.safetensors")
    assert again.config == BOTH and again.config.cutouts == LIGHT
    frames = torch.cat([drawing(0, 0, 0), drawing(9, 0, 0)])
    assert torch.equal(ai.interpolate(frames, 2, model=both), ai.interpolate(frames, 2, model=again))
