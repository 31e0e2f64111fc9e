"""Frames cut into tiles, each worked on with all around it that its pixels depend on, so that the result is the same."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Tile:
    """``inner``: the rows and columns that are the tile's own. ``seen``: those with what is around them."""

    inner: tuple[slice, slice]
    seen: tuple[slice, slice]

    def crop(self, x: Tensor, level: int = 0) -> Tensor:
        """What is seen of ``x`` (..., H / 2^level, W / 2^level)."""
        down, across = self.seen
        return x[..., down.start >> level : down.stop >> level, across.start >> level : across.stop >> level]

    def paste(self, painted: Tensor, result: Tensor) -> None:
        """Put the tile's own pixels of ``painted``, made of what is seen, into ``result`` (..., H, W)."""
        own = (slice(i.start - s.start, i.stop - s.start) for i, s in zip(self.inner, self.seen, strict=True))
        result[(..., *self.inner)] = painted[(..., *own)]


def tiles(height: int, width: int, most: int, *, multiple: int, reach: int, smallest: int) -> Iterator[Tile]:
    """Tiles of a frame that have at most ``most`` pixels each, ``reach`` around them included.

    They begin at multiples of ``multiple``, as ``reach`` and both sides of the frame are, and are not cut below ``smallest``
    on a side: where ``most`` is too little for that, it is exceeded.
    """
    rows = columns = 1
    down, across = height, width
    seen = height * width
    while seen > most and max(down, across) > smallest:
        if down > across:
            rows += 1
        else:
            columns += 1
        down, across = (multiple * math.ceil(side / n / multiple) for side, n in ((height, rows), (width, columns)))
        seen = min(down + 2 * reach, height) * min(across + 2 * reach, width)
    for top in range(0, height, down):
        for left in range(0, width, across):
            bottom, right = min(top + down, height), min(left + across, width)
            around = (slice(max(top - reach, 0), min(bottom + reach, height)),
                      slice(max(left - reach, 0), min(right + reach, width)))
            yield Tile((slice(top, bottom), slice(left, right)), around)
