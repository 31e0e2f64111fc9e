"""A film drawn by its plan in segments: each is written to a file of its own, whole or not there, and all are joined at the end.

So a film that was interrupted goes on where it was, and several processes may share one: each takes segments that nobody has.
Whoever draws elsewhere needs a film, its plan and ``segments``; what is made comes together in one folder.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from torch import Tensor

from .errors import AnimeInterpError
from .media import FrameReader, MediaInfo, Tracks, VideoWriter, join_films
from .retiming import first_needed, plan_clip, retime
from .sequence.timing import Plan, Step, Timing, make_plan

SEGMENT = 96  # output frames, about
STALE = 180.0  # seconds without a sign of life, after which a segment is taken from whoever had it
SIGNS = 5.0  # seconds between two signs of life
PATIENCE = 1.0  # seconds between two looks at what others do


class Clip:
    """A film, or pictures, from ``start`` to ``end`` (seconds): when its frames are shown, and the frames each time anew."""

    def __init__(
        self,
        reader: FrameReader,
        start: Fraction | None = None,
        end: Fraction | None = None,
    ) -> None:
        self.reader, self.info, self.start = reader, reader.info, Fraction(0) if start is None else start
        timeline = reader.timeline()
        chosen = [i for i, t in enumerate(timeline.times) if (start is None or t >= start) and (end is None or t < end)]
        if len(chosen) < 2:
            held = len(timeline.times)
            what = f"{getattr(reader, 'path', 'The clip')} holds {held} frame{'' if held == 1 else 's'}"
            if held > 1:
                what += f", {len(chosen)} of them in the part from {float(start or 0):g} s to {float(end or timeline.end):g} s"
            raise AnimeInterpError(f"{what}; there should be two or more, to draw between them.")
        self._first, self._last = chosen[0], chosen[-1]
        self.times = timeline.times[self._first : self._last + 1]
        self.end = (*timeline.times, timeline.end)[self._last + 1]

    def frames(self) -> Iterator[Tensor]:
        """The frames (1, 3 or 4, H, W), decoded as they are asked for."""
        for index, frame in enumerate(self.reader.frames()):
            if index > self._last:
                return
            if index >= self._first:
                yield frame.pixels

    def plan(self, timing: Timing, progress: Callable[[int], None] | None = None) -> Plan:
        """The plan of its output, for which it is looked through; ``progress`` hears the number of frames looked at."""
        return plan_clip(self.frames, timing, self.times, end=self.end, progress=progress)


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
    """The segments of a plan, of about ``length`` steps. Each begins with a frame that is given, where there is one near."""
    total = len(plan.steps)
    starts = [0]
    while starts[-1] + 3 * length // 2 < total:
        aim = starts[-1] + length
        near = range(aim, min(aim + length // 2, total - 1))
        starts.append(next((k for k in near if plan.steps[k].given), aim))
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
    """Draw ``segments``, in their order, in one passage through the film.

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
        write(segment, zip(steps, _durations(plan, segment), drawn, strict=True))
        done += len(steps)


class _Passage:
    """The frames of a clip in one passage, from wherever they are asked for; those that the next segment needs are kept."""

    def __init__(self, clip: Clip) -> None:
        self._frames, self._next = clip.frames(), 0
        self._kept: deque[tuple[int, Tensor]] = deque()
        self.keep: int | None = None  # the first frame that will be asked for again; None: none

    def since(self, first: int) -> Iterator[Tensor]:
        for index, frame in list(self._kept):
            if index >= first:
                yield frame
        self._kept = deque(pair for pair in self._kept if self.keep is not None and pair[0] >= self.keep)
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


class Shared:
    """The folder in which the segments of one film come together; for one process or several, on one machine or more.

    ``settings`` is what the segments depend on: a folder of other settings is an AnimeInterpError. The plan is kept there, too.
    """

    def __init__(self, path: Path, clip: Clip, timing: Timing, settings: dict[str, Any]) -> None:
        self.output, self.clip, self.timing = path, clip, timing
        self.folder = path.with_name(path.name + ".parts")
        source = getattr(clip.reader, "path", None)
        known = {"input": str(source), "size": source.stat().st_size if source else 0, "start": str(clip.start), **settings}
        known["timing"] = {key: str(value) for key, value in asdict(timing).items()}
        known["times"] = hashlib.sha256(repr((clip.times, clip.end)).encode()).hexdigest()
        self._settings = known

    def open(self, progress: Callable[[int], None] | None = None) -> Plan:
        """Make the folder, or go on with it; the plan is made (``progress`` as in ``Clip.plan``), or read there."""
        file = self.folder / "plan.json"
        if file.exists():
            found = json.loads(file.read_text())
            if found["settings"] != self._settings:
                unlike = sorted(key for key in self._settings if found["settings"].get(key) != self._settings[key])
                raise AnimeInterpError(
                    f"{self.folder} holds parts of this film made with other settings ({', '.join(unlike)}); they do not fit "
                    "together. Use the settings of before, or delete the folder."
                )
            return _plan_from(found["plan"], self.clip, self.timing)
        plan = self.clip.plan(self.timing, progress)
        self.folder.mkdir(parents=True, exist_ok=True)
        _write_whole(file, json.dumps({"settings": self._settings, "plan": _plan_to(plan)}))
        return plan

    def part(self, segment: Segment) -> Path:
        """The file that a segment becomes: there when it is whole."""
        return self.folder / f"{segment.name}{self.output.suffix}"

    def whole(self, segment: Segment) -> bool:
        """Whether all of a segment is there."""
        return self.part(segment).exists()

    def claim(self, name: str) -> bool:
        """Take what nobody has, or whoever had it gives no sign of life of."""
        claim = self.folder / f"{name}.claim"
        try:
            if time.time() - claim.stat().st_mtime < STALE and not _ended(claim):
                return False
            os.replace(claim, claim.with_suffix(f".{os.getpid()}"))  # one alone succeeds
            claim.with_suffix(f".{os.getpid()}").unlink()
        except FileNotFoundError:
            pass
        try:
            with open(claim, "x") as file:
                file.write(f"{os.getpid()} {socket.gethostname()}")
        except (FileExistsError, FileNotFoundError):
            return False
        return True

    @contextmanager
    def claimed(self, name: str) -> Iterator[Callable[[], None]]:
        """While a claim is held; gives what to call often, as a sign of life."""
        claim, last = self.folder / f"{name}.claim", [time.monotonic()]

        def alive() -> None:
            if time.monotonic() - last[0] > SIGNS:
                last[0] = time.monotonic()
                claim.touch()

        try:
            yield alive
        finally:
            claim.unlink(missing_ok=True)

    def close(self) -> None:
        """Take the folder away."""
        shutil.rmtree(self.folder, ignore_errors=True)


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


def _plan_to(plan: Plan) -> dict[str, Any]:
    speeds = {str(index): pair for index, pair in plan.speeds.items()}
    return {"cuts": plan.cuts, "held": plan.held, "speeds": speeds}


def _plan_from(found: dict[str, Any], clip: Clip, timing: Timing) -> Plan:
    speeds = {int(index): tuple(pair) for index, pair in found["speeds"].items()}
    return make_plan(clip.times, timing, end=clip.end, cuts=found["cuts"], held=found["held"], speeds=speeds)


def _ended(claim: Path) -> bool:
    """Whether the process that made a claim is known to have ended: it was on this machine, and is no more."""
    try:
        pid, host = claim.read_text().split()
        if host != socket.gethostname() or os.name == "nt":
            return False
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except (OSError, ValueError):
        return False
    return False


def _write_whole(path: Path, text: str) -> None:
    part = path.with_suffix(f".{os.getpid()}")
    part.write_text(text)
    os.replace(part, path)
