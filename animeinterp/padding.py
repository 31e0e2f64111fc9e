"""Frames of any size, from one pixel on, for networks and pyramids that want some: what lacks is repeated from the edge."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import torch
from torch import Tensor
from torch.nn import functional as F

from .flow import FIELDS, CoarseFlow, Flow

SMALLEST_SIDE = 64  # pixels that every stage can work with


def at_least(x: Tensor, side: int = SMALLEST_SIDE) -> Tensor:
    """``x`` (N, C, H, W), its last columns and rows repeated until both sides are ``side``; ``x`` itself where they are."""
    right, down = max(side - x.shape[-1], 0), max(side - x.shape[-2], 0)
    return F.pad(x, (0, right, 0, down), mode="replicate") if right or down else x


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """``x`` (N, C, H, W) with its last row and column repeated until both sides are multiples of ``multiple``."""
    down, right = -x.shape[-2] % multiple, -x.shape[-1] % multiple
    return F.pad(x, (0, right, 0, down), mode="replicate") if down or right else x


def enlarge_padded(x: Tensor, ratio: float, size: tuple[int, int]) -> Tensor:
    """A map (B, C, h, w) of a padded picture at ``ratio`` times the size, for a frame of ``size`` (H, W) that is padded by
    something else, or not at all: both begin at the same corner."""
    x = F.interpolate(x, [round(ratio * side) for side in x.shape[-2:]], mode="bilinear", align_corners=False)
    return cut_back(F.pad(x, (0, max(size[1] - x.shape[-1], 0), 0, max(size[0] - x.shape[-2], 0)), mode="replicate"), size)


AnyFlow = TypeVar("AnyFlow", bound=Flow | CoarseFlow)


def flow_at_least(flow: AnyFlow, side: int = SMALLEST_SIDE) -> AnyFlow:
    """A Flow or CoarseFlow whose fields and labels are padded as ``at_least`` pads frames."""
    if min(flow.flow_01.shape[-2:]) >= side:
        return flow
    fields = {name: at_least(field, side) for name in FIELDS if (field := getattr(flow, name, None)) is not None}
    if isinstance(flow, CoarseFlow):
        labels = at_least(flow.labels[:, None].double(), side)[:, 0]  # replication knows no integers
        return replace(flow, labels=labels.to(flow.labels.dtype), **fields)
    return replace(flow, **fields)


def cut_back(x: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    """The upper left of ``x``, of ``size`` (H, W): what ``at_least`` was given."""
    return x[..., : size[0], : size[1]]
