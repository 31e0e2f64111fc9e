"""A film drawn by the workers of a cluster: each opens it by itself, draws segments, and puts them, whole, where all are."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from ..config import SegmentConfig
from ..errors import AnimeInterpError
from ..media import FrameReader, MediaInfo, PictureReader, Tracks, join_films, open_film
from ..media.entries import Seen
from ..media.files import remove_abandoned
from ..runtime.arithmetic import Arithmetic
from ..sequence.plan import Plan
from ..storage import URL, publish
from ..weights import load_model
from .clip import Clip
from .coding import Coding
from .segments import Segment, draw_segments, split
from .shared import Shared

_LOCK = "driver"  # the claim of whoever spreads a film


@dataclass(frozen=True)
class Recipe:
    """All that a worker has to know of a film, to draw any segment of it. Paths are such as every worker can reach.

    ``paths``: one film, or pictures (``info``: what was seen of them). ``model``: "auto", "none" or a file.
    """

    paths: tuple[Path | URL, ...]
    info: MediaInfo
    deinterlace: str
    start: Fraction | None
    end: Fraction | None
    plan: Plan
    coding: Coding
    arithmetic: Arithmetic
    model: str
    style: str
    device: str
    folder: Path | URL
    suffix: str
    seen: Seen | None = None  # of the film, which no worker then has to read through

    def reader(self) -> FrameReader:
        """Opened anew."""
        if self.info.pictures:
            return PictureReader(list(self.paths), info=self.info)
        return open_film(self.paths[0], deinterlace=self.deinterlace, seen=self.seen)

    def __call__(self) -> Callable[[Segment], dict[str, float]]:
        """In a worker: opens the film and loads the model; what is given back draws a segment and tells the seconds by stage."""
        self.arithmetic.hold()
        if not (self.folder / "plan.json").exists():
            raise AnimeInterpError(f"{self.folder} is not to be seen from here ({socket.gethostname()}); it should be where all "
                                   "machines see the same. Choose another place for the output.")
        clip = Clip(self.reader(), self.start, self.end)
        if clip.times != tuple(self.plan.times):
            raise AnimeInterpError(f"{self.paths[0]} is another film here than where it was planned. Give all machines one file.")
        model = None if self.model == "none" else load_model(None if self.model == "auto" else self.model, device=self.device)
        how = {"model": model, "device": self.device, "segment_config": SegmentConfig(style=self.style)}
        base = Path(tempfile.gettempdir()) / "animeinterp"
        remove_abandoned(base, base.parent)  # of workers that were killed
        scratch = base.with_name(f".animeinterp.{os.getpid()}.part")

        def draw(segment: Segment) -> dict[str, float]:
            scratch.mkdir(exist_ok=True)
            try:
                local = scratch / f"{segment.name}{self.suffix}"
                drawing, begun = 0.0, time.perf_counter()

                def timed(frames):
                    nonlocal drawing
                    while True:
                        asked = time.perf_counter()
                        frame = next(frames, None)
                        drawing += time.perf_counter() - asked
                        if frame is None:
                            return
                        yield frame

                draw_segments(clip, self.plan, [segment], lambda _, frames: self.coding.write(local, timed(frames)), **how)
                coded = time.perf_counter()
                publish(local, self.folder / local.name)
                return {"drawing": drawing, "coding": coded - begun - drawing, "publishing": time.perf_counter() - coded}
            finally:
                shutil.rmtree(scratch, ignore_errors=True)

        return draw


@dataclass
class Progress:
    """How far a film is: segments and output frames, those of before among them, and how fast."""

    segments: int
    all_segments: int
    frames: int
    all_frames: int
    a_second: float


@dataclass
class Outcome:
    """What there is to tell at the end: Ray's report, seconds by stage, and the wall's seconds of joining."""

    report: Any
    before: int = 0
    stages: dict[str, float] = field(default_factory=dict)
    joining: float = 0.0

    def lines(self) -> list[str]:
        """As text."""
        report = self.report
        stages = ", ".join(f"{name} {seconds:.1f}" for name, seconds in self.stages.items())
        return [
            f"segments: {report.done} drawn, {self.before} there before; {report.retried} tried again, {report.doubled} begun "
            f"twice; {report.lost} workers lost",
            f"seconds of workers: {stages}, loading {report.loading:.1f}; joining {self.joining:.1f}",
            f"{report.wall:.1f} s in all, {report.speed_up:.1f} times as fast as one worker",
        ]


def draw_spread(
    shared: Shared,
    recipe: Recipe,
    cluster: Any,
    *,
    tracks: Tracks | None = None,
    overwrite: bool = False,
    progress: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Have the workers of ``cluster`` (``cluster.connect``) draw what is not there of a film, and join it.

    Errors as ``cluster.spread``; where another spreads the same film, an AnimeInterpError. What is drawn stays in the folder of
    ``shared`` until the film is whole.
    """
    from ..cluster import Spread, spread

    segments = split(recipe.plan)
    left = sorted(set(segments) - shared.all_whole(segments), key=lambda segment: segment.index)
    if not shared.claim(_LOCK):
        raise AnimeInterpError(f"{shared.output} is being drawn by another run (see {shared.folder / _LOCK}.claim). Wait for it.")
    outcome, total = Outcome(None, len(segments) - len(left)), len(recipe.plan.steps)
    begun, whole, there = time.monotonic(), 0, outcome.before
    before = total - sum(segment.stop - segment.start for segment in left)

    def done(segment: Segment, seconds: dict[str, float]) -> None:
        nonlocal whole, there
        whole, there = whole + segment.stop - segment.start, there + 1
        for name, spent in seconds.items():
            outcome.stages[name] = outcome.stages.get(name, 0.0) + spent
        if progress is not None:
            speed = whole / max(time.monotonic() - begun, 1e-3)
            progress(Progress(there, len(segments), before + whole, total, speed))

    with shared.claimed(_LOCK) as alive:
        work = Spread(f"animeinterp {shared.output.name}", recipe, _named)
        outcome.report = spread(left, work, cluster, done, waiting=alive)
        begun_joining = time.monotonic()
        parts = [shared.part(segment) for segment in segments]
        join_films(parts, shared.output, tracks=tracks, overwrite=overwrite, working=alive)
        outcome.joining = time.monotonic() - begun_joining
        shared.close()
    return outcome


def _named(segment: Segment) -> str:
    return f"segment {segment.name}, frames {segment.start} to {segment.stop - 1}"
