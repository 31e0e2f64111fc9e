"""The frames of a clip in their order, checked, and what is needed of the next ones begun ahead, by threads.

Segmentation is work for the CPU. Where the rest is done by another device, that would wait for it each time; so a few frames
are asked for early, and segmented while it is at work on the pair before.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass

import torch
from torch import Tensor

from .errors import AnimeInterpError, check_frames, check_values, describe
from .frames import EncodedFrame
from .padding import at_least
from .runtime.prefetch import prefetch
from .stages import Stages
from .synthesis.still import still_pixels
from .value_range import ValueRange

DEPTH = 2  # frames that are asked for early, and threads


@dataclass(frozen=True)
class ClipFrame:
    """``original``: as it came. ``encoded``: the same one again for a drawing that is held. ``moves``: whether it differs from
    the frame before by more than nobody sees."""

    original: Tensor
    encoded: EncodedFrame
    moves: bool


def read_clip(
    frames: Iterable[Tensor],
    stages: Stages,
    device: str | torch.device | None = None,
    *,
    on_first: Callable[[Tensor], None] | None = None,
    segments: bool = True,
    depth: int | None = None,
    first: int = 0,
) -> Generator[ClipFrame, None, None]:
    """Frames (1, C, H, W), checked and loaded, in their order, one by one.

    ``frames`` is asked in the caller's thread, and not before the first is asked of this; what it raises, and what is wrong
    with a frame, is raised where that frame's turn is.

    :param device: where the work is done; None: where ``stages`` say.
    :param on_first: called with the first frame before it is loaded.
    :param segments: whether frames will have to be segmented, those that move.
    :param depth: how many frames are asked for, and segmented, ahead; None: ``DEPTH``, and on a CPU, whose cores are taken, none.
    :param first: the number in its clip of the first frame.
    :raises AnimeInterpError: for a frame that is none, holds what is no number, or is not like those before it.
    """
    try:
        given = iter(frames)
    except TypeError:  # a tensor of one number is an Iterable, and gives nothing
        raise AnimeInterpError(
            f"frames is a {type(frames).__name__}; it should give frames (1, C, H, W), one by one."
        ) from None
    reader = _Reader(stages, device, on_first, segments, depth, first)
    try:
        with closing(prefetch(given, reader.prepare, reader.depth)) as ready:
            yield from ready
    finally:
        reader.close()


def take_in(stages: Stages, index: int, given: Tensor, device: str | torch.device | None = None) -> EncodedFrame:
    """Frame ``index`` of a clip, (1, C, H, W), loaded: padded where it is small, with the range of its colours and what is
    protected in it. AnimeInterpError where it holds what is no number."""
    fresh = stages.load(at_least(given), device)
    fresh.size = (given.shape[-2], given.shape[-1])
    fresh.values = ValueRange.of(*check_values(f"frame {index}", fresh.frame))
    if stages.protection is not None:
        fresh.protected = stages.protection.of(index, given)
    return fresh


class _Reader:
    """What ``read_clip`` does with a frame when it has it."""

    def __init__(self, stages, device, on_first, segments, depth, first) -> None:
        self._stages, self._device, self._on_first, self._segments = stages, device, on_first, segments
        self._depth: int | None = depth
        self._last: ClipFrame | None = None
        self._index = first
        self._pool: ThreadPoolExecutor | None = None

    def depth(self) -> int:
        return self._depth or 0

    def prepare(self, given: Tensor) -> ClipFrame:
        last = self._last
        check_frames(f"frame {self._index}", given, count=1)
        _check_size(self._index, given, None if last is None else last.original)
        if last is None and self._on_first is not None:
            self._on_first(given)
        fresh = take_in(self._stages, self._index, given, self._device)
        held = last is not None and torch.equal(last.encoded.frame, fresh.frame)
        moves = last is not None and not held and not bool(still_pixels(last.encoded.frame, fresh.frame).all())
        again = held and (fresh.protected is None or torch.equal(fresh.protected, last.encoded.protected))
        frame = ClipFrame(given, last.encoded if again else fresh, moves)
        if self._depth is None:
            self._depth = 0 if fresh.frame.device.type == "cpu" else DEPTH
        if moves and self._segments and self._depth:
            self._pool = self._pool or ThreadPoolExecutor(self._depth, thread_name_prefix="animeinterp-segmentation")
            for one in (last, frame):
                self._stages.segment_ahead(one.encoded, self._pool)
        self._last, self._index = frame, self._index + 1
        return frame

    def close(self) -> None:
        self._last = None
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)  # what is being segmented is finished and forgotten


def _check_size(index: int, frame: Tensor, given: Tensor | None) -> None:
    if given is not None and (frame.dtype != given.dtype or frame.device != given.device):
        raise AnimeInterpError(
            f"Frame {index} is {frame.dtype} on {frame.device} and those before it {given.dtype} on {given.device}; they should "
            "agree. Move it with .to(...)."
        )
    if given is not None and frame.shape != given.shape:
        raise AnimeInterpError(
            f"Frame {index} is {describe(frame)} and those before it are {describe(given)}; all frames of a clip "
            "should be of one size. Resize it."
        )
