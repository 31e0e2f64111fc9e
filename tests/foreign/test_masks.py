"""Pieces from others' masks and colours: each is kept, and the rest is cut by colour."""

import pytest
import torch

from animeinterp import segment
from animeinterp.errors import AnimeInterpError
from animeinterp.foreign import labels_from_colours, labels_from_masks
from animeinterp.visualization.pieces import draw_pieces


def frame():
    picture = torch.full((1, 3, 80, 100), 0.9)
    picture[..., 20:60, 10:50] = torch.tensor([0.8, 0.2, 0.2]).view(1, 3, 1, 1)
    picture[..., 20:60, 60:90] = torch.tensor([0.2, 0.3, 0.8]).view(1, 3, 1, 1)
    return picture


def masks():
    planes = torch.zeros(2, 80, 100)
    planes[0, 25:35, 20:30] = 1  # an eye on ...
    planes[1, 20:60, 10:50] = 1  # ... a face
    return planes


def test_the_smaller_mask_lies_on_the_greater_and_the_rest_is_cut_by_colour():
    labels = labels_from_masks(masks(), frame())
    assert labels.shape == (1, 80, 100) and labels.dtype == torch.int32
    eye, face = labels[0, 30, 25], labels[0, 55, 15]
    assert eye != face and (labels == eye).sum() == 100 and (labels == face).sum() == 1500
    assert labels[0, 40, 75] not in (eye, face) and labels[0, 40, 75] != labels[0, 5, 5]
    assert labels.unique().tolist() == list(range(int(labels.max()) + 1))
    # Where no mask is, the pieces are those of the cutting.
    whole, rest = segment(frame()), (masks() < 0.5).all(0)
    for piece in labels[0][rest].unique():
        assert len(whole[0][rest & (labels[0] == piece)].unique()) == 1


def test_colours_are_pieces_and_black_is_none():
    labels = segment(frame())
    coded = draw_pieces(labels)
    found = labels_from_colours(coded, frame())
    pairs = torch.stack([labels.flatten(), found.flatten()]).unique(dim=1)
    assert pairs.shape[1] == labels.unique().numel() == found.unique().numel()
    black = torch.zeros(1, 3, 80, 100)
    assert torch.equal(labels_from_colours(black, frame()), segment(frame()))


def test_a_blurred_picture_and_another_size_are_refused():
    with pytest.raises(AnimeInterpError, match="colours; it should have one a piece"):
        labels_from_colours(torch.rand(1, 3, 80, 100), frame())
    with pytest.raises(AnimeInterpError, match="masks: 100x40, and the frame is 100x80"):
        labels_from_masks(masks()[:, :40], frame())
