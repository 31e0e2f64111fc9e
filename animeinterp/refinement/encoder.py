"""The feature encoder of the refinement: a frame -> 256 channels at 1/8 of its size (paper 3.2, "Feature Net").

RAFT's encoder (Teed and Deng, ECCV 2020, section 3.1) without normalisation. The same output serves as matching
features and, split in two, as the recurrence's hidden state and context: there is no separate context network.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from ..runtime.memory import fastest_layout

CHANNELS = 256
STRIDE = 8
_STAGES = ((64, 1), (96, 2), (128, 2))  # output channels and stride of each pair of residual blocks


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut, which is a 1x1 convolution where the stride is not 1."""

    def __init__(self, channels_in: int, channels_out: int, stride: int, *, operations: Any) -> None:
        super().__init__()
        self.conv1 = operations.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1)
        self.conv2 = operations.Conv2d(channels_out, channels_out, 3, padding=1)
        self.shortcut = operations.Conv2d(channels_in, channels_out, 1, stride=stride) if stride != 1 else None

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.conv2(torch.relu(self.conv1(x))))
        return torch.relu((x if self.shortcut is None else self.shortcut(x)) + y)


class Encoder(nn.Module):
    """Frames (N, 3, H, W) in -1..1, sides multiples of 8 -> features (N, 256, H/8, W/8)."""

    def __init__(self, *, operations: Any) -> None:
        super().__init__()
        self.stem = operations.Conv2d(3, 64, 7, stride=2, padding=3)
        blocks, channels = [], 64
        for channels_out, stride in _STAGES:
            blocks.append(ResidualBlock(channels, channels_out, stride, operations=operations))
            blocks.append(ResidualBlock(channels_out, channels_out, 1, operations=operations))
            channels = channels_out
        self.blocks = nn.ModuleList(blocks)
        self.head = operations.Conv2d(channels, CHANNELS, 1)

    def forward(self, frames: Tensor) -> Tensor:
        x = torch.relu(self.stem(fastest_layout(frames)))
        for block in self.blocks:
            x = block(x)
        return self.head(x)
