"""How the segments of a film are coded, all alike, and how they become one film."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from torch import Tensor

from ..media import MediaInfo, Tracks, VideoWriter, join_films
from ..media.files import part_name
from ..sequence.plan import Plan, Step
from ..storage import URL
from .clip import Clip
from .segments import Segment, draw_segments, split


@dataclass(frozen=True)
class Coding:
    """As ``VideoWriter`` is told; ``start`` is the time in the clip at which the film begins."""

    rate: Fraction
    like: MediaInfo
    bit_depth: int | None = None
    start: Fraction = Fraction(0)
    uneven: bool = False  # whether some frames are shown for much longer than others

    def write(self, path: Path | URL, frames: Iterable[tuple[Step, Fraction, Tensor]]) -> None:
        """Write a segment as a file of its own, that is there when it is whole."""
        with VideoWriter(path, self.rate, like=self.like, bit_depth=self.bit_depth, uneven=self.uneven) as writer:
            for step, duration, frame in frames:
                writer.write(frame, step.time - self.start, duration)


def draw_alone(
    clip: Clip,
    plan: Plan,
    output: Path | URL,
    coding: Coding,
    *,
    tracks: Tracks | None = None,
    overwrite: bool = False,
    progress: Callable[[float, float], None] | None = None,
    **options: Any,
) -> None:
    """Draw all of a film here and now: the same file as when its segments are drawn by many, and nothing is left of a failure.

    ``progress`` is called with (done, total) in output frames; other arguments as in ``retiming.retime``.
    """
    folder, parts = part_name(output), []

    def write(segment: Segment, frames: Iterable[tuple[Step, Fraction, Tensor]]) -> None:
        parts.append(folder / f"{segment.name}{output.suffix}")
        coding.write(parts[-1], frames)

    heard = None if progress is None else (lambda done: progress(done, len(plan.steps)))
    folder.mkdir(parents=True, exist_ok=True)
    try:
        draw_segments(clip, plan, split(plan), write, progress=heard, **options)
        join_films(parts, output, tracks=tracks, overwrite=overwrite)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
