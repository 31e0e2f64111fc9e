"""Backward warping and the resizing of flow, on what can be told beforehand."""

import pytest
import torch

from animeinterp.flow import backwarp, pixel_grid, resize_flow


def _constant(dx, dy, height=10, width=14, dtype=torch.float32):
    return torch.tensor([dx, dy], dtype=dtype).view(1, 2, 1, 1).expand(1, 2, height, width)


def test_zero_flow_is_identity():
    image = torch.rand(2, 3, 10, 14)
    torch.testing.assert_close(backwarp(image, torch.zeros(2, 2, 10, 14)), image, rtol=0, atol=1e-5)


def test_whole_flow_reads_the_neighbour():
    image = torch.rand(1, 3, 10, 14)
    warped = backwarp(image, _constant(2, -1))
    torch.testing.assert_close(warped[:, :, 1:, :12], image[:, :, :9, 2:], rtol=0, atol=1e-5)


def test_half_a_pixel_is_the_mean():
    image = torch.rand(1, 1, 10, 14)
    warped = backwarp(image, _constant(0.5, 0))
    torch.testing.assert_close(warped[..., :-1], (image[..., 1:] + image[..., :-1]) / 2, rtol=0, atol=1e-5)


def test_beyond_the_border():
    image = 1 + torch.rand(1, 1, 10, 14)
    assert not backwarp(image, _constant(20, 0), padding="zeros").any()
    torch.testing.assert_close(backwarp(image, _constant(20, 0)), image[..., -1:].expand_as(image))
    torch.testing.assert_close(backwarp(image, _constant(-20, -20)), image[..., :1, :1].expand_as(image))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_positions_are_exact_in_half_precision(dtype):
    """Past 256 (bfloat16) or 2048 (float16) half precision cannot count pixels; positions must not be in it."""
    ramp = (torch.arange(3000) % 7).to(dtype).expand(1, 1, 2, 3000)
    warped = backwarp(ramp, _constant(1, 0, 2, 3000, dtype))
    assert warped.dtype == dtype
    torch.testing.assert_close(warped[..., :-1], ramp[..., 1:], rtol=0, atol=2e-2)


def test_gradients_of_backwarp():
    image = torch.rand(1, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    flow = (0.2 + 0.6 * torch.rand(1, 2, 5, 6, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(backwarp, (image, flow))


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_resizing_rescales_each_axis(mode):
    resized = resize_flow(_constant(6, 5), (30, 28), mode=mode)
    torch.testing.assert_close(resized, _constant(12, 15, 30, 28))
    assert torch.equal(resize_flow(_constant(6, 5), (10, 14), mode=mode), _constant(6, 5))


def test_nearest_keeps_boundaries():
    flow = _constant(4, 0).clone()
    flow[..., 7:] = 0
    assert set(resize_flow(flow, (5, 7), mode="nearest").unique().tolist()) == {0.0, 2.0}


def test_pixel_grid_is_x_then_y():
    grid = pixel_grid(torch.zeros(1, 3, 4, 5))
    assert grid.shape == (1, 2, 4, 5) and grid[0, :, 3, 2].tolist() == [2, 3]
