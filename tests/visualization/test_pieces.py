"""The pictures show what they say: a colour a piece, like colours for a match, grey for none."""

import torch

from animeinterp.flow import Matches
from animeinterp.visualization.pieces import draw_matches, draw_pieces, piece_colours, shrink


def test_first_colours_are_far_apart_and_always_the_same():
    colours = piece_colours(24)
    assert colours.min() >= 0 and colours.max() <= 1
    assert torch.pdist(colours).min() > 0.08
    assert torch.equal(piece_colours(5), colours[:5])


def test_a_piece_is_one_flat_colour():
    labels = torch.arange(6, dtype=torch.int32).view(1, 2, 3)
    picture = draw_pieces(labels)
    assert picture.shape == (1, 3, 2, 3)
    assert torch.equal(picture[0].flatten(1).T, piece_colours(6))


def test_matched_pieces_share_a_colour_and_the_rest_is_grey():
    labels_0 = torch.zeros(1, 8, 12, dtype=torch.int32)
    labels_0[..., 4:8], labels_0[..., 8:] = 1, 2
    labels_1 = 2 - labels_0
    frame = torch.full((1, 3, 8, 12), 0.5)
    matches = Matches(torch.tensor([0, 2]), torch.tensor([2, 0]), torch.ones(2))
    picture = draw_matches(frame, frame, labels_0, labels_1, matches)
    assert picture.shape == (1, 3, 8, 28)
    left, right = picture[..., :12], picture[..., 16:]
    assert torch.equal(left[..., 0], right[..., 0]) and torch.equal(left[..., 11], right[..., 11])
    assert float((left[..., 0] - left[..., 11]).abs().max()) > 0.1
    grey = left[0, :, 4, 5]
    assert float(grey.max() - grey.min()) < 1e-6
    assert float(left[0, :, 0, 0].max() - left[0, :, 0, 0].min()) > 0.1


def test_shrink_only_shrinks():
    assert shrink(torch.rand(1, 3, 50, 100), 64).shape == (1, 3, 32, 64)
    assert shrink(torch.rand(1, 3, 50, 60), 64).shape == (1, 3, 50, 60)
