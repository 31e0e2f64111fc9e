"""Flow -> a picture of it."""

import torch
from comfy_api.latest import io, ui
from torch import Tensor

from ..animeinterp.dense_flow import disagreement
from ..animeinterp.flow import Flow
from ..animeinterp.visualization.flow_colours import flow_to_colours, largest_motion
from ..animeinterp.visualization.pieces import shrink
from . import base, bridge, types

_WIDTH = 640  # of each direction's half
_LOST = 4.0  # pixels that the way there and back may miss by


class AnimeInterpFlowPreview(base.Node):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return base.schema(
            node_id="AnimeInterpFlowPreview",
            display_name="Preview Flow",
            search_aliases=["optical flow", "flow wheel", "visualize flow", "motion to colours", "flow to image"],
            description="Draws the motion as colours: hue is the direction (right red, down yellow, left cyan, up "
            "blue), strength is the length, white is still. Left half: first drawing to second; right half: back.",
            inputs=[
                types.Flow.Input("flow", tooltip="From SGM Coarse Flow or RFR Refine Flow."),
                io.Float.Input(
                    "max_motion",
                    default=0.0,
                    min=0.0,
                    max=4096.0,
                    step=1.0,
                    tooltip="The motion, in pixels, drawn in full colour; longer is darker. 0: each pair's longest. "
                    "Set it to compare pairs or flows with one another.",
                ),
            ],
            outputs=[
                io.Image.Output(
                    "preview", display_name="preview", tooltip="A picture for each pair: its motion forward and back."
                ),
                io.Image.Output(
                    "confidence",
                    display_name="confidence",
                    tooltip="A picture for each pair: white where the way there and back ends where it began, black from "
                    "4 pixels off.",
                ),
            ],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, flow, max_motion: float) -> io.NodeOutput:
        progress = bridge.Progress()
        pictures, trusted = [], []
        for i in range(len(flow)):
            progress(i, len(flow))
            pair = flow.pair(i)
            both = torch.cat([pair.flow_01, pair.flow_10])
            colours = shrink(flow_to_colours(both, max_motion=max_motion or max(largest_motion(both), 1.0)), _WIDTH)
            pictures.append(_side_by_side(colours))
            trusted.append(_side_by_side(shrink(_trust(pair), _WIDTH)))
        progress(1, 1)
        images = bridge.stack_images(pictures)
        return io.NodeOutput(images, bridge.stack_images(trusted), ui=ui.PreviewImage(images, cls=cls))


def _side_by_side(both: Tensor) -> Tensor:
    gap = torch.ones(1, 3, both.shape[2], 4)
    return torch.cat([both[:1], gap, both[1:]], dim=3)


def _trust(pair: Flow) -> Tensor:
    """How far the ways there and back agree, (2, 3, H, W) in grey, forward first."""
    there, back = (field[0].permute(1, 2, 0).contiguous().numpy() for field in (pair.flow_01, pair.flow_10))
    off = torch.stack([torch.from_numpy(disagreement(*ways)) for ways in ((there, back), (back, there))])
    return (1 - off / _LOST).clamp(0, 1)[:, None].expand(-1, 3, -1, -1)
