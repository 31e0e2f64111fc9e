"""``interpolate``: new frames between pictures or the frames of a video, into a video or a folder of pictures.

    python -m animeinterp interpolate A.png B.png -o frames/                 one frame between the two
    python -m animeinterp interpolate FOLDER -o clip.mp4 -m 4 --fps 24       a folder's pictures, three between each two
    python -m animeinterp interpolate clip.mp4 -o smooth.mp4 --model anime_interp_full.ckpt
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import torch
from torch import Tensor

from ..config import SegmentConfig
from ..errors import AnimeInterpError, check_times, describe
from ..media import IMAGE_SUFFIXES, FolderWriter, VideoReader, VideoWriter, images_in, read_image
from ..pipeline import interpolate_stream
from ..segmentation.contours import STYLES
from ..weights import bundled_models, load_model
from . import say
from .progress import ProgressBar

IMAGE_RATE = 12  # frames a second of drawings: animation on twos
_OTHER_FILES = IMAGE_SUFFIXES | {".mkv", ".mov", ".webm", ".avi", ".gif", ".m4v", ".apng", ".wmv", ".flv", ".ts"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``interpolate``."""
    parser.add_argument("inputs", nargs="+", type=Path, metavar="INPUT",
                        help="pictures in their order, or one folder of pictures (2.png before 10.png), or one video")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="OUTPUT",
                        help="a video, NAME.mp4 (without sound; alpha is laid over black), or a folder for "
                             "frame_00001.png and on, which keep alpha")
    parser.add_argument("--overwrite", action="store_true",
                        help="replace the video, or the frames in the folder (its other files stay)")
    what = parser.add_argument_group("what is drawn")
    moments = what.add_mutually_exclusive_group()
    moments.add_argument("-m", "--multiplier", type=int, metavar="M",
                         help="M - 1 frames between each two, evenly (default: 2)")
    moments.add_argument("--times", type=_times, metavar="T,T",
                         help="instead: where between each two, from 0 to 1, such as 0.25,0.5")
    what.add_argument("--fps", type=_rate, metavar="RATE",
                      help="of the video written, such as 24 or 24000/1001 (default: what keeps the length of the video "
                           f"read; {IMAGE_RATE} times M for pictures)")
    how = parser.add_argument_group("how")
    how.add_argument("--model", default="auto", metavar="auto|none|FILE",
                     help="bundled weights where they ship, the weights-free way, or a weight file (default: auto)")
    how.add_argument("--style", choices=tuple(sorted(STYLES)), default=SegmentConfig.style,
                     help=f"of the drawings: flat cels or soft shades (default: {SegmentConfig.style})")
    how.add_argument("--device", help="torch device (default: cuda where there is one, else cpu)")
    how.add_argument("--quiet", action="store_true", help="no progress bar")


def run(options: argparse.Namespace) -> int:
    """Read, draw and write a frame at a time; what was written appears under its name when all of it is there."""
    if options.multiplier is None:  # with a default, argparse does not see that -m 2 and --times exclude each other
        options.multiplier = 2
    source = _source(options.inputs)
    writer = _writer(options, source)  # before the weights are loaded: a refusal comes at once
    device = _device(options.device)
    bar = ProgressBar("interpolating", quiet=options.quiet)

    def told(done: float) -> None:
        # A video may hold more frames than it said, and the bar ends when all are written.
        bar(done, max(source.count - 1, int(done) + 1))

    written = 0
    try:
        with _no_new_folders(options.output), _explained(), writer:
            stream = interpolate_stream(
                source.frames(), options.multiplier, times=options.times, model=_model(options.model, device),
                device=device, segment_config=SegmentConfig(style=options.style), progress=told,
            )
            for frame in stream:
                writer.write(frame)
                written += 1
            if source.read < 2:
                raise AnimeInterpError(f"{source.name} holds {_counted(source.read)}; it should hold two or more.")
        bar(source.read - 1, source.read - 1)
    finally:
        bar.close()
    how = "without weights" if options.model == "none" or _nothing_bundled(options.model) else options.model
    say(f"{_counted(source.read)} became {_counted(written)} in {options.output} (model: {how})")
    return 0


class Pictures:
    """Picture files as frames (1, 3 or 4, H, W), 0..1, of one size and one number of channels.

    All are looked at before the first is given: one that does not fit is found in seconds, not after hours.
    """

    rate = Fraction(IMAGE_RATE)

    def __init__(self, name: str, paths: list[Path]):
        self.name, self.paths, self.count, self.read = name, paths, len(paths), 0
        if self.count < 2:
            raise AnimeInterpError(f"{name} holds {_counted(self.count)}; it should be two or more, to draw between them.")

    def frames(self) -> Iterator[Tensor]:
        """The frames; opaque alpha is added to pictures without, where any picture has alpha."""
        size, alpha = None, False
        for path in self.paths:
            frame = read_image(path)
            size = frame if size is None else size
            if frame.shape[-2:] != size.shape[-2:]:
                raise AnimeInterpError(
                    f"{path} is {describe(frame)} and {self.paths[0]} is {describe(size)}; all should be of one size. "
                    "Resize it."
                )
            alpha = alpha or frame.shape[1] == 4
        return self._frames(alpha)

    def _frames(self, alpha: bool) -> Iterator[Tensor]:
        for path in self.paths:
            frame = read_image(path)
            if alpha and frame.shape[1] == 3:
                frame = torch.cat([frame, torch.ones_like(frame[:, :1])], dim=1)
            self.read += 1
            yield frame


class Video:
    """A video file as frames (1, 3, H, W), 0..1; ``count`` is what it says of itself, ``read`` how many there were."""

    def __init__(self, path: Path):
        self._reader = VideoReader(path)
        self.name, self.rate, self.count, self.read = str(path), self._reader.rate, self._reader.count, 0

    def frames(self) -> Iterator[Tensor]:
        """The frames, decoded as they are asked for."""
        for frame in self._reader:
            self.read += 1
            yield frame


def _source(inputs: list[Path]) -> Pictures | Video:
    for path in inputs:
        if not path.exists():
            raise AnimeInterpError(f"{path} is not there; it should be a picture, a folder of them or a video. "
                                   "Check the name.")
    first = inputs[0]
    if len(inputs) == 1 and first.is_dir():
        return Pictures(str(first), images_in(first))
    if len(inputs) == 1 and first.suffix.lower() not in IMAGE_SUFFIXES:
        return Video(first)
    for path in inputs:
        if path.is_dir() or path.suffix.lower() not in IMAGE_SUFFIXES:
            kind = "a folder" if path.is_dir() else "no picture by its name"
            raise AnimeInterpError(
                f"{path} is {kind}; of several inputs, each should be a picture ({', '.join(sorted(IMAGE_SUFFIXES))}). "
                "Give folders and videos one at a time."
            )
    return Pictures(str(first), inputs)


def _writer(options: argparse.Namespace, source: Pictures | Video) -> VideoWriter | FolderWriter:
    output = options.output
    read_from = {path.resolve() for path in options.inputs}
    read_from |= {path.resolve().parent for path in getattr(source, "paths", ())}
    if output.resolve() in read_from:
        raise AnimeInterpError(f"{output} is what is read from; the output should be elsewhere. Choose another name.")
    suffix = output.suffix.lower()
    if output.is_dir() or suffix not in _OTHER_FILES | {".mp4"}:
        if options.fps is not None:
            raise AnimeInterpError(f"--fps is for a video; {output} is a folder, whose pictures have no rate. Leave it.")
        return FolderWriter(output, overwrite=options.overwrite)
    if suffix != ".mp4":
        raise AnimeInterpError(f"{output} ends in {suffix}; the output should be a video, NAME.mp4, or a folder.")
    per_pair = options.multiplier if options.times is None else len(options.times) + 1
    # A multiplier that is none is told of by the pipeline, before anything is written.
    rate = source.rate * max(per_pair, 1) if options.fps is None else options.fps
    return VideoWriter(output, rate, overwrite=options.overwrite)


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


def _rate(text: str) -> Fraction:
    try:
        rate = Fraction(text)
    except (ValueError, ZeroDivisionError):
        rate = Fraction(0)
    if not Fraction(1, 100) <= rate <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} should be frames a second, 0.01 to 1000, such as 24 or 24000/1001")
    return rate


def _counted(number: int) -> str:
    return f"{number} frame{'' if number == 1 else 's'}"
