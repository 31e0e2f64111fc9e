"""What the stages know, drawn: pieces in flat colours, and matched pieces in like colours side by side."""

from __future__ import annotations

import torch
from torch import Tensor

from ..flow import Matches
from ..images import area_average

_GOLDEN = 0.6180339887  # its multiples spread over the hues without ever coming close to repeating
_LUMA = (0.299, 0.587, 0.114)


def piece_colours(count: int) -> Tensor:
    """``count`` colours as (count, 3) RGB in 0..1, each far in hue from those before it; always the same ones."""
    index = torch.arange(count, dtype=torch.float64)
    hue = (index * _GOLDEN).remainder(1) * 6
    saturation = 0.45 + 0.5 * (index * 0.7548776662).remainder(1)
    value = 0.65 + 0.35 * (index * 0.5698402910).remainder(1)
    # The HSV cone: each channel is full within a third of the circle around its own hue.
    offsets = torch.tensor([5.0, 3.0, 1.0], dtype=torch.float64)
    k = (offsets + hue[:, None]).remainder(6)
    fall = torch.minimum(k, 4 - k).clamp(0, 1)
    return (value[:, None] * (1 - saturation[:, None] * fall)).float()


def draw_pieces(labels: Tensor) -> Tensor:
    """Label maps (N, H, W) as pictures (N, 3, H, W) in 0..1, one flat colour a piece."""
    if labels.numel() == 0:
        return torch.zeros(labels.shape[0], 3, *labels.shape[1:])
    colours = piece_colours(int(labels.max()) + 1).to(labels.device)
    return colours[labels.long()].permute(0, 3, 1, 2).contiguous()


def draw_matches(
    frame0: Tensor, frame1: Tensor, labels_0: Tensor, labels_1: Tensor, matches: Matches, *, width: int = 640
) -> Tensor:
    """Both frames of a pair side by side, matched pieces in like colours over the drawing, the others grey.

    Args:
        frame0: (1, 3 or 4, H, W) in 0..1.
        frame1: likewise.
        labels_0: (1, H, W), the pieces of ``frame0``.
        labels_1: those of ``frame1``.
        matches: who matched whom.
        width: each frame is drawn no wider than this.

    Returns:
        (1, 3, h, 2 w + gap) in 0..1, float32.
    """
    colours = piece_colours(len(matches.pieces_0)).to(frame0.device)
    halves = [
        _tint(frame0, labels_0, matches.pieces_0, colours, width),
        _tint(frame1, labels_1, matches.pieces_1, colours, width),
    ]
    gap = torch.ones(1, 3, halves[0].shape[2], 4, device=frame0.device)
    return torch.cat([halves[0], gap, halves[1]], dim=3)


def _tint(frame: Tensor, labels: Tensor, pieces: Tensor, colours: Tensor, width: int) -> Tensor:
    """The frame in grey, its ``pieces`` washed over with ``colours``."""
    luma = torch.tensor(_LUMA, device=frame.device).view(1, 3, 1, 1)
    grey = (frame[:, :3].float() * luma).sum(1, keepdim=True)
    count = int(labels.max()) + 1
    wash = torch.zeros(count, 3, device=frame.device)
    share = torch.zeros(count, 1, device=frame.device)
    known = pieces.to(frame.device)
    wash[known], share[known] = colours, 0.75
    each = torch.cat([wash, share], dim=1)[labels.long()].permute(0, 3, 1, 2)  # (1, 4, H, W)
    # Matched: the colour, darkened by the drawing's lines. Unmatched: the drawing, faint.
    tinted = each[:, :3] * (0.35 + 0.65 * grey)
    picture = torch.where(each[:, 3:] > 0, tinted * 0.85 + 0.15 * grey, 0.75 + 0.2 * grey)
    return shrink(picture, width)


def shrink(picture: Tensor, width: int) -> Tensor:
    """``picture`` (N, C, H, W) no wider than ``width``, areas averaged; smaller ones come back as they are."""
    if picture.shape[3] <= width:
        return picture
    height = max(1, round(picture.shape[2] * width / picture.shape[3]))
    return area_average(picture, (height, width))
