"""What happens to whole pictures: light that changes, softness, compression, grain."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

_TO_LUMA = ((0.299, 0.587, 0.114), (-0.1687, -0.3313, 0.5), (0.5, -0.4187, -0.0813))  # JPEG's Y, Cb, Cr
_TO_COLOUR = ((1.0, 0.0, 1.402), (1.0, -0.34414, -0.71414), (1.0, 1.772, 0.0))


def light(chance: torch.Generator, frames: list[Tensor], times: list[Tensor], share: float) -> list[Tensor]:
    """The light of some pictures changes evenly from drawing to drawing: a fade, a tint."""
    count, device = len(frames[0]), frames[0].device
    changes = torch.rand(count, 1, 1, 1, generator=chance, device=device) < share
    spread = torch.rand(count, 1, 1, 1, generator=chance, device=device)
    gains = 1 + 0.5 * spread * (torch.rand(2, count, 3, 1, 1, generator=chance, device=device) - 0.5)
    gains = gains * (1 - 0.4 * torch.rand(2, count, 1, 1, 1, generator=chance, device=device))
    gains = torch.where(changes, gains, 1.0)
    return [frame * torch.lerp(gains[0], gains[1], time) for frame, time in zip(frames, times, strict=True)]


def degrade(
    chance: torch.Generator, frames: list[Tensor], *, soft: float, lossy: float, grainy: float
) -> list[Tensor]:
    """Softness of all three pictures; blocks and grain of the two ends alone, so that what is between learns to be clean."""
    count, device = len(frames[0]), frames[0].device

    def rand() -> Tensor:
        return torch.rand(count, 1, 1, 1, generator=chance, device=device)

    amount = torch.where(rand() < soft, rand(), 0)
    frames = [torch.lerp(frame, _blurred(frame), amount) for frame in frames]
    step, coarse = torch.where(rand() < lossy, rand() ** 2, 0.0), 0.01 + 0.05 * rand()
    grain = torch.where(rand() < grainy, 0.03 * rand(), 0.0)
    for k in (0, 2):
        pressed = _pressed(frames[k], coarse * step)
        noise = torch.randn(frames[k].shape, generator=chance, device=device)
        frames[k] = torch.where(step > 0, pressed, frames[k]) + grain * noise
    return [frame.clamp(0, 1) for frame in frames]


def _blurred(x: Tensor) -> Tensor:
    return F.avg_pool2d(F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 2, stride=1), 2, stride=1)


def _pressed(x: Tensor, step: Tensor) -> Tensor:
    """Quantised in blocks of 8x8 by their cosines, as JPEG does: ``step`` (B, 1, 1, 1) is that of the lowest frequencies."""
    count, _, height, width = x.shape
    k = torch.arange(8, device=x.device, dtype=torch.float32)
    basis = (math.pi / 8 * (k[None] + 0.5) * k[:, None]).cos() * torch.where(k == 0, 0.125, 0.25).sqrt()[:, None]
    luma = _mixed(_TO_LUMA, x)
    blocks = luma.reshape(count, 3, height // 8, 8, width // 8, 8)
    cosines = torch.einsum("ui,vj,bcyixj->bcyuxv", basis, basis, blocks)
    steps = (1 + 0.6 * (k[:, None] + k[None])).reshape(1, 1, 1, 8, 1, 8) * step.reshape(-1, 1, 1, 1, 1, 1)
    steps = torch.cat([steps, 2 * steps, 2 * steps], dim=1).clamp(min=1e-4)  # colour may be coarser
    cosines = (cosines / steps).round() * steps
    blocks = torch.einsum("ui,vj,bcyuxv->bcyixj", basis, basis, cosines)
    return _mixed(_TO_COLOUR, blocks.reshape(count, 3, height, width))


def _mixed(matrix: tuple[tuple[float, ...], ...], x: Tensor) -> Tensor:
    """Channels mixed by a small matrix of plain numbers, which need not travel to the device."""
    channels = x.split(1, dim=1)
    return torch.cat([sum(weight * channel for weight, channel in zip(row, channels, strict=True)) for row in matrix], dim=1)
