"""The same work for both frames of a pair, side by side where that is faster."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Result = TypeVar("Result")


def for_both(work: Callable[[int], Result], device: torch.device) -> tuple[Result, Result]:
    """``work(0)`` and ``work(1)``: on a CPU by two threads, as most of what is done there for one frame is done by one core;
    elsewhere, and where gradients are wanted, one after the other."""
    if device.type != "cpu" or torch.is_grad_enabled():
        return work(0), work(1)
    inference = torch.is_inference_mode_enabled()  # threads have modes of their own

    def run(side: int) -> Result:
        with torch.inference_mode(inference), torch.no_grad():
            return work(side)

    with ThreadPoolExecutor(2, thread_name_prefix="animeinterp-side") as pool:
        first, second = pool.map(run, (0, 1))
    return first, second
