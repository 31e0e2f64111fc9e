"""Where two readings have nothing in common, one of them for all of it: that which is stretched less.

An eye that opens is a lash in one drawing and an eye in the other. A smooth motion makes the lash as high as an eye, and squeezes
the eye: the one is a blot, the other an eye that is half open. Mixed, or cut at a line between them, they are neither.

Conventions: as in ``bilateral``.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..flow import mean_difference
from ..images import without_holes
from .components import connected_components
from .config import STRETCHING, StretchingConfig
from .windows import window_mean


def less_stretched(motion: Tensor, reading0: Tensor, reading1: Tensor, config: StretchingConfig = STRETCHING) -> Tensor:
    """What speaks for drawing 0, (1, 1, h, w) at 1/4, a logit: against it where it is stretched more, zero where both fit.

    :param motion: (1, 4, h, w) at 1/4, in its pixels.
    :param reading0: (1, 3, h, w), drawing 0 in 0..1 read along it; ``reading1`` likewise.
    """
    apart = mean_difference(reading0, reading1)
    off = window_mean(apart, 1)[0, 0].detach().cpu().numpy()
    stretched = [_stretch(way)[0, 0].detach().cpu().numpy() for way in motion.split(2, dim=1)]
    labels, areas = connected_components(off > config.hardly_alike, 8)
    weight = np.bincount(labels.ravel(), off.ravel()) + 1e-6
    means = [np.bincount(labels.ravel(), (off * x).ravel()) / weight for x in stretched]
    more = np.where(weight > config.nothing_alike * areas, means[0] - means[1], 0.0)
    more[0] = 0  # where they are alike
    speaks = sum(sign * without_holes((sign * more > config.stretched)[labels]) for sign in (-1.0, 1.0))
    return -config.less_stretched * window_mean(torch.from_numpy(speaks).to(apart)[None, None], 1)


def _stretch(way: Tensor) -> Tensor:
    """The logarithm of how many times as large as it is drawn something is read along ``way`` (B, 2, h, w), 0 if smaller."""
    around = F.pad(way.float(), (1, 1, 1, 1), mode="replicate")
    by_x = (around[..., 1:-1, 2:] - around[..., 1:-1, :-2]) / 2
    by_y = (around[..., 2:, 1:-1] - around[..., :-2, 1:-1]) / 2
    area = (1 + by_x[:, :1]) * (1 + by_y[:, 1:]) - by_x[:, 1:] * by_y[:, :1]  # in the drawing, of a pixel that is read
    return -area.clamp(0.1, 1.0).log()
