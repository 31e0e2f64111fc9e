"""Pieces that another tool cut, as masks or as a picture of colours -> colour pieces."""

import torch
from comfy_api.latest import io

from ..animeinterp import SegmentConfig
from ..animeinterp.errors import AnimeInterpError
from ..animeinterp.foreign import labels_from_colours, labels_from_masks
from ..animeinterp.sequence import ClipLabels
from . import base, bridge, types
from .segment import STYLE_TOOLTIP, STYLES, draw_all_pieces

_ORDERS = ["frame by frame", "piece by piece"]


class AnimeInterpSegmentsFromMasks(base.Node):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return base.schema(
            node_id="AnimeInterpSegmentsFromMasks",
            display_name="Colour Pieces from Masks",
            search_aliases=["SAM", "segment anything", "mask to segments", "segmentation map", "color coded"],
            description="Makes colour pieces of masks (of Segment Anything, for one) or of a picture with a flat colour a piece. "
            "What they do not cover is cut by colour.",
            inputs=[
                io.Image.Input("images", tooltip="The drawings, in order."),
                io.Mask.Input(
                    "masks",
                    optional=True,
                    tooltip="A mask a piece, of the drawings' size, as many for each drawing. Where two overlap the smaller one "
                    "counts.",
                ),
                io.Image.Input(
                    "colours",
                    optional=True,
                    tooltip="Instead of masks: a picture for each drawing, a flat colour a piece. Black is no piece.",
                ),
                io.Combo.Input(
                    "order",
                    options=_ORDERS,
                    default=_ORDERS[0],
                    tooltip="How the masks come. frame by frame: all those of the first drawing, then of the second. piece by "
                    "piece: the first piece in all drawings, as trackers give it, then the second.",
                ),
                io.Combo.Input("style", options=STYLES, default="japanese", tooltip=STYLE_TOOLTIP, **base.FOLDED),
            ],
            outputs=[
                types.Segments.Output("segments", display_name="segments", tooltip="For SGM Coarse Flow."),
                io.Image.Output(
                    "preview", display_name="preview", tooltip="Each frame's pieces, each in a flat colour of its own."
                ),
            ],
        )

    @classmethod
    def execute(cls, images, order: str, style: str, masks=None, colours=None) -> io.NodeOutput:
        frames = bridge.to_frames(images, least=1)
        config, count, progress = SegmentConfig(style=style), frames.shape[0], bridge.Progress()
        if (masks is None) == (colours is None):
            raise AnimeInterpError("masks or colours should be connected, one of the two. Connect what holds the pieces.")
        if masks is not None:
            parts = masks_of_frames(masks, count, order)
        else:
            parts = bridge.to_frames(colours, least=1)
            bridge.check_same_clip(parts.shape[0], parts.shape[-2:], frames, name="colours")

        def labels():
            for index in range(count):
                progress(index, count)
                frame = frames[index : index + 1]
                if masks is not None:
                    yield labels_from_masks(parts[index], frame, config)
                else:
                    yield labels_from_colours(parts[index : index + 1], frame, config)
            progress(1, 1)

        segments = ClipLabels(labels())
        return io.NodeOutput(segments, draw_all_pieces(segments))


def masks_of_frames(masks: torch.Tensor, count: int, order: str) -> torch.Tensor:
    """A MASK batch as (frames, pieces, H, W)."""
    masks = masks.reshape(-1, *masks.shape[-2:])
    if masks.shape[0] == 0 or masks.shape[0] % count:
        raise AnimeInterpError(
            f"masks holds {masks.shape[0]} masks and images {count} drawings; there should be as many masks for each drawing. "
            "Add empty masks where a piece is missing."
        )
    if order == _ORDERS[1]:
        return masks.reshape(-1, count, *masks.shape[-2:]).transpose(0, 1)
    return masks.reshape(count, -1, *masks.shape[-2:])
