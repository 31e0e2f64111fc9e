"""Frames and their pieces -> coarse flow (paper 3.1, SGM)."""

from comfy_api.latest import io

from ..animeinterp import MatchConfig, SegmentConfig
from ..animeinterp.frames import FramePair
from ..animeinterp.sequence import ClipFlow
from ..animeinterp.stages import Stages
from ..animeinterp.visualization.pieces import draw_matches
from . import base, bridge, types
from .segment import segment_clip


class AnimeInterpCoarseFlow(base.Node):
    @classmethod
    def define_schema(cls) -> io.Schema:
        defaults = MatchConfig()
        return base.schema(
            node_id="AnimeInterpCoarseFlow",
            display_name="SGM Coarse Flow",
            search_aliases=["optical flow", "segment-guided matching", "motion", "match pieces"],
            description="Finds for each colour piece the same piece in the next drawing, and how it moved there: "
            "segment-guided matching, the second stage of AnimeInterp.",
            inputs=[
                io.Image.Input("images", tooltip="The drawings, in order; the same as were segmented."),
                types.Segments.Input(
                    "segments", optional=True, tooltip="Their pieces. Not connected: found with the default settings."
                ),
                types.Features.Input(
                    "features", optional=True, tooltip="VGG-19, which the paper matches by. Goes before the model."
                ),
                types.Model.Input(
                    "model",
                    optional=True,
                    tooltip="Matches pieces by this model's features. Without it and VGG-19: by colour and shape.",
                ),
                io.Float.Input(
                    "distance_weight",
                    default=defaults.distance_weight,
                    min=0.0,
                    max=5.0,
                    step=0.05,
                    tooltip="How much a match loses for leading far away (the paper's lambda for L_dist).",
                    **base.FOLDED,
                ),
                io.Float.Input(
                    "size_weight",
                    default=defaults.size_weight,
                    min=0.0,
                    max=5.0,
                    step=0.05,
                    tooltip="How much a match loses for joining pieces of unlike size (the paper's lambda for L_size).",
                    **base.FOLDED,
                ),
                io.Float.Input(
                    "free_distance",
                    default=defaults.free_distance,
                    min=0.0,
                    max=1.0,
                    step=0.01,
                    tooltip="Moves shorter than this share of the frame's diagonal lose nothing.",
                    **base.FOLDED,
                ),
                io.Boolean.Input(
                    "deformation",
                    default=defaults.deformation,
                    tooltip="On: pieces may bend on their way. Off: each piece only moves as a whole.",
                ),
            ],
            outputs=[
                types.Flow.Output(
                    "flow", display_name="flow", tooltip="The motion between neighbouring drawings, both ways."
                ),
                io.Image.Output(
                    "matches",
                    display_name="matches",
                    tooltip="A picture for each pair: both drawings side by side, matched pieces in like colours, the "
                    "others grey.",
                ),
            ],
        )

    @classmethod
    def execute(
        cls,
        images,
        distance_weight: float,
        size_weight: float,
        free_distance: float,
        deformation: bool,
        segments=None,
        features=None,
        model=None,
    ) -> io.NodeOutput:
        frames = bridge.to_frames(images)
        progress = bridge.Progress()
        if segments is None:
            segments = segment_clip(frames, SegmentConfig(), progress)
        bridge.check_same_clip(len(segments), segments.size, frames, name="segments")
        config = MatchConfig(distance_weight, size_weight, free_distance, deformation)
        stages, device = Stages(match_config=config), frames.device
        if features is not None:
            stages.features, device = bridge.on_device(features, frames), features.load_device
        elif model is not None:
            stages.model, device = bridge.on_device(model, frames), model.load_device
        count, pictures = frames.shape[0], []

        def flows():
            after = None
            for i in range(count):
                before, after = after, stages.load(frames[i : i + 1], device)
                stages.pieces(after, stages.runtime(progress.part(2 * i, 2 * count)), labels=segments.frame(i))
                if before is not None:
                    flow = stages.match(FramePair(before, after), stages.runtime(progress.part(2 * i + 1, 2 * count)))
                    pair = before.frame, after.frame, segments.frame(i - 1, device), segments.frame(i, device)
                    pictures.append(draw_matches(*pair, flow.matches[0]))
                    yield flow

        flow = ClipFlow(flows(), labels=segments)
        progress(1, 1)
        return io.NodeOutput(flow, bridge.stack_images(pictures))
