"""Pairs that are worked on side by side, and come in their order.

Much of a pair is work that keeps one core busy, or a GPU waiting: a second pair begun meanwhile fills what is left.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

import torch
from torch import Tensor

from .memory import free_memory
from .precision import bfloat16_pays
from .run import Runtime
from .worker import POLL_SECONDS, Cancelled

Item = TypeVar("Item")
_FRAMES = 100  # times a frame's bytes, that are free for each pair, or fewer are begun: at 1080p a pair takes half of that


def pairs_at_once(frame: Tensor) -> int:
    """How many pairs of such frames (1, C, H, W) are worked on side by side on their device: on a CPU two, if it has more than
    one thread to work with; on another device, whose pairs wait for the CPU most of the time, one for four cores, three at most.
    One where memory is short."""
    device = frame.device
    if device.type == "cpu":
        most = min(torch.get_num_threads(), 2)
    else:
        most = min(max((os.cpu_count() or 1) // 4, 1), 3)
    room = free_memory(device) / (_FRAMES * frame.numel() * frame.element_size())
    return int(min(max(room, 1), most))


class Overlap:
    """Threads for ``count`` pairs at once. To be closed, which ends what is under way, at its next report of progress."""

    def __init__(self, count: int) -> None:
        bfloat16_pays()  # which is measured once, while nothing else is under way
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="animeinterp-pair")
        self._closed = False

    def begin(self, work: Callable[[Runtime], Iterator[Item]], runtime: Runtime) -> Iterator[Item]:
        """Begin ``work(runtime)`` in a thread. What it gives is there when it is asked for, all of it at once; meanwhile its
        progress is reported, and it can be cancelled, by whoever waits for it. What it raises is raised there."""
        done, inference = [0.0], torch.is_inference_mode_enabled()  # threads have modes of their own

        def report(fraction: float) -> None:
            if self._closed:
                raise Cancelled
            done[0] = fraction

        def run() -> list[Item]:
            with torch.inference_mode(inference), torch.no_grad():
                return list(work(runtime.reporting_to(report)))

        return self._results(self._pool.submit(run), done, runtime)

    def close(self) -> None:
        """End it; what is under way is waited for, as far as it can be ended."""
        self._closed = True
        self._pool.shutdown(cancel_futures=True)

    @staticmethod
    def _results(future: Future[list[Item]], done: list[float], runtime: Runtime) -> Iterator[Item]:
        runtime.report(0.0)
        while not wait([future], timeout=POLL_SECONDS).done:
            runtime.report(done[0])
        yield from future.result()
        runtime.report(1.0)
