"""What every reader of frames can be asked, whatever it reads."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from fractions import Fraction

from torch import Tensor

from .entries import Seen
from .info import MediaInfo, TimedFrame, Timeline


class FrameReader(ABC):
    """Frames (1, 3 or 4, H, W), float32, 0..1, with the times at which they are shown. Iterating gives the frames alone."""

    info: MediaInfo

    @abstractmethod
    def frames(self, first: int = 0) -> Iterator[TimedFrame]:
        """The frames in their order from number ``first`` on, with their times; begins anew each time."""

    @abstractmethod
    def timeline(self) -> Timeline:
        """When every frame is shown."""

    def seen(self) -> Seen | None:
        """What spares those who open the same elsewhere from reading it through; None where there is no such thing."""
        return None

    @property
    def rate(self) -> Fraction:
        """Frames a second, nominally: where frames have times of their own, ``timeline`` tells them."""
        return self.info.rate

    @property
    def size(self) -> tuple[int, int]:
        """(H, W) of the frames, as shown."""
        return self.info.size

    @property
    def count(self) -> int:
        """The number of frames that the file claims, or what its duration comes to; 0 where it tells neither."""
        return self.info.count

    def __iter__(self) -> Iterator[Tensor]:
        for frame in self.frames():
            yield frame.pixels
