"""Cut-outs drawn twice, and the two in-betweens reconciled: exact wherever that can be trusted, whole everywhere.

Along the motion of pieces (``completion``, ``painter``) what moves as it is comes out at its place to a part of a pixel, but
where a piece was not matched, or two were taken for one, it is torn. The network at t (``bilateral``) tears nearly nothing, and
is off by pixels. So it is given the motion of the pieces, to follow wherever both drawings agree better along it, and what it
draws is moved onto what they give (``aligning``). Then each place where the two in-betweens do not show the same is taken from
one of them alone, so that no seam runs through it: from the exact one where most of it was matched and it is plainly better, or
is a thing by itself, or where it looks far more like something that was drawn (``coherence``).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from ..alpha import over_grey, premultiply, straighten
from ..errors import AnimeInterpError
from ..flow import Flow, backwarp, mean_difference
from ..frames import FramePair
from ..protocols import Synthesizer
from ..runtime import Runtime
from ..runtime.run import Parts
from .blend import WarpedFrames
from .coherence import Coherence
from .components import component_means, connected_components
from .config import RECONCILE, ReconcileConfig
from .motion_splatting import splat_motion
from .sampling import backwarp_both
from .windows import window_max, window_mean, window_min

if TYPE_CHECKING:
    from .between import BilateralDrawing, BilateralSynthesis
    from .painter import PaintedBlend, PaintedDrawing

_MIXING_CHANNELS = 60  # full-size maps at the peak, float32
_COUNTED = 1e-6  # of a place that both drawings show, or neither has found, under which nothing is known of how unlike they are
_AGAIN = 0.06  # of what the first frame of a pair costs the whole one, another does: its motion is found once


class Reconciled(Synthesizer):
    """Cut-outs drawn by both: ``exact`` follows their flow, ``whole`` finds its motion itself."""

    def __init__(self, exact: PaintedBlend, whole: BilateralSynthesis) -> None:
        self.exact, self.whole = exact, whole
        self.draws_tiles = exact.draws_tiles
        self.seconds = exact.seconds + whole.seconds

    def prepare(self, pair: FramePair, flow: Flow | None) -> ReconciledDrawing:
        """See ``Synthesizer``.

        :raises AnimeInterpError: without a flow.
        """
        if flow is None:
            raise AnimeInterpError("What is drawn along the motion of its pieces needs a flow; none was found or given.")
        return ReconciledDrawing(self, pair, flow)

    def memory_used(self, size: tuple[int, int], dtype: torch.dtype, device: torch.device | None) -> float:
        """Bytes for a frame: they are drawn one after the other."""
        mixing = size[0] * size[1] * 4 * _MIXING_CHANNELS
        return max(mixing, *(one.memory_used(size, dtype, device) for one in (self.exact, self.whole)))


class ReconciledDrawing:
    """See ``protocols.Drawing``."""

    def __init__(self, synthesis: Reconciled, pair: FramePair, flow: Flow, config: ReconcileConfig = RECONCILE) -> None:
        self._seconds, self._config = (synthesis.exact.seconds, synthesis.whole.seconds), config
        self._exact: PaintedDrawing = synthesis.exact.prepare(pair, flow)
        self._whole: BilateralDrawing = synthesis.whole.prepare(pair, flow)
        frames = [frame.float() for frame in pair.rgb]
        self._begun, self._coherence = False, Coherence(frames)
        self._seen = _seen_along(frames, flow, max(1.0, config.missed * max(pair.size)))
        self._loose = [one.to(frames[0]) for one in (flow.loose_0, flow.loose_1) if one is not None]

    def at(self, times: list[float], *, tile: int | None = None, runtime: Runtime | None = None) -> Tensor:
        runtime = Runtime() if runtime is None else runtime
        exact, whole = self._seconds
        costs = [(exact, whole * (_AGAIN if k or self._begun else 1)) for k in range(len(times))]
        parts = runtime.parts([one for two in costs for one in two])
        return torch.cat([self._drawn(t, tile, parts) for t in times])

    def _drawn(self, t: float, tile: int | None, parts: Parts) -> Tensor:
        noted: list[_Noted] = []
        exact = self._exact.at([t], tile=tile, runtime=parts.next(), look=lambda warped: noted.append(self._note(warped)))
        whole, unlike = self._whole.onto(exact, t, tile=tile, runtime=parts.next())
        self._begun = True
        return reconcile(exact, whole, self._doubts(noted[0], exact, whole, unlike), self._config)

    def _note(self, warped: WarpedFrames) -> _Noted:
        """What is to be known later of what the exact one is painted from, which itself is large."""
        neither, unlike, counted = warped.read(self._seen).split(1, dim=1)
        off = torch.where(counted > _COUNTED, unlike / counted.clamp(min=_COUNTED), 1.0)
        loose = torch.maximum(*warped.read_each(self._loose)) if len(self._loose) == 2 else torch.zeros_like(off)
        ways = [-shift for shift in warped.shifts]
        return _Noted(torch.where(warped.hole, 1.0, neither), torch.where(warped.hole, 1.0, off), loose, warped.hole, ways)

    def _doubts(self, noted: _Noted, exact: Tensor, whole: Tensor, unlike: Tensor) -> Doubts:
        around = max(1, round(self._config.looked * max(exact.shape[-2:])))
        shown = (over_grey(made.float().clamp(0, 1)) for made in (exact, whole))
        strange = [self._coherence.lack_of(made, noted.ways, around) for made in shown]
        # What fills a hole is flat, and looks like much that was drawn.
        exact_strange = torch.where(noted.hole, 1.0, strange[0])
        return Doubts(noted.neither, (noted.off, unlike), (exact_strange, strange[1]), noted.loose)


@dataclass(frozen=True)
class _Noted:
    """Maps (1, 1, H, W) of what the exact one is painted from (see ``Doubts``), where nothing is, and the ways from there to
    both drawings, (1, 2, H, W) in pixels. Of holes nobody knows anything."""

    neither: Tensor
    off: Tensor
    loose: Tensor
    hole: Tensor
    ways: list[Tensor]


@dataclass(frozen=True)
class Doubts:
    """What is known of each place of two in-betweens, the exact one and the whole one; maps (1, 1, H, W).

    ``unmatched``: 0..1, how much of what the exact one shows was matched in neither drawing. ``off``: how unlike both drawings
    are along the motion of either; ``strange``: how unlike all that was drawn either is (``Coherence``); both in colours of 0..1.
    ``loose``: 0..1, whether the exact one shows a thing by itself there (``Flow.loose_0``).
    """

    unmatched: Tensor
    off: tuple[Tensor, Tensor]
    strange: tuple[Tensor, Tensor]
    loose: Tensor


def reconcile(exact: Tensor, whole: Tensor, doubts: Doubts, config: ReconcileConfig = RECONCILE) -> Tensor:
    """One of two in-betweens (1, 3 or 4, H, W; alpha straight): ``exact`` where both show the same nearly at the same place, or
    where it can be trusted, else ``whole``."""
    longer = max(exact.shape[-2:])
    beside, around, margin = (max(1, round(share * longer)) for share in (config.beside, config.around, config.margin))
    frames = [premultiply(frame.float().clamp(0, 1)) for frame in (exact, whole)]
    beyond = torch.maximum(_beyond(*frames, beside), _beyond(*frames[::-1], beside))
    unlike = window_max(window_mean(beyond, around), margin)
    alike = window_mean((2 - unlike / config.unlike).clamp(0, 1), margin)

    labels, areas = connected_components(alike[0, 0].cpu().numpy() < 0.5, 8)
    maps = torch.cat([window_mean(doubts.unmatched, around), *doubts.off, *doubts.strange, doubts.loose], dim=1)
    share, off, other, strange, stranger, loose = (component_means(labels, x, areas) for x in maps[0].cpu().numpy())
    better = (off < config.clearly * other) | (strange < config.coherent * stranger)
    lacking = (off < config.alike) & (stranger < config.empty) & (areas > config.large * labels.size)
    surely = (strange < config.surely * stranger) & (stranger > config.empty)
    trusted = (share < config.matched) & (better | lacking | (loose > config.loose)) | surely
    trusted[0] = True  # where they show the same
    sure = torch.from_numpy(trusted[labels]).to(alike)[None, None]
    weight = torch.maximum(alike, window_mean(window_min(sure, beside), beside))
    made = torch.lerp(frames[1], frames[0], weight).to(exact.dtype)
    return made if made.shape[1] == 3 else straighten(made[:, :3], made[:, 3:])


def follow_exact(
    motion: Tensor, frame0: Tensor, frame1: Tensor, flow: Flow, config: ReconcileConfig = RECONCILE
) -> Tensor:
    """``motion`` (1, 4, H/4, W/4) half-way, and that of a flow of cut-outs wherever both drawings agree better along it: theirs
    is exact where it was found at all, and nothing like it where it was not.

    Frames (1, 3, H, W), both sides multiples of 16, and a flow of that size.
    """
    exact = splat_motion(frame0, frame1, flow, 0.5, scale=4)
    drawings = [F.avg_pool2d(frame.float(), 4) for frame in (frame0, frame1)]
    off = [window_mean(mean_difference(*backwarp_both(*drawings, field)), config.compared) for field in (motion, exact.motion)]
    better = ((off[0] - off[1]) / off[0].clamp(min=config.least) - config.better) / config.better
    known = exact.known.amin(dim=1, keepdim=True) > config.known
    return torch.lerp(motion, exact.motion, better.clamp(0, 1) * known)


def _seen_along(frames: list[Tensor], flow: Flow, slack: float) -> list[Tensor]:
    """Of each drawing, (1, 3, H, W): how much of it was matched in neither, 0..1; and how unlike what it leads to it is, and 1,
    both times how little it is what one drawing alone shows."""
    fields = [field.to(frames[0]) for field in (flow.flow_01, flow.flow_10)]
    missed = [_missed(*two, slack) for two in (fields, fields[::-1])]
    seen = []
    for k in (0, 1):
        neither = missed[k] * backwarp(missed[1 - k], fields[k])
        unlike = mean_difference(frames[k], backwarp(frames[1 - k], fields[k]))
        counted = 1 - missed[k] + neither
        seen.append(torch.cat([neither, counted * unlike, counted], dim=1))
    return seen


def _missed(field: Tensor, back: Tensor, slack: float) -> Tensor:
    """How far (1, 1, H, W), 0..1, the way along ``field`` and ``back`` misses where it began; half where by ``slack`` pixels."""
    squared = (field + backwarp(back, field)).square().sum(dim=1, keepdim=True) / slack**2
    return squared / (1 + squared)


def _beyond(one: Tensor, other: Tensor, beside: int) -> Tensor:
    """How far, (1, 1, H, W), the colours of ``one`` are beyond all those that ``other`` has within ``beside`` pixels, in the
    mean; or its alpha, if that is farther."""
    lowest, highest = window_min(other, beside), window_max(other, beside)
    beyond = torch.maximum(lowest - one, one - highest).clamp(min=0)
    return torch.cat([beyond[:, :3].mean(dim=1, keepdim=True), beyond[:, 3:]], dim=1).amax(dim=1, keepdim=True)
