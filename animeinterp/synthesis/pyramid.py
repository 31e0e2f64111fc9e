"""The feature pyramid of the synthesis: a frame -> 32, 64 and 96 channels at 1, 1/2 and 1/4 of its size.

Paper 3.3; Niklaus and Liu, "Softmax Splatting" (CVPR 2020), section 3.4.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..runtime.memory import fastest_layout

CHANNELS = (32, 64, 96)


class FeaturePyramid(nn.Module):
    """Frames (N, 3, H, W) in -1..1 -> three feature maps, each level's sides half of the last's, rounded up."""

    def __init__(self, *, operations: Any) -> None:
        super().__init__()
        levels, channels_in = [], 3
        for level, channels in enumerate(CHANNELS):
            stride = 1 if level == 0 else 2
            levels.append(
                nn.Sequential(
                    operations.Conv2d(channels_in, channels, 3, stride=stride, padding=1),
                    operations.PReLU(),
                    operations.Conv2d(channels, channels, 3, padding=1),
                    operations.PReLU(),
                )
            )
            channels_in = channels
        self.levels = nn.ModuleList(levels)

    def forward(self, frames: Tensor) -> list[Tensor]:
        features, frames = [], fastest_layout(frames)
        for level in self.levels:
            frames = level(frames)
            features.append(frames)
        return features
