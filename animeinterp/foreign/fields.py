"""Flow of which something is missing: pixels that a file does not know, and the way back."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor

from ..synthesis.splatting import splat_softmax

_SURE = 0.2  # of a pixel's worth has to land for the vector to be believed


def fill_unknown(field: Tensor, known: Tensor) -> Tensor:
    """``field`` (P, C, H, W), each pixel that is not ``known`` (P, 1, H, W) taken from the nearest that is; 0 where none is."""
    filled = field.clone()
    for index in range(field.shape[0]):
        here = known[index, 0].cpu().numpy()
        if here.all():
            continue
        if not here.any():
            filled[index] = 0.0
            continue
        # The nearest zero pixel of this picture, by a label of its own.
        _, nearest = cv2.distanceTransformWithLabels(
            (~here).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        place = np.zeros(int(nearest.max()) + 1, np.int64)
        place[nearest[here]] = np.flatnonzero(here)
        source = torch.from_numpy(place[nearest]).to(field.device)
        filled[index] = field[index].flatten(1)[:, source.flatten()].view_as(field[index])
    return filled


def reverse_flow(flow: Tensor) -> Tensor:
    """The way back of ``flow`` (P, 2, H, W), on the other frame's grid: each vector is carried to its end and turned.

    Where more than one pixel ends the longer motion counts, as what moves is mostly in front; where none does, the nearest
    vector.
    """
    length = flow.square().sum(1, keepdim=True).sqrt()
    back, landed = splat_softmax(-flow, flow, length)
    return fill_unknown(back, landed > _SURE)
