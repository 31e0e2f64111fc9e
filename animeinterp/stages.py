"""The stages of the method, each fed with what the one before it made, for one pair of frames.

This knows the order of the stages; none of them knows another. Which refiner and which synthesizer work it is told, or
``registry`` says, and asks of them only what ``protocols`` says. A pair that may be of cut-outs is tried their way first.
``pipeline`` runs it over a clip.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import replace
from typing import Any, TypeVar

import torch
from torch import Tensor

from . import registry
from .completion.cutouts import may_be_cutouts
from .config import MatchConfig, SegmentConfig
from .errors import AnimeInterpError, check_flow
from .flow import CoarseFlow, Flow, PieceMatches
from .frames import EncodedFrame, FramePair
from .matching import describe_pieces, pair_flow, pair_matches
from .model import AnimeInterp
from .protocols import CutoutRefiner, Refiner, Synthesizer
from .runtime import Runtime
from .runtime.out_of_memory import MemoryFallback, smaller_tiles
from .runtime.progress import ProgressCallback, leaf_modules
from .runtime.run import Parts
from .segmentation import segment
from .synthesis.protection import Protection
from .synthesis.still import StillColours, Stillness
from .upsampling import upsample_flow

# About how long what is no network takes, for the progress of a pair: measured in seconds at 960x540 on two cores.
_SEGMENTING, _MATCHING = 0.6, 0.5
Part = TypeVar("Part", Refiner, Synthesizer)


class Stages:
    """The stages with the networks and settings that they work with, for one clip."""

    def __init__(
        self,
        model: AnimeInterp | None = None,
        features: Any = None,
        segment_config: SegmentConfig | None = None,
        match_config: MatchConfig | None = None,
        protect: Tensor | None = None,
        *,
        refiner: Refiner | str | None = None,
        synthesizer: Synthesizer | str | None = None,
    ) -> None:
        """
        :param model: whose networks refine and draw. None: the weights-free ways: pieces that move as pieces are completed and
            blended, what is drawn anew is read along smooth flow.
        :param features: VGG-19 (``load_features``), to match pieces by.
        :param protect: masks (1 or N, H, W) of where nothing is interpolated, of a clip's frames.
        :param refiner: what refines instead of the model's network, by its name in the ``registry`` or itself.
        :param synthesizer: what draws instead of the model's, likewise.
        """
        self.model = model
        self.features = features
        self.segment_config = SegmentConfig() if segment_config is None else segment_config
        self.match_config = MatchConfig() if match_config is None else match_config
        self.protection = None if protect is None else Protection(protect)
        self.memory = MemoryFallback()
        within: dict[str, Any] | None = None
        if refiner is None and synthesizer is None:
            refiner, synthesizer, within = registry.default_ways(model)
        if refiner is None and model is not None:
            refiner = model.refinement
        if synthesizer is None:
            synthesizer = "blend" if model is None else model.synthesis
        self.synthesizer = _named(registry.SYNTHESIZERS, synthesizer)
        self.finds_flow = refiner is not None or self.synthesizer.needs_flow  # else the synthesizer begins at no motion
        self.refiner = registry.default_refiner(self.synthesizer) if refiner is None else _named(registry.REFINERS, refiner)
        shared = {"features": features, "segment_config": segment_config, "match_config": match_config}
        self.cutouts = None if within is None else type(self)(**within, **shared)

    def runtime(self, progress: ProgressCallback | None = None, cancel: Callable[[], None] | None = None) -> Runtime:
        """What a stage is handed: these callbacks, and what is known of the memory there is."""
        return Runtime(progress, cancel, memory=self.memory)

    def device(self, frame: Tensor) -> torch.device:
        """Where the work is done if nobody says otherwise: where the model is, else where the frame is."""
        weight = None if self.model is None else next(self.model.parameters(), None)
        return frame.device if weight is None else weight.device

    def load(self, frame: Tensor, device: str | torch.device | None = None) -> EncodedFrame:
        """Take in a frame (1, C, H, W). Nothing is computed yet."""
        device = self.device(frame) if device is None else device
        return EncodedFrame(frame.detach().to(device, torch.promote_types(frame.dtype, torch.float32)))

    @property
    def segments(self) -> bool:
        """Whether frames have to be cut into pieces where no flow is given."""
        return self.finds_flow and self.refiner.starts_from is not None

    @torch.no_grad()
    def pair(
        self,
        frame0: EncodedFrame,
        frame1: EncodedFrame,
        flow: Flow | CoarseFlow | None = None,
        runtime: Runtime | None = None,
        times: int = 1,
    ) -> PreparedPair:
        """Find the motion between two frames, unless it is given, and make ready to draw at any time between them.

        ``runtime`` is that of the whole work, drawing ``times`` frames included.
        """
        runtime, pair = self.runtime() if runtime is None else runtime, FramePair(frame0, frame1)
        if self.cutouts is not None and self.may_be_cutouts(pair, flow, runtime):
            prepared = self.cutouts.prepared(pair, flow, runtime, times)
            if prepared is not None and (isinstance(flow, Flow) or prepared.flow is not None and prepared.flow.cutouts == [True]):
                return prepared
            if self.synthesizer.needs_flow and isinstance(flow, CoarseFlow):
                flow = None  # pieces that do not move as pieces: the refiner finds its own way
        prepared = self.prepared(pair, flow, runtime, times)
        if prepared is None:
            raise AnimeInterpError("These are no cut-outs, and what refines is for those alone; name another refiner, or none.")
        return prepared

    def prepared(self, pair: FramePair, flow: Flow | CoarseFlow | None, runtime: Runtime, times: int) -> PreparedPair | None:
        """``pair`` by this one way; None where that is for cut-outs alone, and these are none."""
        # What cannot be split is not tried again, but it is said what to do.
        return runtime.with_less_memory("pair", [None], lambda _, part: prepare(self, pair, flow, part, times), pair.device)

    def may_be_cutouts(
        self, pair: FramePair, flow: Flow | CoarseFlow | None = None, runtime: Runtime | None = None
    ) -> bool:
        """Whether it is worth while to complete a flow to see. A fine flow says so itself; one that does not know is followed to
        the letter, as the way for cut-outs does, by whoever does not find the motion himself."""
        if flow is None:
            if self.cutouts is None:
                return may_be_cutouts(*pair.rgb)
            working = pair.at_most(self.cutouts.refiner.largest)
            return may_be_cutouts(*working.rgb) and not self.cutouts.surely_none(working, runtime)
        if isinstance(flow, CoarseFlow):
            return True
        return flow.cutouts == [True] or flow.cutouts is None and self.synthesizer.needs_flow

    def surely_none(self, pair: FramePair, runtime: Runtime | None = None) -> bool:
        """Whether small pictures tell that the refiner, which is for cut-outs, would find none."""
        refiner = self.refiner
        if not isinstance(refiner, CutoutRefiner) or (side := refiner.preview_side(pair.size)) is None:
            return False
        small = pair.at_most(side)
        return refiner.surely_no_cutouts(small, self.match(small, runtime, move=False), runtime=runtime)

    @torch.no_grad()
    def segment(self, frame: Tensor) -> Tensor:
        """The pieces of a frame (1, C, H, W), wherever it is: (1, H, W) int32."""
        return segment(frame, self.segment_config)

    def segment_ahead(self, frame: EncodedFrame, pool: Executor) -> None:
        """Have a thread of ``pool`` segment the frame at the size at which motion will be found, if nobody does so yet."""
        working = frame.at_most(self.refiner.largest)
        if working.pieces is None and working.segmentation is None:
            working.segmentation = pool.submit(self.segment, working.frame)

    @torch.no_grad()
    def pieces(self, frame: EncodedFrame, runtime: Runtime | None = None, *, labels: Tensor | None = None) -> Any:
        """The frame's pieces and their features (paper 3.1); with ``labels`` (1, H, W) given, it is not segmented."""
        with frame.lock:
            if frame.pieces is not None:
                return frame.pieces
            runtime = Runtime() if runtime is None else runtime
            if labels is None:
                begun = frame.segmentation
                labels = runtime.in_thread(lambda report: begun.result() if begun else self.segment(frame.frame))
                frame.segmentation = None
            network, networks = self.features, {"features": self.features}
            if network is None and self.model is not None and self.model.piece_describer is not None:
                network, networks = self.model, {"model": self.model}
            if network is None:
                frame.pieces = runtime.in_thread(lambda report: describe_pieces(frame.frame, labels))
            else:
                with runtime.layers(network, len(leaf_modules(network))):
                    frame.pieces = describe_pieces(frame.frame, labels, **networks)
            return frame.pieces

    @torch.no_grad()
    def match(self, pair: FramePair, runtime: Runtime | None = None, *, move: bool = True) -> PieceMatches:
        """Whose pieces are whose, and, if they are to ``move``, the CoarseFlow that they make (paper 3.1)."""
        runtime = Runtime() if runtime is None else runtime
        pieces = self.pieces(pair.frame0), self.pieces(pair.frame1)
        find = pair_flow if move else pair_matches
        return runtime.in_thread(lambda report: find(*pair.frames, *pieces, self.match_config))

    @torch.no_grad()
    def refine(
        self,
        pair: FramePair,
        start: PieceMatches | Flow | None = None,
        iterations: int | None = None,
        runtime: Runtime | None = None,
    ) -> Flow:
        """The fine flow from a start, or from no motion (paper 3.2). ``iterations``: see ``AnimeInterp.refine``."""
        runtime = self.runtime() if runtime is None else runtime
        if self.cutouts is not None and self.refiner.starts_from is None and isinstance(start, PieceMatches):
            completed = self.cutouts.refine(pair, start, iterations, runtime.part(0, 0.8))
            if completed.cutouts == [True]:
                return completed
            start, runtime = None, runtime.part(0.8, 1)  # as in ``pair``
        if isinstance(start, Flow):
            _check_given(start, pair)
        flow = self.refiner.refine(pair, start, iterations=iterations, runtime=runtime)
        return flow if self.cutouts is None or flow.cutouts is not None else replace(flow, cutouts=[False] * len(flow.flow_01))


def prepare(
    stages: Stages, pair: FramePair, flow: Flow | CoarseFlow | None, runtime: Runtime, times: int
) -> PreparedPair | None:
    """Find the motion of ``pair``, unless it is given, and make ready to draw along it. See ``Stages.prepared``."""
    completes = isinstance(flow, CoarseFlow) and not stages.synthesizer.draws_coarse
    refines = stages.finds_flow and flow is None or completes
    finds = stages.segments and flow is None
    working = pair.at_most(stages.refiner.largest) if refines and flow is None else pair
    parts = runtime.parts(
        [_SEGMENTING] * (finds * sum(frame.pieces is None for frame in (working.frame0, working.frame1)))
        + [_MATCHING] * finds
        + [stages.refiner.seconds] * refines
        + [stages.synthesizer.seconds] * times
    )
    if flow is not None:
        _check_given(flow, pair)
    start = _matched(stages, working, parts) if finds else flow
    if refines:
        flow = stages.refine(working, start, runtime=parts.next())
        if flow.cutouts == [False] and isinstance(stages.refiner, CutoutRefiner):
            return None
        flow = upsample_flow(flow, working, pair)
    elif isinstance(flow, CoarseFlow):
        flow = flow.as_flow()
    return PreparedPair(stages, pair, flow, parts)


def _matched(stages: Stages, pair: FramePair, parts: Parts) -> PieceMatches:
    """What the refiner starts from: matched pieces, and how they move if it asks for that."""
    for frame in (pair.frame0, pair.frame1):
        if frame.pieces is None:
            stages.pieces(frame, parts.next())
    return stages.match(pair, parts.next(), move=stages.refiner.starts_from is CoarseFlow)


def _check_given(flow: Flow | CoarseFlow, pair: FramePair) -> None:
    check_flow("flow_01", flow.flow_01, pair.frame0.frame)
    check_flow("flow_10", flow.flow_10, pair.frame0.frame)


class PreparedPair:
    """Two frames with the motion between them, ready to draw what lies between (``at``). Made by ``prepare``."""

    def __init__(self, stages: Stages, pair: FramePair, flow: Flow | None, parts: Parts) -> None:
        """``flow``: the motion, None where the synthesizer finds it; ``parts`` of the progress: of each frame that is drawn."""
        self.flow = flow
        self._stages, self._pair, self._parts = stages, pair, parts
        self._drawing = stages.synthesizer.prepare(pair, flow)
        along = flow if stages.finds_flow else None
        self._stillness = StillColours(*pair.frames) if along is None else Stillness(*pair.frames, along)

    @torch.no_grad()
    def at(self, times: list[float]) -> Tensor:
        """The frames at ``times``, (T, C, H, W) in 0..1, what is still being held. 0 and 1 give the frames."""
        inner = [t for t in times if t not in (0, 1)]
        drawn = iter(self._draw(inner) if inner else ())
        frames = self._pair.frames
        return torch.cat([next(drawn) if t not in (0, 1) else frames[bool(t)] for t in times])

    def _draw(self, times: list[float]) -> list[Tensor]:
        """The frames (1, C, H, W) at ``times``: all at once; where memory is short, one after the other, or in tiles."""
        height, width = self._pair.size
        attempts: list[tuple[int, int | None]] = [(len(times), None)]
        if len(times) > 1:
            attempts.append((1, None))
        if self._stages.synthesizer.draws_tiles:
            attempts += [(1, tile) for tile in smaller_tiles(height * width)]

        def drawn(attempt: tuple[int, int | None], runtime: Runtime) -> list[Tensor]:
            count, tile = attempt
            found: list[Tensor] = []
            while len(found) < len(times):
                some = times[len(found) : len(found) + count]
                part = runtime.part(len(found) / len(times), (len(found) + len(some)) / len(times))
                frames = self._with_alpha(self._drawing.at(some, tile=tile, runtime=part)).clamp(0, 1).split(1)
                found += [self._stillness.hold(one, t).clamp(0, 1) for one, t in zip(frames, some, strict=True)]
            return found

        return self._parts.next(len(times)).with_less_memory("drawing", attempts, drawn, self._pair.device)

    def _with_alpha(self, drawn: Tensor) -> Tensor:
        """Opaque frames that came with alpha have some in between too."""
        if drawn.shape[1] == self._pair.frames[0].shape[1]:
            return drawn
        return torch.cat([drawn, torch.ones_like(drawn[:, :1])], dim=1)


def _named(registered: dict[str, Callable[..., Part]], part: Part | str) -> Part:
    """What a name in a registry stands for; what is no name, itself."""
    return registry.make(registered, part) if isinstance(part, str) else part
