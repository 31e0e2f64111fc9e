"""A progress bar on standard error: one line that is redrawn at a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from typing import TextIO


class ProgressBar:
    """Call it with (done, total); ``done`` may be in the middle of one. ``label`` stands before the bar; nothing is
    written when ``quiet``."""

    def __init__(self, label: str, *, stream: TextIO | None = None, quiet: bool = False):
        self.label, self.quiet, self.note = label, quiet, ""  # the note is shown at the end of the line
        self.stream = sys.stderr if stream is None else stream
        self.redrawn = self.stream.isatty()
        self._shown = 0.0
        self._open = False
        self._first: tuple[float, float] | None = None

    def __call__(self, done: float, total: int) -> None:
        """Show that ``done`` of ``total`` is done."""
        now = time.monotonic()
        if self._first is None:
            self._first = done, now  # what an earlier run had done tells nothing of the speed
        last = done >= total
        if self.quiet or (not last and now - self._shown < (0.1 if self.redrawn else 10.0)):
            return
        self._shown = now
        share = done / total if total else 1.0
        width = 12 if self.note else 30
        filled = round(width * share)
        drawn = f"[{'#' * filled}{'.' * (width - filled)}]"
        line = f"{self.label} {drawn} {int(done)}/{total}{self._left(now, done, total)}{self.note}"
        self.stream.write(f"\r{line:<79}" if self.redrawn else line + "\n")
        self._open = self.redrawn
        if last:
            self.close()
        self.stream.flush()

    def close(self) -> None:
        """End the line, where one is being redrawn: what comes next is on its own."""
        if self._open:
            self.stream.write("\n")
            self._open = False

    def _left(self, now: float, done: float, total: int) -> str:
        first, begun = self._first
        if done <= first or done >= total:
            return ""
        seconds = round((now - begun) / (done - first) * (total - done))
        return f"  {seconds // 60}:{seconds % 60:02d} left"
