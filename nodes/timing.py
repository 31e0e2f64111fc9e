"""Which output frame lies where: rates, cuts, drawings on twos, loops, timing by hand."""

import math
from fractions import Fraction

import torch
from comfy_api.latest import io, ui

from ..animeinterp.errors import AnimeInterpError
from ..animeinterp.retiming import plan_clip
from ..animeinterp.sequence.plan import make_plan
from ..animeinterp.sequence.schedule import parse_number
from ..animeinterp.sequence.timing import HOLDS, PACES, PER_PIECE, SIDES, Timing, as_rate
from ..animeinterp.visualization.strip import draw_strip
from . import base, bridge, types

_SHOWN = 12  # frames of the strip where there are no images


class AnimeInterpTiming(base.Node):
    @classmethod
    def define_schema(cls) -> io.Schema:
        usual = Timing()
        return base.schema(
            node_id="AnimeInterpTiming",
            display_name="Timing",
            search_aliases=["fps", "frame rate", "target fps", "24 to 60 fps", "scene cut", "shot detection", "on twos",
                            "duplicate frames", "mpdecimate", "loop", "ease", "timing chart", "x-sheet", "retime"],
            description="Says which output frame lies where: a target rate, what becomes of cuts and of drawings that stand for "
            "two or three frames, loops, pace, timing by hand. For AnimeInterp, Splat and Synthesize and Interpolate Video.",
            inputs=[
                io.Image.Input(
                    "images", optional=True, tooltip="Only for the picture: the clip whose cuts and held drawings it shows."
                ),
                io.Int.Input(
                    "multiplier", default=2, min=1, max=64, tooltip="So many frames for one, where there is no target rate."
                ),
                types.rate_input(
                    "target_fps", default=0.0, min=0.0, max=1000.0, step=0.001,
                    tooltip="Frames a second of what comes out, such as 60 or 23.976. 0: the multiplier says it. Its length "
                    "stays, and given frames stay where they fall.",
                ),
                types.rate_input(
                    "source_fps", default=float(usual.source_fps), min=0.01, max=1000.0, step=0.001,
                    tooltip="Frames a second of the images that come in. A video has times of its own, and this is not used.",
                ),
                io.Combo.Input(
                    "holds", options=list(HOLDS), default=usual.holds,
                    tooltip="Drawings that stand for several frames. smooth: drawn from drawing to drawing over all their time. "
                    "keep: left as they are. drop: their repetitions are left out.",
                ),
                io.String.Input(
                    "cuts", default=usual.cuts,
                    tooltip='auto: found in the pictures. off: none. Or the first frames of shots, such as "24, 130, 12.5s". '
                    "Nothing is drawn across a cut.",
                ),
                io.Combo.Input(
                    "per_piece", options=list(PER_PIECE), default=usual.per_piece,
                    tooltip="What is on twos or threes while the camera moves in every frame gets times of its own: where that "
                    "is clear, wherever it may be, or never.",
                ),
                io.Combo.Input(
                    "pace", options=list(PACES), default=usual.pace,
                    tooltip="even; continuous: as the motion before and after goes; or each pair by itself slow at its "
                    "beginning, its end, or both.",
                ),
                io.Boolean.Input(
                    "loop", default=usual.loop, tooltip="The last frame leads to the first: N frames become N times m."
                ),
                io.Float.Input(
                    "longest_span", default=float(usual.longest_span), min=1.0, max=48.0, step=0.5,
                    tooltip="How many frames a motion may last: a drawing that stands longer rests before it moves on.",
                    **base.FOLDED,
                ),
                io.String.Input(
                    "schedule", default="", multiline=True, placeholder="0-12: x3; 12-20: hold; 20-: 0.25, 0.5 ease-in",
                    tooltip="Timing by hand, for the spans of frames that it names: x3, moments, hold, ease-in, ease-out, ease.",
                    **base.FOLDED,
                ),
                io.Combo.Input(
                    "cut_side", options=list(SIDES), default=usual.cut_side,
                    tooltip="What fills the gap that a cut leaves: what comes after it, what was before, or half and half.",
                    **base.FOLDED,
                ),
                io.String.Input(
                    "skip", default="", tooltip="Pairs that are left as they are, by the numbers of their first frames: 3, 17.",
                    **base.FOLDED,
                ),
            ],
            outputs=[
                types.Timing.Output("timing", display_name="timing", tooltip="For the nodes that draw."),
                io.Image.Output(
                    "strip", display_name="strip",
                    tooltip="The frames that come in, a red bar before each shot, held ones pale; under them a black mark for "
                    "each given frame that comes out, a blue one for each that is drawn.",
                ),
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, multiplier: int, target_fps: float | str, source_fps: float | str, holds: str, cuts: str, per_piece: str, pace: str,
        loop: bool, longest_span: float, schedule: str, cut_side: str, skip: str, images=None,
    ) -> io.NodeOutput:  # fmt: skip
        timing = Timing(
            multiplier=multiplier,
            target_fps=_rate("target_fps", target_fps) or None,
            schedule=schedule,
            cuts=cuts,
            cut_side=cut_side,
            holds=holds,
            per_piece=per_piece,
            pace=pace,
            loop=loop,
            longest_span=Fraction(longest_span).limit_denominator(100),
            skip=_numbers(skip),
            source_fps=_rate("source_fps", source_fps),
        )
        strip = _strip(timing, images)
        shown = bridge.to_images(strip)
        return io.NodeOutput(timing, shown, ui=ui.PreviewImage(shown, cls=cls))


def _strip(timing: Timing, images) -> torch.Tensor:
    if images is not None:
        frames = bridge.to_frames(images)
        times = [index / timing.source_fps for index in range(frames.shape[0])]
        plan = plan_clip(lambda: frames.split(1), timing, times, progress=lambda seen: bridge.Progress.check())
        return draw_strip(frames.split(1), plan)
    times = [index / timing.source_fps for index in range(_SHOWN)]
    try:
        plan = make_plan(times, timing)
    except AnimeInterpError:  # it tells of frames that a clip may have, and these do not
        plan = make_plan(times, Timing(timing.multiplier, timing.target_fps, loop=timing.loop, source_fps=timing.source_fps))
    return draw_strip(torch.full((_SHOWN, 3, 9, 16), 0.85).split(1), plan)


def _rate(name: str, given: float | str) -> Fraction:
    """Frames a second from a number or a text, such as another node's "23.976" or "24000/1001"; an empty text is 0."""
    try:
        if isinstance(given, str) and "/" in given:
            return parse_number(given)
        value = float(given or 0)
        if not math.isfinite(value):
            raise ValueError(given)
    except ValueError:
        raise AnimeInterpError(f'{name} is "{given}"; it should be frames a second, such as 60, 23.976 or 24000/1001.') from None
    return as_rate(value)


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.replace(",", " ").split())
    except ValueError:
        raise AnimeInterpError(f'skip is "{text}"; it should be numbers of frames, such as "3, 17", or empty.') from None
