"""Who is at work on what, among the processes that share a folder: a claim is a file, and whoever has it gives signs of life."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ..errors import AnimeInterpError
from ..storage import URL

STALE = 180.0  # seconds without a sign of life, after which what was claimed is taken from whoever had it
SIGNS = 5.0  # seconds between two signs of life
_BY_URL = 6  # times as seldom by URL, where each is a request


class Claims:
    """Of one folder. A claim by URL may, on rare chance, be taken by two at once: they then make the same, whole, twice."""

    def __init__(self, folder: Path | URL) -> None:
        self._folder = folder

    def take(self, name: str) -> bool:
        """Take what nobody has, or whoever had it gives no sign of life of."""
        claim = self._folder / f"{name}.claim"
        if isinstance(claim, URL):
            if not _is_over(claim):
                return False
            claim.unlink(missing_ok=True)
            return claim.create(_signature())
        try:
            if time.time() - claim.stat().st_mtime < STALE and not _ended(*claim.read_text().split()[:2]):
                return False  # a living one's
            os.replace(claim, claim.with_suffix(f".{os.getpid()}"))  # one alone succeeds
            claim.with_suffix(f".{os.getpid()}").unlink()
        except FileNotFoundError:
            pass
        try:
            with open(claim, "x") as file:
                file.write(_signature())
        except (FileExistsError, FileNotFoundError):
            return False
        return True

    def release(self, name: str) -> None:
        """Let go of a claim."""
        (self._folder / f"{name}.claim").unlink(missing_ok=True)

    @contextmanager
    def held(self, name: str) -> Iterator[Callable[[], None]]:
        """While a claim is held; gives what to call often, as a sign of life."""
        claim, last = self._folder / f"{name}.claim", [time.monotonic()]
        seldom = _BY_URL if isinstance(claim, URL) else 1

        def alive() -> None:
            if time.monotonic() - last[0] > seldom * SIGNS:
                last[0] = time.monotonic()
                if isinstance(claim, URL):
                    with suppress(AnimeInterpError):  # the next one may get through
                        claim.write_bytes(_signature().encode())
                    return
                with suppress(FileNotFoundError):  # taken by others, who took this process for dead
                    os.utime(claim)

        try:
            yield alive
        finally:
            self.release(name)


def _signature() -> str:
    return f"{os.getpid()} {socket.gethostname()} {time.time():.0f}"


def _is_over(claim: URL) -> bool:
    """Whether nobody has it, or nobody that lives."""
    try:
        pid, host, signed = claim.read_text().split()
        return time.time() - float(signed) > STALE or _ended(pid, host)
    except ValueError:
        return True
    except AnimeInterpError:
        if claim.exists():
            raise
        return True


def _ended(pid: str = "", host: str = "") -> bool:
    """Whether the process that made a claim is known to have ended: it was on this machine, and is no more."""
    if host != socket.gethostname() or os.name == "nt" or not pid.isdecimal():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except OSError:
        return False
    return False
