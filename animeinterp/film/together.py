"""One film drawn by as many processes as come to it: each takes segments that nobody has, and the last one joins them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..errors import AnimeInterpError
from ..media import Tracks, join_films
from ..sequence.plan import Plan
from .coding import Coding
from .segments import Segment, draw_segments, split
from .shared import Shared

PATIENCE = 1.0  # seconds between two looks at what others do


def draw_shared(
    shared: Shared,
    plan: Plan,
    coding: Coding,
    *,
    tracks: Tracks | None = None,
    overwrite: bool = False,
    progress: Callable[[float, float], None] | None = None,
    **options: Any,
) -> int:
    """Draw the segments that nobody else has drawn or is drawing, wait for those of others, and join all into the film.

    Returns how many output frames were drawn here. ``progress`` is called with (done, total) in output frames, those of before
    among them. Other arguments as in ``retiming.retime``.
    """
    segments, drawn = split(plan), 0
    alive: list[Callable[[], None]] = []

    def take(segment: Segment) -> bool:
        if shared.whole(segment) or not shared.claim(segment.name):
            return False
        if shared.whole(segment):  # meanwhile
            shared.release(segment.name)
            return False
        return True

    def heard(share: float) -> None:
        for sign in alive:
            sign()
        if progress is not None:
            there = sum(s.stop - s.start for s in shared.all_whole(segments, lately=True) - mine)
            progress(min(there + share, len(plan.steps)), len(plan.steps))

    def write(segment: Segment, frames) -> None:
        nonlocal drawn
        with shared.claimed(segment.name) as sign:
            alive[:] = [sign]
            coding.write(shared.part(segment), frames)
            alive.clear()
        mine.add(segment)
        drawn += segment.stop - segment.start

    mine: set[Segment] = set()
    while left := sorted(set(segments) - shared.all_whole(segments), key=lambda segment: segment.index):
        if not shared.there():
            return drawn  # another process has joined them all
        before = drawn
        try:
            draw_segments(shared.clip, plan, left, write, take=take, progress=lambda share, b=before: heard(b + share), **options)
        except (FileNotFoundError, AnimeInterpError):
            if shared.there():
                raise
            return drawn  # one that was slow was drawn by others too, who have joined them all
        if drawn == before:
            time.sleep(PATIENCE)
            heard(drawn)
    while not shared.claim("join"):
        if not shared.there():
            return drawn
        time.sleep(PATIENCE)  # whoever joins them may be killed over it
    with shared.claimed("join") as sign:
        parts = [shared.part(segment) for segment in segments]
        join_films(parts, shared.output, tracks=tracks, overwrite=overwrite, working=sign)
        shared.close()
    return drawn
