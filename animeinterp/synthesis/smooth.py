"""The in-between without a network of what is drawn anew: smooth motion half-way, both drawings read backward along it.

Nothing that is smooth tears, so nothing here knows a piece: dense flow of the whole frame is splatted half-way (the motion
and not the colours), what nothing landed on is filled from around it, and both drawings are read there. The two readings are
then brought to lie on one another, by dense flow between them. From there on it is drawn as the network's (``painting``).
"""

from __future__ import annotations

from typing import Any

import cv2
import torch
from torch import Tensor
from torch.nn import functional as F

from ..alpha import from_grey
from ..dense_flow import refine_dense
from ..flow import Flow, backwarp
from ..frames import FramePair
from ..images import to_tensor
from ..padding import pad_to_multiple
from ..protocols import Synthesizer
from ..runtime import Runtime
from .backdrop import Backdrop
from .config import SMOOTH, SmoothConfig
from .motion_splatting import splat_motion
from .painting import Fused, Halfway
from .sampling import upsample_motion

MULTIPLE = 16
_SCALE = 4  # of the motion half-way to the frames, as it is painted along


class SmoothBlend(Synthesizer):
    """Reads both drawings along whole-frame flow, whoever found it."""

    seconds = 0.8

    def __init__(self, config: Any = None, *, operations: Any = None) -> None:
        """``config``: a SmoothConfig; anything else stands for the numbers as they were chosen."""
        self.config = config if isinstance(config, SmoothConfig) else SMOOTH

    def prepare(self, pair: FramePair, flow: Flow | None) -> SmoothDrawing:
        """See ``Synthesizer``."""
        return SmoothDrawing(pair, flow, self.config)


class SmoothDrawing:
    """See ``Drawing``."""

    def __init__(self, pair: FramePair, flow: Flow, config: SmoothConfig = SMOOTH) -> None:
        self._pair, self._config = pair, config
        # Colours over grey, and alpha beside them, where there is any.
        frames = [torch.cat([rgb, f[:, 3:]], 1) if not pair.opaque else rgb for rgb, f in zip(pair.rgb, pair.frames, strict=True)]
        self._frames = [pad_to_multiple(frame.float(), MULTIPLE) for frame in frames]
        self._rgb = [frame[:, :3] for frame in self._frames]
        self._flow = Flow(*(pad_to_multiple(field.float(), MULTIPLE) for field in (flow.flow_01, flow.flow_10)))
        self._halfway: Halfway | None = None

    @torch.no_grad()
    def at(self, times: list[float], *, tile: int | None = None, runtime: Runtime | None = None) -> Tensor:
        """See ``Drawing``."""
        runtime = Runtime() if runtime is None else runtime
        drawn = torch.cat(runtime.in_thread(lambda tell: self._all(times, tell)))
        return drawn if drawn.shape[1] == 3 else from_grey(drawn[:, :3], drawn[:, 3:].clamp(0, 1))

    def _all(self, times: list[float], tell: Any) -> list[Tensor]:
        if self._halfway is None:
            self._halfway = self._found()
        drawn = []
        for k, time in enumerate(times):
            drawn.append(self._halfway.at(time))
            tell((k + 1) / len(times))
        return drawn

    def _found(self) -> Halfway:
        start = splat_motion(*self._rgb, self._flow, 0.5, scale=_SCALE)
        known = (start.known.amax(dim=1, keepdim=True) > 0).to(start.motion)
        motion = _blurred(_filled(start.motion, known), self._config.even)
        ends = [upsample_motion(way, _SCALE) for way in motion.split(2, dim=1)]
        for _ in range(self._config.rounds):
            ends = self._together(ends)
        # Nobody says how the drawings share a place, nor what neither has.
        nothing = torch.zeros_like(self._rgb[0])
        motion = F.avg_pool2d(torch.cat(ends, dim=1), _SCALE) / _SCALE
        fused = Fused(motion, nothing[:, :1], nothing)
        return Halfway(self._frames, fused, self._pair.size, Backdrop.find(*self._frames, motion))

    def _together(self, ends: list[Tensor]) -> list[Tensor]:
        """Both ends of the motion, each moved by half of what still lies between the two readings."""
        readings = [backwarp(frame, end) for frame, end in zip(self._rgb, ends, strict=True)]
        moved = []
        for end, between in zip(ends, refine_dense(*readings), strict=True):
            shift = -0.5 * _blurred(between.to(end), self._config.together)
            moved.append(shift + backwarp(end, shift))
        return moved


def _filled(x: Tensor, known: Tensor) -> Tensor:
    """``x`` (B, C, h, w) where it is ``known`` (B, 1, h, w), and what is around where it is not."""
    if min(x.shape[-2:]) < 2 or bool((known > 0).all()):
        return x
    size = x.shape[-2:]
    share = F.avg_pool2d(known, 2, ceil_mode=True)
    smaller = F.avg_pool2d(x * known, 2, ceil_mode=True) / share.clamp(min=1e-6)
    around = F.interpolate(_filled(smaller, (share > 0).to(x)), size, mode="bilinear", align_corners=False)
    return torch.where(known > 0, x, around)


def _blurred(x: Tensor, sigma: float) -> Tensor:
    maps = cv2.GaussianBlur(x[0].permute(1, 2, 0).cpu().numpy(), (0, 0), sigma, borderType=cv2.BORDER_REFLECT)
    return to_tensor(maps, x.device)
