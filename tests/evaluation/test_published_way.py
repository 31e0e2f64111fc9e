"""The yardstick computes what the library computes: only then does a ratio of seconds mean anything."""

import cv2
import numpy as np
import pytest
import torch
from torch import nn

import animeinterp as ai
from animeinterp.datasets.clips import public_clips
from animeinterp.evaluation.published_way import steps
from animeinterp.evaluation.published_way.networks import PublishedNetworks
from animeinterp.images import to_image
from animeinterp.matching import describe_pieces, match_pieces
from animeinterp.matching.vgg import VGGFeatures
from animeinterp.model import build


@pytest.fixture(scope="module")
def frames():
    sample = next(iter(public_clips((180, 320), times=(0.5,), speeds=("medium",)))).sample
    return torch.cat([sample.frame0, sample.frame1])


@pytest.fixture(scope="module")
def vgg():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return VGGFeatures().eval()


@pytest.fixture(scope="module")
def model():
    """The published configuration, with weights that let every layer have a say."""
    network = build().eval()
    dice = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if parameter.ndim > 1:
                gain = 0.05 if name == "refinement.update.flow2.weight" else 1.0
                spread = gain * (2 / parameter[0].numel()) ** 0.5
                parameter.copy_(spread * torch.randn(parameter.shape, generator=dice))
            elif "prelu" not in name and name.endswith("bias"):
                parameter.copy_(0.05 * torch.randn(parameter.shape, generator=dice))
    return network


def adjusted_rand(one, other):
    """How far two partitions agree beyond chance (Hubert and Arabie 1985): 1 the same, 0 chance."""
    table = np.zeros((one.max() + 1, other.max() + 1))
    np.add.at(table, (one.ravel(), other.ravel()), 1)

    def pairs(counts):
        return (counts * (counts - 1) / 2).sum()

    both, rows, columns, everything = pairs(table), pairs(table.sum(1)), pairs(table.sum(0)), pairs(np.array([one.size]))
    chance = rows * columns / everything
    return (both - chance) / ((rows + columns) / 2 - chance)


def test_pieces_are_the_librarys():
    # Of a size at which lines are thin beside the pieces, as both are tuned for: what lies within a line is a piece to
    # the published way and none to the library.
    frame = next(iter(public_clips((360, 640), times=(0.5,), speeds=("medium",)))).sample.frame0[..., 160:480]
    ours = ai.segment(frame)[0].numpy()
    theirs = steps.segment(to_image(frame[0]))
    assert theirs.min() == 0 and len(np.unique(theirs)) == theirs.max() + 1 > 20
    assert adjusted_rand(ours, theirs) >= 0.9


def test_small_pieces_are_merged_and_gaps_hold():
    image = np.full((90, 120, 3), 200, np.uint8)
    cv2.line(image, (60, 0), (60, 89), (0, 0, 0), 3)
    image[40:44, 57:64] = 200  # a gap that is narrower than the ball
    cv2.circle(image, (20, 20), 2, (120, 10, 10), -1)
    labels = steps.segment(image)
    assert labels[45, 20] != labels[45, 100]
    assert labels[20, 20] == labels[45, 20]


def test_features_and_matches_are_the_librarys(frames, vgg):
    labels = ai.segment(frames)
    ours = [describe_pieces(frame, lab, features=vgg) for frame, lab in zip(frames.split(1), labels, strict=True)]
    for pieces, frame, lab in zip(ours, frames.split(1), labels, strict=True):
        vectors = steps.describe(vgg, frame, lab.numpy())
        assert vectors.shape == pieces.vectors.shape
        # 1 - A: the levels are subsampled at other pixels, no more
        assert (vectors - pieces.vectors).abs().sum(1).median() / 2 < 0.02
    expected = match_pieces(*ours, tuple(frames.shape[-2:]))
    pairs = steps.match(ours[0].vectors, ours[1].vectors, *(lab.numpy() for lab in labels))
    assert pairs == list(zip(expected.pieces_0.tolist(), expected.pieces_1.tolist(), strict=True))


def test_piece_flow_finds_a_known_shift():
    images, labels = [], []
    pattern = cv2.resize(np.random.default_rng(0).integers(60, 255, (5, 5, 3), np.uint8), (24, 24))
    for x, y in ((20, 30), (33, 25)):
        image, label = np.full((90, 140, 3), 30, np.uint8), np.zeros((90, 140), np.int32)
        image[y : y + 24, x : x + 24], label[y : y + 24, x : x + 24] = pattern, 1
        images.append(image)
        labels.append(label)
    flow = steps.piece_flow(*images, *labels, [(0, 0), (1, 1)])
    assert np.abs(flow[labels[0] == 1] - (13, -5)).max() < 0.5
    assert not flow[labels[0] == 0].any()  # the ground is too large to be moved


@pytest.mark.parametrize(("size", "time"), [((128, 160), 0.5), ((140, 180), 0.3), ((96, 64), 0.5)])
@torch.no_grad()
def test_networks_give_the_librarys_flows_and_frames(model, size, time):
    dice = torch.Generator().manual_seed(1)
    frames = nn.functional.interpolate(torch.rand(2, 3, 12, 16, generator=dice), size, mode="bilinear").split(1)
    flows = [5 * nn.functional.interpolate(torch.randn(1, 2, 4, 5, generator=dice), size) for _ in range(2)]
    networks = PublishedNetworks(model)
    expected = model.refine(*frames, *flows)
    fine = networks.refine(*frames, *flows)
    for theirs, ours, start in zip(fine, expected, flows, strict=True):
        assert (theirs - ours).abs().max() < 1e-3
        assert (ours - start).abs().max() > 0.1  # it did refine
    painted = networks.synthesize(*frames, *expected, time)
    wanted = model.synthesize(*frames, *expected, [time])
    assert (painted - wanted).abs().max() < 1e-3
    assert wanted.std() > 0.05  # a picture, not one colour
