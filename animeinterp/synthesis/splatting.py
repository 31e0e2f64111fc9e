"""Forward splatting: each pixel is carried along its flow and shared among the four pixels that it lands between.

Niklaus and Liu, "Softmax Splatting for Video Frame Interpolation" (CVPR 2020), section 3. Plain torch, so the same on
every device and differentiable in the pixels, the flow and the weights.

Convention, for every function here: ``x`` is (N, C, H, W); ``flow`` (N, 2, H, W) in pixels, dx then dy, on the grid of
``x``; weights and metrics (N, 1, H, W). A pixel at whole position p lands at p + flow(p), pixel centres at whole
numbers, with bilinear shares; the shares that fall outside of the frame are lost, and so are pixels whose flow is not
finite. Sums are float32, or float64 for float64 ``x``, whatever the inputs are. On a CPU the same input gives the same
bits.
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..flow import pixel_grid

# exp(-60) is far below any visible share and far above float32's smallest number, bilinear shares included.
_LOWEST = -60.0
# A pixel that lands beside a whole position by float32's rounding leaves this much next door: nothing, not a colour.
_ROUNDING = 5e-6


def splat(x: Tensor, flow: Tensor, weights: Tensor | None = None) -> tuple[Tensor, Tensor]:
    """The sum of what lands on each pixel, ``x`` times ``weights`` (default 1): (N, C, H, W), (N, 1, H, W).

    The second is the sum of the landed weights: 0 where nothing landed. Nothing is divided here.
    """
    x, weights = _in_precision(x, weights)
    landed = _scatter(torch.cat([x * weights, weights], dim=1), flow)
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
    x, metric = _in_precision(x, metric)
    highest = metric.detach().amax(dim=(1, 2, 3), keepdim=True)
    weights = (metric - highest).clamp(min=_LOWEST).exp()
    landed = _scatter(torch.cat([x * weights, weights, torch.ones_like(weights)], dim=1), flow)
    return _divide(landed[:, :-2], landed[:, -2:-1]), landed[:, -1:]


def _in_precision(x: Tensor, weights: Tensor | None) -> tuple[Tensor, Tensor]:
    x = x.to(torch.promote_types(x.dtype, torch.float32))
    return x, x.new_ones(x.shape[0], 1, *x.shape[-2:]) if weights is None else weights.to(x.dtype)


def _divide(total: Tensor, mass: Tensor, least: float = 0.0) -> Tensor:
    """total / mass, and 0 with zero gradient where there is no mass, or no more than ``least``."""
    filled = mass > least
    return torch.where(filled, total / torch.where(filled, mass, 1), 0)


def _scatter(x: Tensor, flow: Tensor) -> Tensor:
    """All channels of ``x`` carried along ``flow`` and summed, in one pass a corner: (N, C, H, W)."""
    batch, channels, height, width = x.shape
    to_x, to_y = (pixel_grid(x) + flow.to(x.dtype)).unbind(dim=1)
    # The result gets a border that takes whatever leaves the frame, so that no share needs a mask.
    to_x = to_x.nan_to_num(nan=-1.0).clamp(-1, width)
    to_y = to_y.nan_to_num(nan=-1.0).clamp(-1, height)
    left, top = to_x.detach().floor(), to_y.detach().floor()
    right_share, bottom_share = to_x - left, to_y - top
    stride = width + 3
    corner = (top.long() + 1) * stride + left.long() + 1
    result = x.new_zeros(batch, channels, (height + 3) * stride)
    for down, vertical in enumerate((1 - bottom_share, bottom_share)):
        for across, horizontal in enumerate((1 - right_share, right_share)):
            shared = (x * (vertical * horizontal)[:, None]).flatten(2)
            index = (corner + (down * stride + across)).flatten(1)[:, None].expand_as(shared)
            result.scatter_add_(2, index, shared)
    return result.unflatten(2, (height + 3, stride))[..., 1 : height + 1, 1 : width + 1]
