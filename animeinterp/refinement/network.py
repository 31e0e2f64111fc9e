"""The refinement network (RFR, paper 3.2): frames and coarse flows -> fine flows.

RAFT's shape (Teed and Deng, ECCV 2020) with a guided start: the recurrence begins at the coarse flow, not at zero.
Frames are resized to multiples of 8, encoded once each, correlated once for both directions; the two directions then
run through the recurrence as one batch, and only the last state is brought to full size. Where there is no room for
the correlation volume, what is looked up in it is made when it is asked for.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import RefineConfig
from ..flow import CoarseFlow, Flow, PieceMatches, backwarp, mean_difference, pixel_grid, resize_flow
from ..frames import FramePair
from ..protocols import Refiner
from ..runtime import Runtime
from ..runtime.memory import fastest_layout, total_memory
from ..runtime.progress import leaf_modules
from .correlation import SHARE, CorrelationPyramid, ProgressTick, volume_bytes, volume_fits, volume_is_worth_it
from .encoder import STRIDE, Encoder
from .local import LocalCorrelation
from .update import HIDDEN, UpdateBlock

# Full-size channels at the peak, what is known of both frames included: measured on a CPU from 480x270 to 1920x1080, in
# float32 and float16.
_LOOK_UP_CHANNELS, _REFINE_CHANNELS = 155, 150  # float32 always, and the network's own


class Guidance(nn.Module):
    """The 3-layer attention on the start: g = CNN(|I1(x + f) - I0|, I0, f), start from exp(-g^2) f (paper 3.2).

    Works at 1/8 size: the difference is taken at full size and averaged, so that a shifted line still counts there.
    """

    def __init__(self, *, operations: Any) -> None:
        super().__init__()
        self.conv1 = operations.Conv2d(6, 32, 5, padding=2)
        self.prelu1 = operations.PReLU()
        self.conv2 = operations.Conv2d(32, 32, 3, padding=1)
        self.prelu2 = operations.PReLU()
        self.conv3 = operations.Conv2d(32 + 6, 1, 3, padding=1)

    def forward(self, source: Tensor, target: Tensor, flow: Tensor, start: Tensor) -> Tensor:
        """``source``, ``target`` (N, 3, H, W), ``flow`` of their size, ``start`` the same flow at 1/8: a new start."""
        difference = mean_difference(backwarp(target, flow), source)
        seen = F.avg_pool2d(torch.cat([difference, source], dim=1), STRIDE)
        inputs = torch.cat([seen, start.to(seen.dtype)], dim=1)
        y = self.prelu2(self.conv2(self.prelu1(self.conv1(inputs))))
        attention = self.conv3(torch.cat([y, inputs], dim=1)).to(start.dtype)
        return torch.exp(-attention.square()) * start


class RefineNetwork(nn.Module, Refiner):
    """See the module's docstring. Parameters are made from ``operations`` (``torch.nn`` or a namespace like it)."""

    starts_from = CoarseFlow
    seconds = 25.0
    describes_pieces = True

    def __init__(self, config: RefineConfig | None = None, *, operations: Any = nn) -> None:
        super().__init__()
        self.config = RefineConfig() if config is None else config
        self.encoder = Encoder(operations=operations)
        self.update = UpdateBlock(operations=operations)
        self.guidance = Guidance(operations=operations)
        self.tick = ProgressTick()

    def forward(
        self,
        frame0: Tensor,
        frame1: Tensor,
        flow_01: Tensor | None = None,
        flow_10: Tensor | None = None,
        iterations: int | None = None,
        *,
        encoded: tuple[Tensor, Tensor] | None = None,
        on_demand: bool | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Fine flows, each (B, 2, H, W) float32, in pixels of the frames' size.

        ``frame0``, ``frame1`` (B, 3, H, W) in 0..1 in the network's dtype, sides from 64; ``flow_01``, ``flow_10``
        (B, 2, H, W) in pixels, zero where not given; ``encoded``: what ``encode`` made of each frame before.
        ``on_demand``: whether to do without the correlation volume, in memory linear in pixels; None: where it does not fit.
        """
        iterations = self.config.iterations if iterations is None else iterations
        # One after the other, so that the result is the same to the bit whether they are handed in or not.
        features0, features1 = encoded or (self.encode(frame0), self.encode(frame1))
        on_demand = not volume_fits(features0) if on_demand is None else on_demand
        volume = (LocalCorrelation if on_demand else CorrelationPyramid)(features0, features1, self.tick)
        start = self.start(frame0, frame1, _stack(flow_01, flow_10, frame0), volume.shape[-2:])
        states = self.iterate(torch.cat([features0, features1]), volume, start, iterations)
        flow, hidden = deque(states, maxlen=1).pop()  # the last; those before it are not kept
        size = tuple(frame0.shape[-2:])
        # One direction after the other: the weights of all pixels are more than all else at this point.
        fine_01, fine_10 = (
            resize_flow(self.update.upsample(*state), size) for state in zip(hidden.chunk(2), flow.chunk(2), strict=True)
        )
        return fine_01, fine_10

    def refine(
        self,
        pair: FramePair,
        start: PieceMatches | Flow | None = None,
        *,
        iterations: int | None = None,
        runtime: Runtime | None = None,
    ) -> Flow:
        """See ``Refiner``; frames are cast to the network's dtype. Differentiable."""
        runtime = Runtime() if runtime is None else runtime
        fields = (None, None) if start is None else (start.flow_01, start.flow_10)

        def attempt(on_demand: bool | None, runtime: Runtime) -> Flow:
            with runtime.layers(self, self.count_layers(iterations, frames_to_encode=pair.to_encode(self))):
                frames = (frame.to(self.dtype) for frame in pair.rgb)
                return Flow(*self(*frames, *fields, iterations, encoded=pair.features(self), on_demand=on_demand))

        return runtime.with_less_memory("refining", (None, True), attempt, pair.device)

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights, which frames are cast to."""
        return next(self.parameters()).dtype

    def encode(self, frames: Tensor) -> Tensor:
        """The features (B, 256, h, w) of frames (B, 3, H, W) in 0..1, h and w an eighth, rounded down."""
        return self.encoder(_resized(frames.to(self.dtype)))

    def piece_features(self, padded: Tensor) -> list[Tensor]:
        """What pieces are matched by, beside the synthesis' own: 256 channels at 1/8 of frames in -1..1."""
        return [self.encoder(padded)]

    def memory_used(self, size: tuple[int, int], dtype: torch.dtype, device: torch.device | None) -> float:
        """Bytes for a pair. Dominated by the correlation volume, float32 always and growing with the square of the pixels, up
        to a size where it is better done without: that depends on ``device`` (None: one of which nothing is known). With
        less than this, the way on demand is chosen earlier."""
        height, width = size
        refining = height * width * (4 * _LOOK_UP_CHANNELS + dtype.itemsize * _REFINE_CHANNELS)
        volume = volume_bytes(1, height // 8, width // 8)
        # The volume is made where it takes no more than its share of what is free: so much is asked for, or nothing.
        with_volume = refining + volume / SHARE
        if volume_is_worth_it(volume, device) and with_volume <= (math.inf if device is None else total_memory(device)):
            return with_volume
        return refining

    def count_layers(self, iterations: int | None, *, frames_to_encode: int = 2) -> int:
        """How many layers a forward pass runs, for the progress."""
        encoding = frames_to_encode * len(leaf_modules(self.encoder))
        iterations = self.config.iterations if iterations is None else iterations
        upsampling = 2
        guidance = len(leaf_modules(self.guidance)) if self.config.masked_start else 0
        step = ProgressTick.PER_LOOK_UP + len(leaf_modules(self.update)) - upsampling
        return encoding + ProgressTick.PER_VOLUME + guidance + iterations * step + 2 * upsampling

    def start(self, frame0: Tensor, frame1: Tensor, coarse: Tensor | None, size: torch.Size) -> Tensor:
        """The coarse flow of both directions at 1/8 of the frames' size, masked where the configuration says so."""
        if coarse is None:
            precision = torch.promote_types(frame0.dtype, torch.float32)
            return torch.zeros(2 * frame0.shape[0], 2, *size, device=frame0.device, dtype=precision)
        start = resize_flow(coarse, tuple(size), mode="nearest")
        if self.config.masked_start:
            source, target = _resized(torch.cat([frame0, frame1])), _resized(torch.cat([frame1, frame0]))
            start = self.guidance(source, target, resize_flow(coarse, tuple(source.shape[-2:])), start)
        return start

    def iterate(
        self,
        features: Tensor,
        volume: CorrelationPyramid | LocalCorrelation,
        start: Tensor,
        iterations: int,
        *,
        detach: bool = False,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """The recurrence: flow (2B, 2, h, w) and hidden state, before the first iteration and after each.

        ``detach``: no gradient goes from one iteration's flow to the one before (RAFT, section 3.3), but to the start's.
        """
        features = fastest_layout(features)
        hidden, context = torch.tanh(features[:, :HIDDEN]), torch.relu(features[:, HIDDEN:])
        grid = pixel_grid(start)
        # The published training added the coarse flow before the loop and again in it, and learnt to live with that.
        flow = 2 * start if self.config.doubled_start else start
        yield flow, hidden
        for number in range(iterations):
            flow = flow.detach() if detach and number else flow
            correlations = fastest_layout(volume.look_up(grid + flow).to(features.dtype))
            hidden, change = self.update(hidden, context, correlations, fastest_layout(flow.to(features.dtype)))
            flow = flow + change.to(flow.dtype)
            yield flow, hidden


def _resized(frames: Tensor) -> Tensor:
    """Frames in 0..1 as the encoder wants them: in -1..1, resized to the next smaller multiples of 8."""
    height, width = (side // STRIDE * STRIDE for side in frames.shape[-2:])
    frames = 2 * frames - 1
    if (height, width) == tuple(frames.shape[-2:]):
        return frames
    return F.interpolate(frames, size=(height, width), mode="bilinear", align_corners=False)


def _stack(flow_01: Tensor | None, flow_10: Tensor | None, frame: Tensor) -> Tensor | None:
    """Both directions as one batch, at least float32; None where neither is known."""
    if flow_01 is None and flow_10 is None:
        return None
    known = flow_01 if flow_01 is not None else flow_10
    flows = [torch.zeros_like(known) if flow is None else flow for flow in (flow_01, flow_10)]
    return torch.cat(flows).to(torch.promote_types(frame.dtype, torch.float32))
