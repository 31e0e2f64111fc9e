"""Frames -> colour pieces (paper 3.1)."""

from comfy_api.latest import io
from torch import Tensor

from ..animeinterp import SegmentConfig, segment
from ..animeinterp.runtime.worker import run_in_thread
from ..animeinterp.sequence import ClipLabels
from ..animeinterp.visualization.pieces import draw_pieces
from . import base, bridge, types

STYLES = ["japanese", "disney"]
STYLE_TOOLTIP = (
    "How the drawings are coloured. japanese: flat colours inside of outlines. disney: soft shading, which is smoothed "
    "more before lines are looked for."
)


class AnimeInterpSegment(base.Node):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return base.schema(
            node_id="AnimeInterpSegment",
            display_name="Segment Colour Pieces",
            search_aliases=["segmentation", "color segmentation", "trapped ball", "flat regions", "line art fill"],
            description="Cuts each drawing into the pieces that its outlines enclose: the first stage of AnimeInterp.",
            inputs=[
                io.Image.Input("images", tooltip="The drawings, in order."),
                io.Combo.Input("style", options=STYLES, default="japanese", tooltip=STYLE_TOOLTIP),
                io.Int.Input(
                    "ball_radius",
                    default=3,
                    min=0,
                    max=16,
                    tooltip="Gaps in an outline narrower than a ball of this radius, in pixels, do not leak. Greater "
                    "closes wider gaps and loses narrow pieces.",
                ),
                io.Int.Input(
                    "min_piece",
                    default=500,
                    min=1,
                    max=100000,
                    step=50,
                    tooltip="Pieces of fewer pixels (in a frame of 960x540; scaled with the frame's area) join the "
                    "neighbour whose colour is nearest.",
                ),
            ],
            outputs=[
                types.Segments.Output("segments", display_name="segments", tooltip="For SGM Coarse Flow."),
                io.Image.Output(
                    "preview", display_name="preview", tooltip="Each frame's pieces, each in a flat colour of its own."
                ),
            ],
        )

    @classmethod
    def execute(cls, images, style: str, ball_radius: int, min_piece: int) -> io.NodeOutput:
        frames = bridge.to_frames(images, least=1)
        config = SegmentConfig(style=style, ball_radius=ball_radius, min_piece=min_piece)
        segments = segment_clip(frames, config, bridge.Progress())
        return io.NodeOutput(segments, draw_all_pieces(segments))


def draw_all_pieces(segments: ClipLabels) -> Tensor:
    """A picture of each frame's pieces, as ComfyUI's IMAGE."""
    preview = bridge.empty_images(len(segments), *segments.size)
    for i in range(len(segments)):
        preview[i] = draw_pieces(segments.frame(i))[0].movedim(0, -1)
    return preview


def segment_clip(frames, config: SegmentConfig, progress: bridge.Progress) -> ClipLabels:
    """The pieces of each of ``frames``, one frame at a time."""

    def labels():
        for i in range(frames.shape[0]):
            frame = frames[i : i + 1]
            yield run_in_thread(lambda tell, frame=frame: segment(frame, config), progress.part(i, frames.shape[0]))
        progress(1, 1)

    return ClipLabels(labels())
