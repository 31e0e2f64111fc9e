"""Frames with alpha before and after networks that see three channels.

Networks see the colours laid over mid-grey: dark outlines and white fills both stand out from it. What they paint is
taken from the grey again by an alpha that was carried along the flow. Alpha is straight outside of this module.
"""

from __future__ import annotations

import torch
from torch import Tensor

GREY = 0.5
SEEN = 0.5 / 255  # an alpha that 8 bits round to nothing


def premultiply(frames: Tensor) -> Tensor:
    """(N, 4, H, W) with straight alpha as premultiplied; (N, 3, H, W) as they are."""
    return frames if frames.shape[1] == 3 else torch.cat([frames[:, :3] * frames[:, 3:], frames[:, 3:]], dim=1)


def over_grey(frames: Tensor) -> Tensor:
    """(N, 3 or 4, H, W) as (N, 3, H, W): laid over mid-grey where there is alpha."""
    return frames if frames.shape[1] == 3 else frames[:, :3] * frames[:, 3:] + GREY * (1 - frames[:, 3:])


def from_grey(painted: Tensor, alpha: Tensor) -> Tensor:
    """``painted`` (N, 3, H, W), colours over mid-grey, and ``alpha`` (N, 1, H, W) as (N, 4, H, W) with straight alpha,
    in which nothing of the grey is left."""
    return straighten((painted - GREY * (1 - alpha)).clamp(min=0), alpha)


def straighten(premultiplied: Tensor, alpha: Tensor) -> Tensor:
    """Premultiplied colours (N, 3, H, W) and their alpha (N, 1, H, W) as (N, 4, H, W) with straight alpha.

    Where alpha is nothing, colour is black.
    """
    colour = torch.where(alpha < SEEN, 0, premultiplied / alpha.clamp(min=SEEN))
    return torch.cat([colour, alpha], dim=1).clamp(0, 1)
