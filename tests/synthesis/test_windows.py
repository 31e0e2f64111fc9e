"""What is around each pixel: the same from OpenCV as from torch, which does it on other devices and under gradients."""

import pytest
import torch
from torch.nn import functional as F

from animeinterp.synthesis.windows import window_deviation, window_max, window_mean, window_min


@pytest.mark.parametrize("size", [(1, 1), (4, 30), (23, 17)])
@pytest.mark.parametrize("around", [1, 2, 6])
@pytest.mark.parametrize("window", [window_mean, window_max, window_min])
def test_both_ways_are_one(window, around, size):
    torch.manual_seed(0)
    x = torch.randn(2, 3, *size)
    torch.testing.assert_close(window(x, around), window(x.clone().requires_grad_(), around).detach(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("learning", [False, True])
def test_of_the_square_around(learning):
    torch.manual_seed(0)
    x = torch.rand(1, 1, 9, 11, requires_grad=learning)
    square = F.unfold(F.pad(x, (2,) * 4, mode="replicate"), 5).reshape(1, 25, 9, 11)
    torch.testing.assert_close(window_mean(x, 2), square.mean(dim=1, keepdim=True))
    torch.testing.assert_close(window_max(x, 2), square.amax(dim=1, keepdim=True))
    torch.testing.assert_close(window_min(x, 2), square.amin(dim=1, keepdim=True))
    torch.testing.assert_close(window_deviation(x, 2), square.std(dim=1, correction=0, keepdim=True), atol=1e-4, rtol=0)


def test_it_is_learned_through():
    x = torch.rand(1, 1, 6, 6, requires_grad=True)
    window_mean(x, 1).sum().backward()
    assert float(x.grad.sum()) == pytest.approx(36)
