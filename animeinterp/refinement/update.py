"""One step of the recurrence: motion encoder, separable ConvGRU, flow head (RAFT, section 3.3; paper 3.2)."""

from __future__ import annotations

from typing import Any

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from . import correlation
from .encoder import STRIDE

HIDDEN = 128
CONTEXT = 128
_MOTION = 128  # 126 learnt channels and the flow itself


class MotionEncoder(nn.Module):
    """Correlation (N, 324, h, w) and flow (N, 2, h, w) -> motion features (N, 128, h, w)."""

    def __init__(self, *, operations: Any) -> None:
        super().__init__()
        self.correlation1 = operations.Conv2d(correlation.CHANNELS, 256, 1)
        self.correlation2 = operations.Conv2d(256, 192, 3, padding=1)
        self.flow1 = operations.Conv2d(2, 128, 7, padding=3)
        self.flow2 = operations.Conv2d(128, 64, 3, padding=1)
        self.join = operations.Conv2d(192 + 64, _MOTION - 2, 3, padding=1)

    def forward(self, correlations: Tensor, flow: Tensor) -> Tensor:
        seen = torch.relu(self.correlation2(torch.relu(self.correlation1(correlations))))
        moved = torch.relu(self.flow2(torch.relu(self.flow1(flow))))
        return torch.cat([torch.relu(self.join(torch.cat([seen, moved], dim=1))), flow], dim=1)


class ConvGRU(nn.Module):
    """A convolutional gated recurrent unit with one kernel shape."""

    def __init__(self, kernel: tuple[int, int], *, operations: Any) -> None:
        super().__init__()
        channels, padding = HIDDEN + CONTEXT + _MOTION, (kernel[0] // 2, kernel[1] // 2)
        self.update = operations.Conv2d(channels, HIDDEN, kernel, padding=padding)
        self.reset = operations.Conv2d(channels, HIDDEN, kernel, padding=padding)
        self.candidate = operations.Conv2d(channels, HIDDEN, kernel, padding=padding)

    def forward(self, hidden: Tensor, inputs: Tensor) -> Tensor:
        both = torch.cat([hidden, inputs], dim=1)
        update, reset = torch.sigmoid(self.update(both)), torch.sigmoid(self.reset(both))
        candidate = torch.tanh(self.candidate(torch.cat([reset * hidden, inputs], dim=1)))
        return torch.lerp(hidden, candidate, update)


class UpdateBlock(nn.Module):
    """Hidden state, context, correlation and flow -> the next hidden state and the flow's change (both at 1/8 size)."""

    def __init__(self, *, operations: Any) -> None:
        super().__init__()
        self.motion = MotionEncoder(operations=operations)
        self.horizontal = ConvGRU((1, 5), operations=operations)
        self.vertical = ConvGRU((5, 1), operations=operations)
        self.flow1 = operations.Conv2d(HIDDEN, 256, 3, padding=1)
        self.flow2 = operations.Conv2d(256, 2, 3, padding=1)
        self.upsampling1 = operations.Conv2d(HIDDEN, 256, 3, padding=1)
        self.upsampling2 = operations.Conv2d(256, 9 * STRIDE**2, 1)

    def forward(
        self, hidden: Tensor, context: Tensor, correlations: Tensor, flow: Tensor
    ) -> tuple[Tensor, Tensor]:
        inputs = torch.cat([context, self.motion(correlations, flow)], dim=1)
        hidden = self.vertical(self.horizontal(hidden, inputs), inputs)
        return hidden, self.flow2(torch.relu(self.flow1(hidden)))

    def upsample(self, hidden: Tensor, flow: Tensor) -> Tensor:
        """Flow (N, 2, h, w) -> (N, 2, 8h, 8w): each pixel a learnt convex combination of its 3x3 neighbours' flow.

        Convention: the flow is in pixels of its own size before and after, so values grow 8 times.
        """
        # The factor 0.25 balances the gradients of this head against the flow's (RAFT).
        weights = 0.25 * self.upsampling2(torch.relu(self.upsampling1(hidden))).to(flow.dtype)
        weights = rearrange(weights, "n (k y x) h w -> n 1 k y x h w", k=9, y=STRIDE).softmax(dim=2)
        neighbours = F.unfold(STRIDE * flow, 3, padding=1)
        neighbours = rearrange(neighbours, "n (c k) (h w) -> n c k 1 1 h w", k=9, h=flow.shape[-2])
        return rearrange((weights * neighbours).sum(dim=2), "n c y x h w -> n c (h y) (w x)")
