"""The whole way in one node: frames -> frames with others between them."""

from comfy_api.latest import io

from ..animeinterp import SegmentConfig
from . import base, bridge, types
from .segment import STYLE_TOOLTIP, STYLES
from .synthesize import MULTIPLIER_TOOLTIP, PROTECT_TOOLTIP, TIMES_TOOLTIP, TIMING_TOOLTIP, draw_between

METHODS = ["auto", "weights-free"]
SEARCHED_AS = [
    "interpolate", "frame interpolation", "in-between", "inbetween", "tween", "anime", "cartoon", "fps", "frame rate",
    "slow motion", "smooth", "RIFE", "FILM", "GMFSS", "VFI",
]  # fmt: skip


class AnimeInterp(base.Node):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return base.schema(
            node_id="AnimeInterp",
            display_name="AnimeInterp: Interpolate In-Betweens",
            search_aliases=SEARCHED_AS,
            description="Frame interpolation for anime, cartoons and other drawings: draws the in-between frames (tweens), for "
            "smooth motion, a higher fps or slow motion, as RIFE and FILM do for film. All it needs is images.",
            inputs=[
                io.Image.Input("images", tooltip="The drawings, in order: two or more, all of one size."),
                types.Model.Input(
                    "model", optional=True, tooltip="Other weights than the bundled ones, from Load AnimeInterp Model."
                ),
                io.Combo.Input(
                    "method",
                    options=METHODS,
                    default="auto",
                    tooltip="auto: with the connected model, else with the bundled one where it ships, else without. "
                    "weights-free: without any model, by colour pieces and their motion alone.",
                ),
                io.Int.Input("multiplier", default=2, min=1, max=64, tooltip=MULTIPLIER_TOOLTIP),
                io.Combo.Input("style", options=STYLES, default="japanese", tooltip=STYLE_TOOLTIP, **base.FOLDED),
                io.String.Input(
                    "times", optional=True, default="", placeholder="0.25, 0.5, 0.75", tooltip=TIMES_TOOLTIP, **base.FOLDED
                ),
                io.Mask.Input("protect", optional=True, tooltip=PROTECT_TOOLTIP),
                types.Timing.Input("timing", optional=True, tooltip=TIMING_TOOLTIP),
            ],
            outputs=[
                io.Image.Output(
                    "frames", display_name="images", tooltip="The drawings with the new frames between them."
                ),
            ],
        )

    @classmethod
    def execute(
        cls, images, method: str, multiplier: int, style: str, model=None, times: str = "", protect=None, timing=None
    ) -> io.NodeOutput:
        frames = bridge.to_frames(images)
        moments = bridge.parse_times(times)
        if method == "weights-free":
            model = None
        elif model is None and bridge.bundled_ships():
            model = bridge.load_model(bridge.BUNDLED)
        config = SegmentConfig(style=style)
        options = {"segment_config": config, "protect": protect, "timing": timing}
        return io.NodeOutput(draw_between(frames, multiplier, moments, model, **options))
