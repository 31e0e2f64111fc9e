"""Frames of any size, from one pixel on, for networks and pyramids that want some: what lacks is repeated from the edge."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor
from torch.nn import functional as F

from .flow import FIELDS, Flow

SMALLEST_SIDE = 64  # pixels that every stage can work with


def at_least(x: Tensor, side: int = SMALLEST_SIDE) -> Tensor:
    """``x`` (N, C, H, W), its last columns and rows repeated until both sides are ``side``; ``x`` itself where they are."""
    right, down = max(side - x.shape[-1], 0), max(side - x.shape[-2], 0)
    return F.pad(x, (0, right, 0, down), mode="replicate") if right or down else x


def flow_at_least(flow: Flow, side: int = SMALLEST_SIDE) -> Flow:
    """A Flow whose fields and labels are padded as ``at_least`` pads frames."""
    if min(flow.flow_01.shape[-2:]) >= side:
        return flow
    fields = {name: at_least(field, side) for name in FIELDS if (field := getattr(flow, name)) is not None}
    labels = flow.labels
    if labels is not None:
        labels = at_least(labels[:, None].double(), side)[:, 0].to(labels.dtype)  # replication knows no integers
    return replace(flow, labels=labels, **fields)


def cut_back(x: Tensor, size: tuple[int, int] | torch.Size) -> Tensor:
    """The upper left of ``x``, of ``size`` (H, W): what ``at_least`` was given."""
    return x[..., : size[0], : size[1]]
