"""The same work for both frames of a pair, or for parts of one, side by side where that is faster."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def for_both(work: Callable[[int], Result], device: torch.device) -> tuple[Result, Result]:
    """``work(0)`` and ``work(1)``: on a CPU by two threads, as most of what is done there for one frame is done by one core;
    elsewhere, and where gradients are wanted, one after the other."""
    if device.type != "cpu" or torch.is_grad_enabled():
        return work(0), work(1)
    return both(work)


def both(work: Callable[[int], Result]) -> tuple[Result, Result]:
    """``work(0)`` and ``work(1)`` by two threads: OpenCV and NumPy let go of the interpreter where they work."""
    first, second = side_by_side(work, (0, 1), 2)
    return first, second


def side_by_side(work: Callable[[Item], Result], items: Iterable[Item], threads: int) -> Iterator[Result]:
    """``work`` of each item in turn, by several threads, without gradients."""
    inference = torch.is_inference_mode_enabled()  # threads have modes of their own

    def run(item: Item) -> Result:
        with torch.inference_mode(inference), torch.no_grad():
            return work(item)

    if threads < 2:
        yield from map(run, items)
        return
    with ThreadPoolExecutor(threads, thread_name_prefix="animeinterp-side") as pool:
        yield from pool.map(run, items)
