"""Two in-betweens of the same moment that show the same a little beside one another: how far one is to be moved onto the other.

Where each of two ways of drawing is right, they differ by pixels; one knows the place better, the other draws it whole. So the
whole one is moved, smoothly, along the dense flow between the two, wherever that makes them alike.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..alpha import premultiply
from ..dense_flow import dis_flow
from ..flow import backwarp, mean_difference
from ..images import to_image, to_tensor
from ..padding import pad_to_multiple
from .config import ALIGNING, AligningConfig
from .windows import window_mean

_SCALE, _MULTIPLE = 4, 16  # of the shift, and of its frames' sides


def find_shift(onto: Tensor, frame: Tensor, config: AligningConfig = ALIGNING) -> Tensor:
    """How far from each place of ``onto`` the ``frame`` shows the same: (1, 2, h, w) at 1/4 of the padded size, in its pixels;
    fading to none where it does not. Both (1, 3 or 4, H, W) in 0..1, alpha straight."""
    onto, frame = (premultiply(x.float().clamp(0, 1))[:, :3] for x in (onto, frame))
    shift = to_tensor(dis_flow(to_image(onto[0]), to_image(frame[0])), onto.device)
    before, after = (
        window_mean(mean_difference(onto, x), config.compared) for x in (frame, backwarp(frame, shift))
    )
    gain = (before - after) / before.clamp(min=config.least) / config.better
    farthest = config.farthest * max(onto.shape[-2:])
    near = 2 - shift.norm(dim=1, keepdim=True) / farthest
    known = gain.clamp(0, 1) * near.clamp(0, 1) * (2 - after / config.alike).clamp(0, 1)
    both = F.avg_pool2d(pad_to_multiple(torch.cat([shift * known, known], dim=1), _MULTIPLE), _SCALE)
    both = window_mean(both, config.even)
    return both[:, :2] / (both[:, 2:] + config.faint) / _SCALE


def moved_on(shift: Tensor, further: Tensor) -> Tensor:
    """A ``shift`` as ``find_shift`` tells it, and after it the one that is ``further`` found: as one."""
    return further + backwarp(shift, further)
