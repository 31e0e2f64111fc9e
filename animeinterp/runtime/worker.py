"""Work that gives no word of itself, done in another thread while this one listens for a request to stop."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

import torch

Result = TypeVar("Result")
BETWEEN_LOOKS = 0.1  # seconds


class Abandoned(Exception):
    """Raised inside of work that nobody waits for any longer."""


def work_listening(
    work: Callable[[Callable[[float], None]], Result], listen: Callable[[float], None] | None
) -> Result:
    """``work(tell)``, and meanwhile ``listen(share)`` ten times a second from the calling thread.

    ``tell(share)`` says how far the work is, 0..1; the last word is what ``listen`` hears. What ``listen`` raises is
    raised here at once; the work then ends at its next ``tell``, or by itself. What the work raises is raised here too.
    Without ``listen`` the work is done in this thread.
    """
    if listen is None:
        return work(lambda share: None)
    share, abandoned, ended = 0.0, False, threading.Event()
    result: list[Result] = []
    error: list[BaseException] = []
    inference = torch.is_inference_mode_enabled()  # threads have modes of their own

    def tell(done: float) -> None:
        nonlocal share
        if abandoned:
            raise Abandoned
        share = done

    def run() -> None:
        try:
            with torch.inference_mode(inference), torch.no_grad():
                result.append(work(tell))
        except BaseException as raised:
            error.append(raised)
        finally:
            ended.set()

    listen(0.0)
    thread = threading.Thread(target=run, name="animeinterp")
    thread.start()
    try:
        while not ended.wait(BETWEEN_LOOKS):
            listen(share)
    except BaseException:
        abandoned = True
        raise
    thread.join()
    if error:
        raise error[0]
    listen(1.0)
    return result[0]
