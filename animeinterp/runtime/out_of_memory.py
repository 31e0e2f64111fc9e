"""What is done where memory runs out: the work is split into smaller parts, and goes on.

How much is free is estimated beforehand (``memory``), but it is not ours alone, and no estimate is exact. So whatever can be
done in smaller parts says how, and is begun anew with the next smaller ones whenever torch, or the system, refuses memory.
What was too much for one pair of a clip is not tried with the next.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable, Sequence
from typing import TypeVar

import cv2
import torch

from ..errors import AnimeInterpError
from .memory import release
from .progress import ProgressCallback, monotonic

Attempt = TypeVar("Attempt")
Result = TypeVar("Result")

# What errors that are not of a type of their own say: CUDA, HIP, XPU and MPS; its libraries; the CPU; OpenCV.
_MESSAGES = ("out of memory", "ALLOC_FAILED", "can't allocate memory", "not enough memory", "Insufficient memory")
_SMALLEST_TILE = 2**15  # pixels: what is seen around smaller tiles is most of the work

_log = logging.getLogger(__name__)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether it was memory that there was too little of."""
    if isinstance(error, (torch.cuda.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, (RuntimeError, cv2.error)) and any(sign in str(error) for sign in _MESSAGES)


def smaller_tiles(pixels: int) -> list[int]:
    """Of how many pixels tiles are tried, one after the other, for a frame of so many."""
    tiles = []
    while pixels // 4 >= _SMALLEST_TILE:
        pixels //= 4
        tiles.append(pixels)
    return tiles


class MemoryFallback:
    """How far the work on one clip had to be split. That it was is logged once."""

    def __init__(self) -> None:
        self._left: dict[str, int] = {}  # for each kind of work, how many attempts are left, its present one among them
        self._warned = False

    @property
    def short(self) -> bool:
        """Whether memory ran out before."""
        return self._warned

    def run(
        self,
        kind: str,
        attempts: Sequence[Attempt],
        work: Callable[[Attempt, ProgressCallback | None], Result],
        device: torch.device,
        progress: ProgressCallback | None = None,
    ) -> Result:
        """``work(attempt, progress)`` with the first of ``attempts`` that there is memory enough for.

        :param kind: of the work. Its attempts differ between calls by those left out at the beginning alone.
        :param attempts: each needs less memory than the one before.
        :param device: where the work is done. What torch keeps there for later is given back before the next attempt.
        :param progress: is called with the share of the work done; with never less than before, if work is begun anew.
        :raises AnimeInterpError: where there is not memory enough for the last.
        """
        progress = monotonic(progress)
        left = min(self._left.get(kind, len(attempts)), len(attempts))
        while True:
            try:
                return work(attempts[len(attempts) - left], progress)
            except Exception as error:
                if not is_out_of_memory(error):
                    raise
                reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            # Here, and not where it was caught: an error that is being handled keeps hold of all that led to it, and one
            # that came from a thread until the collector finds it.
            gc.collect()
            release(device)
            left -= 1
            if not left:
                raise AnimeInterpError(
                    f"The memory of {device} is too small for this work, in its smallest parts too ({reason}). Take smaller "
                    "frames, end what else takes memory there, or work on the CPU or without a model."
                )
            self._left[kind] = left
            if not self._warned:
                self._warned = True
                _log.warning("Memory ran out on %s (%s). The work is split and goes on, slower.", device, reason)
