"""Motion found in smaller pictures: as good, its edges where the frame's are, and asked for by a number."""

import cv2
import numpy as np
import pytest
import torch

from animeinterp.completion import Completion
from animeinterp.completion.config import CompletionConfig
from animeinterp.evaluation.ways import draw_pair
from animeinterp.flow import Flow, pixel_grid, sampling_grid
from animeinterp.frames import EncodedFrame, FramePair
from animeinterp.stages import Stages
from animeinterp.upsampling import _between, joint_upsample, sharpened, upsample_flow


def pair_with_square(size, at, side):
    """A dark square on a light ground, (1, 3, size, size)."""
    frame = torch.full((1, 3, size, size), 0.9)
    frame[..., at : at + side, at : at + side] = torch.tensor([0.2, 0.3, 0.6]).reshape(1, 3, 1, 1)
    return frame


@torch.no_grad()
def test_edges_lie_where_the_large_frame_has_them():
    """Between two pixels of the small picture the motion does not fade from one to the other as a bilinear enlargement would."""
    pair = FramePair.of(pair_with_square(256, 64, 88), pair_with_square(256, 72, 88))
    small = pair.at_most(64)
    assert small.size == (64, 64)
    frame, guide = pair.rgb[0], small.rgb[0]
    inside_small, inside = (guide[:, :1] < 0.55).float(), (frame[:, :1] < 0.5).float()
    motion = 8.0 * torch.cat([inside_small, inside_small], dim=1)
    large = joint_upsample(torch.cat([motion, inside_small], dim=1), guide, frame, motion, 2.0)
    assert large.shape == (1, 3, 256, 256)
    assert (large[:, :2] - 8.0 * inside).abs().max() < 0.1 and (large[:, 2:] - inside).abs().max() < 0.02


@torch.no_grad()
def test_motions_grow_with_the_picture_and_depths_do_not():
    pair = FramePair.of(torch.rand(1, 3, 128, 256), torch.rand(1, 3, 128, 256))
    small = pair.at_most(64)
    two, one = torch.full((1, 2, 32, 64), 2.0), torch.full((1, 1, 32, 64), 3.0)
    large = upsample_flow(Flow(two, two, depth_0=one, dense_10=two, cutouts=[True]), small, pair)
    assert large.dense_10.shape == (1, 2, 128, 256) and torch.allclose(large.dense_10, torch.tensor(8.0))
    assert torch.allclose(large.depth_0, torch.tensor(3.0)) and large.depth_1 is None and large.cutouts == [True]


def test_nothing_happens_to_frames_that_are_small():
    pair, flow = FramePair.of(torch.rand(1, 3, 64, 80), torch.rand(1, 3, 64, 80)), Flow(*torch.rand(2, 1, 2, 64, 80))
    assert upsample_flow(flow, pair.at_most(80), pair) is flow
    assert pair.frame0.at_most(80) is pair.frame0 and pair.frame0.at_most(None) is pair.frame0


def test_the_smaller_frame_is_made_once_and_hidden_colours_do_not_bleed():
    frame = torch.zeros(1, 4, 64, 128)
    frame[:, 0], frame[:, 3] = 1.0, 1.0
    frame[:, :, :, 33:] = torch.tensor([0.0, 1.0, 0.0, 0.0]).reshape(1, 4, 1, 1)
    encoded = EncodedFrame(frame)
    small = encoded.at_most(32)
    assert small is encoded.at_most(32) and small.frame.shape == (1, 4, 16, 32)
    seen = small.frame[:, 3:] > 0.01
    assert small.frame[:, 1:2][seen].max() < 1e-6


def test_parts_of_a_pixel_are_found_again():
    generator = np.random.default_rng(0)
    wide = cv2.GaussianBlur((255 * generator.random((200, 280, 3))).astype(np.float32), (0, 0), 3)
    wide = np.clip(8 * (wide - wide.mean()) + 128, 0, 255)
    still = wide[20:180, 20:260].astype(np.uint8)
    shift = np.float32([[1, 0, 6.5], [0, 1, -3.0]])
    moved = cv2.warpAffine(wide, shift, (280, 200), flags=cv2.INTER_CUBIC)[20:180, 20:260].clip(0, 255).astype(np.uint8)
    rough = np.tile(np.float32([6.0, -2.5]), (160, 240, 1))
    found = sharpened(still, moved, rough)[20:-20, 20:-20]
    assert np.abs(found - np.float32([6.5, -3.0])).mean() < 0.1


@torch.no_grad()
@pytest.mark.parametrize("largest", [None, 320])
def test_the_flow_of_a_drawn_pair_hardly_changes(largest):
    frames = draw_pair((360, 640))
    stages = Stages(refiner=Completion(CompletionConfig(largest=largest)))
    first, second = map(stages.load, frames.split(1))
    flow = stages.pair(first, second).flow
    assert flow.flow_01.shape[-2:] == (360, 640)
    assert tuple(first.at_most(largest).pieces.labels.shape[-2:]) == ((360, 640) if largest is None else (180, 320))
    along = torch.nn.functional.grid_sample(frames[1:], _grid(flow.flow_01), padding_mode="border", align_corners=False)
    assert (along - frames[:1]).abs().mean() < 0.6 * (frames[1:] - frames[:1]).abs().mean()


def _grid(flow):
    return sampling_grid(*(pixel_grid(flow) + flow).unbind(dim=1), flow.shape[-2:])


@pytest.mark.parametrize("size, small", [(8, 4), (9, 5), (7, 7), (6, 1)])
def test_a_pixel_lies_between_two_of_the_smaller_picture(size, small):
    first, beyond = _between(size, small, torch.device("cpu"))
    at = np.clip((np.arange(size) + 0.5) * small / size - 0.5, 0, small - 1)
    assert (first + beyond).numpy() == pytest.approx(at, abs=1e-5)
    assert first.min() >= 0 and first.max() <= max(small - 2, 0) and beyond.min() >= 0 and beyond.max() <= 1
