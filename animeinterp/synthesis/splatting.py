"""Forward splatting: each pixel is carried along its flow and shared among the four pixels that it lands between.

Niklaus and Liu, "Softmax Splatting for Video Frame Interpolation" (CVPR 2020), section 3. Differentiable in the pixels,
the flow and the weights. Plain torch, so the same on every device; where CUDA and cupy are, a kernel does the same
faster (``splatting_cuda``). Everything that travels, weights included, goes in one pass over the pixels.

Convention, for every function here: ``x`` is (N, C, H, W); ``flow`` (N, 2, H, W) in pixels, dx then dy, on the grid of
``x``; weights and metrics (N, 1, H, W). A pixel at whole position p lands at p + flow(p), pixel centres at whole
numbers, with bilinear shares; the shares that fall outside of the frame are lost, and so are pixels whose flow is not
finite. Sums are float32, or float64 for float64 ``x``, whatever the inputs are. On a CPU the same input gives the same
bits.
"""

from __future__ import annotations

import torch
from torch import Tensor

from . import splatting_cuda

# exp(-60) is far below any visible share and far above float32's smallest number, bilinear shares included.
_LOWEST = -60.0
# A pixel that lands beside a whole position by float32's rounding leaves this much next door: nothing, not a colour.
_ROUNDING = 5e-6
# Values carried at a time: what stays in a CPU's cache on its way, and what torch does not split among threads, which would wait
# for one another four times a chunk, for long on a machine that others use too; on other devices, what fits beside the result.
_CHUNK_ON_CPU, _CHUNK = 2**15, 2**26


def splat(x: Tensor, flow: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The sum of what lands on each pixel, ``x`` times ``weights`` (default 1): (N, C, H, W), (N, 1, H, W).

    The second is the sum of the landed weights: 0 where nothing landed. Nothing is divided here.
    """
    landed = _accumulate(x, flow, weights)
    return landed[:, :-1], landed[:, -1:]


def splat_average(x: Tensor, flow: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The weighted mean of what lands on each pixel, 0 in holes, and the landed weights as ``splat`` gives them.

    With no weights: average splatting, as the published checkpoint was trained; the landed weight is then 0 in a hole,
    1 in the middle of a piece that shifts, and more where pixels meet.
    """
    total, mass = splat(x, flow, weights)
    return _divide(total, mass, _ROUNDING if weights is None else 0.0), mass


def splat_softmax(x: Tensor, flow: Tensor, metric: Tensor) -> tuple[Tensor, Tensor]:
    """Softmax splatting: the mean weighted by exp(metric), 0 in holes, and the coverage (N, 1, H, W).

    The greater metric wins where pixels meet (paper: Z = -alpha |I0 - backwarp(I1, f01)|). Only differences within a
    frame count, and those below 60 under the frame's greatest are all the same. The coverage is the sum of the bilinear
    shares without their weights, as ``splat_average`` gives it: 0 in a hole, whatever the metric.
    """
    metric = metric.to(torch.promote_types(x.dtype, torch.float32))
    highest = metric.detach().amax(dim=(1, 2, 3), keepdim=True)
    weights = (metric - highest).clamp(min=_LOWEST).exp()
    landed = _accumulate(x, flow, weights, coverage=True)
    return _divide(landed[:, :-2], landed[:, -2:-1]), landed[:, -1:]


def _divide(total: Tensor, mass: Tensor, least: float = 0.0) -> Tensor:
    """total / mass, and 0 with zero gradient where there is no mass, or no more than ``least``."""
    return total / torch.where(mass > least, mass, torch.inf)


def _accumulate(x: Tensor, flow: Tensor, weights: Tensor | None, *, coverage: bool = False) -> Tensor:
    """What lands of ``x`` times the weights, of the weights and, if asked for, of ones: (N, C + 1 or C + 2, H, W)."""
    precision = torch.promote_types(x.dtype, torch.float32)
    flow, weights = flow.to(precision), None if weights is None else weights.to(precision)
    if splatting_cuda.can_splat(x):
        return splatting_cuda.splat(x, flow, weights, coverage)
    batch, channels, height, width = x.shape
    stride = width + 3
    # The result gets a border that takes whatever leaves the frame, so that no share needs a mask. A pixel's channels are side by
    # side: each share is then one run of memory, and the result is channels last.
    result = flow.new_zeros(batch, (height + 3) * stride, channels + (2 if coverage else 1))
    size = max((_CHUNK_ON_CPU if x.device.type == "cpu" else _CHUNK) // result.shape[2], 1)
    for n in range(batch):
        pixels, ways = x[n].flatten(1), flow[n].flatten(1)
        weight = None if weights is None else weights[n].reshape(-1, 1)
        for begin in range(0, height * width, size):
            chunk = slice(begin, begin + size)
            index = torch.arange(begin, min(begin + size, height * width), device=x.device)
            to_x = ((index % width).to(precision) + ways[0, chunk]).nan_to_num(nan=-1.0).clamp(-1, width)
            to_y = ((index // width).to(precision) + ways[1, chunk]).nan_to_num(nan=-1.0).clamp(-1, height)
            left, top = to_x.detach().floor(), to_y.detach().floor()
            corner = (top.long() + 1) * stride + left.long() + 1
            right_share, bottom_share = to_x - left, to_y - top
            moved = _weighted(pixels[:, chunk].t().to(precision), None if weight is None else weight[chunk], coverage)
            for down, vertical in enumerate((1 - bottom_share, bottom_share)):
                for across, horizontal in enumerate((1 - right_share, right_share)):
                    place = corner + (down * stride + across)
                    result[n].index_add_(0, place, moved * (vertical * horizontal)[:, None])
    result = result.unflatten(1, (height + 3, stride))[:, 1 : height + 1, 1 : width + 1]
    return result.permute(0, 3, 1, 2)


def _weighted(pixels: Tensor, weight: Tensor | None, coverage: bool) -> Tensor:
    """Pixels (P, C) times their weights (P, 1), the weights, and ones if coverage is asked for, side by side."""
    ones = pixels.new_ones(len(pixels), 1)
    moved = [pixels, ones] if weight is None else [pixels * weight, weight]
    return torch.cat([*moved, ones] if coverage else moved, dim=1)
