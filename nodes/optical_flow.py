"""ComfyUI's socket for optical flow models, OPTICAL_FLOW: RAFT as ComfyUI loads it, as a refiner of the library's."""

from __future__ import annotations

from typing import Any

import comfy.model_management as mm
import torch
from comfy_api.latest import io
from torch import Tensor
from torch.nn import functional as F

from ..animeinterp.flow import Flow, backwarp
from ..animeinterp.frames import FramePair
from ..animeinterp.protocols import Refiner
from ..animeinterp.runtime import Runtime

OpticalFlow = io.Custom("OPTICAL_FLOW")

_ALIGN, _LEAST = 8, 128  # pixels: RAFT's pyramid
_CHANNELS = 100  # full-size float32 channels at the peak beside the correlation volume, roughly


class OpticalFlowRefiner(Refiner):
    """Flow by the network of ``patcher``, brought to its device with room for a pair of ``frames`` (N, C, H, W).

    The network begins at no motion. Where there is a flow to start from, it sees the second frame warped back along it, and
    what it finds is put behind that: f(x) = r(x) + c(x + r(x)).
    """

    def __init__(self, patcher: Any, frames: Tensor) -> None:
        height, width = (max(side, _LEAST) for side in frames.shape[-2:])
        volume = (height // _ALIGN * (width // _ALIGN)) ** 2 * 4 * 4 // 3
        mm.load_models_gpu([patcher], memory_required=volume + 4 * _CHANNELS * height * width)
        self._net = patcher.model.to(patcher.load_device).eval()

    @torch.no_grad()
    def refine(
        self, pair: FramePair, start: Flow | None = None, *, iterations: int | None = None, runtime: Runtime | None = None
    ) -> Flow:
        runtime = Runtime() if runtime is None else runtime
        found = []
        starts = (None, None) if start is None else (start.flow_01, start.flow_10)
        for way, (one, other, known) in enumerate(zip(pair.rgb, pair.rgb[::-1], starts, strict=True)):
            runtime.report(way / 2)
            coarse = None if known is None else known.to(one)
            rest = self._ask(one, other if coarse is None else backwarp(other, coarse), iterations)
            found.append(rest if coarse is None else rest + backwarp(coarse, rest))
        runtime.report(1.0)
        return Flow(*found)

    def _ask(self, one: Tensor, other: Tensor, iterations: int | None) -> Tensor:
        height, width = one.shape[-2:]
        below = max(_LEAST - height, 0) or -height % _ALIGN
        right = max(_LEAST - width, 0) or -width % _ALIGN
        pictures = [F.pad(picture, (0, right, 0, below), mode="replicate") * 2 - 1 for picture in (one, other)]
        answer = self._net(*pictures, **({} if iterations is None else {"num_flow_updates": iterations}))
        flow = answer[-1] if isinstance(answer, (list, tuple)) else answer
        return flow[..., :height, :width].float()
