"""Items asked for early, and in their order: what is needed of the next can be begun while one is at work on the last."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterable
from typing import Any, TypeVar

Item = TypeVar("Item")
Ready = TypeVar("Ready")
_END = object()


def prefetch(
    items: Iterable[Item], prepare: Callable[[Item], Ready], depth: Callable[[], int]
) -> Generator[Ready, None, None]:
    """``prepare(item)`` of each item, in their order, while ``depth()`` more are asked for and prepared early.

    ``items`` is asked in the caller's thread, and not before the first is asked of this; what it or ``prepare`` raises is
    raised where that item's turn is, and ends it. ``depth`` is asked once an item is prepared.
    """
    source = iter(items)
    ready: deque[tuple[Exception | None, Any]] = deque()

    def take() -> None:
        try:
            item: Any = next(source, _END)
            ready.append((None, _END if item is _END else prepare(item)))
        except Exception as error:
            ready.append((error, _END))

    while True:
        while not ready or (ready[-1][1] is not _END and len(ready) <= depth()):
            take()
        error, prepared = ready.popleft()
        if error is not None:
            raise error
        if prepared is _END:
            return
        yield prepared
        del prepared  # or it would be held, through the work of a pair, beside the next one
