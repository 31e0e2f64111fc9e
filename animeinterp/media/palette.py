"""GIF's 256 colours, chosen for each frame, one of them see-through where there is alpha: by FFmpeg's own filters."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av
from av.filter import Graph

from .filtering import filtered


class Palette:
    """RGBA frames in, paletted ones out, in their order and with their times."""

    def __init__(self, width: int, height: int, time_base: Fraction, *, alpha: bool):
        graph = self._graph = Graph()
        source = graph.add_buffer(width=width, height=height, format=av.VideoFormat("rgba"), time_base=time_base)
        split = graph.add("split")
        choose = graph.add("palettegen", f"stats_mode=single:reserve_transparent={int(alpha)}")
        use = graph.add("paletteuse", "new=1:alpha_threshold=128")
        sink = graph.add("buffersink")
        source.link_to(split)
        split.link_to(use, 0, 0)
        split.link_to(choose, 1, 0)
        choose.link_to(use, 0, 1)
        use.link_to(sink)
        graph.configure()

    def push(self, frame: av.VideoFrame | None) -> Iterator[av.VideoFrame]:
        """Hand a frame in, None at the end; what is ready comes out."""
        return filtered(self._graph, frame)
