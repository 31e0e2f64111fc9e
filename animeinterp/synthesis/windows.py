"""What is around each pixel of a map (B, C, H, W): mean, greatest, least, deviation; and where a motion ends within it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..flow import backwarp


def inside(way: Tensor) -> Tensor:
    """Where ``way`` (1, 2, h, w), in pixels, ends within the frame: (1, 1, h, w) of 0 and 1."""
    return (backwarp(torch.ones_like(way[:, :1]), way, padding="zeros") > 0.999).to(way.dtype)


def window_mean(x: Tensor, around: int) -> Tensor:
    """Of the square ``around`` each pixel: of its rows' means, which costs its side and not its area."""
    if _by_opencv(x):
        return _each(x, partial(cv2.blur, ksize=(2 * around + 1,) * 2, borderType=cv2.BORDER_REPLICATE))
    x = F.avg_pool2d(F.pad(x, (around,) * 4, mode="replicate"), (1, 2 * around + 1), stride=1)
    return F.avg_pool2d(x, (2 * around + 1, 1), stride=1)


def window_max(x: Tensor, around: int) -> Tensor:
    """The greatest of the square ``around`` each pixel."""
    if _by_opencv(x):
        return _each(x, partial(cv2.dilate, kernel=np.ones((2 * around + 1,) * 2, np.uint8)))
    x = F.max_pool2d(x, (1, 2 * around + 1), stride=1, padding=(0, around))
    return F.max_pool2d(x, (2 * around + 1, 1), stride=1, padding=(around, 0))


def window_min(x: Tensor, around: int) -> Tensor:
    """The least of the square ``around`` each pixel."""
    return -window_max(-x, around)


def window_deviation(frame: Tensor, around: int) -> Tensor:
    """The standard deviation around each pixel, all colours together: (1, 1, h, w)."""
    variance = window_mean(frame.square(), around) - window_mean(frame, around).square()
    return variance.clamp(min=0).sum(dim=1, keepdim=True).sqrt()


def _by_opencv(x: Tensor) -> bool:
    """Whether OpenCV can do it, whose windows cost the same whatever their size."""
    return x.device.type == "cpu" and x.dtype == torch.float32 and not (x.requires_grad and torch.is_grad_enabled())


def _each(x: Tensor, of: Callable[[np.ndarray], np.ndarray]) -> Tensor:
    """``of`` each map of ``x``."""
    maps = [torch.from_numpy(of(channel)) for channel in x.detach().flatten(0, 1).numpy()]
    return torch.stack(maps).reshape(x.shape)
