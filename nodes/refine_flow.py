"""Coarse flow -> fine flow (paper 3.2, RFR)."""

from comfy_api.latest import io

from ..animeinterp.errors import AnimeInterpError
from ..animeinterp.frames import FramePair
from ..animeinterp.sequence import ClipFlow
from ..animeinterp.stages import Stages
from . import base, bridge, types
from . import optical_flow as raft


class AnimeInterpRefineFlow(base.Node):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return base.schema(
            node_id="AnimeInterpRefineFlow",
            display_name="RFR Refine Flow",
            search_aliases=["optical flow", "RAFT", "refine motion"],
            description="Refines the motion with the model's recurrent network, or with RAFT: the third stage of AnimeInterp.",
            inputs=[
                io.Image.Input("images", tooltip="The drawings, in order."),
                types.Model.Input(
                    "model", optional=True, tooltip="From Load AnimeInterp Model. This or an optical flow model is needed."
                ),
                types.Flow.Input(
                    "flow", optional=True, tooltip="The coarse flow to start from. Not connected: from no motion."
                ),
                io.Int.Input(
                    "iterations",
                    default=0,
                    min=0,
                    max=64,
                    tooltip="How often the network looks again; more is slower and rarely better. 0: as often as the "
                    "model was trained for (12 in the published one).",
                ),
                raft.OpticalFlow.Input(
                    "optical_flow",
                    optional=True,
                    tooltip="RAFT or another optical flow model (Load Optical Flow Model, ComfyUI 0.25 on): refines in place of "
                    "the model.",
                ),
            ],
            outputs=[
                types.Flow.Output(
                    "refined_flow", display_name="flow", tooltip="The refined motion between neighbours, both ways."
                ),
            ],
        )

    @classmethod
    def execute(cls, images, iterations: int, model=None, flow=None, optical_flow=None) -> io.NodeOutput:
        frames = bridge.to_frames(images)
        pairs = frames.shape[0] - 1
        if flow is not None:
            bridge.check_same_clip(len(flow), flow.size, frames, name="flow", pairs=True)
        if model is None and optical_flow is None:
            raise AnimeInterpError(
                "Neither model nor optical_flow is connected; one of them has to refine the flow. Connect Load AnimeInterp "
                "Model, or Load Optical Flow Model."
            )
        if optical_flow is None:
            stages, device = Stages(bridge.on_device(model, frames)), model.load_device
        else:
            stages, device = Stages(refiner=raft.OpticalFlowRefiner(optical_flow, frames)), optical_flow.load_device
        progress = bridge.Progress()

        def refined():
            last = stages.load(frames[:1], device)
            for i in range(pairs):
                before, last = last, stages.load(frames[i + 1 : i + 2], device)
                start = None if flow is None else flow.pair(i, device)
                runtime = stages.runtime(progress.part(i, pairs))
                yield stages.refine(FramePair(before, last), start, iterations or None, runtime)

        return io.NodeOutput(ClipFlow(refined(), labels=None if flow is None else flow.labels))
