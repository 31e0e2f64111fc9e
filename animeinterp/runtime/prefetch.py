"""The frames of a clip in their order, and what is needed of the next ones begun ahead, by threads.

Cutting a frame into pieces is work for the CPU. Where the rest is done by another device, it would wait for that each time;
so a few frames are asked for early, and cut while it is at work on the pair before.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import torch
from torch import Tensor

from ..errors import AnimeInterpError, check_frames, check_values, describe
from ..padding import at_least
from ..sequence.values import ValueRange
from ..stages import Seen, Stages
from ..synthesis.still import still_pixels

DEPTH = 2  # frames that are asked for early, and threads
_END = object()


@dataclass(frozen=True)
class Frame:
    """``given``: as it came. ``seen``: the same one again for a drawing that is held. ``moves``: whether it differs from
    the frame before by more than nobody sees."""

    given: Tensor
    seen: Seen
    moves: bool


def prefetch_frames(
    frames: Iterable[Tensor],
    stages: Stages,
    device: str | torch.device | None = None,
    *,
    settle: Callable[[Tensor], None] | None = None,
    cut: bool = True,
    depth: int | None = None,
) -> Iterator[Frame]:
    """Frames (1, C, H, W), checked and looked at, in their order, one by one.

    ``frames`` is asked in the caller's thread, and not before the first is asked of this; what it raises, and what is wrong
    with a frame, is raised where that frame's turn is.

    :param device: where the work is done; None: where ``stages`` say.
    :param settle: called with the first frame before it is looked at.
    :param cut: whether frames will have to be cut into pieces, those that move.
    :param depth: how many frames are asked for, and cut, ahead; None: ``DEPTH``, and on a CPU, whose cores are taken, none.
    :raises AnimeInterpError: for a frame that is none, holds what is no number, or is not like those before it.
    """
    source, last, ready = iter(frames), None, deque()
    pool: ThreadPoolExecutor | None = None
    index = 0

    def take() -> Frame | BaseException | None:
        """The next frame; an error in its place; None at the end."""
        nonlocal last, index, pool, depth
        try:
            given = next(source, _END)
            if given is _END:
                return None
            check_frames(f"frame {index}", given, count=1)
            _check_size(index, given, None if last is None else last.given)
            if last is None and settle is not None:
                settle(given)
            fresh = stages.look(at_least(given), device)
            fresh.size = tuple(given.shape[-2:])
            fresh.values = ValueRange.of(*check_values(f"frame {index}", fresh.frame))
        except Exception as error:
            return error
        held = last is not None and torch.equal(last.seen.frame, fresh.frame)
        moves = last is not None and not held and not bool(still_pixels(last.seen.frame, fresh.frame).all())
        frame = Frame(given, last.seen if held else fresh, moves)
        if depth is None:
            depth = 0 if fresh.frame.device.type == "cpu" else DEPTH
        if moves and cut and depth:
            pool = pool or ThreadPoolExecutor(depth, thread_name_prefix="animeinterp-pieces")
            for one in (last, frame):
                if one.seen.pieces is None and one.seen.cutting is None:
                    one.seen.cutting = pool.submit(stages.cut, at_least(one.given.detach()))
        last, index = frame, index + 1
        return frame

    try:
        while True:
            while not ready or (isinstance(ready[-1], Frame) and len(ready) <= depth):
                ready.append(take())
            frame = ready.popleft()
            if frame is None:
                return
            if isinstance(frame, BaseException):
                raise frame
            yield frame
            del frame  # or it would be held, through the work of a pair, beside the next one
    finally:
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)  # what is being cut is finished and forgotten


def _check_size(index: int, frame: Tensor, given: Tensor | None) -> None:
    if not frame.numel():
        raise AnimeInterpError(
            f"Frame {index} is {frame.shape[-1]}x{frame.shape[-2]}; it should have one pixel or more."
        )
    if given is not None and frame.shape != given.shape:
        raise AnimeInterpError(
            f"Frame {index} is {describe(frame)} and those before it are {describe(given)}; all frames of a clip "
            "should be of one size. Resize it."
        )
