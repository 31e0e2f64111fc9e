"""What ``interpolate`` writes: a film, an animation or a folder; never over what is read, and nothing half done left behind."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path

import av
import torch

from ..errors import AnimeInterpError
from ..media import (
    ANIMATION_SUFFIXES,
    FILM_SUFFIXES,
    IMAGE_SUFFIXES,
    FolderWriter,
    Tracks,
    VideoReader,
    VideoWriter,
    holds_alpha,
)
from ..storage import URL
from .inputs import Source, warn

# What is no name of a folder, and cannot be written either.
_OTHER_FILES = (IMAGE_SUFFIXES | {".avi", ".wmv", ".flv", ".ts", ".mpg", ".mpeg", ".ogv"}) - ANIMATION_SUFFIXES


def check_output(options: argparse.Namespace, source: Source) -> None:
    """AnimeInterpError where the output is what is read from, or a URL where nothing can be written."""
    output = options.output
    read_from = {path.resolve() for path in options.inputs}
    read_from |= {path.resolve().parent for path in getattr(source.reader, "paths", ())}
    if output.resolve() in read_from:
        raise AnimeInterpError(f"{output} is what is read from; the output should be elsewhere. Choose another name.")
    if isinstance(output, URL):
        output.check_writable()


def open_writer(options: argparse.Namespace, source: Source) -> VideoWriter | FolderWriter:
    """What writes the output that is asked for. AnimeInterpError where it is there already, or cannot be written."""
    output, info = options.output, source.info
    check_output(options, source)
    suffix = output.suffix.lower()
    if output.is_dir() or suffix not in _OTHER_FILES | FILM_SUFFIXES | ANIMATION_SUFFIXES:
        if options.fps is not None:
            raise AnimeInterpError(f"--fps is for a video; {output} is a folder, whose pictures have no rate. Leave it.")
        if info.pixel_aspect != 1:
            warn(f"the pixels are not square ({info.pixel_aspect.numerator}:{info.pixel_aspect.denominator}), and pictures "
                  "do not say so: they are written as they are.")
        depth = options.bit_depth or (8 if info.bit_depth <= 8 else 32 if info.bit_depth == 32 else 16)
        return FolderWriter(output, bit_depth=depth, overwrite=options.overwrite)
    if suffix in _OTHER_FILES:
        raise AnimeInterpError(f"{output} ends in {suffix}; the output should be a folder, or a film or animation: "
                               f"{', '.join(sorted(FILM_SUFFIXES | ANIMATION_SUFFIXES))}.")
    if info.alpha and not holds_alpha(output):
        warn(f"{output} cannot be transparent: what is laid over black there is kept by .mov, .webm, .mkv, .gif, .png, .webp "
              "or a folder.")
    return VideoWriter(output, overwrite=options.overwrite, **kind_of_film(options, source))


def kind_of_film(options: argparse.Namespace, source: Source) -> dict:
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
                        tell=warn)
    return {"rate": options.fps or usual, "like": info, "bit_depth": depth, "tracks": tracks}


@contextmanager
def explained() -> Iterator[None]:
    """A full disk, a folder that may not be written to, too little memory: as what the user can mend."""
    try:
        yield
    except torch.cuda.OutOfMemoryError:
        raise AnimeInterpError("The GPU's memory is too small for frames of this size. Take smaller ones, or --device cpu, "
                               "or --model none.") from None
    except (OSError, av.error.FFmpegError) as error:
        raise AnimeInterpError(f"A file could not be read or written: {error}. See to its disk and its rights.") from error


@contextmanager
def no_new_folders(output: Path | URL) -> Iterator[None]:
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
