"""Frame warping and synthesis (paper 3.3): frames and fine flows -> the frame at any time between them.

What does not depend on the time is done once a pair (``prepare_pair``); a frame at a time is then splatting and the grid
network (``render``). Where there is no room for its maps, the grid network paints in tiles, each seen with all around
it that its pixels depend on, so that the frame is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import SynthesisConfig
from ..errors import AnimeInterpError
from ..flow import Flow, backwarp, mean_difference, resize_flow
from ..frames import FramePair
from ..padding import pad_to_multiple
from ..protocols import Synthesizer
from ..runtime import Runtime
from ..runtime.memory import free_memory
from ..runtime.progress import leaf_modules
from .blend import with_blended_alpha
from .gridnet import MULTIPLE, REACH, GridNet
from .pyramid import FeaturePyramid
from .splatting import splat_average, splat_softmax
from .tiles import Tile, tiles

# Full-size maps that the grid network has at once at its peak, beside what it is given: measured on a CPU, 243 in float32
# and 369 in float16.
_GRID_CHANNELS = 380
# Of a whole frame at the peak, what is known of both frames included, measured as the refinement's.
_SPLAT_CHANNELS, _PAINT_CHANNELS = 300, 380  # what is splatted, and what the grid network adds
_PAINTED_AT_ONCE = 2**20  # pixels
# A tile is never smaller, margin aside: what is computed twice is then more than what is computed.
_SMALLEST_TILE = 64


@dataclass(frozen=True)
class SplatSource:
    """What is known of the one frame of each of B pairs before a time is; nothing is copied that is held elsewhere.

    ``frame`` (B, 3, H, W) padded; ``features`` of it at 1, 1/2 and 1/4; ``flows``: the whole way to the other frame,
    at each of the three sizes, float32; ``metrics``: Z at each, or None for average splatting.
    """

    frame: Tensor
    features: list[Tensor]
    flows: list[Tensor]
    metrics: list[Tensor] | None

    def layer(self, level: int) -> Tensor:
        """What is splatted at a level: at the first, the frame and its features together."""
        return self.features[level] if level else torch.cat([self.frame, self.features[0]], dim=1)


@dataclass(frozen=True)
class Prepared:
    """Both frames of B pairs. ``size``: height and width before padding."""

    sides: tuple[SplatSource, SplatSource]
    size: tuple[int, int]


class Splat(nn.Module):
    """``splat_softmax``, or ``splat_average`` where there is no metric, in the dtype of what is splatted."""

    def forward(self, x: Tensor, flow: Tensor, metric: Tensor | None) -> tuple[Tensor, Tensor]:
        landed, coverage = splat_average(x, flow) if metric is None else splat_softmax(x, flow, metric)
        return landed.to(x.dtype), coverage.to(x.dtype)


class SynthesisNetwork(nn.Module, Synthesizer):
    """See the module's docstring. Parameters are made from ``operations`` (``torch.nn`` or a namespace like it)."""

    draws_coarse = True
    draws_tiles = True
    seconds = 8.0
    describes_pieces = True

    def __init__(self, config: SynthesisConfig | None = None, *, operations: Any = nn) -> None:
        super().__init__()
        config = SynthesisConfig() if config is None else config
        if config.splatting not in ("average", "softmax"):
            raise AnimeInterpError(f"splatting is {config.splatting!r}; it should be 'average' or 'softmax'.")
        self.config = config
        self.pyramid = FeaturePyramid(operations=operations)
        self.splat = Splat()
        self.grid = GridNet(operations=operations, image_channels=8 if config.hole_mask else 6)

    def encode(self, frames: Tensor) -> list[Tensor]:
        """The feature pyramid of frames (B, 3, H, W) in 0..1, padded to multiples of 4."""
        return self.pyramid(2 * pad_to_multiple(frames.to(self.dtype), MULTIPLE) - 1)

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights, which frames are cast to."""
        return next(self.parameters()).dtype

    def prepare(self, pair: FramePair, flow: Flow | None) -> GridDrawing:
        """See ``Synthesizer``. Colours alone are painted; where there is alpha, it is the blend's. Differentiable."""
        return GridDrawing(self, pair, flow)

    def piece_features(self, padded: Tensor) -> list[Tensor]:
        """What pieces are matched by: the pyramid of frames in -1..1, 32, 64, 96 channels at 1, 1/2, 1/4."""
        return self.pyramid(padded)

    def memory_used(self, size: tuple[int, int], dtype: torch.dtype, device: torch.device | None) -> float:
        """Bytes for a frame: by full-size maps, up to a size where it is better done in tiles."""
        pixels = size[0] * size[1]
        return dtype.itemsize * (pixels * _SPLAT_CHANNELS + min(pixels, _PAINTED_AT_ONCE) * _PAINT_CHANNELS)

    def prepare_pair(
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
        frames = [pad_to_multiple(frame, MULTIPLE) for frame in (frame0, frame1)]
        # One after the other, so that the result is the same to the bit whether they are handed in or not.
        pyramids = encoded or (self.encode(frame0), self.encode(frame1))
        sides = (
            self._side(frames[0], frames[1], flow_01, pyramids[0]),
            self._side(frames[1], frames[0], flow_10, pyramids[1]),
        )
        return Prepared(sides, tuple(frame0.shape[-2:]))

    def render(self, prepared: Prepared, time: float, *, tile: int | None = None) -> Tensor:
        """The frames (B, 3, H, W) at ``time`` (0..1), raw: neither clamped nor composed with the inputs.

        ``tile``: how many pixels of each pair are painted at once; None: as many as there is room for.
        """
        images, features = [], []
        # One frame after the other: what splatting needs on its way is several times its result.
        for side, travelled in zip(prepared.sides, (time, 1 - time), strict=True):
            for level, flow in enumerate(side.flows):
                metric = None if side.metrics is None else side.metrics[level]
                landed, coverage = self.splat(side.layer(level), travelled * flow, metric)
                if level == 0:
                    images.append(landed[:, :3])
                    if self.config.hole_mask:
                        images.append(coverage.clamp(max=1))  # how much more landed says nothing of holes
                    landed = landed[:, 3:]
                features.append(landed)
        half = len(features) // 2
        images = torch.cat(images, dim=1)
        joined = []
        for level in range(half):
            joined.append(torch.cat([features[level], features[half + level]], dim=1))
            features[level] = features[half + level] = None
        del landed, coverage  # the grid network needs the room
        return self._paint(images, joined, tile)[..., : prepared.size[0], : prepared.size[1]]

    def forward(
        self,
        frame0: Tensor,
        frame1: Tensor,
        flow_01: Tensor,
        flow_10: Tensor,
        times: list[float],
        *,
        encoded: tuple[list[Tensor], list[Tensor]] | None = None,
        tile: int | None = None,
    ) -> Tensor:
        """The frames at each of ``times``, (T, B, 3, H, W); the rest as for ``prepare_pair`` and ``render``."""
        prepared = self.prepare_pair(frame0, frame1, flow_01, flow_10, encoded=encoded)
        return torch.stack([self.render(prepared, time, tile=tile) for time in times])

    def count_layers(self, times: int, frame: Tensor, *, frames_to_encode: int = 2, tile: int | None = None) -> int:
        """About how many layers a forward pass for so many times runs, for the progress."""
        splats = 2 * len(self.pyramid.levels)
        encoding = frames_to_encode * len(leaf_modules(self.pyramid))
        height, width = (-(-side // MULTIPLE) * MULTIPLE for side in frame.shape[-2:])
        painted = len(_tiles(height, width, _room(frame) if tile is None else tile))
        return encoding + times * (splats + len(leaf_modules(self.grid)) * painted)

    def _side(self, frame: Tensor, other: Tensor, flow: Tensor, features: list[Tensor]) -> SplatSource:
        flow = pad_to_multiple(flow.to(torch.promote_types(frame.dtype, torch.float32)), MULTIPLE)
        sizes = [tuple(level.shape[-2:]) for level in features]
        # Nearest, as the published network does: a blend of two motions would be neither's.
        flows = [resize_flow(flow, size, mode="nearest") for size in sizes]
        metrics = None
        if self.config.splatting == "softmax":
            # Z = -alpha |I0 - backwarp(I1, f01)|, the mean over the colours.
            other = backwarp(other.to(flow.dtype), flow)
            metric = -self.config.alpha * mean_difference(frame.to(flow.dtype), other)
            metrics = [F.interpolate(metric, size=size, mode="nearest") for size in sizes]
        return SplatSource(frame, features, flows, metrics)

    def _paint(self, images: Tensor, features: list[Tensor], tile: int | None) -> Tensor:
        """The grid network's frame, in tiles of at most ``tile`` pixels (None: of as many as there is room for)."""
        cut = _tiles(*images.shape[-2:], _room(images) if tile is None else tile)
        if len(cut) == 1:
            return self.grid(images, features)
        painted = images.new_empty(images.shape[0], 3, *images.shape[-2:])
        for one in cut:
            levels = [one.crop(level, k) for k, level in enumerate(features)]
            one.paste(self.grid(one.crop(images), levels), painted)
        return painted


class GridDrawing:
    """See ``protocols.Drawing``."""

    def __init__(self, network: SynthesisNetwork, pair: FramePair, flow: Flow) -> None:
        self._network, self._pair, self._flow = network, pair, flow
        self._prepared: Prepared | None = None

    def at(self, times: list[float], *, tile: int | None = None, runtime: Runtime | None = None) -> Tensor:
        runtime, network, pair = Runtime() if runtime is None else runtime, self._network, self._pair
        frame0, frame1 = (frame.to(network.dtype) for frame in pair.rgb)
        layers = network.count_layers(len(times), frame0, frames_to_encode=pair.to_encode(network), tile=tile)
        with runtime.layers(network, layers):
            if self._prepared is None:
                fields = self._flow.flow_01, self._flow.flow_10
                self._prepared = network.prepare_pair(frame0, frame1, *fields, encoded=pair.features(network))
            painted = torch.cat([network.render(self._prepared, time, tile=tile) for time in times])
        painted = painted.to(pair.rgb[0].dtype)
        return painted if pair.opaque else with_blended_alpha(painted, pair, self._flow, times, runtime)


def _room(frames: Tensor) -> int:
    """How many pixels of each of ``frames`` (B, C, H, W) the grid network has the room to paint at once."""
    return int(0.7 * free_memory(frames.device) / (frames.shape[0] * _GRID_CHANNELS * frames.element_size()))


def _tiles(height: int, width: int, most: int) -> list[Tile]:
    """Tiles of a frame, padded to whole multiples, that the grid network paints one after the other."""
    return list(tiles(height, width, most, multiple=MULTIPLE, reach=REACH, smallest=_SMALLEST_TILE))
