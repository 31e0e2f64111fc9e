"""Where in a film decoding may begin, so that whoever wants its last frames need not decode all that come before."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass

import av

from .info import Timeline


@dataclass(frozen=True)
class Entries:
    """``stamps``: of the frames in the order that they are shown in, in ticks of their track. ``keys``: the numbers of those that
    are decoded without others."""

    stamps: list[int]
    keys: list[int]

    @staticmethod
    def of(packets: Iterable[av.Packet]) -> Entries | None:
        """Of a film's packets; None where they do not tell of each frame apart when it is shown."""
        seen = sorted((packet.pts, packet.is_keyframe) if packet.pts is not None else (-1, None) for packet in packets)
        stamps = [pts for pts, _ in seen]
        if any(key is None for _, key in seen) or len(set(stamps)) < len(stamps):
            return None
        return Entries(stamps, [index for index, (_, key) in enumerate(seen) if key])

    def before(self, frame: int) -> int:
        """The last frame, up to that one, at which decoding may begin; 0: at the beginning, as ever."""
        if frame >= len(self.stamps):
            return 0
        place = bisect_right(self.keys, frame)
        return self.keys[place - 1] if place else 0


@dataclass(frozen=True)
class Seen:
    """What a film tells when it is read through once, for those who open it elsewhere; ``size`` in bytes, to know it by."""

    size: int
    timeline: Timeline
    entries: Entries | None
