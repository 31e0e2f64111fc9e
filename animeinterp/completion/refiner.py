"""The completion as a refiner: what refines where no network does."""

from __future__ import annotations

from typing import Any

from ..dense_flow import DenseFlow
from ..flow import Flow, PieceMatches
from ..frames import FramePair
from ..protocols import CutoutRefiner, Refiner
from ..runtime import Runtime
from .complete import are_drawn_anew_at_a_glance, complete
from .config import DEFAULT, CompletionConfig


class Completion(Refiner):
    """Completes what the matching found; goes on from any other flow, or from none, by dense flow (``DenseFlow``)."""

    starts_from = PieceMatches  # how pieces move it finds out itself

    _only_cutouts = False

    def __init__(self, config: Any = None, *, operations: Any = None) -> None:
        """``config``: a CompletionConfig; anything else stands for the numbers as they were chosen."""
        self.config = config if isinstance(config, CompletionConfig) else DEFAULT
        self.largest = self.config.largest
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
            return runtime.in_thread(lambda report: complete(*pair.frames, start, self.config, only_cutouts=self._only_cutouts))
        return self._dense.refine(pair, start, runtime=runtime)


class CutoutCompletion(Completion, CutoutRefiner):
    """The completion for whoever draws cut-outs alone by it: it stops as soon as a pair is plainly none (see ``complete``)."""

    _only_cutouts = True

    def preview_side(self, size: tuple[int, int]) -> int | None:
        """See ``CutoutRefiner``."""
        side = self.config.cutout_side
        return side if max(size) >= self.config.cutout_larger * side else None

    def surely_no_cutouts(self, pair: FramePair, start: PieceMatches, *, runtime: Runtime | None = None) -> bool:
        """See ``CutoutRefiner``."""
        runtime = Runtime() if runtime is None else runtime
        return runtime.in_thread(lambda report: are_drawn_anew_at_a_glance(*pair.frames, start, self.config))
