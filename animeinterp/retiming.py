"""A clip by a plan: each output frame as ``sequence.plan`` lays it, a given frame or one between two, a frame at a time.

A clip is looked through first (``plan_clip``), then drawn (``retime``): its frames are asked for twice (three times for a
continuous pace), one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from itertools import groupby
from typing import Any

import torch
from torch import Tensor

from .clip import ClipFrame, read_clip, take_in
from .errors import AnimeInterpError, check_frames
from .padding import cut_back
from .per_piece import PieceDrawer, drawings_around
from .pipeline import draw_between, make_stages
from .runtime.progress import ProgressCallback
from .sequence.detection import find_speeds, watch
from .sequence.plan import Plan, Step, make_plan
from .sequence.timing import Timing


def plan_clip(
    frames: Callable[[], Iterable[Tensor]],
    timing: Timing,
    times: Sequence[Fraction],
    *,
    end: Fraction | None = None,
    progress: Callable[[int], None] | None = None,
) -> Plan:
    """The plan of a clip, for which it is looked through as far as ``timing`` asks for that.

    :param frames: gives the frames (1, 3 or 4, H, W) from the first, each time it is called.
    :param times: of the frames, in seconds; ``end``: when the last one ends.
    :param progress: called with the number of frames that were looked at; may raise.
    :raises AnimeInterpError: as ``make_plan``; and where there are other frames than times.
    """
    cuts: tuple[int, ...] = ()
    held: tuple[int, ...] = ()
    if timing.finds_cuts or timing.holds != "keep":
        sighting = watch(frames(), threshold=timing.cut_threshold, loop=timing.loop, progress=progress)
        if sighting.count != len(times):
            raise AnimeInterpError(
                f"There are {sighting.count} frames and {len(times)} times; each frame should have one. Is the film whole?"
            )
        cuts, held = sighting.cuts, sighting.held
    plan = make_plan(times, timing, end=end, cuts=cuts, held=held)
    if timing.pace != "continuous":
        return plan
    speeds = find_speeds(frames(), held=plan.held if timing.holds != "keep" else (), cuts=plan.cuts)
    return make_plan(times, timing, end=end, cuts=cuts, held=held, speeds=speeds)


def interpolate_timed(
    frames: Tensor,
    timing: Timing,
    *,
    rate: Fraction | int | None = None,
    looking: Callable[[int], None] | None = None,
    progress: Callable[[float, float], None] | None = None,
    **options: Any,
) -> tuple[Tensor, Plan]:
    """A clip (N, 3 or 4, H, W) of ``rate`` frames a second (default: ``timing.source_fps``), timed anew: its frames
    (M, C, H, W), and the plan that they are drawn by.

    ``progress`` is called with (done, total) in output frames, ``looking`` with the number of frames looked at before; other
    arguments as ``pipeline.interpolate`` has them. Errors as ``plan_clip`` and ``retime``.
    """
    check_frames("frames", frames)
    rate = timing.source_fps if rate is None else Fraction(rate)
    times = [index / rate for index in range(frames.shape[0])]
    plan = plan_clip(lambda: frames.split(1), timing, times, progress=looking)
    result = torch.empty(len(plan.steps), *frames.shape[1:], dtype=frames.dtype, device=frames.device)
    heard = None if progress is None else (lambda done: progress(done, len(plan.steps)))
    for index, frame in enumerate(retime(frames.split(1), plan, progress=heard, **options)):
        result[index] = frame[0].detach()
    return result, plan


def retime(
    frames: Iterable[Tensor],
    plan: Plan,
    *,
    steps: Sequence[Step] | None = None,
    first: int = 0,
    opening: Tensor | None = None,
    progress: ProgressCallback | None = None,
    cancel: Callable[[], None] | None = None,
    model: Any = "auto",
    flows: Any = None,
    device: str | torch.device | None = None,
    ahead: int | None = None,
    **settings: Any,
) -> Iterator[Tensor]:
    """The frames of ``plan``, or of some ``steps`` of it, one by one: (1, C, H, W), as ``interpolate_stream`` gives them.

    :param frames: the clip's frames from number ``first`` on (``first_needed`` tells which has to be the first); as many are
        taken as are needed.
    :param opening: the clip's first frame, where ``frames`` begin later and a loop leads to it.
    :param progress: called with the number of steps done, and fractions of them.
    :param model: and all other arguments as in ``pipeline.interpolate_stream``.
    :raises AnimeInterpError: as there; for flows with a loop, of whose seam they do not tell; for frames that end too soon.
    """
    steps = plan.steps if steps is None else steps
    if flows is not None and any(step.second < step.first for step in steps):
        raise AnimeInterpError("flows does not hold the motion from the last frame to the first; leave it or the loop.")
    stages, bring_model = make_stages(model, device, **settings)
    draws = any(not step.given for step in steps)
    segments = flows is None and draws and stages.segments
    clip = read_clip(frames, stages, device, on_first=bring_model, segments=segments, depth=ahead, first=first)
    window = _Window(clip, first, keep_first=any(step.second < step.first for step in steps))
    if opening is not None and first:
        window.put(0, ClipFrame(opening, take_in(stages, 0, opening, device), True))
    pieces = None
    if plan.per_piece != "off" and flows is None:
        pieces = PieceDrawer(plan, stages, lambda index: window[index].encoded, first)
    return _drawn(clip, window, steps, plan, pieces, stages, flows, stages.runtime(progress, cancel))


def _drawn(clip, window, steps, plan, pieces, stages, flows, runtime) -> Iterator[Tensor]:
    """The generator behind ``retime``, its arguments checked."""
    with closing(clip):
        done = 0
        for (one, other), group in groupby(steps, key=lambda step: (step.first, step.second)):
            group = list(group)
            window.forget(_earliest(plan, one))
            frame = window[one]
            if one == other:
                for step in group:
                    laid = None
                    if pieces is not None:
                        laid = pieces.over(step, cut_back(frame.encoded.frame, frame.encoded.size), runtime)
                    yield frame.original if laid is None else laid.to(frame.original.device, frame.original.dtype)
                    done += 1
                    runtime.report(done)
                continue
            flow = None if flows is None else flows.pair(one, frame.encoded.frame.device)
            part = runtime.part(done, done + len(group))
            moves = other < one or window[other].moves
            times = [step.t for step in group]
            drawn = draw_between(stages, frame.encoded, window[other].encoded, moves, flow, times, part)
            for step, mid in zip(group, (mid for mids in drawn for mid in mids.split(1)), strict=True):
                laid = None if pieces is None else pieces.over(step, mid, runtime)
                yield (mid if laid is None else laid).to(frame.original.device, frame.original.dtype)
            done += len(group)


def first_needed(plan: Plan, steps: Sequence[Step]) -> int:
    """The first of the plan's frames that has to be there to draw ``steps``, a loop's opening aside."""
    return _earliest(plan, min(step.first for step in steps))


def _earliest(plan: Plan, frame: int) -> int:
    """The earliest frame that is looked at for a moment after ``frame``: pieces look some drawings back."""
    if plan.per_piece == "off":
        return frame
    low, high = drawings_around(plan, frame)
    return min(plan.drawings[low], frame) if low < high else frame


class _Window:
    """The frames of a clip by their numbers; those before what is needed are forgotten."""

    def __init__(self, clip: Iterator[ClipFrame], first: int, *, keep_first: bool) -> None:
        self._clip, self._next, self._kept, self._keep_first = clip, first, {}, keep_first

    def __getitem__(self, index: int) -> ClipFrame:
        while self._next <= index and index not in self._kept:
            frame = next(self._clip, None)
            if frame is None:
                raise AnimeInterpError(f"The frames end before number {index}, which the plan shows. Is the film whole?")
            self._kept[self._next] = frame
            self._next += 1
        return self._kept[index]

    def put(self, index: int, frame: ClipFrame) -> None:
        """Have a frame that has gone by, or that was never passed by."""
        self._kept[index] = frame

    def forget(self, before: int) -> None:
        """Let go of the frames before that one (but the first, where a loop leads to it)."""
        for index in [index for index in self._kept if index < before and not (self._keep_first and index == 0)]:
            del self._kept[index]
