"""Work that reports no progress of itself, done in another thread while the calling one reports and can be cancelled."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import torch

from .progress import ProgressCallback

Result = TypeVar("Result")
POLL_SECONDS = 0.1


class Cancelled(Exception):
    """Raised inside of work that nobody waits for any longer."""


def run_in_thread(work: Callable[[ProgressCallback], Result], progress: ProgressCallback | None) -> Result:
    """``work(report)``, and meanwhile ``progress(fraction)`` ten times a second from the calling thread.

    ``report(fraction)`` says how far the work is, 0..1; the last value is what ``progress`` is called with. What ``progress``
    raises is raised here at once; the work then ends at its next ``report``, or by itself. What the work raises is raised here
    too. Without ``progress`` the work is done in this thread.
    """
    if progress is None:
        return work(lambda fraction: None)
    fraction, cancelled, ended = 0.0, False, threading.Event()
    result: list[Result] = []
    error: list[BaseException] = []
    inference = torch.is_inference_mode_enabled()  # threads have modes of their own

    def report(done: float) -> None:
        nonlocal fraction
        if cancelled:
            raise Cancelled
        fraction = done

    def run() -> None:
        try:
            with torch.inference_mode(inference), torch.no_grad():
                result.append(work(report))
        except BaseException as raised:
            error.append(raised)
        finally:
            ended.set()

    progress(0.0)
    thread = threading.Thread(target=run, name="animeinterp")
    thread.start()
    try:
        while not ended.wait(POLL_SECONDS):
            progress(fraction)
    except BaseException:
        cancelled = True
        raise
    thread.join()
    if error:
        raise error[0]
    progress(1.0)
    return result[0]
