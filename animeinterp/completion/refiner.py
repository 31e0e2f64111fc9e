"""The completion as a refiner: what refines where no network does."""

from __future__ import annotations

from typing import Any

from ..dense_flow import DenseFlow
from ..flow import Flow, PieceMatches
from ..frames import FramePair
from ..protocols import Refiner
from ..runtime import Runtime
from .complete import are_drawn_anew_at_a_glance, complete
from .config import DEFAULT, CompletionConfig


class Completion(Refiner):
    """Completes what the matching found; goes on from any other flow, or from none, by dense flow (``DenseFlow``)."""

    starts_from = PieceMatches  # how pieces move it finds out itself

    def __init__(self, config: Any = None, *, operations: Any = None, only_cutouts: bool = False) -> None:
        """``config``: a CompletionConfig; anything else stands for the numbers as they were chosen. ``only_cutouts``: for
        whoever draws nothing else by it (see ``complete``)."""
        self.only_cutouts = only_cutouts
        self.config = config if isinstance(config, CompletionConfig) else DEFAULT
        self.largest = self.config.largest
        self._dense = DenseFlow()

    def glance(self, size: tuple[int, int]) -> int | None:
        side = self.config.cutout_side
        return side if self.only_cutouts and max(size) >= self.config.cutout_larger * side else None

    def is_for_nothing(self, pair: FramePair, start: PieceMatches, *, runtime: Runtime | None = None) -> bool:
        runtime = Runtime() if runtime is None else runtime
        return runtime.in_thread(lambda report: are_drawn_anew_at_a_glance(*pair.frames, start, self.config))

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
            return runtime.in_thread(lambda report: complete(*pair.frames, start, self.config, only_cutouts=self.only_cutouts))
        return self._dense.refine(pair, start, runtime=runtime)
