"""What a command that runs for long has around it: the library's messages at the terminal, and a stop in good order."""

from __future__ import annotations

import logging
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from . import say


@contextmanager
def logged() -> Iterator[None]:
    """Within it the library's messages are shown at the terminal."""

    class Saying(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            say(self.format(record))

    logger, handler = logging.getLogger("animeinterp"), Saying()
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


@contextmanager
def stopping() -> Iterator[Callable[[], bool]]:
    """Within it Ctrl-C, and a polite kill, only ask to stop after the present step; a second time they stop at once."""
    asked = []

    def ask(number: int, frame: FrameType | None) -> None:
        if asked:
            raise KeyboardInterrupt
        asked.append(number)
        say("\nStopping after this step; again to stop at once, without saving.")

    try:
        before = {number: signal.signal(number, ask) for number in (signal.SIGINT, signal.SIGTERM)}
    except ValueError:  # signals are the main thread's
        before = {}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
