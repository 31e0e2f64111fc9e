"""What all that is drawn by motion half-way shares: maps made larger, where a motion ends, components of a mask."""

import numpy as np
import pytest
import torch

from animeinterp.flow import backwarp, mean_difference, pixel_grid
from animeinterp.padding import enlarge_padded, pad_to_multiple
from animeinterp.synthesis.components import component_means, connected_components, small_components
from animeinterp.synthesis.sampling import backwarp_both, upsample, upsample_motion
from animeinterp.synthesis.windows import inside


@pytest.mark.parametrize("times", [2, 4])
def test_a_motion_made_larger_leads_to_the_same_places(times):
    small = pixel_grid(torch.zeros(1, 2, 12, 16))
    motion = 0.25 * small + 1  # to (1.25 p + 1) in its own pixels
    large = pixel_grid(torch.zeros(1, 2, 12 * times, 16 * times))
    to = (large + upsample_motion(motion, times) + 0.5) / times - 0.5  # pixel centres are half a pixel from the corner
    at = (large + 0.5) / times - 0.5
    rim = (..., slice(2 * times, -2 * times), slice(2 * times, -2 * times))
    torch.testing.assert_close(to[rim], (1.25 * at + 1)[rim], atol=1e-4, rtol=0)
    assert upsample(motion, times).shape == (1, 2, 12 * times, 16 * times)


def test_each_drawing_is_read_along_its_own_half():
    torch.manual_seed(3)
    first, last, motion = torch.rand(1, 3, 9, 11), torch.rand(1, 3, 9, 11), torch.randn(1, 4, 9, 11)
    read0, read1 = backwarp_both(first, last, motion)
    assert torch.equal(read0, backwarp(first, motion[:, :2])) and torch.equal(read1, backwarp(last, motion[:, 2:]))
    sharp = backwarp_both(first, last, motion, sharp=True)
    assert not torch.equal(sharp[0], read0) and (sharp[0] - read0).abs().mean() < 0.2


def test_where_a_motion_leaves_the_frame():
    way = torch.zeros(1, 2, 4, 6)
    way[:, 0, :, 5] = 1  # the last column leaves on the right
    way[:, 1, 0] = -1  # the first row above
    expected = torch.ones(1, 1, 4, 6)
    expected[..., 5], expected[:, :, 0] = 0, 0
    assert torch.equal(inside(way), expected)


def test_a_map_of_a_padded_picture_begins_at_the_same_corner():
    frame = torch.rand(1, 1, 30, 45)
    padded = pad_to_multiple(frame, 16)
    assert padded.shape == (1, 1, 32, 48) and torch.equal(padded[..., :30, :45], frame)
    assert torch.equal(padded[..., 30:, :45], frame[..., 29:, :].expand(1, 1, 2, 45))
    assert torch.equal(enlarge_padded(padded, 1.0, (30, 45)), frame)
    assert torch.equal(enlarge_padded(frame, 1.0, (32, 48)), padded)
    assert enlarge_padded(padded, 2.0, (61, 100)).shape == (1, 1, 61, 100)


def test_components():
    mask = np.zeros((10, 12), bool)
    mask[1:3, 1:3], mask[3, 3], mask[6:9, 5:11] = True, True, True  # the second touches the first by a corner
    assert sorted(connected_components(mask, 8)[1][1:]) == [5, 18] and sorted(connected_components(mask, 4)[1][1:]) == [1, 4, 18]
    labels, areas = connected_components(mask, 8)
    assert areas[0] == (~mask).sum() and not labels[~mask].any()
    means = component_means(labels, np.arange(120.0).reshape(10, 12), areas)
    assert means[labels[1, 1]] == (13 + 14 + 25 + 26 + 39) / 5
    small = small_components(mask, 5.5 / 120, 8)
    assert small[mask].sum() == 5 and small[3, 3] and not small[6:9, 5:11].any() and not small[~mask].any()


def test_how_far_two_images_differ():
    one, other = torch.zeros(1, 3, 1, 1), torch.tensor([0.3, -0.6, 0.0]).reshape(1, 3, 1, 1)
    assert float(mean_difference(one, other)) == pytest.approx(0.3)
