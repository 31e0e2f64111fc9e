"""What ``interpolate`` is given: pictures, a folder of them, a film or an animation, frame by frame."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator

from torch import Tensor

from ..errors import AnimeInterpError
from ..media import ANIMATIONS, IMAGE_SUFFIXES, STILLS, FrameReader, PictureReader, images_in, kind_of, open_film


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


def open_source(options: argparse.Namespace) -> Source:
    """What ``options.inputs`` name. AnimeInterpError where they are not there, too few, or do not go together."""
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
                warn(f"{first} is interlaced: each frame is made whole, as it was at the earlier of its two moments "
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
        raise AnimeInterpError(f"{first} holds {counted(len(paths))}; it should be two or more, to draw between them.")
    return Source(str(first), PictureReader(paths))


def warn(text: str) -> None:
    """A line that whoever runs the command should see, and that ends nothing."""
    sys.stderr.write(f"note: {text}\n")


def counted(number: int) -> str:
    """A number of frames, in words."""
    return f"{number} frame{'' if number == 1 else 's'}"
