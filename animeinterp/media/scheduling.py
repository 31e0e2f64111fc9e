"""How a process' threads are scheduled, kept as it was while a codec is opened."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

_THREADS = Path("/proc/self/task")


@contextlib.contextmanager
def scheduling_kept() -> Iterator[None]:
    """Threads that are begun within it, and this one, are scheduled after it as this one was before.

    Run as root, as in most containers, AV1's encoder makes itself and the thread that opens it real-time ones of the highest
    priority, and so all that this thread begins later: until they have nothing to do, nobody else on the machine gets a
    processor. Nothing is done where threads are not known like that (only Linux).
    """
    if not (hasattr(os, "sched_setscheduler") and _THREADS.is_dir()):
        yield
        return
    policy, parameters, known = os.sched_getscheduler(0), os.sched_getparam(0), set(os.listdir(_THREADS))
    try:
        yield
    finally:
        begun = [int(thread) for thread in os.listdir(_THREADS) if thread not in known]
        for thread in (0, *begun):
            with contextlib.suppress(OSError):  # it ended meanwhile, or keeps what nobody may change
                os.sched_setscheduler(thread, policy, parameters)
