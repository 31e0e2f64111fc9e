"""A plan cut into segments, and segments drawn, one after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from torch import Tensor

from ..retiming import first_needed, retime
from ..runtime.memory import trim
from ..sequence.plan import Plan, Step
from .clip import Clip

SEGMENT = 96  # output frames, about
TRIM = 16  # output frames between two looks at what memory can be given back
NEAR = 100  # frames that are rather read than passed over: a film cannot be entered at every one


@dataclass(frozen=True)
class Segment:
    """Steps ``start`` to ``stop`` - 1 of a plan, and the name of the file that they become."""

    index: int
    start: int
    stop: int

    @property
    def name(self) -> str:
        """By which its file is known."""
        return f"{self.index:05d}"


def split(plan: Plan, length: int = SEGMENT) -> list[Segment]:
    """The segments of a plan, of about ``length`` steps, half as many again at most. Each begins with a shot, where one begins
    near; else with a frame that is given."""
    total, cuts = len(plan.steps), set(plan.cuts)
    starts = [0]
    while starts[-1] + 3 * length // 2 < total:
        begin, aim, end = starts[-1], starts[-1] + length, min(starts[-1] + 3 * length // 2, total - 1)
        shots = [k for k in range(begin + max(length // 2, 1), end)
                 if plan.steps[k].first in cuts and plan.steps[k - 1].first != plan.steps[k].first]
        given = next((k for k in range(aim, end) if plan.steps[k].given), aim)
        starts.append(min(shots, key=lambda k: abs(k - aim), default=given))
    return [Segment(k, a, b) for k, (a, b) in enumerate(zip(starts, [*starts[1:], total], strict=True))]


def draw_segments(
    clip: Clip,
    plan: Plan,
    segments: list[Segment],
    write: Callable[[Segment, Iterator[tuple[Step, Fraction, Tensor]]], None],
    *,
    take: Callable[[Segment], bool] = lambda segment: True,
    progress: Callable[[float], None] | None = None,
    **options: Any,
) -> None:
    """Draw ``segments``, in their order, in one passage through the film, which is entered near the first.

    ``take`` is asked before each whether it is to be drawn; ``write`` gets it with its steps, how long each is shown, and the
    frames (1, C, H, W). ``progress`` hears the number of steps done, of those that are drawn here. Other arguments as in
    ``retiming.retime``.
    """
    source, opening, done = _Passage(clip), None, 0
    for index, segment in enumerate(segments):
        if not take(segment):
            continue
        steps = plan.steps[segment.start : segment.stop]
        first = first_needed(plan, steps)
        following = segments[index + 1] if index + 1 < len(segments) else None
        source.keep = None if following is None else first_needed(plan, plan.steps[following.start : following.start + 1])
        if any(step.second < step.first for step in steps) and first:
            opening = next(clip.frames())
        heard = None if progress is None else (lambda share, before=done: progress(before + share))
        drawn = retime(source.since(first), plan, steps=steps, first=first, opening=opening, progress=heard, **options)
        write(segment, zip(steps, _durations(plan, segment), _trimmed(drawn), strict=True))
        done += len(steps)


def _trimmed(frames: Iterator[Tensor]) -> Iterator[Tensor]:
    """The frames; every now and then, what was freed meanwhile is given back to the system."""
    for index, frame in enumerate(frames):
        if index % TRIM == 0:
            trim()
        yield frame


class _Passage:
    """The frames of a clip from wherever they are asked for, each read once where that is possible: those that the next segment
    needs are kept, and a gap is passed over."""

    def __init__(self, clip: Clip) -> None:
        self._clip, self._frames, self._next = clip, iter(()), -1
        self._kept: deque[tuple[int, Tensor]] = deque()
        self.keep: int | None = None  # the first frame that will be asked for again; None: none

    def since(self, first: int) -> Iterator[Tensor]:
        held = [pair for pair in self._kept if pair[0] >= first]
        self._kept = deque(pair for pair in self._kept if self.keep is not None and pair[0] >= self.keep)
        begins = held[0][0] if held else self._next
        if self._next < 0 or begins > first or first - begins > NEAR:
            held, self._frames, self._next = [], self._clip.frames(first), first
            self._kept.clear()
        for _, frame in held:
            yield frame
        while (frame := next(self._frames, None)) is not None:
            index = self._next
            self._next += 1
            if self.keep is not None and index >= self.keep:
                self._kept.append((index, frame))
            if index >= first:
                yield frame


def _durations(plan: Plan, segment: Segment) -> Iterator[Fraction]:
    for k in range(segment.start, segment.stop):
        until = plan.steps[k + 1].time if k + 1 < len(plan.steps) else plan.end
        yield until - plan.steps[k].time
