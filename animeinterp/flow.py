"""Flow fields: the dataclass that carries them, resizing, backward warping and occlusion.

Convention: flow is (N, 2, H, W), dx then dy, in pixels of its own size. Sampling positions are pixel centres
(``align_corners=True`` in torch's words), so a flow of (1, 0) reads exactly the right-hand neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass
class Matches:
    """The mutual matches of one pair's pieces (paper 3.1, the matching map).

    ``pieces_0`` and ``pieces_1`` (M,) int64 are labels in frame 0 and frame 1, ``scores`` (M,) the values of
    C = A - lambda_dist L_dist - lambda_size L_size.
    """

    pieces_0: Tensor
    pieces_1: Tensor
    scores: Tensor


@dataclass
class Flow:
    """The motion of P pairs, with what the matching knows of it. Only the two fields are needed by any consumer.

    - ``flow_01``, ``flow_10``: (P, 2, H, W).
    - ``labels``: (P + 1, H, W) int32, the pieces of each frame.
    - ``matches``: a Matches for each pair.
    - ``motion``: for each pair (M, 6), a similarity per match: centre in frame 0 (x, y), centre in frame 1 (x, y), turn
      in radians (clockwise as seen, y being down) and the logarithm of the scale.
    - ``depth_0``, ``depth_1``: (P, 1, H, W), which pixel is in front: the greater.
    - ``confidence_01``, ``confidence_10``: (P, 1, H, W), 0..1.
    """

    flow_01: Tensor
    flow_10: Tensor
    labels: Tensor | None = None
    matches: list[Matches] | None = None
    motion: list[Tensor] | None = None
    depth_0: Tensor | None = None
    depth_1: Tensor | None = None
    confidence_01: Tensor | None = None
    confidence_10: Tensor | None = None
