"""What is done pixel by pixel to large frames, done to a few rows at a time: what is in between stays in a CPU's cache, and
takes no memory to speak of; by all threads."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from ..runtime.sides import side_by_side

_PIXELS = 2**15  # of a band: few enough for a core's cache, and so that torch does not split them among threads


def in_bands(
    work: Callable[[slice], tuple[Tensor, ...]], size: tuple[int, int], device: torch.device, made: int | None = None
) -> tuple[Tensor, ...]:
    """What ``work`` makes of all rows of a frame of ``size`` (H, W): maps (B, C, h, w) of each slice of them, joined.

    Slices begin at even rows. On a CPU, where no gradients are wanted, there are many of them, else one. ``made``: how many rows
    come of all of them, if not H.
    """
    height, width = size
    if device.type != "cpu" or torch.is_grad_enabled():
        return work(slice(0, height))
    rows = max(_PIXELS // width // 2 * 2, 2)
    bands = [slice(begin, min(begin + rows, height)) for begin in range(0, height, rows)]
    joined: tuple[Tensor, ...] = ()
    done = 0
    for part in side_by_side(work, bands, min(torch.get_num_threads(), len(bands))):
        joined = joined or tuple(_of_height(x, made or height) for x in part)
        for whole, x in zip(joined, part, strict=True):
            whole[..., done : done + x.shape[-2], :] = x
        done += part[0].shape[-2]
    return joined


def _of_height(x: Tensor, height: int) -> Tensor:
    """An empty map as ``x`` (B, C, h, w) is, in its layout, of so many rows."""
    last = x.is_contiguous(memory_format=torch.channels_last)
    layout = torch.channels_last if last else torch.contiguous_format
    return torch.empty(*x.shape[:2], height, x.shape[-1], dtype=x.dtype, device=x.device, memory_format=layout)
