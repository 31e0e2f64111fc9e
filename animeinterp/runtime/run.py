"""The one object that is handed through the stages of a run: progress, cancelling, and what to do when memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TypeVar

import torch
from torch import nn

from .memory import free_memory
from .out_of_memory import MemoryFallback
from .progress import ProgressCallback, layer_progress, monotonic
from .worker import run_in_thread

Attempt = TypeVar("Attempt")
Result = TypeVar("Result")


class Runtime:
    """How a run reports its progress, is cancelled, and finds the memory it needs; a stage is given the part that is its own.

    Parts (``part``, ``parts``) share the cancelling and the memory of the whole, and their progress, 0..1, is a stretch of
    the whole's. Without callbacks nothing is reported, and work is done in the calling thread.
    """

    def __init__(
        self,
        progress: ProgressCallback | None = None,
        cancel: Callable[[], None] | None = None,
        *,
        memory: MemoryFallback | None = None,
    ) -> None:
        """
        :param progress: called with the fraction done, several times a second; what it raises ends the work.
        :param cancel: called as often; what it raises ends the work.
        :param memory: how far the work had to be split so far; None: not yet.
        """
        self.memory = MemoryFallback() if memory is None else memory
        self.progress = _joined(progress, cancel)

    def report(self, fraction: float) -> None:
        """Say how far the work is, 0..1. Raises what a callback raises to end it."""
        if self.progress is not None:
            self.progress(fraction)

    def part(self, start: float, end: float) -> Runtime:
        """The runtime of a part of this work, from one fraction of it to another."""
        whole = self.progress
        return self._with(None if whole is None else lambda fraction: whole(start + (end - start) * fraction))

    def parts(self, costs: Sequence[float]) -> Parts:
        """The runtimes of parts that are done one after the other and cost about so much each, in any unit."""
        return Parts(self, costs)

    def reporting_to(self, progress: ProgressCallback) -> Runtime:
        """The runtime of this very work where ``progress`` hears of it instead, in another thread."""
        return self._with(progress)

    def layers(self, network: nn.Module, total: int) -> AbstractContextManager[None]:
        """Within it, each layer of ``network`` that runs is reported as one of ``total``."""
        return layer_progress(network, self.progress, total)

    def in_thread(self, work: Callable[[ProgressCallback], Result]) -> Result:
        """``work(report)`` in a thread of its own, while this one reports and can be cancelled. See ``run_in_thread``."""
        return run_in_thread(work, self.progress)

    def with_less_memory(
        self, kind: str, attempts: Sequence[Attempt], work: Callable[[Attempt, Runtime], Result], device: torch.device
    ) -> Result:
        """``work(attempt, runtime)`` with the first of ``attempts`` that there is memory enough for. See ``MemoryFallback``."""

        def attempted(attempt: Attempt, progress: ProgressCallback | None) -> Result:
            return work(attempt, self._with(progress))

        return self.memory.run(kind, attempts, attempted, device, self.progress)

    @staticmethod
    def free_memory(device: torch.device | str) -> int:
        """The budget: bytes that can be taken on ``device`` now."""
        return free_memory(device)

    def _with(self, progress: ProgressCallback | None) -> Runtime:
        other = Runtime(memory=self.memory)
        other.progress = progress
        return other


class Parts:
    """The parts of some work in their order: ``next`` is the runtime of the one that is begun."""

    def __init__(self, whole: Runtime, costs: Sequence[float]) -> None:
        self._whole, self._costs, self._begun = whole, list(costs), 0

    def next(self, count: int = 1) -> Runtime:
        """Begin the next part (or ``count`` of them as one)."""
        total = sum(self._costs)
        start = sum(self._costs[: self._begun]) / total
        self._begun += count
        return self._whole.part(start, sum(self._costs[: self._begun]) / total)

    def both(self) -> tuple[Runtime, Runtime]:
        """The two parts of a work of two."""
        return self.next(), self.next()


def _joined(progress: ProgressCallback | None, cancel: Callable[[], None] | None) -> ProgressCallback | None:
    """Both callbacks as one, the progress only ever growing; None where there are none."""
    if cancel is None:
        return monotonic(progress)
    growing = monotonic(progress)

    def report(fraction: float) -> None:
        cancel()
        if growing is not None:
            growing(fraction)

    return report
