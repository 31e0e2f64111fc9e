"""Reading a frame between its pixels without softening its lines.

Bilinear sampling halves the contrast of a line one pixel wide that moves by half a pixel; a windowed sinc does not.
Duchon, "Lanczos Filtering in One and Two Dimensions" (1979), with four lobes.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..flow import backwarp, pixel_grid, sampling_grid

LOBES = 4


def sample_lanczos(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """``image`` at the positions (x, y).

    Convention: ``image`` (1, C, H, W) float32; ``x``, ``y`` (H', W') in pixels, pixel centres at whole numbers; beyond the
    border the border's value. The result (1, C, H', W') may leave the image's range by the filter's overshoot. Not
    differentiable on a CPU.
    """
    if image.device.type == "cpu" and max(image.shape[-2:]) < 2**15:
        return _sample_cv2(image, x, y)
    return _sample_torch(image, x, y)


def sample_cubic(image: Tensor, positions: Tensor) -> Tensor:
    """``image`` (N, C, H, W) at ``positions`` (N or 1, 2, H', W'), x then y: bicubic, differentiable in both.

    Keys, "Cubic Convolution Interpolation for Digital Image Processing" (1981), with torch's a = -0.75. Positions are as in
    ``sample_lanczos``; the result has the image's dtype.
    """
    if image.device.type == "mps":  # knows no bicubic reading
        return sample_cubic(image.cpu(), positions.cpu()).to(image.device)
    precise = torch.promote_types(image.dtype, torch.float32)
    x, y = positions.to(precise).expand(image.shape[0], -1, -1, -1).unbind(dim=1)
    grid = sampling_grid(x, y, image.shape[-2:])
    read = F.grid_sample(image.to(precise), grid, mode="bicubic", padding_mode="border", align_corners=False)
    return read.to(image.dtype)


def backwarp_cubic(image: Tensor, flow: Tensor) -> Tensor:
    """``image`` (N, C, H, W) read at x + flow(x), as ``flow.backwarp`` does, by ``sample_cubic``: its lines stay as dark, and the
    result may leave its range by the overshoot."""
    return sample_cubic(image, pixel_grid(flow) + flow)


def backwarp_both(image0: Tensor, image1: Tensor, motion: Tensor, *, sharp: bool = False) -> tuple[Tensor, Tensor]:
    """Both drawings (B, C, h, w), or features of them, each read along its half of a bilateral ``motion`` (B, 4, h, w).

    :param sharp: by ``backwarp_cubic``, and not ``flow.backwarp``.
    """
    warp = backwarp_cubic if sharp else backwarp
    return warp(image0, motion[:, :2]), warp(image1, motion[:, 2:])


def upsample(x: Tensor, times: int = 2) -> Tensor:
    """A map (B, C, h, w) ``times`` the size, a power of two: doubled again and again, bilinearly."""
    while times > 1:
        x, times = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False), times // 2
    return x


def upsample_motion(motion: Tensor, times: int = 2) -> Tensor:
    """``upsample`` of a motion in pixels of its own size, whose values grow with it."""
    return times * upsample(motion, times)


def _sample_cv2(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    pixels = np.ascontiguousarray(image[0].permute(1, 2, 0).numpy())
    warped = cv2.remap(pixels, x.numpy(), y.numpy(), cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE)
    return torch.from_numpy(warped.reshape(*warped.shape[:2], -1)).permute(2, 0, 1)[None]


def _sample_torch(image: Tensor, x: Tensor, y: Tensor) -> Tensor:
    channels, height, width = image.shape[1:]
    flat = image[0].flatten(1)
    left, top = x.floor(), y.floor()
    columns, rows = _weights(x - left), _weights(y - top)
    result = image.new_zeros(channels, *x.shape)
    for j in range(2 * LOBES):
        row = (top.long() + j - LOBES + 1).clamp(0, height - 1) * width
        line = image.new_zeros(channels, *x.shape)
        for i in range(2 * LOBES):
            column = (left.long() + i - LOBES + 1).clamp(0, width - 1)
            line += flat[:, (row + column).flatten()].unflatten(1, x.shape) * columns[i]
        result += line * rows[j]
    return result[None]


def _weights(fraction: Tensor) -> Tensor:
    """The 2 * LOBES taps of each position, summing to one: (2 * LOBES, H', W')."""
    offsets = torch.arange(2 * LOBES, device=fraction.device, dtype=fraction.dtype) - LOBES + 1
    distance = fraction[None] - offsets[:, None, None]
    taps = torch.sinc(distance) * torch.sinc(distance / LOBES)
    return taps / taps.sum(0)
