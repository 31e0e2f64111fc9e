"""Polygons to anti-aliased coverage: every edge leaves its crossings with sub-scanlines, a running sum fills.

Coverage is exact along x and sampled on ``subsamples`` lines to a pixel along y, counted in integers, so that the order
in which a device adds does not matter. Each mark and time has a window of its own,
the part of its bounding box inside the
picture, and all windows lie one after another in one flat buffer: there the running sum over all of them at once is the
fill of each, because every row of a window sums to zero.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

UNIT = 4096  # of coverage, on one sub-scanline


@dataclass
class Windows:
    """I = M T windows, (mark, time) in that order; a window is ``width`` x ``height`` at ``left``, ``top``, each (I,).

    ``coverage`` (N,) float32 0..1 is flat, window i's rows from ``start[i]`` on. A window may reach one column beyond
    the picture's right border, for what spills over it; there coverage is 0.
    """

    coverage: Tensor
    start: Tensor
    left: Tensor
    top: Tensor
    width: Tensor
    height: Tensor

    def rows(self) -> tuple[Tensor, Tensor, Tensor]:
        """Of all R rows of windows: the window (R,) int32, the first cell (R,) and the row's y in the picture (R,)."""
        index = torch.arange(len(self.start), dtype=torch.int32, device=self.start.device)
        owner = torch.repeat_interleave(index, self.height * (self.width > 0))
        first = torch.cumsum(self.height, 0) - self.height
        y = torch.arange(len(owner), device=owner.device) - first[owner]
        return owner, self.start[owner] + y * self.width[owner], y + self.top[owner]

    def at(self, window: Tensor, x: Tensor, y: Tensor) -> Tensor:
        """Coverage at pixel (x, y) of ``window``, each (n,); 0 outside of it."""
        x, y, wide = x - self.left[window], y - self.top[window], self.width[window]
        inside = (x >= 0) & (x < wide) & (y >= 0) & (y < self.height[window])
        place = torch.where(inside, self.start[window] + y * wide + x, 0)
        return torch.where(inside, self.coverage[place], 0.0)


def rasterise(vertices: Tensor, follower: Tensor, mark: Tensor, count: int, size: tuple[int, int],
              subsamples: int) -> Windows:
    """Fill the outlines ``vertices`` (V, T, 2), in pixels, the first pixel's centre at 0.5.

    ``mark`` (V,) says which of ``count`` marks an edge bounds, ``follower`` (V,) where it ends. Winding is non-zero and
    clockwise: what an outline runs round the wrong way is a hole.
    """
    height, width = size
    times = vertices.shape[1]
    left, top, wide, tall = (t.flatten() for t in _windows(vertices, mark, count, height, width))
    ends = torch.cumsum(wide * tall, 0)
    start = ends - wide * tall
    total = int(ends[-1])
    cells = torch.zeros(total + 1, dtype=torch.int32, device=vertices.device)
    window = (mark[:, None] * times + torch.arange(times, device=mark.device)).flatten()
    windows = Windows(cells, start, left, top, wide, tall)
    _cross(windows, vertices.flatten(0, 1), vertices[follower].flatten(0, 1), window, subsamples)
    filled = torch.cumsum(cells[:total], 0, dtype=torch.int32).clamp_(0, UNIT * subsamples)
    windows.coverage = filled.float().mul_(1.0 / (UNIT * subsamples))
    owner, first, _ = windows.rows()
    beyond = (left + wide > width)[owner]
    windows.coverage[(first + wide[owner] - 1)[beyond]] = 0.0
    return windows


def _windows(vertices: Tensor, mark: Tensor, count: int, height: int, width: int) -> tuple[Tensor, ...]:
    """Left, top, width and height (M, T) int64 of each mark's bounding box within the picture, a column to spare."""
    index = mark[:, None, None].expand(-1, *vertices.shape[1:])
    low = vertices.new_full((count, *vertices.shape[1:]), float("inf")).scatter_reduce_(0, index, vertices, "amin")
    high = vertices.new_full((count, *vertices.shape[1:]), -float("inf")).scatter_reduce_(0, index, vertices, "amax")
    limit = torch.tensor([width, height], dtype=vertices.dtype, device=vertices.device)
    low = torch.minimum(low.floor().clamp(min=0), limit).long()
    high = torch.minimum(high.ceil().clamp(min=0), limit).long()
    span = (high - low).clamp(min=0)
    empty = (span == 0).any(-1)
    return low[..., 0], low[..., 1], torch.where(empty, 0, span[..., 0] + 1), torch.where(empty, 0, span[..., 1])


def _cross(windows: Windows, a: Tensor, b: Tensor, window: Tensor, subsamples: int) -> None:
    """Add to the cells the change of winding where each edge from ``a`` to ``b`` (E, 2) crosses a sub-scanline."""
    s = subsamples
    top, wide = windows.top[window], windows.width[window]
    k0 = torch.maximum(torch.ceil(torch.minimum(a[:, 1], b[:, 1]) * s - 0.5).long(), top * s)
    k1 = torch.minimum(torch.ceil(torch.maximum(a[:, 1], b[:, 1]) * s - 0.5).long(), (top + windows.height[window]) * s)
    counts = torch.where(wide > 0, (k1 - k0).clamp(min=0), 0)
    ends = torch.cumsum(counts, 0)
    total = int(ends[-1])
    edge = torch.repeat_interleave(counts, output_size=total)
    k = (k0 - ends + counts)[edge] + torch.arange(total, device=a.device)
    # Along an edge x is linear in the sub-scanline: x = slope k + x_0, measured from the window's left.
    slope = (b - a)[:, 0] / (b - a)[:, 1]
    x_0 = a[:, 0] + (0.5 / s - a[:, 1]) * slope - windows.left[window]
    x = torch.addcmul(x_0[edge], (slope / s)[edge], k).clamp_(min=0)
    last = (wide - 1)[edge]
    x = torch.minimum(x, last.to(x.dtype))
    column = x.long()
    sign = torch.where(b[:, 1] < a[:, 1], UNIT, -UNIT)[edge]
    spill = ((x - column) * sign).round()
    row = torch.div(k, s, rounding_mode="floor")
    cell = (windows.start[window] - top * wide)[edge] + row * wide[edge] + column
    windows.coverage.index_add_(0, cell, (sign - spill).to(torch.int32))
    # In a window's last column nothing is left to spill; the cell after it belongs to the next row.
    windows.coverage.index_add_(0, cell + 1, spill.to(torch.int32))
