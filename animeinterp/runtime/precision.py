"""In which numbers a network's convolutions are done on a CPU: bfloat16 where that is faster, as measured, else float32."""

from __future__ import annotations

import contextlib
import time
from contextlib import AbstractContextManager
from functools import cache

import torch
from torch import nn

# How much of float32's time bfloat16 may take to be worth its rounding. Processors that have it take half; where it is
# emulated it takes longer than float32, so that no load on the machine turns the answer around.
_WORTH = 0.8
_CHANNELS, _SIDE, _RUNS = 48, 96, 5


def fast_convolutions(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[object]:
    """Within it, convolutions of float32 weights are done in the numbers that are fastest on ``device``.

    Only on a CPU that has bfloat16, and without gradients: whoever trains says himself what he wants. What is no convolution
    stays in the numbers that it comes in.
    """
    fast = convolution_dtype(device, dtype)
    return contextlib.nullcontext() if fast == dtype else torch.autocast("cpu", dtype=fast)


def convolution_dtype(device: torch.device, dtype: torch.dtype) -> torch.dtype:
    """The numbers that convolutions of weights of ``dtype`` are done in within ``fast_convolutions``: whoever makes what they see
    in these from the first moves half as much."""
    if device.type != "cpu" or dtype != torch.float32 or torch.is_grad_enabled() or not bfloat16_pays():
        return dtype
    return torch.bfloat16


def decide(pays: bool | None) -> None:
    """Have this process take bfloat16 to be worth while, or not, whatever it would measure; None: as it measures."""
    _settled[:] = [] if pays is None else [pays]


_settled: list[bool] = []


def bfloat16_pays() -> bool:
    """Whether convolutions are done in bfloat16 on this CPU: what was settled, else whether it is so much faster that it is
    worth while, as measured once a process."""
    return _settled[0] if _settled else _measured()


@cache
def _measured() -> bool:
    with torch.no_grad():
        single = nn.Conv2d(_CHANNELS, _CHANNELS, 3, padding=1).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        frame = torch.zeros(1, _CHANNELS, _SIDE, _SIDE).contiguous(memory_format=torch.channels_last)
        half, half_frame = nn.Conv2d(_CHANNELS, _CHANNELS, 3, padding=1).bfloat16(), frame.bfloat16()
        seconds: dict[bool, list[float]] = {False: [], True: []}
        try:
            for _ in range(_RUNS):
                for is_half, (layer, seen) in enumerate(((single, frame), (half, half_frame))):
                    begun = time.perf_counter()
                    layer(seen)
                    seconds[bool(is_half)].append(time.perf_counter() - begun)
        except RuntimeError:  # this torch does not know how
            return False
    return min(seconds[True]) < _WORTH * min(seconds[False])
