"""A run spread over the workers of a cluster: each measures whole triplets, by every method that is missing there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ..cluster import Cluster, Report, Spread, spread
from ..datasets.triplets import Triplet, TripletFolder
from .methods import Draw, Method
from .runner import Progress, Result, ResultFile, measured

Task = tuple[str, tuple[int, ...]]  # a triplet's name, and the numbers of the methods that are missing


@dataclass(frozen=True)
class Measuring:
    """What travels to the workers, which reach the triplets under the same path. Called there, it gives what measures a task:
    for each of its methods the result and, where ``pictures`` are asked for, the in-between in 8 bits; nothing of a triplet that
    is broken and passed over."""

    triplets: TripletFolder
    methods: Sequence[Method]
    pictures: bool

    def __call__(self) -> Callable[[Task], list[tuple[Result, Tensor | None]]]:
        """See the class."""
        torch.set_num_threads(1)  # triplets are many: a processor each
        makers: dict[str, Draw] = {}

        def measure(task: Task) -> list[tuple[Result, Tensor | None]]:
            name, numbers = task
            triplet, found = self.triplets.get(name), []
            for number in numbers if triplet is not None else ():
                result, image = measured(self.methods[number], triplet, makers)
                found.append((result, (255 * image).round().byte() if self.pictures else None))
            return found

        return measure


def run_spread(
    triplets: TripletFolder, methods: Sequence[Method], file: ResultFile, cluster: Cluster, *,
    progress: Progress | None = None, drawn: Callable[[Result, Triplet, Tensor], None] | None = None,
) -> Report | None:
    """Have the workers of ``cluster`` (``cluster.connect``) measure what ``file`` does not know yet, and keep it there: then
    ``runner.run`` has nothing left to measure. The same figures as without, but for the seconds and for what rounds otherwise
    on another number of threads. Parameters as ``runner.run``'s; errors as ``cluster.spread``'s. None: nothing was missing.
    """
    missing = {name: tuple(k for k, m in enumerate(methods) if not file.find(name, m)) for name in triplets.names}
    tasks: list[Task] = [(name, numbers) for name, numbers in missing.items() if numbers]
    if not tasks:
        return None
    total = len(triplets) * len(methods)
    there = total - sum(len(numbers) for _, numbers in tasks)

    def done(task: Task, found: list[tuple[Result, Tensor | None]]) -> None:
        nonlocal there
        there += len(task[1])
        triplet = triplets.get(task[0]) if drawn is not None or not found else None  # what is broken is noted here, too
        for result, image in found:
            if drawn is not None:
                drawn(result, triplet, image / 255)
            file.add(result)
        if progress is not None:
            progress(there, total)

    work = Spread(f"animeinterp evaluate {triplets.root.name}", Measuring(triplets, methods, drawn is not None), _named)
    return spread(tasks, work, cluster, done)


def _named(task: Task) -> str:
    return f"triplet {task[0]}"
