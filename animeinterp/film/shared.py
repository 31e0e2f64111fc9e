"""The folder in which the segments of a film come together, with its plan."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ..errors import AnimeInterpError
from ..media.files import part_name
from ..runtime.arithmetic import Arithmetic
from ..sequence.plan import Plan, make_plan
from ..sequence.timing import Timing
from ..storage import URL, names_in, size_of, write_whole
from .claiming import Claims
from .clip import Clip
from .segments import Segment

FORM = 2  # of the folder and of the way a plan is split: segments of another do not fit
LOOKED = 5.0  # seconds, for which what was seen in a folder by URL is believed


class Shared:
    """The folder in which the segments of one film come together; for one process or several, on one machine or more.

    ``settings`` is what the segments depend on: a folder of other settings is an AnimeInterpError. The plan is kept there, too.
    """

    def __init__(self, path: Path | URL, clip: Clip, timing: Timing, settings: dict[str, Any]) -> None:
        self.output, self.clip, self.timing = path, clip, timing
        self.arithmetic: Arithmetic | None = None  # of all who draw, once the folder is opened
        self.folder = path.with_name(path.name + ".parts")
        source = getattr(clip.reader, "path", None)
        size = size_of(source) if source else 0
        known = {"form": FORM, "input": str(source), "size": size, "start": str(clip.start), **settings}
        known["timing"] = {key: str(value) for key, value in asdict(timing).items()}
        known["times"] = hashlib.sha256(repr((clip.times, clip.end)).encode()).hexdigest()
        self._settings = known
        self._claims = Claims(self.folder)
        self._seen: tuple[float, set[str]] = -LOOKED, set()

    def open(self, progress: Callable[[int], None] | None = None, arithmetic: Arithmetic | None = None) -> Plan:
        """Make the folder, or go on with it; the plan is made (``progress`` as in ``Clip.plan``), or read there.

        ``arithmetic`` is that of whoever makes the folder (None: of this process); who goes on with it keeps to it.
        """
        file = self.folder / "plan.json"
        if self.there():
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
        content = {"settings": self._settings, "arithmetic": asdict(self.arithmetic), "plan": _plan_to(plan)}
        if isinstance(self.folder, URL):
            if self.there():  # by now: another process was faster
                return self.open()
            self.folder.remove_folder()  # what may be left of a film that was joined
        write_whole(file, json.dumps(content))
        return plan

    def there(self) -> bool:
        """Whether there is such a folder: parts of a film that is not joined yet."""
        return (self.folder / "plan.json").exists()

    def part(self, segment: Segment) -> Path | URL:
        """The file that a segment becomes: there when it is whole."""
        return self.folder / f"{segment.name}{self.output.suffix}"

    def whole(self, segment: Segment) -> bool:
        """Whether all of a segment is there."""
        return self.part(segment).exists()

    def all_whole(self, segments: Sequence[Segment], *, lately: bool = False) -> set[Segment]:
        """Those that are there; ``lately``: where the folder is a URL, as it was some seconds ago."""
        if not lately or isinstance(self.folder, Path) or time.monotonic() - self._seen[0] > LOOKED:
            self._seen = time.monotonic(), names_in(self.folder)
        return {segment for segment in segments if f"{segment.name}{self.output.suffix}" in self._seen[1]}

    def claim(self, name: str) -> bool:
        """Take what nobody has, or whoever had it gives no sign of life of."""
        return self._claims.take(name)

    def release(self, name: str) -> None:
        """Let go of a claim."""
        self._claims.release(name)

    def claimed(self, name: str) -> AbstractContextManager[Callable[[], None]]:
        """While a claim is held; gives what to call often, as a sign of life."""
        return self._claims.held(name)

    def close(self) -> None:
        """Take the folder away: at once, so that nobody takes half of it for something to go on with."""
        if isinstance(self.folder, URL):  # where nothing is renamed: what has no plan is none
            (self.folder / "plan.json").unlink(missing_ok=True)
            self.folder.remove_folder()
            return
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
