"""What is given to the tool, as one kind of thing: frames with times, whether film, animation or pictures."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from itertools import accumulate, islice
from pathlib import Path

import cv2
import numpy as np
import torch

from ..errors import AnimeInterpError, describe
from ..storage import URL, at_hand, place
from .entries import Seen
from .frame_reader import FrameReader
from .info import Colour, MediaInfo, TimedFrame, Timeline
from .pictures import read_image_with_depth
from .sniffing import check_size, is_cut_short, kind_of, loops_of
from .video_reader import VideoReader

IMAGE_RATE = Fraction(12)  # frames a second of drawings: animation on twos


def open_film(path: str | os.PathLike[str] | URL, *, deinterlace: str = "auto", seen: Seen | None = None) -> FrameReader:
    """The reader for one file of several frames: a film, a GIF, an APNG or an animated WebP, by content and not by name."""
    return WebPReader(path) if kind_of(path) == "animated webp" else VideoReader(path, deinterlace=deinterlace, seen=seen)


class PictureReader(FrameReader):
    """Picture files as frames (1, 3 or 4, H, W), 0..1, of one size and one number of channels, ``rate`` a second.

    All are looked at first: one that does not fit is found in seconds, not after hours; unless ``info`` tells what was seen of
    them before. Opaque alpha is added to pictures without, where any picture has alpha. Raises AnimeInterpError for a picture
    that cannot be read or is of another size.
    """

    def __init__(self, paths: list[Path | URL], rate: Fraction = IMAGE_RATE, *, info: MediaInfo | None = None):
        self.paths = list(paths)
        if info is not None:
            self.info = info
            return
        first, alpha, depth = None, False, 8
        for path in self.paths:
            frame, bits = read_image_with_depth(path)
            first = frame if first is None else first
            if frame.shape[-2:] != first.shape[-2:]:
                raise AnimeInterpError(
                    f"{path} is {describe(frame)} and {self.paths[0]} is {describe(first)}; all should be of one size. Resize it."
                )
            alpha, depth = alpha or frame.shape[1] == 4, max(depth, bits)
        if first is None:
            raise AnimeInterpError("There are no pictures; there should be one or more.")
        self.info = MediaInfo(tuple(first.shape[-2:]), rate, len(self.paths), bit_depth=depth, alpha=alpha, pictures=True)

    def frames(self, first: int = 0) -> Iterator[TimedFrame]:
        """The pictures in their order, each for as long as the rate says."""
        for index, path in enumerate(self.paths[first:], start=first):
            frame = read_image_with_depth(path)[0]
            if self.info.alpha and frame.shape[1] == 3:
                frame = torch.cat([frame, torch.ones_like(frame[:, :1])], dim=1)
            yield TimedFrame(frame, index / self.info.rate, 1 / self.info.rate)

    def timeline(self) -> Timeline:
        """When each is shown."""
        count, rate = len(self.paths), self.info.rate
        return Timeline(tuple(index / rate for index in range(count)), count / rate)


class WebPReader(FrameReader):
    """An animated WebP, which FFmpeg mostly cannot read: by OpenCV, all frames at once. As a VideoReader otherwise."""

    def __init__(self, path: str | os.PathLike[str] | URL):
        self.path = place(path)
        if not self.path.is_file():
            raise AnimeInterpError(f"{self.path} is not there; it should be an animation. Check the name.")
        self.path = at_hand(self.path)
        check_size(self.path, "animated webp")
        if not hasattr(cv2, "imdecodeanimation"):
            raise AnimeInterpError(
                f"{self.path} is an animated WebP, for which OpenCV 4.11 or newer is needed and this is {cv2.__version__}. "
                "Update opencv-python, or convert the file to APNG."
            )
        self._frames, milliseconds = self._decode()
        # What claims to be shown for no time at all, browsers show for a tenth of a second.
        self._durations = [Fraction(int(m), 1000) if m > 10 else Fraction(1, 10) for m in milliseconds]
        total, count = sum(self._durations), len(self._frames)
        alpha = any(frame.shape[2] == 4 and bool((frame[..., 3] < 255).any()) for frame in self._frames)
        self.info = MediaInfo(
            self._frames[0].shape[:2], count / total, count, colour=Colour(), alpha=alpha,
            loops=loops_of(self.path, "animated webp"),
        )

    def _decode(self) -> tuple[list[np.ndarray], list[int]]:
        broken = AnimeInterpError(f"{self.path} is a damaged animated WebP; it should be a whole one. Get it anew.")
        if is_cut_short(self.path, "animated webp"):
            raise broken
        try:
            done, animation = cv2.imdecodeanimation(np.frombuffer(self.path.read_bytes(), np.uint8))
        except cv2.error:
            raise broken from None
        if not done or not len(animation.frames):
            raise broken
        return list(animation.frames), list(animation.durations)

    def frames(self, first: int = 0) -> Iterator[TimedFrame]:
        """The frames with their times."""
        shown = zip(self._frames, self.timeline().times, self._durations, strict=True)
        for pixels, time, duration in islice(shown, first, None):
            order = [2, 1, 0, 3] if self.info.alpha else [2, 1, 0]
            frame = torch.from_numpy(pixels[..., order].astype(np.float32) / 255).permute(2, 0, 1)[None].contiguous()
            yield TimedFrame(frame, time, duration)

    def timeline(self) -> Timeline:
        """When each frame is shown."""
        *times, end = accumulate(self._durations, initial=Fraction(0))
        return Timeline(tuple(times), end)
