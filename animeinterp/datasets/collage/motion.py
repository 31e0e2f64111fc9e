"""How layers move: turned, zoomed and shifted as wholes, bent by smooth fields that differ from layer to layer.

A layer's drawing is laid down at time t, where the truth is wanted; from there its motion is followed to either end. So
where a pixel of time t goes is known exactly and needs no search; what is searched for, to draw the two ends, is where a
pixel there came from, and a smooth field is undone by a few steps of fixed-point iteration.

Conventions: (B, ...) layers, one of each collage. Positions are (B, 2, h, w) pixels of the picture, x then y, pixel
centres at whole numbers. ``after`` (B, 1, 1, 1): time gone by since t, negative towards drawing 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ...flow import sampling_grid

STRIDE = 4  # pixels: where drawings are read from is found at this spacing, and smooth between
_STEPS = 6  # of the fixed-point iteration
_FIELD = 64  # cells to a side of a bending field
_BEYOND = 0.25  # of the picture, how far a bending field goes beyond it on each side
_STEEPEST = 0.3  # pixels that neighbours may be bent apart by at most, in the mean of the steepest: the iteration converges


@dataclass
class Moves:
    """What moves each layer in a unit of time. ``centre`` (B, 2) at t; ``shift`` (B, 2) pixels, ``turn`` (B,) radians,
    ``zoom`` (B,) logarithm, all about the centre; ``bend`` (B, 2, _FIELD, _FIELD) pixels, over the picture and some more."""

    centre: Tensor
    shift: Tensor
    turn: Tensor
    zoom: Tensor
    bend: Tensor


def bends(chance: torch.Generator, amounts: Tensor, cells: int, size: tuple[int, int]) -> Tensor:
    """Smooth random fields (B, 2, _FIELD, _FIELD) of about ``amounts`` (B,) pixels, ``cells`` of them over the field."""
    coarse = torch.randn(len(amounts), 2, cells, cells, generator=chance, device=amounts.device)
    steepest = _STEEPEST * max(size) * (1 + 2 * _BEYOND) / cells / 2
    coarse = coarse.clamp(-2, 2) * amounts.clamp(max=steepest).reshape(-1, 1, 1, 1)
    return F.interpolate(coarse, (_FIELD, _FIELD), mode="bicubic", align_corners=True)


def hinges(chance: torch.Generator, centre: Tensor, reach: Tensor, turn: Tensor, size: tuple[int, int]) -> Tensor:
    """Fields as ``bends`` makes them, of a part of each layer that swings about a joint: what lies on one side of it.

    ``centre`` (B, 2) of the layers, ``reach`` (B,) pixels about how large they are, ``turn`` (B,) radians a unit of time.
    """
    device, batch = centre.device, len(centre)
    joint = centre + reach[:, None] * 0.35 * torch.randn(batch, 2, generator=chance, device=device)
    angle = 2 * math.pi * torch.rand(batch, generator=chance, device=device)
    towards = torch.stack([angle.cos(), angle.sin()], dim=1)[..., None, None]
    away = _field_positions(size, device) - joint[..., None, None]
    reach = reach.reshape(-1, 1, 1, 1).clamp(min=16)
    along = (away * towards).sum(dim=1, keepdim=True) / reach
    beyond = (6 * along - 1).sigmoid() * (-(away.square().sum(dim=1, keepdim=True) / (1.5 * reach).square())).exp()
    return beyond * turn.reshape(-1, 1, 1, 1) * torch.cat([-away[:, 1:], away[:, :1]], dim=1)


def places(size: tuple[int, int], device: torch.device) -> Tensor:
    """Positions (1, 2, H / STRIDE + 2, W / STRIDE + 2), STRIDE apart, from one beyond the picture to one beyond it."""
    height, width = size
    x, y = (STRIDE * (torch.arange(n // STRIDE + 2, device=device, dtype=torch.float32) - 0.5) - 0.5 for n in (width, height))
    ys, xs = torch.meshgrid(y, x, indexing="ij")
    return torch.stack([xs, ys])[None]


def fill(values: Tensor, size: tuple[int, int]) -> Tensor:
    """Values at ``places`` (B, C, h, w) for every pixel, (B, C, H, W)."""
    height, width = size
    whole = F.interpolate(values, scale_factor=STRIDE, mode="bilinear", align_corners=False)
    return whole[..., STRIDE : STRIDE + height, STRIDE : STRIDE + width]


def forward(moves: Moves, at: Tensor, after: Tensor, size: tuple[int, int]) -> Tensor:
    """Where what is at positions ``at`` at time t is ``after`` that."""
    centre = moves.centre[..., None, None]
    away = at + after * _bend(moves.bend, at, size) - centre
    return centre + after * moves.shift[..., None, None] + _turned(away, after, moves)


def backward(moves: Moves, at: Tensor, after: Tensor, size: tuple[int, int]) -> Tensor:
    """Where what is at positions ``at`` at time t + ``after`` was at t: undoes ``forward``."""
    centre = moves.centre[..., None, None]
    away = at - centre - after * moves.shift[..., None, None]
    target = centre + _turned(away, after, moves, back=True)
    found = target
    for _ in range(_STEPS):
        found = target - after * _bend(moves.bend, found, size)
    return found


def _turned(away: Tensor, after: Tensor, moves: Moves, *, back: bool = False) -> Tensor:
    angle, scale = after * moves.turn.reshape(-1, 1, 1, 1), (after * moves.zoom.reshape(-1, 1, 1, 1)).exp()
    if back:
        angle, scale = -angle, 1 / scale
    x, y = away[:, :1], away[:, 1:]
    return scale * torch.cat([angle.cos() * x - angle.sin() * y, angle.sin() * x + angle.cos() * y], dim=1)


def _bend(field: Tensor, at: Tensor, size: tuple[int, int]) -> Tensor:
    height, width = size
    x = ((at[:, 0] + 0.5) / width + _BEYOND) / (1 + 2 * _BEYOND) * (_FIELD - 1)
    y = ((at[:, 1] + 0.5) / height + _BEYOND) / (1 + 2 * _BEYOND) * (_FIELD - 1)
    grid = sampling_grid(x.clamp(0, _FIELD - 1), y.clamp(0, _FIELD - 1), (_FIELD, _FIELD))
    return F.grid_sample(field, grid, mode="bilinear", padding_mode="zeros", align_corners=False)


def _field_positions(size: tuple[int, int], device: torch.device) -> Tensor:
    height, width = size
    along = torch.linspace(-_BEYOND, 1 + _BEYOND, _FIELD, device=device)
    ys, xs = torch.meshgrid(along * height - 0.5, along * width - 0.5, indexing="ij")
    return torch.stack([xs, ys])[None]
