"""What is found of a pair's motion at a time (``bilateral``), and where the search for it begins.

Conventions: as in ``bilateral``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass(frozen=True)
class Start:
    """A flow of the pair carried to t, at 1/8 of the size. ``motion`` (B, 4, h, w) in pixels of that size, 0 where it
    is not known; ``known`` (B, 2, h, w) in 0..1, how far it is believed for either drawing: 0, nothing is known."""

    motion: Tensor
    known: Tensor


@dataclass(frozen=True)
class Found:
    """What was found at a time. ``motions`` (B, 4, h, w), at 1/16, 1/8, 1/4; ``mask_logit`` (B, 1, h, w) at
    1/4, of which the sigmoid is drawing 0's share; ``hidden``, the hidden state, at 1/4."""

    motions: list[Tensor]
    mask_logit: Tensor
    hidden: Tensor


def restart(found: Found) -> Start:
    """What was found as a start for another iteration at the same picture."""
    motion = F.avg_pool2d(found.motions[-1], 2) / 2
    return Start(motion, torch.ones_like(motion[:, :2]))


def as_start(motion: Tensor, like: Tensor) -> Start:
    """The ``motion`` (B, 4, h, w) of a picture of half the size, as a start for one with features ``like`` (B, C, h, w) at 1/8.

    A quarter's pixel of the one is an eighth's of the other, and they begin at the same corner: only what the pictures were
    padded by is not the same.
    """
    height, width = like.shape[-2:]
    below, beside = max(height - motion.shape[-2], 0), max(width - motion.shape[-1], 0)
    motion = F.pad(motion, (0, beside, 0, below), mode="replicate")[..., :height, :width]
    return Start(motion, torch.ones_like(motion[:, :2]))
