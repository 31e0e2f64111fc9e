"""The folder in which the segments of a film come together, with its plan, and who is at work on what."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import AnimeInterpError
from ..media.files import part_name
from ..runtime.arithmetic import Arithmetic
from ..sequence.plan import Plan, make_plan
from ..sequence.timing import Timing
from .clip import Clip
from .segments import Segment

FORM = 2  # of the folder and of the way a plan is split: segments of another do not fit
STALE = 180.0  # seconds without a sign of life, after which a segment is taken from whoever had it
SIGNS = 5.0  # seconds between two signs of life


class Shared:
    """The folder in which the segments of one film come together; for one process or several, on one machine or more.

    ``settings`` is what the segments depend on: a folder of other settings is an AnimeInterpError. The plan is kept there, too.
    """

    def __init__(self, path: Path, clip: Clip, timing: Timing, settings: dict[str, Any]) -> None:
        self.output, self.clip, self.timing = path, clip, timing
        self.arithmetic: Arithmetic | None = None  # of all who draw, once the folder is opened
        self.folder = path.with_name(path.name + ".parts")
        source = getattr(clip.reader, "path", None)
        size = source.stat().st_size if source else 0
        known = {"form": FORM, "input": str(source), "size": size, "start": str(clip.start), **settings}
        known["timing"] = {key: str(value) for key, value in asdict(timing).items()}
        known["times"] = hashlib.sha256(repr((clip.times, clip.end)).encode()).hexdigest()
        self._settings = known

    def open(self, progress: Callable[[int], None] | None = None, arithmetic: Arithmetic | None = None) -> Plan:
        """Make the folder, or go on with it; the plan is made (``progress`` as in ``Clip.plan``), or read there.

        ``arithmetic`` is that of whoever makes the folder (None: of this process); who goes on with it keeps to it.
        """
        file = self.folder / "plan.json"
        if file.exists():
            found = json.loads(file.read_text())
            if found["settings"] != self._settings:
                unlike = sorted(key for key in self._settings if found["settings"].get(key) != self._settings[key])
                raise AnimeInterpError(
                    f"{self.folder} holds parts of this film made with other settings ({', '.join(unlike)}); they do not fit "
                    "together. Use the settings of before, or delete the folder."
                )
            self.arithmetic = Arithmetic(**found["arithmetic"])
            return _plan_from(found["plan"], self.clip, self.timing)
        plan = self.clip.plan(self.timing, progress)
        self.arithmetic = arithmetic or Arithmetic.here()
        self.folder.mkdir(parents=True, exist_ok=True)
        content = {"settings": self._settings, "arithmetic": asdict(self.arithmetic), "plan": _plan_to(plan)}
        _write_whole(file, json.dumps(content))
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
                return False  # a living one's
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

    def release(self, name: str) -> None:
        """Let go of a claim."""
        (self.folder / f"{name}.claim").unlink(missing_ok=True)

    @contextmanager
    def claimed(self, name: str) -> Iterator[Callable[[], None]]:
        """While a claim is held; gives what to call often, as a sign of life."""
        claim, last = self.folder / f"{name}.claim", [time.monotonic()]

        def alive() -> None:
            if time.monotonic() - last[0] > SIGNS:
                last[0] = time.monotonic()
                with suppress(FileNotFoundError):  # taken by others, who took this process for dead
                    os.utime(claim)

        try:
            yield alive
        finally:
            self.release(name)

    def close(self) -> None:
        """Take the folder away: at once, so that nobody takes half of it for something to go on with."""
        away = part_name(self.folder)
        with suppress(FileNotFoundError):
            os.replace(self.folder, away)
        shutil.rmtree(away, ignore_errors=True)


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
