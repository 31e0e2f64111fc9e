"""Films whose frames are two half-pictures of different moments: how they are told from others, and made whole."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import av
from av.filter import Graph

from .filtering import filtered

MODES = ("auto", "on", "off")
_SMALLEST = 16  # lines under which there is nothing to be seen of it
_CLEAR = 6  # frames that have to show it before it is believed of a film that does not say so
_TELLS = 0.6  # their share of the frames that show anything; of telecine, three frames in five are combed


class FieldDetector:
    """Looks at some frames of a film, by FFmpeg's idet. ``flagged``: whether any said of itself that it is interlaced."""

    def __init__(self) -> None:
        self.flagged = False
        self._counts = {"tff": 0.0, "bff": 0.0, "progressive": 0.0}

    def update(self, frames: Iterable[av.VideoFrame]) -> None:
        """Take some frames in a row into account."""
        graph, last = None, None
        for frame in frames:
            self.flagged = self.flagged or frame.interlaced_frame
            if frame.height < _SMALLEST or frame.format.is_rgb:
                continue
            if graph is None:
                graph = _graph(frame, "idet", "")
            for seen in filtered(graph, frame):
                last = seen
        for seen in filtered(graph, None) if graph is not None else ():
            last = seen
        told = getattr(last, "metadata", {})  # older PyAV does not show it: then the flag alone decides
        for kind in self._counts:
            self._counts[kind] += float(told.get(f"lavfi.idet.single.{kind}", 0))

    @property
    def parity(self) -> str | None:
        """Which field is the earlier one, as bwdif is told: "tff", "bff" or "auto"; None where frames are whole."""
        first, second = sorted(("tff", "bff"), key=self._counts.get, reverse=True)
        shown, whole = self._counts[first], self._counts["progressive"]
        total = shown + self._counts[second] + whole
        if shown >= _CLEAR and shown >= _TELLS * total:
            return first
        # Many films that are flagged so hold whole frames all the same.
        return "auto" if self.flagged and not (whole >= _CLEAR and whole >= 0.9 * total) else None


def deinterlaced(frames: Iterable[av.VideoFrame], parity: str) -> Iterator[av.VideoFrame]:
    """Whole frames, as many as come in, by FFmpeg's bwdif; each is of the moment of its earlier field."""
    graph = None
    for frame in frames:
        if graph is None:
            graph = _graph(frame, "bwdif", f"mode=send_frame:parity={parity}:deint=all")
        yield from filtered(graph, frame)
    if graph is not None:
        yield from filtered(graph, None)


def _graph(frame: av.VideoFrame, name: str, options: str) -> Graph:
    graph = Graph()
    source = graph.add_buffer(width=frame.width, height=frame.height, format=frame.format, time_base=frame.time_base)
    nodes = [source, graph.add(name, options or None), graph.add("buffersink")]
    for one, other in zip(nodes, nodes[1:], strict=False):
        one.link_to(other)
    graph.configure()
    return graph
