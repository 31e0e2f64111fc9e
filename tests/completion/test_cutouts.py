"""Cut-outs that move are told from drawings drawn anew, and drawn by the model for them."""

import cv2
import numpy as np
import pytest
import torch

import animeinterp as ai
from animeinterp.completion.cutouts import may_be_cutouts
from animeinterp.config import SynthesisConfig
from animeinterp.model import ModelConfig, build
from animeinterp.sequence import ClipFlow
from animeinterp.stages import Stages
from animeinterp.training.checkpoint import save_weights
from animeinterp.weights import load_model

SIZE = (216, 384)
LIGHT = ModelConfig(refine=None, synthesis=SynthesisConfig(network="painter", channels=(8, 8, 8, 8)))
BOTH = ModelConfig(refine=None, synthesis=SynthesisConfig(network="bilateral"), cutouts=LIGHT)


def drawing(shift: float) -> torch.Tensor:
    """A figure of five outlined pieces over a backdrop, ``shift`` along."""
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
        corners = corners * 0.9 + (140 + shift, 110 + shift / 4)
        fixed = np.round(corners * 16).astype(np.int32)
        cv2.fillPoly(image, [fixed], colour, cv2.LINE_AA, 4)
        cv2.polylines(image, [fixed], True, (20, 15, 25), 2, cv2.LINE_AA, 4)
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255


def completed(*frames: torch.Tensor) -> ai.Flow:
    stages = Stages(None)
    return stages.pair(*(stages.load(frame) for frame in frames)).flow


def bent(frame: torch.Tensor, seed: int) -> torch.Tensor:
    """The same drawn by another hand: every line up to some pixels beside where it was, smoothly along it."""
    chance = np.random.default_rng(seed)
    image = (frame[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    height, width = SIZE
    beside = [
        cv2.resize(chance.standard_normal((7, 11)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        for _ in range(2)
    ]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    image = cv2.remap(image, x + beside[0], y + beside[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255


@pytest.mark.parametrize("shift", [6.5, 21.25])
def test_a_figure_that_is_shifted_is_a_cutout(shift):
    frames = drawing(0), drawing(shift)
    assert may_be_cutouts(*frames) and completed(*frames).cutouts == [True]


@pytest.mark.parametrize("shift", [6.5, 21.25])
def test_one_that_is_drawn_anew_is_none(shift):
    assert completed(bent(drawing(0), 1), bent(drawing(shift), 2)).cutouts == [False]


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

            return Counted()

        monkeypatch.setattr(model.synthesis, "prepare", prepare)
    for frames, by in (
        ((drawing(0), drawing(9)), "cutouts"),
        ((bent(drawing(0), 1), bent(drawing(9), 2)), "whole"),
    ):
        drawn.clear()
        told = []
        ai.interpolate(torch.cat(frames), 2, model=both, progress=lambda *share, told=told: told.append(share[0]))
        assert drawn == [by] and told == sorted(told) and told[-1] == 1


def test_both_come_back_from_one_file(both, tmp_path):
    save_weights(tmp_path / "both.safetensors", both)
    again = load_model(tmp_path / "both.safetensors")
    assert again.config == BOTH and again.config.cutouts == LIGHT
    frames = torch.cat([drawing(0), drawing(9)])
    assert torch.equal(ai.interpolate(frames, 2, model=both), ai.interpolate(frames, 2, model=again))
