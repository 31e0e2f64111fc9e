"""Polygons to anti-aliased coverage: every edge leaves its crossings with sub-scanlines, a running sum fills.

Coverage is exact along x and sampled on ``subsamples`` lines to a pixel along y, counted in integers, so that the order
in which a device adds does not matter. Each mark and time has a window of its own, the part of its bounding box inside the
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
    """I = M T windows, (mark, time) in that order; a window is ``width`` x ``height`` at ``left``, ``top``.

    ``coverage`` (N,) float32 0..1 is flat, window i from ``start[i]``; ``pixel`` (N,) int64 is the place in a flat stack of
    (B, T) pictures of ``size`` (H, W + 1): the extra column takes what spills over the right border.
    """

    coverage: Tensor
    pixel: Tensor
    start: Tensor
    left: Tensor
    top: Tensor
    width: Tensor
    height: Tensor


def rasterise(vertices: Tensor, follower: Tensor, mark: Tensor, scene: Tensor, size: tuple[int, int],
              subsamples: int) -> Windows:
    """Fill the outlines ``vertices`` (V, T, 2), in pixels, the first pixel's centre at 0.5.

    ``mark`` (V,) says whose outline an edge is of and ``scene`` (M,) in which picture it goes. Winding is non-zero and
    clockwise: what an outline runs round the wrong way is a hole.
    """
    height, width = size
    count, times = len(scene), vertices.shape[1]
    left, top, wide, tall = _windows(vertices, mark, count, height, width)
    area = (wide * tall).flatten()  # (I,)
    ends = torch.cumsum(area, 0)
    start = ends - area
    total = int(ends[-1])

    cells = torch.zeros(total + 2, dtype=torch.int32, device=vertices.device)
    ends_of = vertices[follower]
    window = mark[:, None] * times + torch.arange(times, device=mark.device)
    flat = window.flatten()
    _cross(cells, vertices.flatten(0, 1), ends_of.flatten(0, 1), left.flatten()[flat], top.flatten()[flat],
           wide.flatten()[flat], tall.flatten()[flat], start[flat], subsamples)
    coverage = torch.cumsum(cells[:total], 0, dtype=torch.int32).clamp_(0, UNIT * subsamples).float()
    coverage /= UNIT * subsamples

    owner = torch.repeat_interleave(area, output_size=total)
    offset = torch.arange(total, device=area.device) - start[owner]
    w = wide.flatten()[owner]
    row = torch.div(offset, w, rounding_mode="floor")
    column = offset - row * w + left.flatten()[owner]
    row += top.flatten()[owner]
    picture = scene[:, None] * times + torch.arange(times, device=scene.device)
    pixel = (picture.flatten()[owner] * height + row) * (width + 1) + column
    return Windows(coverage, pixel, start, left.flatten(), top.flatten(), wide.flatten(), tall.flatten())


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
    wide = torch.where(empty, 0, span[..., 0] + 1)
    tall = torch.where(empty, 0, span[..., 1])
    return low[..., 0], low[..., 1], wide, tall


def _cross(cells: Tensor, a: Tensor, b: Tensor, left: Tensor, top: Tensor, wide: Tensor, tall: Tensor, start: Tensor,
           subsamples: int) -> None:
    """Add to ``cells`` the change of winding where each edge from ``a`` to ``b`` crosses a sub-scanline."""
    s = subsamples
    lower = torch.minimum(a[:, 1], b[:, 1])
    upper = torch.maximum(a[:, 1], b[:, 1])
    k0 = torch.maximum(torch.ceil(lower * s - 0.5).long(), top * s)
    k1 = torch.minimum(torch.ceil(upper * s - 0.5).long(), (top + tall) * s)
    counts = torch.where(wide > 0, (k1 - k0).clamp(min=0), 0)
    ends = torch.cumsum(counts, 0)
    total = int(ends[-1])
    edge = torch.repeat_interleave(counts, output_size=total)
    k = k0[edge] + torch.arange(total, device=a.device) - (ends - counts)[edge]
    a_, d = a[edge], (b - a)[edge]
    x = a_[:, 0] + ((k + 0.5) / s - a_[:, 1]) * (d[:, 0] / d[:, 1])
    last = (wide - 1)[edge]
    x = torch.minimum((x - left[edge]).clamp(min=0), last.to(x.dtype))
    column = torch.minimum(x.long(), last)
    spill = ((x - column) * UNIT).round().to(torch.int32)
    sign = torch.where(d[:, 1] < 0, 1, -1).to(torch.int32)
    cell = start[edge] + (torch.div(k, s, rounding_mode="floor") - top[edge]) * wide[edge] + column
    cells.index_add_(0, cell, sign * (UNIT - spill))
    # In a window's last column nothing is left to spill; the cell after it belongs to the next row.
    cells.index_add_(0, cell + 1, sign * spill)
