"""Flow -> in-between frames (paper 3.3)."""

from typing import Any

from comfy_api.latest import io
from torch import Tensor

from ..animeinterp.pipeline import interpolate_stream
from . import bridge, types

MULTIPLIER_TOOLTIP = (
    "2 puts one frame between every two drawings, 3 puts two, and so on: N drawings become (N - 1) x multiplier + 1."
)
TIMES_TOOLTIP = (
    "Instead of the multiplier: the moments between every two drawings to draw, 0 being the first and 1 the second, "
    'such as "0.25, 0.5" or "1/3, 2/3". The drawings themselves are kept.'
)


class AnimeInterpSynthesize(io.ComfyNode):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return io.Schema(
            node_id="AnimeInterpSynthesize",
            display_name="Splat and Synthesize",
            category=types.CATEGORY,
            description="Carries the drawings along the motion and paints the frames between them: the last stage of "
            "AnimeInterp.",
            inputs=[
                io.Image.Input("images", tooltip="The drawings, in order."),
                types.Flow.Input("flow", tooltip="Their motion, coarse or refined."),
                types.Model.Input(
                    "model",
                    optional=True,
                    tooltip="Paints the frames. Not connected: the drawings are carried along, laid over each other, "
                    "what is in front in front.",
                ),
                io.Int.Input("multiplier", default=2, min=1, max=64, tooltip=MULTIPLIER_TOOLTIP),
                io.String.Input(
                    "times", optional=True, default="", placeholder="0.25, 0.5, 0.75", tooltip=TIMES_TOOLTIP
                ),
            ],
            outputs=[
                io.Image.Output(
                    "frames", display_name="images", tooltip="The drawings with the new frames between them."
                ),
            ],
        )

    @classmethod
    def execute(cls, images, flow, multiplier: int, model=None, times: str = "") -> io.NodeOutput:
        frames = bridge.to_frames(images)
        bridge.check_same_clip(len(flow), flow.size, frames, name="flow", pairs=True)
        return io.NodeOutput(draw_between(frames, multiplier, bridge.parse_times(times), model, flows=flow))


def draw_between(frames: Tensor, multiplier: int, times: list[float] | None, model: Any, **options: Any) -> Tensor:
    """The library's interpolation of ``frames`` (N, C, H, W), as ComfyUI's IMAGE; ``model`` is a patcher or None."""
    pairs, progress = frames.shape[0] - 1, bridge.Progress()
    networks = {"model": None}
    if model is not None:
        networks = {"model": bridge.on_device(model, frames), "device": model.load_device}
    stream = interpolate_stream(
        frames.split(1),
        multiplier,
        times=times,
        progress=lambda done: progress(done, pairs),
        cancel=progress.check,
        **networks,
        **options,
    )
    new = multiplier - 1 if times is None else len(times)
    images = bridge.empty_images(pairs * (new + 1) + 1, *frames.shape[-2:], frames.shape[1])
    for i, frame in enumerate(stream):
        images[i] = frame[0].movedim(0, -1)
    return images
