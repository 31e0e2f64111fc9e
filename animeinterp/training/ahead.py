"""Batches made ahead of the step that needs them, by a thread beside the training.

A batch is a function of its step alone, so what is made ahead is what would have been made then.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any


class Ahead:
    """``get(step)`` is ``make(step)``, made by a thread while the steps before it are trained, ``depth`` of them ahead.

    What ``make`` raises, ``get`` raises. ``close`` when done: what is being made is finished and thrown away.
    """

    def __init__(self, make: Callable[[int], Any], depth: int = 2) -> None:
        self._make, self._depth = make, depth
        self._made: dict[int, Future] = {}
        self._pool: ThreadPoolExecutor | None = None

    def get(self, step: int) -> Any:
        """The batch of ``step``; the next ``depth`` are begun."""
        if self._pool is None:
            self._pool = ThreadPoolExecutor(1, thread_name_prefix="batches")
        wanted = range(step, step + self._depth + 1)
        for old in [s for s in self._made if s not in wanted]:
            self._made.pop(old).cancel()
        for s in wanted:
            if s not in self._made:
                self._made[s] = self._pool.submit(self._make, s)
        return self._made.pop(step).result()

    def close(self) -> None:
        """End the thread; a later ``get`` begins another."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)
            self._pool, self._made = None, {}
