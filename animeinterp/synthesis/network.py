"""Frame warping and synthesis (paper 3.3): frames and fine flows -> the frame at any time between them.

What does not depend on the time is done once a pair (``prepare``); a frame at a time is then splatting and the grid
network (``render``). Both frames go through as one batch, the second below the first.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import SynthesisConfig
from ..errors import AnimeInterpError
from ..flow import backwarp, resize_flow
from .gridnet import MULTIPLE, PARTS, GridNet
from .pyramid import CHANNELS, FeaturePyramid
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


class SynthesisNetwork(nn.Module):
    """See the module's docstring. Parameters are made from ``operations`` (``torch.nn`` or a namespace like it)."""

    def __init__(self, config: SynthesisConfig, *, operations: Any = nn) -> None:
        super().__init__()
        if config.splatting not in ("average", "softmax"):
            raise AnimeInterpError(f"splatting is {config.splatting!r}; it should be 'average' or 'softmax'.")
        self.config = config
        self.pyramid = FeaturePyramid(operations=operations)
        self.grid = GridNet(operations=operations, image_channels=8 if config.hole_mask else 6)

    def prepare(self, frame0: Tensor, frame1: Tensor, flow_01: Tensor, flow_10: Tensor) -> Prepared:
        """Frames (B, 3, H, W) in 0..1 in the network's dtype, flows (B, 2, H, W) in pixels of that size."""
        size = tuple(frame0.shape[-2:])
        precision = torch.promote_types(frame0.dtype, torch.float32)
        frames = pad_to_multiple(torch.cat([frame0, frame1]), MULTIPLE)
        flow = pad_to_multiple(torch.cat([flow_01, flow_10]).to(precision), MULTIPLE)
        features = self.pyramid(2 * frames - 1)
        # Nearest, as the published network does: a blend of two motions would be neither's.
        flows = [resize_flow(flow, tuple(level.shape[-2:]), mode="nearest") for level in features]
        metrics = None
        if self.config.splatting == "softmax":
            metric = self._metric(frames.to(precision), flow)
            metrics = [F.interpolate(metric, size=level.shape[-2:], mode="nearest") for level in features]
        layers = [torch.cat([frames, features[0]], dim=1), *features[1:]]
        return Prepared(layers, flows, metrics, size)

    def render(self, prepared: Prepared, time: float, *, alive: Callable[[], None] = lambda: None) -> Tensor:
        """The frames (B, 3, H, W) at ``time`` (0..1), raw: neither clamped nor composed with the inputs."""
        pairs = prepared.layers[0].shape[0] // 2
        travelled = prepared.flows[0].new_tensor([time] * pairs + [1 - time] * pairs)[:, None, None, None]
        splatted = []
        for level, (layer, flow) in enumerate(zip(prepared.layers, prepared.flows, strict=True)):
            if prepared.metrics is None:
                landed, coverage = splat_average(layer, travelled * flow)
            else:
                landed, coverage = splat_softmax(layer, travelled * flow, prepared.metrics[level])
            if level == 0 and self.config.hole_mask:
                # After the frame's colours; at 1 where anything landed, since how much did says nothing more.
                landed = torch.cat([landed[:, :3], coverage.clamp(max=1), landed[:, 3:]], dim=1)
            splatted.append(torch.cat(landed.to(layer.dtype).chunk(2), dim=1))
            alive()
        images, features = self._separate(splatted[0])
        painted = self.grid(images, [features, *splatted[1:]], alive=alive)
        return painted[..., : prepared.size[0], : prepared.size[1]]

    def forward(
        self,
        frame0: Tensor,
        frame1: Tensor,
        flow_01: Tensor,
        flow_10: Tensor,
        times: list[float],
        *,
        step: Callable[[float], None] | None = None,
    ) -> Tensor:
        """The frames at each of ``times``, (T, B, 3, H, W). ``step`` hears the fraction done, several times a frame."""
        parts, done = len(times) * (len(CHANNELS) + PARTS) + 1, 0

        def alive() -> None:
            nonlocal done
            done += 1
            if step is not None:
                step(done / parts)

        prepared = self.prepare(frame0, frame1, flow_01, flow_10)
        alive()
        return torch.stack([self.render(prepared, time, alive=alive) for time in times])

    def _metric(self, frames: Tensor, flow: Tensor) -> Tensor:
        """Z = -alpha |I0 - backwarp(I1, f01)|, the mean over the colours, for both directions: (2B, 1, H, W)."""
        frame0, frame1 = frames.chunk(2)
        other = backwarp(torch.cat([frame1, frame0]), flow)
        return -self.config.alpha * (frames - other).abs().mean(dim=1, keepdim=True)

    def _separate(self, top: Tensor) -> tuple[Tensor, Tensor]:
        """The top level's frames (with their hole masks) and features, each frame 0's and then frame 1's."""
        channels = 4 if self.config.hole_mask else 3
        first, second = top.chunk(2, dim=1)
        images = torch.cat([first[:, :channels], second[:, :channels]], dim=1)
        return images, torch.cat([first[:, channels:], second[:, channels:]], dim=1)


def pad_to_multiple(x: Tensor, multiple: int) -> Tensor:
    """``x`` (N, C, H, W) with its last row and column repeated until both sides are multiples of ``multiple``."""
    down, right = -x.shape[-2] % multiple, -x.shape[-1] % multiple
    return F.pad(x, (0, right, 0, down), mode="replicate") if down or right else x
