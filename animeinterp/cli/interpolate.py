"""``interpolate``: new frames between pictures or the frames of a video, into a video or a folder of pictures.

    python -m animeinterp interpolate A.png B.png -o frames/                 one frame between the two
    python -m animeinterp interpolate FOLDER -o clip.mp4 -m 4 --fps 24       a folder's pictures, three between each two
    python -m animeinterp interpolate clip.mp4 -o smooth.mp4 --model anime_interp_full.ckpt
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from itertools import count
from pathlib import Path

import av
import torch
from torch import Tensor

from ..config import SegmentConfig
from ..errors import AnimeInterpError, check_times
from ..film import Clip, Segment, Shared, draw_segments, draw_shared
from ..media import (
    ANIMATION_SUFFIXES,
    ANIMATIONS,
    FILM_SUFFIXES,
    IMAGE_RATE,
    IMAGE_SUFFIXES,
    MODES,
    STILLS,
    FolderWriter,
    FrameReader,
    PictureReader,
    Tracks,
    VideoReader,
    VideoWriter,
    check_free,
    holds_alpha,
    images_in,
    kind_of,
    open_film,
)
from ..pipeline import interpolate_stream
from ..segmentation.contours import STYLES
from ..sequence.timing import Plan
from ..weights import bundled_models, load_model
from . import say
from .progress import ProgressBar
from .timing import add_timing_arguments, check_alone, rate, show_plan, timing_of

# What is no name of a folder, and cannot be written either.
_OTHER_FILES = (IMAGE_SUFFIXES | {".avi", ".wmv", ".flv", ".ts", ".mpg", ".mpeg", ".ogv"}) - ANIMATION_SUFFIXES


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``interpolate``."""
    parser.add_argument("inputs", nargs="+", type=Path, metavar="INPUT",
                        help="pictures in their order, or one folder of pictures (2.png before 10.png), or one video or "
                             "animation (GIF, APNG, WebP)")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUTPUT",
                        help="a video (NAME.mp4, .mkv, .mov, .webm), an animation (NAME.gif, .png, .webp), or a folder for "
                             "frame_00001.png and on; all but .mp4 can be transparent")
    parser.add_argument("--no-audio", action="store_true",
                        help="leave the sound out (else it is copied, as are subtitles, wherever the output can hold them and "
                             "there is no --fps)")
    parser.add_argument("--overwrite", action="store_true",
                        help="replace the video, or the frames in the folder (its other files stay)")
    what = parser.add_argument_group("what is drawn")
    moments = what.add_mutually_exclusive_group()
    moments.add_argument("-m", "--multiplier", type=int, metavar="M",
                         help="M - 1 frames between each two, evenly (default: 2)")
    moments.add_argument("--times", type=_times, metavar="T,T",
                         help="instead: where between each two, from 0 to 1, such as 0.25,0.5")
    add_timing_arguments(parser, moments)
    what.add_argument("--fps", type=rate, metavar="RATE",
                      help="of the video written, such as 24 or 24000/1001 (default: what keeps the length of the video "
                           f"read; {IMAGE_RATE} times M for pictures)")
    what.add_argument("--bit-depth", type=int, choices=(8, 10, 16), metavar="8|10|16",
                      help="bits a channel of what is written (default: those of the input; 8 for a video of pictures)")
    how = parser.add_argument_group("how")
    how.add_argument("--model", default="auto", metavar="auto|none|FILE",
                     help="bundled weights where they ship, the weights-free way, or a weight file (default: auto)")
    how.add_argument("--style", choices=tuple(sorted(STYLES)), default=SegmentConfig.style,
                     help=f"of the drawings: flat cels or soft shades (default: {SegmentConfig.style})")
    how.add_argument("--deinterlace", choices=MODES, default="auto",
                     help="make frames whole that are half-pictures of two moments: where the video says so or shows it (auto), "
                          "always, or never")
    how.add_argument("--device", help="torch device (default: cuda where there is one, else cpu)")
    how.add_argument("--quiet", action="store_true", help="no progress bar")


def run(options: argparse.Namespace) -> int:
    """Read, draw and write a frame at a time; what was written appears under its name when all of it is there."""
    check_alone(options)
    source = _source(options)
    clip = None if options.times is not None else Clip(source.reader, options.start, options.end)
    writer = None if options.plan or options.resume else _writer(options, source)  # a refusal comes at once
    shared = _shared(options, source, clip) if options.resume else None
    device = _device(options.device)
    how = "without weights" if options.model == "none" or _nothing_bundled(options.model) else options.model
    bar = ProgressBar("interpolating", quiet=options.quiet)
    looking = ProgressBar("looking through", quiet=options.quiet)
    try:
        with _no_new_folders(options.output), _explained():
            if clip is None:
                written = _draw_moments(options, source, writer, device, bar)
                read = source.read
            else:
                def look(seen: int) -> None:
                    looking(seen, len(clip.times))

                plan = shared.open(look) if shared else clip.plan(timing_of(options), look)
                looking.close()
                if options.plan:
                    show_plan(plan, clip, options.output, options.overwrite)
                    return 0
                networks = {"model": _model(options.model, device), "device": device,
                            "segment_config": SegmentConfig(style=options.style)}
                read, written = len(plan.times), len(plan.steps)
                if shared is None:
                    _draw_plan(options, clip, plan, writer, bar, networks)
                else:
                    written = draw_shared(shared, plan, progress=bar, overwrite=options.overwrite,
                                          **_kind_of_film(options, source), **networks)
    finally:
        looking.close()
        bar.close()
    say(f"{_counted(read)} became {_counted(written)} in {options.output} (model: {how})")
    return 0


def _draw_plan(options, clip: Clip, plan: Plan, writer, bar: ProgressBar, networks: dict) -> None:
    def write(segment: Segment, frames) -> None:
        for step, duration, frame in frames:
            writer.write(frame, *(() if options.fps is not None else (step.time - clip.start, duration)))

    with writer:
        whole = [Segment(0, 0, len(plan.steps))]
        draw_segments(clip, plan, whole, write, progress=lambda done: bar(done, len(plan.steps)), **networks)


def _draw_moments(options, source: Source, writer, device: torch.device, bar: ProgressBar) -> int:
    """The same moments between each two frames, in the order in which they are listed. How many frames were written."""
    written = 0
    with writer:
        stream = interpolate_stream(
            source.frames(), times=options.times, model=_model(options.model, device), device=device,
            segment_config=SegmentConfig(style=options.style),
            # A video may hold more frames than it said, and the bar ends when all are written.
            progress=lambda done: bar(done, max(source.count - 1, int(done) + 1)),
        )
        places = _placed(source, options.times)
        for frame in stream:
            writer.write(frame, *(next(places) if options.fps is None else ()))
            written += 1
        if source.read < 2:
            raise AnimeInterpError(f"{source.name} holds {_counted(source.read)}; it should hold two or more.")
    bar(source.read - 1, source.read - 1)
    return written


def _shared(options, source: Source, clip: Clip) -> Shared:
    if options.output.suffix.lower() not in FILM_SUFFIXES:
        raise AnimeInterpError(f"--resume is for films ({', '.join(sorted(FILM_SUFFIXES))}), and {options.output} is none. "
                               "Write one of these, or leave --resume.")
    if options.fps is not None:
        raise AnimeInterpError("--fps and --resume do not go together: parts keep their times. Take --target-fps.")
    if not options.overwrite:
        check_free(options.output)
    _check_output(options, source)
    kind = _kind_of_film(options, source)
    settings = {"model": options.model, "style": options.style, "rate": str(kind["rate"]), "depth": kind["bit_depth"],
                "deinterlace": options.deinterlace}
    return Shared(options.output, clip, timing_of(options), settings)


class Source:
    """What is given, frame by frame as it is asked for; ``shown`` is when each that was read is shown, and for how long."""

    def __init__(self, name: str, reader: FrameReader):
        self.name, self.reader, self.info = name, reader, reader.info
        self.count, self.shown = reader.info.count, []

    @property
    def read(self) -> int:
        """How many frames were read."""
        return len(self.shown)

    def frames(self) -> Iterator[Tensor]:
        """The frames (1, 3 or 4, H, W)."""
        for frame in self.reader.frames():
            self.shown.append((frame.time, frame.duration))
            yield frame.pixels


def _placed(source: Source, moments: list[float]) -> Iterator[tuple[Fraction, Fraction]]:
    """When each frame that is written is shown, and how long at most: given ones at their own times, others at theirs."""
    places = [Fraction(t).limit_denominator(10**6) for t in moments]
    if sorted(set(places)) != places or 0 in places or 1 in places:  # in an order of their own: evenly, then
        places = [Fraction(k, len(places) + 1) for k in range(1, len(places) + 1)]
    for index in count():
        time, duration = source.shown[index]
        for place in [Fraction(0), *places]:
            yield time + place * duration, (1 - place) * duration


def _source(options: argparse.Namespace) -> Source:
    inputs = options.inputs
    for path in inputs:
        if not path.exists():
            raise AnimeInterpError(f"{path} is not there; it should be a picture, a folder of them or a video. "
                                   "Check the name.")
    first = inputs[0]
    if len(inputs) == 1 and not first.is_dir():
        kind = kind_of(first)
        if kind in ANIMATIONS or kind not in STILLS:
            film = open_film(first, deinterlace=options.deinterlace)
            if film.info.deinterlaced:
                _warn(f"{first} is interlaced: each frame is made whole, as it was at the earlier of its two moments "
                      "(--deinterlace off leaves it).")
            return Source(str(first), film)
    for path in inputs if len(inputs) > 1 else ():
        if path.is_dir() or (path.suffix.lower() not in IMAGE_SUFFIXES and kind_of(path) not in STILLS):
            kind = "a folder" if path.is_dir() else "no picture"
            raise AnimeInterpError(
                f"{path} is {kind}; of several inputs, each should be a picture ({', '.join(sorted(IMAGE_SUFFIXES))}). "
                "Give folders and videos one at a time."
            )
    paths = images_in(first) if first.is_dir() else inputs
    if len(paths) < 2:
        raise AnimeInterpError(f"{first} holds {_counted(len(paths))}; it should be two or more, to draw between them.")
    return Source(str(first), PictureReader(paths))


def _check_output(options: argparse.Namespace, source: Source) -> None:
    output = options.output
    read_from = {path.resolve() for path in options.inputs}
    read_from |= {path.resolve().parent for path in getattr(source.reader, "paths", ())}
    if output.resolve() in read_from:
        raise AnimeInterpError(f"{output} is what is read from; the output should be elsewhere. Choose another name.")


def _writer(options: argparse.Namespace, source: Source) -> VideoWriter | FolderWriter:
    output, info = options.output, source.info
    _check_output(options, source)
    suffix = output.suffix.lower()
    if output.is_dir() or suffix not in _OTHER_FILES | FILM_SUFFIXES | ANIMATION_SUFFIXES:
        if options.fps is not None:
            raise AnimeInterpError(f"--fps is for a video; {output} is a folder, whose pictures have no rate. Leave it.")
        if info.pixel_aspect != 1:
            _warn(f"the pixels are not square ({info.pixel_aspect.numerator}:{info.pixel_aspect.denominator}), and pictures "
                  "do not say so: they are written as they are.")
        depth = options.bit_depth or (8 if info.bit_depth <= 8 else 32 if info.bit_depth == 32 else 16)
        return FolderWriter(output, bit_depth=depth, overwrite=options.overwrite)
    if suffix in _OTHER_FILES:
        raise AnimeInterpError(f"{output} ends in {suffix}; the output should be a folder, or a film or animation: "
                               f"{', '.join(sorted(FILM_SUFFIXES | ANIMATION_SUFFIXES))}.")
    if info.alpha and not holds_alpha(output):
        _warn(f"{output} cannot be transparent: what is laid over black there is kept by .mov, .webm, .mkv, .gif, .png, .webp "
              "or a folder.")
    return VideoWriter(output, overwrite=options.overwrite, **_kind_of_film(options, source))


def _kind_of_film(options: argparse.Namespace, source: Source) -> dict:
    """What a film is written with."""
    info = source.info
    per_pair = len(options.times) + 1 if options.times is not None else options.multiplier or 2
    # A multiplier that is none is told of by the timing, before anything is written.
    usual = options.target_fps or info.rate * max(per_pair, 1)
    # Drawings are deep by habit; a film of 10 bits is one that not every player shows.
    depth = options.bit_depth or (8 if info.pictures and options.output.suffix.lower() in FILM_SUFFIXES else None)
    tracks = None
    if isinstance(source.reader, VideoReader) and options.fps is None:
        tracks = Tracks(source.reader.path, audio=not options.no_audio, start=options.start or Fraction(0), end=options.end,
                        tell=_warn)
    return {"rate": options.fps or usual, "like": info, "bit_depth": depth, "tracks": tracks}


@contextmanager
def _explained() -> Iterator[None]:
    """A full disk, a folder that may not be written to, too little memory: as what the user can mend."""
    try:
        yield
    except torch.cuda.OutOfMemoryError:
        raise AnimeInterpError("The GPU's memory is too small for frames of this size. Take smaller ones, or --device cpu, "
                               "or --model none.") from None
    except (OSError, av.error.FFmpegError) as error:
        raise AnimeInterpError(f"A file could not be read or written: {error}. See to its disk and its rights.") from error


@contextmanager
def _no_new_folders(output: Path) -> Iterator[None]:
    """Takes away, after a failure, the folders that were made for ``output`` to be in."""
    new = [folder for folder in output.absolute().parents if not folder.exists()]
    try:
        yield
    except BaseException:
        for folder in new:  # the innermost first; one that is not empty, or not there, stays as it is
            try:
                folder.rmdir()
            except OSError:
                break
        raise


def _device(name: str | None) -> torch.device:
    if name is None:
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError, NotImplementedError):  # no such name; built without it; none there
        raise AnimeInterpError(f"--device is {name!r}, which this machine's torch cannot use; it should be cpu, or "
                               "cuda, cuda:1 or mps where there is one.") from None


def _model(name: str, device: torch.device):
    if name == "none" or _nothing_bundled(name):
        return None
    return load_model(None if name == "auto" else name, device=device)


def _nothing_bundled(name: str) -> bool:
    return name == "auto" and not bundled_models()


def _times(text: str) -> list[float]:
    try:
        return check_times(text.split(","))
    except AnimeInterpError:
        raise argparse.ArgumentTypeError(f"{text!r} should be numbers from 0 to 1, such as 0.25,0.5") from None


def _warn(text: str) -> None:
    sys.stderr.write(f"note: {text}\n")


def _counted(number: int) -> str:
    return f"{number} frame{'' if number == 1 else 's'}"
