"""Frames as OpenCV has them."""

import numpy as np
import pytest
import torch

from animeinterp.images import area_average, to_image


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


class OnMps:
    """A frame on a device that pools only to sizes that divide its own."""

    device = torch.device("mps")

    def __init__(self, frame):
        self.frame, self.shape = frame, frame.shape

    def cpu(self):
        return self.frame


def test_areas_are_averaged_where_the_device_cannot(monkeypatch):
    frame = torch.rand(1, 3, 27, 48, generator=torch.Generator().manual_seed(2))
    found, moved = area_average(frame, (18, 32)), []
    assert found.shape == (1, 3, 18, 32) and found.mean() == pytest.approx(float(frame.mean()), abs=1e-3)
    assert torch.allclose(area_average(frame, (9, 16)), torch.nn.functional.avg_pool2d(frame, 3))
    monkeypatch.setattr(torch.Tensor, "to", lambda self, device: moved.append(device) or self)
    assert torch.equal(area_average(OnMps(frame), (18, 32)), found) and moved == [torch.device("mps")]
