"""Flow -> in-between frames (paper 3.3)."""

import time
from collections.abc import Iterable
from typing import Any

import torch
from comfy_api.latest import io
from torch import Tensor

from ..animeinterp.errors import AnimeInterpError
from ..animeinterp.pipeline import interpolate_stream
from ..animeinterp.retiming import plan_clip, retime
from . import base, bridge, types

MULTIPLIER_TOOLTIP = (
    "2 puts one frame between every two drawings, 3 puts two, and so on: N drawings become (N - 1) x multiplier + 1."
)
PROTECT_TOOLTIP = (
    "Where this is white nothing is interpolated: subtitles, a logo or a heads-up display are shown as in the nearer drawing. "
    "One mask for all drawings, or one each."
)
TIMING_TOOLTIP = (
    "From Timing: a target rate, cuts, drawings on twos, loops, timing by hand. Takes the place of the multiplier and the times."
)
TIMES_TOOLTIP = (
    "Instead of the multiplier: the moments between every two drawings to draw, 0 being the first and 1 the second, "
    'such as "0.25, 0.5" or "1/3, 2/3". The drawings themselves are kept.'
)


class AnimeInterpSynthesize(base.Node):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return base.schema(
            node_id="AnimeInterpSynthesize",
            display_name="Splat and Synthesize",
            search_aliases=["interpolate", "in-between", "softmax splatting", "warp", "forward warp", "tween"],
            description="Carries the drawings along the motion and paints the frames between them: the last stage of "
            "AnimeInterp.",
            inputs=[
                io.Image.Input("images", tooltip="The drawings, in order."),
                types.Flow.Input(
                    "flow",
                    optional=True,
                    tooltip="Their motion, coarse or refined. Not connected: the model finds it, or it is found from colour "
                    "pieces.",
                ),
                types.Model.Input(
                    "model",
                    optional=True,
                    tooltip="Paints the frames. Not connected: the drawings are carried along, laid over each other, "
                    "what is in front in front.",
                ),
                io.Int.Input("multiplier", default=2, min=1, max=64, tooltip=MULTIPLIER_TOOLTIP),
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
    def execute(cls, images, multiplier: int, flow=None, model=None, times: str = "", protect=None, timing=None) -> io.NodeOutput:
        frames = bridge.to_frames(images)
        if flow is not None:
            bridge.check_same_clip(len(flow), flow.size, frames, name="flow", pairs=True)
        moments = bridge.parse_times(times)
        return io.NodeOutput(draw_between(frames, multiplier, moments, model, flows=flow, protect=protect, timing=timing))


def draw_between(
    frames: Tensor, multiplier: int, times: list[float] | None, model: Any, timing: Any = None, **options: Any
) -> Tensor:
    """The library's interpolation of ``frames`` (N, C, H, W), as ComfyUI's IMAGE; ``model`` is a patcher or None."""
    if timing is not None:
        return _draw_timed(frames, times, timing, model, options)
    pairs, held = frames.shape[0] - 1, 0
    progress = bridge.Progress(lambda done, total: f"pair {min(int(done) + 1, pairs)} of {pairs}" + _held(held))
    networks = {"model": None}
    if model is not None:
        networks = {"model": bridge.on_device(model, frames), "device": model.load_device}

    def given():
        nonlocal held
        for i, frame in enumerate(frames.split(1)):
            held += i > 0 and torch.equal(frame, frames[i - 1 : i])
            yield frame

    stream = interpolate_stream(
        given(),
        multiplier,
        times=times,
        progress=lambda done: progress(done, pairs),
        cancel=progress.check,
        **networks,
        **options,
    )
    new = multiplier - 1 if times is None else len(times)
    images = collect(stream, pairs * (new + 1) + 1)
    name = "weights-free" if model is None else model.model.shown_as
    bridge.say(f"{len(images)} frames from {pairs + 1}{_held(held)}; {bridge.seconds(time.monotonic() - progress.began)}; {name}")
    return images


def collect(stream: Iterable[Tensor], count: int) -> Tensor:
    """``count`` frames (1, C, H, W) as ComfyUI's IMAGE, a frame at a time."""
    images = None
    for i, frame in enumerate(stream):
        if images is None:
            images = bridge.empty_images(count, *frame.shape[-2:], frame.shape[1])
        images[i] = frame[0].movedim(0, -1)
    return images


def _draw_timed(frames: Tensor, times: list[float] | None, timing: Any, model: Any, options: dict[str, Any]) -> Tensor:
    """The same by a plan."""
    if times is not None:
        raise AnimeInterpError("times is filled in, and timing is connected, which tells the moments, too. Empty the one, or "
                               "disconnect the other.")
    progress = bridge.Progress(lambda done, total: f"frame {int(done)} of {total}")
    networks = {"model": None}
    if model is not None:
        networks = {"model": bridge.on_device(model, frames), "device": model.load_device}
    at = [index / timing.source_fps for index in range(frames.shape[0])]
    bridge.say("looking for cuts and held drawings")
    plan = plan_clip(lambda: frames.split(1), timing, at, progress=lambda seen: progress.check())
    stream = retime(
        frames.split(1), plan, progress=lambda done: progress(done, len(plan.steps)), cancel=progress.check, **networks, **options
    )
    images = collect(stream, len(plan.steps))
    bridge.say(
        f"{len(images)} frames from {len(frames)}, {plan.drawn} drawn, {len(plan.cuts)} cuts, {len(plan.held)} held; "
        f"{bridge.seconds(time.monotonic() - progress.began)}"
    )
    return images


def _held(count: int) -> str:
    return f", {count} held" if count else ""
