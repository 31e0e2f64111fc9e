"""Frames as OpenCV has them."""

import numpy as np
import pytest
import torch

from animeinterp.images import to_image


@pytest.mark.parametrize("channels", [3, 4])
def test_pixels_are_read_alike_however_a_frame_lies_in_memory(channels):
    frame = torch.rand(channels, 20, 30, generator=torch.Generator().manual_seed(1)) * 1.2 - 0.1
    frame[0, 0, :3] = torch.tensor([torch.nan, torch.inf, -torch.inf])
    if channels == 4:
        frame[3] = 1
    image = to_image(frame)
    assert image.flags.c_contiguous and image[0, :3, 0].tolist() == [0, 255, 0]
    expected = frame[:3, 1:].clamp(0, 1).mul(255).round().permute(1, 2, 0).byte()
    assert np.array_equal(image[1:], expected.numpy())
    interleaved = frame.permute(1, 2, 0).contiguous().permute(2, 0, 1)
    assert np.array_equal(to_image(interleaved), image)
    assert np.array_equal(to_image(frame.double()), image)
