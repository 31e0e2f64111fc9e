"""Yardsticks that need no model: overlay, the nearest frame, and whole-frame optical flow with a softmax blend.

Convention: each takes ``frame0``, ``frame1`` (1, 3, H, W) in 0..1 and a time t in [0, 1], and returns (1, 3, H, W).
"""

from __future__ import annotations

import torch
from torch import Tensor

from ..dense_flow import dis_flow
from ..errors import check_pair, check_times
from ..flow import backwarp, mean_difference
from ..images import to_image
from ..synthesis.splatting import splat

_ALPHA = 20.0  # of Z = -alpha |I0 - backwarp(I1, f01)|, the error being the mean over channels


def overlay(frame0: Tensor, frame1: Tensor, t: float = 0.5) -> Tensor:
    """The two frames blended by time: what a cross-fade shows. Raises AnimeInterpError for frames that do not pair."""
    check_pair(frame0, frame1, channels=(3,))
    (t,) = check_times([t])
    return (1.0 - t) * frame0 + t * frame1


def nearest(frame0: Tensor, frame1: Tensor, t: float = 0.5) -> Tensor:
    """The frame nearer in time, the first at t = 0.5. Raises AnimeInterpError for frames that do not pair."""
    check_pair(frame0, frame1, channels=(3,))
    (t,) = check_times([t])
    return (frame0 if t <= 0.5 else frame1).clone()


def whole_frame_flow(frame0: Tensor, frame1: Tensor, t: float = 0.5) -> Tensor:
    """DIS optical flow of the whole frame, both frames splatted by it, blended by softmax.

    Kroeger et al., "Fast Optical Flow using Dense Inverse Search" (ECCV 2016), OpenCV's medium preset on grey, both
    ways; then the splatting of Niklaus and Liu (CVPR 2020) with the paper's metric Z = -alpha |I0 - backwarp(I1, f01)|
    and a share of 1 - t for frame 0 and t for frame 1. Where nothing lands, the two frames are overlaid.
    Raises AnimeInterpError for frames that do not pair.
    """
    check_pair(frame0, frame1, channels=(3,))
    (t,) = check_times([t])
    flow_01, flow_10 = dense_flow(frame0, frame1), dense_flow(frame1, frame0)
    landed_0 = splat(frame0, t * flow_01, (1.0 - t) * _metric(frame0, frame1, flow_01).exp())
    landed_1 = splat(frame1, (1.0 - t) * flow_10, t * _metric(frame1, frame0, flow_10).exp())
    total, mass = landed_0[0] + landed_1[0], landed_0[1] + landed_1[1]
    filled = mass > 1e-9
    blend = torch.where(filled, total / torch.where(filled, mass, 1.0), overlay(frame0, frame1, t))
    return blend.to(frame0.dtype)


def dense_flow(frame0: Tensor, frame1: Tensor) -> Tensor:
    """OpenCV's DIS flow (1, 2, H, W) from ``frame0`` to ``frame1``, (1, 3, H, W) both; medium preset, on 8-bit grey."""
    flow = dis_flow(to_image(frame0[0]), to_image(frame1[0]))
    return torch.from_numpy(flow).permute(2, 0, 1)[None].to(frame0.device, frame0.dtype)


def _metric(frame0: Tensor, frame1: Tensor, flow_01: Tensor) -> Tensor:
    return -_ALPHA * mean_difference(frame0, backwarp(frame1, flow_01))
