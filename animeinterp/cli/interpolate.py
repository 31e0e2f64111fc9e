"""``interpolate``: new frames between pictures or the frames of a video, into a video or a folder of pictures.

    python -m animeinterp interpolate A.png B.png -o frames/                 one frame between the two
    python -m animeinterp interpolate FOLDER -o clip.mp4 -m 4 --fps 24       a folder's pictures, three between each two
    python -m animeinterp interpolate clip.mp4 -o smooth.mp4 --model anime_interp_full.ckpt
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from fractions import Fraction
from itertools import count
from pathlib import Path

import torch

from ..config import SegmentConfig
from ..errors import AnimeInterpError, check_times
from ..film import Clip, Coding, Recipe, Segment, Shared, draw_alone, draw_segments, draw_shared, draw_spread
from ..media import FILM_SUFFIXES, IMAGE_RATE, MODES, VideoWriter, check_free
from ..pipeline import interpolate_stream
from ..runtime.arithmetic import Arithmetic
from ..runtime.memory import keep_one_store
from ..segmentation.contours import STYLES
from ..sequence.plan import Plan
from ..storage import URL, place
from ..weights import bundled_models, load_model
from . import say
from .inputs import Source, counted, open_source
from .outputs import check_output, explained, kind_of_film, no_new_folders, open_writer
from .progress import ProgressBar
from .spreading import add_ray_arguments, check_ray, connected, count_of, shown_on
from .timing import add_timing_arguments, check_alone, rate, show_plan, timing_of


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``interpolate``."""
    parser.add_argument("inputs", nargs="+", type=place, metavar="INPUT",
                        help="pictures in their order, or one folder of pictures (2.png before 10.png), or one video or "
                             "animation (GIF, APNG, WebP); each a path or a URL (s3://, gs://, https://, ...)")
    parser.add_argument("-o", "--output", type=place, required=True, metavar="OUTPUT",
                        help="a video (NAME.mp4, .mkv, .mov, .webm), an animation (NAME.gif, .png, .webp), or a folder for "
                             "frame_00001.png and on; all but .mp4 can be transparent. A video or an animation may be a URL")
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
    how.add_argument("--threads", type=count_of, metavar="N",
                     help="of torch and OpenCV (default: theirs). Networks round otherwise on one than on several, so that two "
                          "runs are the same to the bit with the same number only")
    how.add_argument("--precision", choices=("auto", "float32", "bfloat16"), default="auto",
                     help="of convolutions on a CPU (default: auto, what a short trial shows to be faster)")
    add_ray_arguments(parser.add_argument_group("on many machines"))
    how.add_argument("--quiet", action="store_true", help="no progress bar")


def run(options: argparse.Namespace) -> int:
    """Read, draw and write a frame at a time; what was written appears under its name when all of it is there."""
    keep_one_store()
    check_alone(options)
    check_ray(options)
    source = open_source(options)
    clip = None if options.times is not None else Clip(source.reader, options.start, options.end)
    in_parts = options.resume or options.ray is not None
    writer = None if options.plan or in_parts else open_writer(options, source)  # a refusal comes at once
    shared = _shared(options, source, clip) if in_parts else None
    device = None if options.ray else _device(options.device)
    how = "without weights" if options.model == "none" or _nothing_bundled(options.model) else options.model
    bar = ProgressBar("interpolating", quiet=options.quiet)
    looking = ProgressBar("looking through", quiet=options.quiet)
    try:
        with no_new_folders(options.output), explained():
            if clip is None:
                _arithmetic(options).hold()
                written = _draw_moments(options, source, writer, device, bar)
                read = source.read
            else:
                def look(seen: int) -> None:
                    looking(seen, len(clip.times))

                plan = shared.open(look, _arithmetic(options)) if shared else clip.plan(timing_of(options), look)
                looking.close()
                if options.plan:
                    show_plan(plan, clip, options.output, options.overwrite)
                    return 0
                read, written = len(plan.times), len(plan.steps)
                if options.ray is not None:
                    lines = _draw_spread(options, source, clip, shared, plan, bar)
                    bar.close()
                    for line in lines:
                        say(line)
                    say(f"{counted(read)} became {counted(written)} in {options.output} (model: {how})")
                    return 0
                networks = {"model": _model(options.model, device), "device": device,
                            "segment_config": SegmentConfig(style=options.style)}
                (shared.arithmetic if shared else _arithmetic(options)).hold()
                film = kind_of_film(options, source)
                tracks = film.pop("tracks")
                coding = Coding(**film, start=clip.start, uneven=plan.uneven)
                if shared is not None:
                    written = draw_shared(shared, plan, coding, tracks=tracks, progress=bar,
                                          overwrite=options.overwrite, **networks)
                elif isinstance(writer, VideoWriter) and _is_film(options.output) and options.fps is None:
                    draw_alone(clip, plan, options.output, coding, tracks=tracks, progress=bar,
                               overwrite=options.overwrite, **networks)
                else:
                    _draw_plan(options, clip, plan, writer, bar, networks)
    finally:
        looking.close()
        bar.close()
    say(f"{counted(read)} became {counted(written)} in {options.output} (model: {how})")
    return 0


def _draw_spread(options, source: Source, clip: Clip, shared: Shared, plan: Plan, bar: ProgressBar) -> list[str]:
    """Have a cluster draw the film. What there is to say of it."""
    film = kind_of_film(options, source)
    tracks = film.pop("tracks")
    paths = tuple(path.absolute() for path in getattr(source.reader, "paths", options.inputs))
    device = options.device or ("cuda" if options.worker_gpus else "cpu")
    model = "none" if _nothing_bundled(options.model) else options.model
    if model not in ("auto", "none"):
        model = str(Path(model).absolute())
    coding = Coding(**film, start=clip.start, uneven=plan.uneven)
    recipe = Recipe(paths, source.info, options.deinterlace, options.start, options.end, plan, coding,
                    shared.arithmetic, model, options.style, device, shared.folder.absolute(), options.output.suffix,
                    source.reader.seen())
    with connected(options, shared.arithmetic.threads) as cluster:
        return draw_spread(shared, recipe, cluster, tracks=tracks, overwrite=options.overwrite, progress=shown_on(bar)).lines()


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
            raise AnimeInterpError(f"{source.name} holds {counted(source.read)}; it should hold two or more.")
    bar(source.read - 1, source.read - 1)
    return written


def _shared(options, source: Source, clip: Clip) -> Shared:
    asked = "--resume" if options.resume else "--ray"
    if not _is_film(options.output):
        raise AnimeInterpError(f"{asked} is for films ({', '.join(sorted(FILM_SUFFIXES))}), and {options.output} is none. "
                               f"Write one of these, or leave {asked}.")
    if options.fps is not None:
        raise AnimeInterpError(f"--fps and {asked} do not go together: parts keep their times. Take --target-fps.")
    if not options.overwrite:
        check_free(options.output)
    check_output(options, source)
    kind = kind_of_film(options, source)
    settings = {"model": options.model, "style": options.style, "rate": str(kind["rate"]), "depth": kind["bit_depth"],
                "deinterlace": options.deinterlace}
    shared = Shared(options.output, clip, timing_of(options), settings)
    if not options.resume and shared.there():
        raise AnimeInterpError(f"{shared.folder} holds parts of an earlier run. Go on with it by --resume, or delete it.")
    return shared


def _is_film(output: Path | URL) -> bool:
    return output.suffix.lower() in FILM_SUFFIXES


def _arithmetic(options) -> Arithmetic:
    """What is asked for, the rest as this process has it."""
    asked = {"auto": None, "float32": False, "bfloat16": True}[options.precision]
    return Arithmetic.here(options.threads, asked)


def _placed(source: Source, moments: list[float]) -> Iterator[tuple[Fraction, Fraction]]:
    """When each frame that is written is shown, and how long at most: given ones at their own times, others at theirs."""
    places = [Fraction(t).limit_denominator(10**6) for t in moments]
    if sorted(set(places)) != places or 0 in places or 1 in places:  # in an order of their own: evenly, then
        places = [Fraction(k, len(places) + 1) for k in range(1, len(places) + 1)]
    for index in count():
        time, duration = source.shown[index]
        for share in [Fraction(0), *places]:
            yield time + share * duration, (1 - share) * duration


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
