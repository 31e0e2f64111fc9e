"""The synthesis that finds its motion at t: any size, any times, a flow of anybody's to start from, or none.

What the network (``bilateral``) does on a pair of padded frames is put to use here. The motion is found at a working size
whose longer side is WORKING pixels at most, where it is as large as the network has learned it, and the frame is drawn at
full size along it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import SynthesisConfig
from ..flow import Flow, resize_flow
from .bilateral import MULTIPLE, BilateralNetwork, Found
from .carrying import carry_motion

WORKING = 1280  # pixels of the longer side at which motion is found


class BilateralSynthesis(nn.Module):
    """Frames and a flow of theirs -> frames between them. What it learns is its ``network``."""

    def __init__(self, config: SynthesisConfig, *, operations: Any = nn) -> None:
        super().__init__()
        self.config = config
        self.network = BilateralNetwork(operations=operations)

    def forward(
        self, frame0: Tensor, frame1: Tensor, flow: Flow | None, times: list[float],
        *, tile: int | None = None, step: Callable[[float], None] | None = None,
    ) -> Tensor:
        """The frames (T, 3, H, W), raw, float32, at each of ``times``. Frames (1, 3, H, W) in 0..1; ``flow`` None: found
        here alone. ``step`` is called with the share done."""
        network, size = self.network, (frame0.shape[-2], frame0.shape[-1])
        dtype = network.decoders[0].head.weight.dtype
        full = [padded(frame.to(dtype)) for frame in (frame0, frame1)]
        shrink = min(1.0, WORKING / max(size))
        small = full if shrink == 1.0 else [padded(resized(frame.to(dtype), shrink)) for frame in (frame0, frame1)]
        start = None if flow is None else _padded_flow(flow, small[0], shrink)
        features = [network.encode(frame) for frame in small]
        painted = []
        seen = features if small is full else [network.encode(frame) for frame in full]
        for index, t in enumerate(times):
            if step is not None:
                step(index / len(times))
            time = full[0].new_full((1, 1, 1, 1), t, dtype=torch.float32)
            begun = None if start is None else carry_motion(*small, start, t)
            found = network.find(*features, time, begun)
            if small is not full:
                found = _enlarged(found, full[0])
            painted.append(network.mend(*full, *seen, found, time)[..., : size[0], : size[1]])
        return torch.cat(painted)


def padded(x: Tensor) -> Tensor:
    """Frames or flows with their border repeated until both sides are multiples of MULTIPLE."""
    height, width = x.shape[-2:]
    return F.pad(x, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")


def resized(frame: Tensor, scale: float) -> Tensor:
    size = [max(round(n * scale), 1) for n in frame.shape[-2:]]
    return F.interpolate(frame, size, mode="bilinear", align_corners=False, antialias=True)


def _padded_flow(flow: Flow, like: Tensor, scale: float) -> Flow:
    """The fields that a start is made of, at the size of the padded frame ``like``."""

    def fit(field: Tensor | None, motion: bool = False) -> Tensor | None:
        if field is None:
            return None
        size = [max(round(n * scale), 1) for n in field.shape[-2:]]
        if scale != 1.0:
            field = resize_flow(field, tuple(size)) if motion else F.interpolate(field, size, mode="bilinear")
        return padded(field.float()).to(like.device)

    return Flow(fit(flow.flow_01, True), fit(flow.flow_10, True), depth_0=fit(flow.depth_0), depth_1=fit(flow.depth_1))


def _enlarged(found: Found, like: Tensor) -> Found:
    """What was found at the working size, for the full size."""
    size = (like.shape[-2] // 4, like.shape[-1] // 4)
    ends = [resize_flow(part, size) for part in found.motions[-1].split(2, dim=1)]
    mask, hidden = (F.interpolate(x, size, mode="bilinear", align_corners=False) for x in (found.mask, found.hidden))
    return Found([torch.cat(ends, dim=1)], mask, hidden)
