"""What is drawn between: a film or pictures, or a part of it in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from itertools import islice

from torch import Tensor

from ..errors import AnimeInterpError
from ..media import FrameReader
from ..retiming import plan_clip
from ..sequence.plan import Plan
from ..sequence.timing import Timing


class Clip:
    """A film, or pictures, from ``start`` to ``end`` (seconds): when its frames are shown, and the frames each time anew."""

    def __init__(
        self,
        reader: FrameReader,
        start: Fraction | None = None,
        end: Fraction | None = None,
    ) -> None:
        self.reader, self.info, self.start = reader, reader.info, Fraction(0) if start is None else start
        timeline = reader.timeline()
        chosen = [i for i, t in enumerate(timeline.times) if (start is None or t >= start) and (end is None or t < end)]
        if len(chosen) < 2:
            held = len(timeline.times)
            what = f"{getattr(reader, 'path', 'The clip')} holds {held} frame{'' if held == 1 else 's'}"
            if held > 1:
                what += f", {len(chosen)} of them in the part from {float(start or 0):g} s to {float(end or timeline.end):g} s"
            raise AnimeInterpError(f"{what}; there should be two or more, to draw between them.")
        self._first, self._last = chosen[0], chosen[-1]
        self.times = timeline.times[self._first : self._last + 1]
        self.end = (*timeline.times, timeline.end)[self._last + 1]

    def frames(self, first: int = 0) -> Iterator[Tensor]:
        """The frames (1, 3 or 4, H, W) from number ``first`` on, decoded as they are asked for."""
        begin = self._first + first
        for frame in islice(self.reader.frames(begin), max(self._last + 1 - begin, 0)):
            yield frame.pixels

    def plan(self, timing: Timing, progress: Callable[[int], None] | None = None) -> Plan:
        """The plan of its output, for which it is looked through; ``progress`` hears the number of frames looked at."""
        return plan_clip(self.frames, timing, self.times, end=self.end, progress=progress)
