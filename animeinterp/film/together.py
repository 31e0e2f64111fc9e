"""One film drawn by as many processes as come to it: each takes segments that nobody has, and the last one joins them."""

from __future__ import annotations

import time
from collections.abc import Callable
from fractions import Fraction
from typing import Any

from ..media import MediaInfo, Tracks, VideoWriter, join_films
from ..sequence.timing import Plan
from .segments import Segment, draw_segments, split
from .shared import Shared

PATIENCE = 1.0  # seconds between two looks at what others do


def draw_shared(
    shared: Shared,
    plan: Plan,
    *,
    rate: Fraction,
    like: MediaInfo,
    bit_depth: int | None = None,
    tracks: Tracks | None = None,
    overwrite: bool = False,
    progress: Callable[[float, float], None] | None = None,
    **options: Any,
) -> int:
    """Draw the segments that nobody else has drawn or is drawing, wait for those of others, and join all into the film.

    Returns how many output frames were drawn here. ``progress`` is called with (done, total) in output frames, those of before
    among them. Writing as ``VideoWriter`` does; other arguments as in ``retiming.retime``.
    """
    segments, drawn = split(plan), 0
    alive: list[Callable[[], None]] = []

    def take(segment: Segment) -> bool:
        if shared.whole(segment) or not shared.claim(segment.name):
            return False
        if shared.whole(segment):  # meanwhile
            (shared.folder / f"{segment.name}.claim").unlink(missing_ok=True)
            return False
        return True

    def heard(share: float) -> None:
        for sign in alive:
            sign()
        if progress is not None:
            there = sum(s.stop - s.start for s in segments if shared.whole(s) and s not in mine)
            progress(min(there + share, len(plan.steps)), len(plan.steps))

    def write(segment: Segment, frames) -> None:
        nonlocal drawn
        with shared.claimed(segment.name) as sign:
            alive[:] = [sign]
            with VideoWriter(shared.part(segment), rate, like=like, bit_depth=bit_depth) as writer:
                for step, duration, frame in frames:
                    writer.write(frame, step.time - shared.clip.start, duration)
            alive.clear()
        mine.add(segment)
        drawn += segment.stop - segment.start

    mine: set[Segment] = set()
    while left := [segment for segment in segments if not shared.whole(segment)]:
        if not shared.folder.exists():
            return drawn  # another process has joined them all
        before = drawn
        draw_segments(shared.clip, plan, left, write, take=take, progress=lambda share, b=before: heard(b + share), **options)
        if drawn == before:
            time.sleep(PATIENCE)
            heard(drawn)
    if not shared.claim("join"):
        while shared.folder.exists() and not shared.output.exists():
            time.sleep(PATIENCE)
        return drawn
    with shared.claimed("join"):
        join_films([shared.part(segment) for segment in segments], shared.output, tracks=tracks, overwrite=overwrite)
    shared.close()
    return drawn
