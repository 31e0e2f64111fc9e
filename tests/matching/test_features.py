"""Piece features: pooling and moments against the literal loops, what pixels tell apart."""

import math

import pytest
import torch

from animeinterp.matching.features import piece_moments, pixel_features, pool, shape_features, unit_vectors


def blocks(height, width, size=7):
    """A label map of ``size`` px squares in rows, the last of each row and column cut off."""
    y, x = torch.arange(height) // size, torch.arange(width) // size
    return (y[:, None] * (int(x[-1]) + 1) + x[None]).to(torch.int32)


@pytest.mark.parametrize(("height", "width"), [(32, 48), (37, 51)])
def test_pooling_is_the_mean_over_each_piece(height, width):
    labels = blocks(height, width, 16)
    count = int(labels.max()) + 1
    generator = torch.Generator().manual_seed(0)
    maps = [
        torch.rand(1, 3 + k, math.ceil(height / 2**k), math.ceil(width / 2**k), generator=generator) for k in range(4)
    ]
    found = pool(maps, labels, count)
    columns = 0
    for level in maps:
        rows, across = level.shape[-2:]
        for piece in range(count):
            total, area = torch.zeros(level.shape[1]), 0
            for r in range(rows):
                for c in range(across):
                    y, x = int((r + 0.5) * height / rows), int((c + 0.5) * width / across)
                    if labels[y, x] == piece:
                        total, area = total + level[0, :, r, c], area + 1
            if area:
                wanted = total / area
                torch.testing.assert_close(found[piece, columns : columns + level.shape[1]], wanted)
        columns += level.shape[1]
    assert found.shape == (count, columns)


def test_a_piece_that_vanishes_takes_the_feature_at_its_centre():
    labels = torch.zeros(32, 32, dtype=torch.int32)
    labels[18, 8] = 1  # no pixel of a map at 1/8 looks here
    level = torch.arange(16.0).view(1, 1, 4, 4)
    assert pool([level], labels, 2)[1].item() == level[0, 0, 2, 1].item()
    assert pool([torch.rand(1, 2, 32, 32)], labels, 2).isfinite().all()


def test_moments_against_the_definition():
    labels = blocks(40, 60, 17)
    labels[3, 5] = int(labels.max()) + 1  # a piece of one pixel
    count = int(labels.max()) + 1
    found = piece_moments(labels, count)
    for piece in range(count):
        y, x = torch.nonzero(labels == piece, as_tuple=True)
        y, x = y.double(), x.double()
        wanted = [
            float(len(x)), x.mean(), y.mean(), x.var(correction=0), y.var(correction=0),
            ((x - x.mean()) * (y - y.mean())).mean(),
        ]  # fmt: skip
        torch.testing.assert_close(found[piece], torch.tensor(wanted, dtype=torch.float64), atol=1e-9, rtol=1e-9)


def test_a_slanted_piece_has_its_covariance():
    y, x = torch.meshgrid(torch.arange(60), torch.arange(60), indexing="ij")
    labels = ((x - y).abs() < 5).int()
    moments = piece_moments(labels, 2)[1]
    assert moments[5] > 0.9 * moments[3] and moments[3].item() == pytest.approx(moments[4].item())


@pytest.mark.parametrize("size", [(64, 64), (65, 97), (90, 160)])
def test_pixel_features_of_any_size_are_shares(size):
    """A histogram of each of three planes, whatever is averaged: three shares that add up to one each."""
    maps = pixel_features(torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(1)))
    for level in maps:
        assert level.shape[:2] == (1, 24) and level.min() >= -1e-4
        torch.testing.assert_close(level.sum(1), torch.full_like(level[:, 0], 3.0), atol=1e-3, rtol=0)


def test_pixel_features_tell_surroundings_apart():
    """Two like squares on a red and a blue ground: their own colour is the same, what is around them is not."""
    frame = torch.zeros(1, 3, 96, 160)
    frame[:, 0, :, :80], frame[:, 2, :, 80:] = 1.0, 1.0
    labels = torch.zeros(96, 160, dtype=torch.int32)
    for label, x in ((1, 32), (2, 112)):
        frame[:, :, 40:56, x : x + 16] = 0.5
        labels[40:56, x : x + 16] = label
    own, near, wide = pool(pixel_features(frame), labels, 3).split(24, dim=1)
    torch.testing.assert_close(own[1], own[2])
    assert (near[1] - near[2]).abs().sum() > 0.5 and (wide[1] - wide[2]).abs().sum() > 0.5


def test_hues_of_one_brightness_are_told_apart():
    red, green = torch.tensor([0.8, 0.0, 0.0]), torch.tensor([0.0, 0.8 * 0.299 / 0.587, 0.0])
    maps = [pixel_features(colour.view(1, 3, 1, 1).expand(1, 3, 64, 64))[0][0, :, 0, 0] for colour in (red, green)]
    torch.testing.assert_close(maps[0][:8], maps[1][:8])  # luma
    assert (maps[0] - maps[1]).abs().sum() > 0.5


def test_shape_features_tell_size_and_roundness():
    labels = torch.zeros(200, 200, dtype=torch.int32)
    labels[10:30, 10:30], labels[10:20, 60:100], labels[60:140, 60:140] = 1, 2, 3
    moments = piece_moments(labels, 4)
    vectors = shape_features(moments)
    torch.testing.assert_close(vectors.sum(1), torch.full((4,), 2.0))  # one share of each histogram
    size, roundness = vectors.split([12, 6], dim=1)
    torch.testing.assert_close(size[1], size[2])
    torch.testing.assert_close(roundness[1], roundness[3])
    assert (size[1] - size[3]).abs().sum() > 0.5 and (roundness[1] - roundness[2]).abs().sum() > 0.5


def test_unit_vectors():
    vectors = unit_vectors(torch.tensor([[1.0, -1.0, 3.0], [2.0, 2.0, 2.0]]))
    torch.testing.assert_close(vectors, torch.tensor([[2 / 6, 0, 4 / 6], [0.0, 0.0, 0.0]]))
