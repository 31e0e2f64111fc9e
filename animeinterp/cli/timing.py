"""The options of ``interpolate`` that say which output frame lies where, and its dry run."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import fields
from fractions import Fraction
from pathlib import Path

from ..errors import AnimeInterpError
from ..film import Clip
from ..media import check_free, write_image
from ..sequence.plan import Plan
from ..sequence.timing import HOLDS, PACES, PER_PIECE, SIDES, Timing
from ..storage import URL
from ..visualization.strip import draw_strip
from . import say

_DEFAULTS = Timing()


def add_timing_arguments(parser: argparse.ArgumentParser, moments: argparse._MutuallyExclusiveGroup) -> None:
    """Add the options; ``moments`` is the group of those of which one may be given."""
    moments.add_argument("--target-fps", type=rate, metavar="RATE",
                         help="instead: frames a second of what comes out, such as 60 or 60000/1001; it lasts as long as it did, "
                              "and given frames stay where they fall")
    group = parser.add_argument_group("when", "drawings on twos, cuts, loops")
    group.add_argument("--schedule", default="", metavar="TEXT",
                      help='timing by hand, by frames (or seconds) of the input: "0-12: x3; 12-20: hold; 20-: 0.25,0.5 ease-in"')
    group.add_argument("--cuts", default=_DEFAULTS.cuts, metavar="auto|off|LIST",
                      help="found in the pictures, or first frames of shots, such as 24,130,12.5s; nothing is drawn across one "
                           "(default: auto)")
    group.add_argument("--cut-side", choices=SIDES, default=_DEFAULTS.cut_side,
                      help="what fills the gap that a cut leaves (default: right, what comes after it)")
    group.add_argument("--cut-threshold", type=float, default=_DEFAULTS.cut_threshold, metavar="X",
                      help="over 1: fewer cuts are found, under 1: more")
    group.add_argument("--holds", choices=HOLDS, default=_DEFAULTS.holds,
                      help="drawings that stand for several frames: drawn from drawing to drawing (smooth), left as they are "
                           "(keep), or their repetitions left out (drop); default: smooth")
    group.add_argument("--per-piece", choices=PER_PIECE, default=_DEFAULTS.per_piece,
                      help="own times for what is on twos under a camera on ones (default: auto, where that is clear)")
    group.add_argument("--longest-span", type=Fraction, default=_DEFAULTS.longest_span, metavar="FRAMES",
                      help="how long a motion may take; a drawing that stands longer rests first (default: 4)")
    group.add_argument("--skip", type=_numbers, default=(), metavar="N,N", help="pairs, by their first frames, left as they are")
    group.add_argument("--loop", action="store_true", help="the last frame leads to the first")
    group.add_argument("--pace", choices=PACES, default=_DEFAULTS.pace,
                      help="even; continuous, as the motion before and after goes; or each pair eased by itself")
    group.add_argument("--start", type=seconds, metavar="T", help="take the input from there, in seconds or as 1:02.5")
    group.add_argument("--end", type=seconds, metavar="T", help="and until there")
    group.add_argument("--plan", action="store_true",
                      help="draw nothing: print what would come out, and write OUTPUT.plan.png, a strip of the input with cuts, "
                           "held drawings and new frames marked")
    group.add_argument("--resume", action="store_true",
                      help="work in parts, kept in OUTPUT.parts until the film is whole: started again, it goes on where it was; "
                           "started twice, both share the work")


def timing_of(options: argparse.Namespace) -> Timing:
    """The timing that the options ask for."""
    names = (field.name for field in fields(Timing) if field.name != "source_fps")  # which films tell themselves
    asked = {name: getattr(options, name) for name in names}
    return Timing(**{name: value for name, value in asked.items() if value is not None})


def show_plan(plan: Plan, clip: Clip, output: Path | URL, overwrite: bool) -> None:
    """Print the plan as a table, and write its strip."""
    for line in table(plan, clip.start):
        say(line)
    path = output.with_name(output.name + ".plan.png")
    if not overwrite:
        check_free(path)
    write_image(path, draw_strip(clip.frames(), plan))
    say(f"strip: {path}")


def table(plan: Plan, start: Fraction = Fraction(0)) -> Iterator[str]:
    """A line for each output frame, and one that sums up. Times count from ``start``."""
    yield "frame      time  shows"
    for index, step in enumerate(plan.steps):
        if step.given:
            notes = [text for text, there in (("cut", plan.cuts), ("held", plan.held)) if step.first in there]
            shows = f"{step.first}{'  (' + ', '.join(notes) + ')' if notes else ''}"
        else:
            shows = f"{step.first} > {step.second}  at {step.t:.3f}"
        yield f"{index:5d}  {float(step.time - start):8.4f}  {shows}"
    rate = "at their own times" if plan.rate is None else f"{plan.rate} a second"
    yield (f"{len(plan.times)} frames in, {len(plan.steps)} out ({rate}): {plan.drawn} drawn; "
           f"{len(plan.cuts)} cuts, {len(plan.held)} held")


def rate(text: str) -> Fraction:
    """Frames a second, as an argument."""
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError):
        value = Fraction(0)
    if not Fraction(1, 100) <= value <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} should be frames a second, 0.01 to 1000, such as 24 or 24000/1001")
    return value


def seconds(text: str) -> Fraction:
    """``12.5``, ``1:02.5`` or ``1:00:00`` as seconds."""
    try:
        total = Fraction(0)
        for word in text.split(":"):
            total = total * 60 + Fraction(word)
    except (ValueError, ZeroDivisionError):
        total = Fraction(-1)
    if total < 0:
        raise argparse.ArgumentTypeError(f"{text!r} should be a time in seconds, such as 12.5 or 1:02.5")
    return total


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(word) for word in text.replace(",", " ").split())
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} should be numbers of frames, such as 3,17") from None


def check_alone(options: argparse.Namespace) -> None:
    """AnimeInterpError where options are given that say nothing beside --times."""
    chosen = timing_of(options)
    parts = options.resume or options.ray or options.plan or options.start or options.end
    if options.times is not None and (chosen != _DEFAULTS or parts):
        raise AnimeInterpError("--times draws the same moments between any two frames and knows nothing of cuts, holds or parts; "
                               'with those, say them as --schedule "0-: 0.25, 0.5".')
