"""Pieces that another tool has drawn: one mask each, or one colour each, made into label maps."""

from __future__ import annotations

import torch
from torch import Tensor

from ..config import SegmentConfig
from ..errors import AnimeInterpError
from ..segmentation import segment

_COVERED = 0.5


def labels_from_masks(masks: Tensor, frame: Tensor, config: SegmentConfig | None = None) -> Tensor:
    """Label map (1, H, W) int32 of a frame (1, C, H, W) from the masks (K, H, W) of its pieces, 0..1.

    A mask is a piece where it is over 0.5; where masks overlap the smaller one counts, as it lies on the greater (an eye on a
    face). What none covers is cut by colour (``segment``). Pieces are told apart by mask: a mask of two parts is one piece.
    AnimeInterpError where sizes differ.
    """
    _check("masks", masks, frame)
    inside = masks.to(frame.device) > _COVERED
    owner = torch.full(frame.shape[-2:], -1, dtype=torch.int64, device=frame.device)
    areas = inside.flatten(1).sum(1)
    for index in areas.argsort(descending=True, stable=True).tolist():
        owner[inside[index]] = index
    return _with_rest(owner, frame, config)


def labels_from_colours(picture: Tensor, frame: Tensor, config: SegmentConfig | None = None) -> Tensor:
    """Label map (1, H, W) int32 of a frame (1, C, H, W) from a picture (1, 3 or 4, H, W) with a flat colour a piece.

    Pixels of one colour, of 8 bits a channel, are one piece; black, and what is transparent, is no piece and cut by colour.
    """
    _check("the colour-coded picture", picture[0], frame)
    levels = (picture[0].clamp(0, 1) * 255).round().long().to(frame.device)
    code = (levels[0] * 256 + levels[1]) * 256 + levels[2]
    if picture.shape[1] == 4:
        code = code.masked_fill(levels[3] < 128, 0)
    colours, owner = code.unique(return_inverse=True)
    if len(colours) > 4096:
        raise AnimeInterpError(
            f"The colour-coded picture has {len(colours)} colours; it should have one a piece, without blurred edges. "
            "Save it as PNG, without smoothing, and do not resize it (or by nearest neighbour)."
        )
    return _with_rest(owner.masked_fill(code == 0, -1), frame, config)


def _with_rest(owner: Tensor, frame: Tensor, config: SegmentConfig | None) -> Tensor:
    """``owner`` (H, W), -1 for nobody, with pieces cut by colour there, as labels without gaps."""
    rest = owner < 0
    if bool(rest.any()):
        cut = segment(frame, config or SegmentConfig())[0].to(owner)
        owner = torch.where(rest, cut + owner.max() + 1, owner)
    return owner.unique(return_inverse=True)[1].view(owner.shape)[None].to(torch.int32)


def _check(name: str, planes: Tensor, frame: Tensor) -> None:
    if tuple(planes.shape[-2:]) != tuple(frame.shape[-2:]):
        raise AnimeInterpError(
            f"{name}: {planes.shape[-1]}x{planes.shape[-2]}, and the frame is {frame.shape[-1]}x{frame.shape[-2]}; they should "
            "be of one size. Resize one of them."
        )
