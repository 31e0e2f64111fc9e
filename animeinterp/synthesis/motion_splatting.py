"""Motion carried to the time between: a flow of the pair, whoever found it, as the network at t begins with it.

What is splatted is the motion and not the colours (Niklaus and Liu, "Softmax Splatting", CVPR 2020), small as a rule:
each pixel of either drawing takes its motion along to where it is at t. Where both flows agree it is to be seen in both
drawings; where they do not, in its own alone.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..flow import Flow, backwarp
from .config import MOTION_SPLATTING, MotionSplattingConfig
from .splatting import splat
from .starts import Start

SCALE = 8  # times that the network's start is smaller than the frames
_LEAST = 1e-4  # what a motion counts, however far behind, or unlike what it leads to: it may be all that lands there


def splat_motion(
    frame0: Tensor, frame1: Tensor, flow: Flow, time: float, config: MotionSplattingConfig = MOTION_SPLATTING,
    *, scale: int = SCALE,
) -> Start:
    """The start at ``time`` (0..1) from a pair's flow. Frames (1, 3, H, W), both sides multiples of 16, and flows of that
    size; depth counts where the flow has it. The motion is ``scale`` times smaller."""
    frames = [F.avg_pool2d(frame.float(), scale) for frame in (frame0, frame1)]
    flows = [F.avg_pool2d(field.float(), scale) / scale for field in (flow.flow_01, flow.flow_10)]
    depths = [None if d is None else F.avg_pool2d(d.float(), scale) for d in (flow.depth_0, flow.depth_1)]
    if depths[0] is None or depths[1] is None:
        order = [torch.zeros_like(frames[0][:, :1])] * 2
    else:
        nearest = torch.maximum(depths[0].amax(), depths[1].amax())
        order = [config.depth_gain * (depth - nearest) for depth in depths]
    total = cover = 0
    for k, (way, rest) in enumerate(((time, 1 - time), (1 - time, time))):
        field = flows[k]
        miss = scale * (field + backwarp(flows[1 - k], field)).norm(dim=1, keepdim=True)
        slack = config.agreed + config.agreed_share * scale * field.norm(dim=1, keepdim=True)
        agreed = (-(miss / slack).square()).exp()
        unlike = (frames[k] - backwarp(frames[1 - k], field)).abs().sum(dim=1, keepdim=True)
        weight = (order[k] - config.unlike * unlike).exp().clamp(min=_LEAST) * rest
        ones = torch.ones_like(agreed)
        ends, seen = [-way * field, rest * field], [ones, agreed]
        if k:
            ends, seen = ends[::-1], seen[::-1]
        landed, mass = splat(torch.cat([*ends, *seen], dim=1), way * field, weight)
        covered = splat(ones, way * field)[1]
        total, cover = total + torch.cat([landed, mass], dim=1), torch.maximum(cover, covered) if k else covered
    value = total[:, :-1] / total[:, -1:].clamp(min=1e-12)
    cover = cover.clamp(max=1.0) * (cover > config.covered)
    return Start(value[:, :4] * (cover > 0), value[:, 4:] * cover)
