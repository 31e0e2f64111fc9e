"""FFmpeg's filters, a frame at a time."""

from __future__ import annotations

from collections.abc import Iterator

import av
from av.filter import Graph


def filtered(graph: Graph, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
    """Hand a frame in, None at the end; what is ready comes out."""
    graph.vpush(frame)
    while True:
        try:
            yield graph.vpull()
        except (av.error.BlockingIOError, av.error.EOFError):
            return
