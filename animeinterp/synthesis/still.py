"""What is still is held: pixels that are the same in both frames are the same in between.

Unless something that moves passes over them on its way. Whether something does is asked of the flow; what lands on colours like
its own cannot be seen, and does not count: networks give small, and poor ones large, motions to what stands still.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from ..alpha import premultiply
from ..flow import Flow, displacement
from .config import STILL, StillConfig
from .windows import window_max


def still_pixels(frame0: Tensor, frame1: Tensor, config: StillConfig = STILL) -> Tensor:
    """Which pixels look the same in both frames (1, 3 or 4, H, W): (1, 1, H, W) bool. Hidden colours do not count."""
    return ((premultiply(frame0) - premultiply(frame1)).abs() <= config.same).all(dim=1, keepdim=True)


class StillColours:
    """What of a pair stands still, where no flow tells: what looks the same in both frames, and hardly otherwise between.

    Something that passes over it is drawn in other colours; a network that draws a still place anew is off by a few levels.
    """

    def __init__(self, frame0: Tensor, frame1: Tensor, config: StillConfig = STILL) -> None:
        """Frames (1, 3 or 4, H, W), on one device."""
        self._frames, self._config = (frame0, frame1), config
        self.still = still_pixels(frame0, frame1, config)

    def hold(self, painted: Tensor, time: float) -> Tensor:
        """``painted`` (1, C, H, W) at ``time``, with the frames' own pixels wherever nothing moves."""
        ground = torch.lerp(*self._frames, time).to(painted.dtype)
        off = (premultiply(ground) - premultiply(painted)).abs().amax(dim=1, keepdim=True)
        passes = (off > self._config.unlike).to(off.dtype)
        held = self.still & (window_max(passes, self._config.margin) == 0)
        return torch.where(held, ground, painted)


class Stillness:
    """What of a pair stands still: made once a pair, asked at each time."""

    def __init__(self, frame0: Tensor, frame1: Tensor, flow: Flow, config: StillConfig = STILL) -> None:
        """Frames (1, 3 or 4, H, W) and their flow, on one device."""
        self._frames, self._config = (frame0, frame1), config
        self._seen = premultiply(frame0), premultiply(frame1)
        self.still = still_pixels(frame0, frame1, config)
        self._flows = tuple(field.to(frame0.device) for field in (flow.flow_01, flow.flow_10))
        self._bends = tuple(None if bend is None else bend.to(frame0.device) for bend in (flow.bend_01, flow.bend_10))

    def hold(self, painted: Tensor, time: float) -> Tensor:
        """``painted`` (1, C, H, W) at ``time``, with the frames' own pixels wherever nothing moves."""
        held = self.held(time)
        return torch.where(held, torch.lerp(*self._frames, time).to(painted.dtype), painted)

    def held(self, time: float) -> Tensor:
        """Which pixels are the frames' own at ``time``: (1, 1, H, W) bool."""
        ground = torch.lerp(*self._seen, time)
        passed = torch.zeros_like(ground[:, :1])
        for k, way in ((0, time), (1, 1 - time)):
            passed[self._passers(k, way, ground)] = 1  # any order: all of them write the same
        return self.still & (window_max(passed, self._config.margin) == 0)

    def _passers(self, k: int, way: float, ground: Tensor) -> tuple[Any, ...]:
        """Where pixels of frame ``k`` land elsewhere, after a share ``way`` of their motion, and can be told from ``ground``."""
        height, width = ground.shape[-2:]
        bend = self._bends[k]
        shift = displacement(self._flows[k][0], None if bend is None else bend[0], way).round().long()
        rows, columns = shift.any(dim=0).nonzero(as_tuple=True)
        to_x, to_y = columns + shift[0, rows, columns], rows + shift[1, rows, columns]
        inside = (to_x >= 0) & (to_x < width) & (to_y >= 0) & (to_y < height)
        rows, columns, to_x, to_y = (index[inside] for index in (rows, columns, to_x, to_y))
        seen = (self._seen[k][0, :, rows, columns] - ground[0, :, to_y, to_x]).abs().amax(dim=0) > self._config.same
        return 0, 0, to_y[seen], to_x[seen]
