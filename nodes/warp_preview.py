"""Flow and frames -> pictures of what the flow makes of each frame."""

import torch
from comfy_api.latest import io, ui

from ..animeinterp.errors import AnimeInterpError
from ..animeinterp.flow import CoarseFlow
from ..animeinterp.synthesis.blend import FrameWarper
from ..animeinterp.visualization.pieces import shrink
from . import base, bridge, types

_WIDTH = 480  # of each of the three
_HOLE = (0.95, 0.2, 0.6)


class AnimeInterpWarpPreview(base.Node):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return base.schema(
            node_id="AnimeInterpWarpPreview",
            display_name="Preview Warped Frames",
            search_aliases=["warp", "splat", "optical flow", "debug flow"],
            description="Shows what the motion makes of each drawing: the first one carried to the moment, the second one, and "
            "both laid over each other. Pink is where nothing landed.",
            inputs=[
                io.Image.Input("images", tooltip="The drawings, in order; the same as the flow was found for."),
                types.Flow.Input("flow", tooltip="From SGM Coarse Flow, RFR Refine Flow or Load Flow."),
                io.Float.Input(
                    "time", default=0.5, min=0.0, max=1.0, step=0.05, tooltip="The moment: 0 is the first drawing, 1 the second."
                ),
            ],
            outputs=[
                io.Image.Output("preview", display_name="preview", tooltip="A picture for each pair: first, second, both."),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, images, flow, time: float) -> io.NodeOutput:
        if not 0 <= time <= 1:
            raise AnimeInterpError(f"time is {time}; it should be from 0, the first drawing, to 1, the second.")
        frames = bridge.to_frames(images)
        bridge.check_same_clip(len(flow), flow.size, frames, name="flow", pairs=True)
        progress, pictures = bridge.Progress(), []
        for index in range(len(flow)):
            progress(index, len(flow))
            pair = flow.pair(index)
            pair = pair.as_flow() if isinstance(pair, CoarseFlow) else pair
            warped = FrameWarper(frames[index : index + 1, :3], frames[index + 1 : index + 2, :3], pair).at(time)
            hole = torch.tensor(_HOLE).view(1, 3, 1, 1)
            three = [torch.where(mass > 0, colour, hole) for colour, mass in zip(warped.colours, warped.masses, strict=True)]
            three = [shrink(picture.clamp(0, 1), _WIDTH) for picture in (*three, warped.blended)]
            gap = torch.ones(1, 3, three[0].shape[2], 4)
            pictures.append(torch.cat([three[0], gap, three[1], gap, three[2]], dim=3))
        progress(1, 1)
        made = bridge.stack_images(pictures)
        return io.NodeOutput(made, ui=ui.PreviewImage(made, cls=cls))
