"""Frame warping and synthesis (paper 3.3): frames and fine flows -> the frame at any time between them.

What does not depend on the time is done once a pair (``prepare``); a frame at a time is then splatting and the grid
network (``render``). Both frames go through as one batch, the second below the first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import SynthesisConfig
from ..errors import AnimeInterpError
from ..flow import backwarp, resize_flow
from ..heartbeat import layers
from .gridnet import MULTIPLE, GridNet
from .pyramid import FeaturePyramid
from .splatting import splat_average, splat_softmax


@dataclass(frozen=True)
class Prepared:
    """What is known of B pairs before a time is. Batches are 2B: frame 0 of each pair, then frame 1 of each.

    ``layers``: what is splatted at 1, 1/2 and 1/4 (frame and features; features; features). ``flows``: the whole way
    to the other frame, at each of the three sizes, float32. ``metrics``: Z at each, or None for average splatting.
    ``size``: height and width before padding.
    """

    layers: list[Tensor]
    flows: list[Tensor]
    metrics: list[Tensor] | None
    size: tuple[int, int]


class Splat(nn.Module):
    """``splat_softmax``, or ``splat_average`` where there is no metric, in the dtype of what is splatted."""

    def forward(self, x: Tensor, flow: Tensor, metric: Tensor | None) -> tuple[Tensor, Tensor]:
        landed, coverage = splat_average(x, flow) if metric is None else splat_softmax(x, flow, metric)
        return landed.to(x.dtype), coverage.to(x.dtype)


class SynthesisNetwork(nn.Module):
    """See the module's docstring. Parameters are made from ``operations`` (``torch.nn`` or a namespace like it)."""

    def __init__(self, config: SynthesisConfig, *, operations: Any = nn) -> None:
        super().__init__()
        if config.splatting not in ("average", "softmax"):
            raise AnimeInterpError(f"splatting is {config.splatting!r}; it should be 'average' or 'softmax'.")
        self.config = config
        self.pyramid = FeaturePyramid(operations=operations)
        self.splat = Splat()
        self.grid = GridNet(operations=operations, image_channels=8 if config.hole_mask else 6)

    def encode(self, frames: Tensor) -> list[Tensor]:
        """The feature pyramid of frames (B, 3, H, W) in 0..1, padded to multiples of 4."""
        return self.pyramid(2 * pad_to_multiple(frames, MULTIPLE) - 1)

    def prepare(
        self,
        frame0: Tensor,
        frame1: Tensor,
        flow_01: Tensor,
        flow_10: Tensor,
        *,
        encoded: tuple[list[Tensor], list[Tensor]] | None = None,
    ) -> Prepared:
        """Frames (B, 3, H, W) in 0..1 in the network's dtype, flows (B, 2, H, W) in pixels of that size.

        ``encoded``: what ``encode`` made of each frame before.
        """
        size = tuple(frame0.shape[-2:])
        precision = torch.promote_types(frame0.dtype, torch.float32)
        frames = pad_to_multiple(torch.cat([frame0, frame1]), MULTIPLE)
        flow = pad_to_multiple(torch.cat([flow_01, flow_10]).to(precision), MULTIPLE)
        # One after the other, so that the result is the same to the bit whether they are handed in or not.
        pyramids = encoded or (self.encode(frame0), self.encode(frame1))
        features = [torch.cat(level) for level in zip(*pyramids, strict=True)]
        # Nearest, as the published network does: a blend of two motions would be neither's.
        flows = [resize_flow(flow, tuple(level.shape[-2:]), mode="nearest") for level in features]
        metrics = None
        if self.config.splatting == "softmax":
            metric = self._metric(frames.to(precision), flow)
            metrics = [F.interpolate(metric, size=level.shape[-2:], mode="nearest") for level in features]
        layers = [torch.cat([frames, features[0]], dim=1), *features[1:]]
        return Prepared(layers, flows, metrics, size)

    def render(self, prepared: Prepared, time: float) -> Tensor:
        """The frames (B, 3, H, W) at ``time`` (0..1), raw: neither clamped nor composed with the inputs."""
        images, features = [], []
        # One frame after the other: what splatting needs on its way is several times its result.
        for frame, travelled in enumerate((time, 1 - time)):
            for level in range(len(prepared.layers)):
                layer, flow = prepared.layers[level].chunk(2)[frame], prepared.flows[level].chunk(2)[frame]
                metric = None if prepared.metrics is None else prepared.metrics[level].chunk(2)[frame]
                landed, coverage = self.splat(layer, travelled * flow, metric)
                if level == 0:
                    images.append(landed[:, :3])
                    if self.config.hole_mask:
                        images.append(coverage.clamp(max=1))  # how much more landed says nothing of holes
                    landed = landed[:, 3:]
                features.append(landed)
        half = len(features) // 2
        joined = [torch.cat(pair, dim=1) for pair in zip(features[:half], features[half:], strict=True)]
        del features, layer, landed  # the grid network needs the room
        painted = self.grid(torch.cat(images, dim=1), joined)
        return painted[..., : prepared.size[0], : prepared.size[1]]

    def forward(
        self,
        frame0: Tensor,
        frame1: Tensor,
        flow_01: Tensor,
        flow_10: Tensor,
        times: list[float],
        *,
        encoded: tuple[list[Tensor], list[Tensor]] | None = None,
    ) -> Tensor:
        """The frames at each of ``times``, (T, B, 3, H, W); the rest as for ``prepare``."""
        prepared = self.prepare(frame0, frame1, flow_01, flow_10, encoded=encoded)
        return torch.stack([self.render(prepared, time) for time in times])

    def parts(self, times: int, *, encoded: bool = False) -> int:
        """How many layers a forward pass for so many times runs, to tell how far it is."""
        splats = 2 * len(self.pyramid.levels)
        encoding = 0 if encoded else 2 * len(layers(self.pyramid))
        return encoding + times * (splats + len(layers(self.grid)))

    def _metric(self, frames: Tensor, flow: Tensor) -> Tensor:
        """Z = -alpha |I0 - backwarp(I1, f01)|, the mean over the colours, for both directions: (2B, 1, H, W)."""
        frame0, frame1 = frames.chunk(2)
        other = backwarp(torch.cat([frame1, frame0]), flow)
        return -self.config.alpha * (frames - other).abs().mean(dim=1, keepdim=True)


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """``x`` (N, C, H, W) with its last row and column repeated until both sides are multiples of ``multiple``."""
    down, right = -x.shape[-2] % multiple, -x.shape[-1] % multiple
    return F.pad(x, (0, right, 0, down), mode="replicate") if down or right else x
