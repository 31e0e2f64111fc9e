"""The completion as a refiner: what refines where no network does."""

from __future__ import annotations

from typing import Any

from ..dense_flow import DenseFlow
from ..flow import Flow, PieceMatches
from ..frames import FramePair
from ..protocols import Refiner
from ..runtime import Runtime
from .complete import complete


class Completion(Refiner):
    """Completes what the matching found; goes on from any other flow, or from none, by dense flow (``DenseFlow``)."""

    starts_from = PieceMatches  # how pieces move it finds out itself

    def __init__(self, config: Any = None, *, operations: Any = None) -> None:
        self._dense = DenseFlow()

    def refine(
        self,
        pair: FramePair,
        start: PieceMatches | Flow | None = None,
        *,
        iterations: int | None = None,
        runtime: Runtime | None = None,
    ) -> Flow:
        runtime = Runtime() if runtime is None else runtime
        if isinstance(start, PieceMatches):
            return runtime.in_thread(lambda report: complete(*pair.frames, start))
        return self._dense.refine(pair, start, runtime=runtime)
