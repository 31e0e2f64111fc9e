"""The stages of the method, each fed with what the one before it made, for one pair of frames.

This knows all stages; none of them knows another. ``pipeline`` runs it over a clip.
"""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .completion.complete import complete
from .config import MatchConfig, SegmentConfig
from .dense_flow import refine_dense
from .errors import check_flow
from .flow import Flow
from .matching import describe_pieces, pair_flow, pair_matches
from .model import AnimeInterp, Encoded
from .runtime.out_of_memory import MemoryFallback, smaller_tiles
from .runtime.progress import ProgressCallback, layer_progress, leaf_modules
from .runtime.worker import run_in_thread
from .segmentation import segment
from .sequence.values import ValueRange
from .synthesis.alpha import from_grey, over_grey
from .synthesis.blend import blend
from .synthesis.still import StillColours, Stillness

# About how long each part takes, for the progress of a pair: measured in seconds at 960x540 on two cores.
_SEEING, _ENCODING, _MATCHING, _COMPLETING, _REFINING = 0.6, 2.5, 0.5, 2.0, 20.0
_BLENDING, _MENDING, _PAINTING = 0.6, 1.0, 8.0  # a time


class Seen:
    """A frame, and what is known of it alone; found when it is first asked for.

    ``frame`` (1, C, H, W) float32 (or float64) where the work is done; ``colour`` (1, 3, H, W), what networks see. ``size``
    (H, W) is that of the frame that was given, where this one is padded; ``values``, how far its colours go.
    """

    def __init__(self, frame: Tensor) -> None:
        self.frame = frame
        self.size = tuple(frame.shape[-2:])
        self.values = ValueRange()
        self.colour = over_grey(frame)
        self.opaque = frame.shape[1] == 3 or bool((frame[:, 3:] >= 1).all())
        self.cutting: Future | None = None  # a thread's, that cuts the frame into pieces meanwhile
        self.pieces: Any = None
        self.encoded: Encoded | None = None


class Stages:
    """The stages with the networks and settings that they work with, for one clip. ``model`` None: the weights-free way."""

    def __init__(
        self,
        model: AnimeInterp | None = None,
        features: Any = None,
        segment_config: SegmentConfig | None = None,
        match_config: MatchConfig | None = None,
    ) -> None:
        self.model = model
        self.features = features
        self.segment_config = SegmentConfig() if segment_config is None else segment_config
        self.match_config = MatchConfig() if match_config is None else match_config
        self.memory = MemoryFallback()

    @property
    def refines(self) -> bool:
        """Whether a network refines the flow; else it is completed."""
        return self.model is not None and self.model.refines

    @property
    def encodes(self) -> bool:
        """Whether the model looks at a frame alone before it looks at a pair."""
        return self.model is not None and (self.model.refines or self.model.paints_features or self.finds)

    @property
    def finds(self) -> bool:
        """Whether the synthesis finds its own motion: then pieces are not cut, and nothing is matched or completed."""
        return self.model is not None and self.model.finds_motion and not self.model.refines

    def device(self, frame: Tensor) -> torch.device:
        """Where the work is done if nobody says otherwise: where the model is, else where the frame is."""
        weight = None if self.model is None else next(self.model.parameters(), None)
        return frame.device if weight is None else weight.device

    def look(self, frame: Tensor, device: str | torch.device | None = None) -> Seen:
        """Take in a frame (1, C, H, W). Nothing is computed yet."""
        device = self.device(frame) if device is None else device
        return Seen(frame.detach().to(device, torch.promote_types(frame.dtype, torch.float32)))

    @torch.no_grad()
    def pair(
        self, seen0: Seen, seen1: Seen, flow: Flow | None = None, listen: ProgressCallback | None = None, times: int = 1
    ) -> Pair:
        """Find the motion between two frames, unless it is given, and make ready to paint at any time between them.

        ``listen`` hears the share of the whole work done, 0..1, painting ``times`` frames included; it may raise.
        """

        def made(way: None, told: ProgressCallback | None) -> Pair:
            return Pair(self, seen0, seen1, flow, told, times)

        # What cannot be split is not tried again, but it is said what to do.
        return self.memory.run("pair", [None], made, seen0.frame.device, listen)

    @torch.no_grad()
    def cut(self, frame: Tensor) -> Tensor:
        """The pieces of a frame (1, C, H, W), wherever it is: (1, H, W) int32."""
        return segment(frame, self.segment_config)

    @torch.no_grad()
    def pieces(self, seen: Seen, listen: ProgressCallback | None = None, *, labels: Tensor | None = None) -> Any:
        """The frame's pieces and their features (paper 3.1); with ``labels`` (1, H, W) given, it is not segmented."""
        if seen.pieces is None:
            if labels is None:
                cutting = seen.cutting
                labels = run_in_thread(lambda tell: cutting.result() if cutting else self.cut(seen.frame), listen)
                seen.cutting = None
            network, networks = self.features, {"features": self.features}
            if network is None and self.model is not None and self.model.describes_pieces:
                network, networks = self.model, {"model": self.model}
            if network is None:
                seen.pieces = run_in_thread(lambda tell: describe_pieces(seen.frame, labels), listen)
            else:
                with layer_progress(network, listen, len(leaf_modules(network))):
                    seen.pieces = describe_pieces(seen.frame, labels, **networks)
        return seen.pieces

    @torch.no_grad()
    def match(self, seen0: Seen, seen1: Seen, listen: ProgressCallback | None = None, *, move: bool = True) -> Flow:
        """The coarse flow between two frames, from their pieces (paper 3.1); only the matches if not to ``move``."""
        pieces = self.pieces(seen0), self.pieces(seen1)
        find = pair_flow if move else pair_matches
        return run_in_thread(lambda tell: find(seen0.frame, seen1.frame, *pieces, self.match_config), listen)

    @torch.no_grad()
    def refine(
        self, seen0: Seen, seen1: Seen, flow: Flow | None = None, iterations: int | None = None,
        listen: ProgressCallback | None = None,
    ) -> Flow:
        """The fine flow from a coarse one, or from no motion (paper 3.2).

        A model without a refinement network, or none, completes a coarse flow of ours and goes on from any other by dense
        optical flow. ``iterations``: of the network, see ``AnimeInterp.refine``.
        """
        if not self.refines and flow is not None and is_coarse(flow):
            return run_in_thread(lambda tell: complete(seen0.frame, seen1.frame, flow), listen)
        start = (None, None) if flow is None else (flow.flow_01, flow.flow_10)
        colours = seen0.colour, seen1.colour
        if not self.refines:
            return Flow(*run_in_thread(lambda tell: refine_dense(*colours, *start), listen))
        encoded = self.encode(seen0), self.encode(seen1)

        def refined(lean: dict[str, bool], told: ProgressCallback | None) -> tuple[Tensor, Tensor]:
            return self.model.refine(*colours, *start, iterations, encoded=encoded, step=told, **lean)

        ways = {}, {"lean": True}
        return Flow(*self.memory.run("refining", ways, refined, seen0.frame.device, listen))

    @torch.no_grad()
    def encode(self, seen: Seen, listen: ProgressCallback | None = None) -> Encoded:
        """What the model's networks see in the frame alone."""
        if seen.encoded is None:
            model = self.model
            used = len(leaf_modules(model.refinement.encoder)) if model.refines else 0
            used += len(leaf_modules(model.synthesis.pyramid)) if model.paints_features else 0
            used += len(leaf_modules(model.synthesis.network.encoder)) if model.finds_motion else 0
            with layer_progress(model, listen, max(used, 1)):
                seen.encoded = model.encode(seen.colour)
        return seen.encoded


class Pair:
    """Two frames with the motion between them, ready to paint what lies between (``at``). Made by ``Stages.pair``."""

    def __init__(
        self, stages: Stages, seen0: Seen, seen1: Seen, flow: Flow | None, listen: ProgressCallback | None, times: int
    ) -> None:
        self._stages, self._seen = stages, (seen0, seen1)
        self._parts = _Parts(listen, self._plan(flow, times))
        if flow is not None:
            check_flow("flow_01", flow.flow_01, seen0.frame)
            check_flow("flow_10", flow.flow_10, seen0.frame)
        self.flow = self._find(flow)
        frames = seen0.frame, seen1.frame
        self._stillness = StillColours(*frames) if stages.finds else Stillness(*frames, self.flow)

    @torch.no_grad()
    def at(self, times: list[float]) -> Tensor:
        """The frames at ``times``, (T, C, H, W) in 0..1, what is still being held. 0 and 1 give the frames."""
        seen0, seen1 = self._seen
        inner = [t for t in times if t not in (0, 1)]
        drawn = iter(self._draw(inner)) if inner else None
        return torch.cat([next(drawn) if t not in (0, 1) else (seen1 if t else seen0).frame for t in times])

    def _draw(self, times: list[float]) -> list[Tensor]:
        """The frames (1, C, H, W) at ``times``: all at once; where memory is short, one after the other, or in tiles."""
        frame = self._seen[0].frame
        ways: list[tuple[int, dict[str, int]]] = [(1, {})]
        if len(times) > 1:
            ways.insert(0, (len(times), {}))
        if self._stages.model is not None:
            ways += [(1, {"tile": tile}) for tile in smaller_tiles(frame.shape[-2] * frame.shape[-1])]

        def drawn(way: tuple[int, dict[str, int]], told: ProgressCallback | None) -> list[Tensor]:
            (count, tile), found = way, []
            while len(found) < len(times):
                some = times[len(found) : len(found) + count]
                share = None if told is None else partial(self._tell, told, len(found), len(some), len(times))
                painted = self._paint(some, share, tile).clamp(0, 1).split(1)
                found += [self._stillness.hold(one, t).clamp(0, 1) for one, t in zip(painted, some, strict=True)]
            return found

        part = self._parts.begin(len(times))
        return self._stages.memory.run("painting", ways, drawn, frame.device, part)

    @staticmethod
    def _tell(told: ProgressCallback, before: int, count: int, total: int, done: float) -> None:
        told((before + count * done) / total)

    def _plan(self, flow: Flow | None, times: int) -> list[float]:
        """What the parts take, in the order in which they are begun."""
        stages = self._stages
        plan = []
        if flow is None and not stages.finds:
            for seen in self._seen:
                plan += [_SEEING] if seen.pieces is None else []
            plan.append(_MATCHING)
        if not stages.refines and not stages.finds:
            plan += [_COMPLETING] * (flow is None or is_coarse(flow))
        if stages.model is None:
            return plan + [_BLENDING] * times
        plan += [_ENCODING for seen in self._seen if seen.encoded is None] * stages.encodes
        plan += [_REFINING] * (flow is None and stages.refines)
        return plan + [_PAINTING if stages.model.paints_features else _MENDING] * times

    def _find(self, flow: Flow | None) -> Flow | None:
        """The flow to paint with: the given one, completed if need be, or found from the frames; None where none is needed."""
        stages, (seen0, seen1), parts = self._stages, self._seen, self._parts
        fresh = flow is None
        if fresh and not stages.finds:
            for seen in self._seen:
                if seen.pieces is None:
                    stages.pieces(seen, parts.begin())
            # The completion finds its own motions: it is told who matched whom, and no more.
            flow = stages.match(seen0, seen1, parts.begin(), move=stages.refines)
        if not stages.refines and not stages.finds and is_coarse(flow):
            flow = stages.refine(seen0, seen1, flow, listen=parts.begin())
        if stages.encodes:
            for seen in self._seen:
                if seen.encoded is None:
                    stages.encode(seen, parts.begin())
        if stages.refines and fresh:
            flow = stages.refine(seen0, seen1, flow, listen=parts.begin())
        return flow

    def _paint(self, times: list[float], part: ProgressCallback | None, tile: dict[str, int]) -> Tensor:
        stages, (seen0, seen1) = self._stages, self._seen
        opaque = seen0.opaque and seen1.opaque
        if stages.model is None:
            frames = (seen0.colour, seen1.colour) if opaque else (seen0.frame, seen1.frame)
            painted = run_in_thread(lambda tell: blend(*frames, self.flow, times, step=tell), part)
        else:
            flow = self.flow
            alphas = None if opaque or not stages.finds else (seen0.frame[:, 3:], seen1.frame[:, 3:])
            painted = stages.model.synthesize(
                seen0.colour,
                seen1.colour,
                None if flow is None else flow.flow_01,
                None if flow is None else flow.flow_10,
                times,
                known=flow,
                encoded=(seen0.encoded, seen1.encoded) if stages.encodes else None,
                step=part,
                **tile,
                **({} if alphas is None else {"alphas": alphas}),
            )
        if seen0.frame.shape[1] == 3:
            return painted
        if opaque:
            return torch.cat([painted, torch.ones_like(painted[:, :1])], dim=1)
        if stages.model is None:
            return painted
        if stages.finds:
            return from_grey(painted[:, :3], painted[:, 3:].clamp(0, 1))
        # The network paints colours alone; alpha is carried along its flow.
        alpha = blend(seen0.frame, seen1.frame, self.flow, times, step=part and (lambda share: part(1.0)))[:, 3:]
        return from_grey(painted, alpha)


class _Parts:
    """The share of a pair's work that is done, from how far the part is that was begun last."""

    def __init__(self, listen: ProgressCallback | None, plan: list[float]) -> None:
        self._listen, self._plan, self._next = listen, plan, 0

    def begin(self, count: int = 1) -> ProgressCallback | None:
        """Begin the next part (or ``count`` of them as one): what to call with the share of it that is done."""
        total = sum(self._plan)
        start = sum(self._plan[: self._next]) / total
        self._next += count
        end = sum(self._plan[: self._next]) / total
        listen = self._listen
        return None if listen is None else lambda share: listen(start + (end - start) * share)


def is_coarse(flow: Flow) -> bool:
    """Whether the matching made it, and nobody has completed it."""
    return flow.depth_0 is None and flow.matches is not None and flow.labels is not None
