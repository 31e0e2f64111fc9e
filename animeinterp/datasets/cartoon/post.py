"""What recording does to drawings: blur, grain, JPEG; of one kind and strength within a clip."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .config import CartoonConfig

# Annex K of the JPEG standard (ITU-T T.81): luminance quantisation, which serves for both here.
_QUANT = (
    (16, 11, 10, 16, 24, 40, 51, 61), (12, 12, 14, 19, 26, 58, 60, 55), (14, 13, 16, 24, 40, 57, 69, 56),
    (14, 17, 22, 29, 51, 87, 80, 62), (18, 22, 37, 56, 68, 109, 103, 77), (24, 35, 55, 64, 81, 104, 113, 92),
    (49, 64, 78, 87, 103, 121, 120, 101), (72, 92, 95, 98, 112, 100, 103, 99),
)


def degrade(frames: Tensor, seeds: Sequence[int], config: CartoonConfig) -> Tensor:
    """Frames (B, T, 3, H, W), blurred, grained and compressed as often as ``config`` says, in 0..1."""
    frames = frames.clamp(0, 1)
    if not (config.grain or config.jpeg or config.blur):
        return frames
    out = []
    for clip, seed in zip(frames, seeds, strict=True):
        rng = np.random.default_rng([seed, 7])
        chance, strength = rng.random(3), rng.random(3)
        if chance[0] < config.blur:
            clip = _soften(clip, 0.4 + 0.8 * float(strength[0]))
        if chance[1] < config.grain:
            # Drawn on the CPU, so that a seed gives the same grain everywhere.
            noise = torch.from_numpy(rng.standard_normal(tuple(clip.shape), dtype=np.float32)).to(clip.device)
            clip = clip + noise * (0.004 + 0.016 * float(strength[1]))
        if chance[2] < config.jpeg:
            clip = _jpeg(clip, 0.2 + 1.0 * float(strength[2]))
        out.append(clip.clamp(0, 1))
    return torch.stack(out)


def _soften(frames: Tensor, sigma: float) -> Tensor:
    x = torch.arange(-4, 5, device=frames.device, dtype=frames.dtype)
    kernel = torch.exp(-0.5 * (x / sigma) ** 2)
    kernel = (kernel / kernel.sum()).expand(3, 1, -1)
    padded = F.pad(frames, (4, 4, 4, 4), mode="replicate")
    return F.conv2d(F.conv2d(padded, kernel[:, :, None], groups=3), kernel[:, :, :, None], groups=3)


def _jpeg(frames: Tensor, coarse: float) -> Tensor:
    """Eight by eight cosine transform, quantised: JPEG's loss, chroma at half the size, without its file."""
    height, width = frames.shape[-2:]
    to_ycc = frames.new_tensor([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    ycc = torch.einsum("ij,tjhw->tihw", to_ycc, frames * 255)
    luma = _quantise(ycc[:, :1] - 128, coarse) + 128
    small = F.avg_pool2d(ycc[:, 1:], 2, ceil_mode=True)
    chroma = F.interpolate(_quantise(small, 1.5 * coarse), (height, width), mode="bilinear", align_corners=False)
    back = torch.linalg.inv(to_ycc)
    return torch.einsum("ij,tjhw->tihw", back, torch.cat([luma, chroma], 1)) / 255


def _quantise(planes: Tensor, coarse: float) -> Tensor:
    height, width = planes.shape[-2:]
    planes = F.pad(planes, (0, -width % 8, 0, -height % 8), mode="replicate")
    k = torch.arange(8, device=planes.device, dtype=planes.dtype)
    basis = torch.cos((2 * k + 1) * k[:, None] * torch.pi / 16) * 0.5
    basis[0] *= 0.5**0.5
    blocks = planes.unflatten(-1, (-1, 8)).unflatten(-3, (-1, 8)).transpose(-3, -2)
    step = planes.new_tensor(_QUANT) * coarse
    coefficients = torch.round(basis @ blocks @ basis.T / step) * step
    planes = (basis.T @ coefficients @ basis).transpose(-3, -2).flatten(-2).flatten(-3, -2)
    return planes[..., :height, :width]
