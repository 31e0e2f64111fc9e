"""Values beyond 0..1, as linear light and HDR have them: pressed into it for the stages, and let out again."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

_STEEPNESS = 4.0  # of the curve: what is dark and mid-grey keeps most of 0..1, whatever the brightest light


@dataclass(frozen=True)
class ValueRange:
    """The least and the greatest colour of some frames; 0 and 1 where nothing goes beyond."""

    least: float = 0.0
    greatest: float = 1.0

    @staticmethod
    def of(least: float, greatest: float) -> ValueRange:
        """The range from ``least`` to ``greatest``, 0 and 1 included."""
        return ValueRange(min(least, 0.0), max(greatest, 1.0))

    def __or__(self, other: ValueRange) -> ValueRange:
        return ValueRange(min(self.least, other.least), max(self.greatest, other.greatest))

    @property
    def wide(self) -> bool:
        """Whether anything goes beyond 0..1."""
        return self.least < 0 or self.greatest > 1

    def press(self, frame: Tensor) -> Tensor:
        """A frame (N, 3 or 4, H, W) of this range in 0..1, by a logarithm; alpha stays as it is."""
        span = torch.as_tensor(self.greatest - self.least, dtype=frame.dtype)
        colour = torch.log1p(_STEEPNESS * (frame[:, :3] - self.least)) / torch.log1p(_STEEPNESS * span)
        return torch.cat([colour.clamp(0, 1), frame[:, 3:]], dim=1)

    def release(self, frame: Tensor) -> Tensor:
        """What ``press`` made, as it was."""
        span = torch.as_tensor(self.greatest - self.least, dtype=frame.dtype)
        colour = torch.expm1(frame[:, :3] * torch.log1p(_STEEPNESS * span)) / _STEEPNESS + self.least
        return torch.cat([colour, frame[:, 3:]], dim=1)
