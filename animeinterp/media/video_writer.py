"""Frames with their times into a film or an animation: H.264, H.265, VP9, AV1, ProRes, GIF, APNG, WebP."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterable
from contextlib import nullcontext
from fractions import Fraction
from types import TracebackType

import av
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from ..errors import AnimeInterpError
from ..storage import URL, place
from .codecs import choose_encoding, holds_alpha, ticks
from .colours import LIMITED, from_rgb
from .files import check_free, part_name, put_in_place, remove_abandoned
from .finishing import finish_animation
from .info import MediaInfo
from .palette import Palette
from .pictures import to_levels
from .scheduling import scheduling_kept
from .tracks import Tracks

_log = logging.getLogger(__name__)
_REORDERED = 3  # frames, before which none can be coded in another order than they are shown
_THREADS = 4  # of the encoder: what it codes hangs on their number, and shall not on the machine


class VideoWriter:
    """Writes frames to a film or an animation, one `write` a frame; a context manager. The name's ending tells the kind.

    The file appears under its name only when the last frame is in it: an error or an interrupt on the way leaves nothing
    behind and what was there before untouched. Unless ``overwrite``, a file of that name is an AnimeInterpError, at once;
    should one come up on the way, the new one stays under the name that the error tells.

    :param rate: frames a second, of frames that are written without a time, and for players that want to be told one.
    :param like: whose pixel shape, colours, depth, alpha and loops it shall have; by default square pixels, BT.709, 8 bits.
    :param bit_depth: 8, 10 or 16 bits a channel instead of ``like``'s; a film has 10 at most.
    :param quality: x264's CRF, and what comes to the same with other codecs: 0 best, 51 worst.
    :param tracks: sound and what else of another film is to be taken along.
    :param uneven: whether some frames are shown for much longer than others: they are coded in the order in which they are shown
        then, since MP4 sums durations in the order of decoding, and players would wait at the end for what is no frame.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | URL,
        rate: float | Fraction,
        *,
        like: MediaInfo | None = None,
        bit_depth: int | None = None,
        quality: int = 16,
        overwrite: bool = True,
        tracks: Tracks | None = None,
        uneven: bool = False,
    ):
        self.path = place(path)
        self._rate = Fraction(rate).limit_denominator(1001)
        if self._rate <= 0:
            raise AnimeInterpError(f"rate is {rate}; it should be a number of frames a second over 0.")
        self._like = like or MediaInfo((0, 0), self._rate)
        self._alpha = holds_alpha(self.path) and (like is None or like.alpha)
        depth = self._like.bit_depth if bit_depth is None else bit_depth
        self._quality, self._loops = quality, self._like.loops or 0
        self._depth = depth
        choose_encoding(self.path, alpha=self._alpha, bit_depth=depth, quality=quality)  # what cannot be is told of at once
        self._overwrite = overwrite
        remove_abandoned(self.path, self.path.parent)
        if not overwrite:
            check_free(self.path)
        self._part = part_name(self.path, self.path.suffix)
        self._container: av.container.OutputContainer | None = None
        self._stream: av.video.stream.VideoStream | None = None
        self._size: tuple[int, int] | None = None
        self._next = Fraction(0)  # when a frame without a time is shown
        self._waiting: av.VideoFrame | None = None  # the last one written: how long it is shown, the next one tells
        self._durations: dict[int, int] = {}  # of what is in the encoder, by pts
        self._first_pts = self._first_dts = None
        self._coded = 0  # frames that were handed to the encoder
        self._palette: Palette | None = None
        self._tracks, self._uneven = tracks, uneven

    def __enter__(self) -> VideoWriter:
        return self

    def write(self, frame: Tensor, time: Fraction | None = None, duration: Fraction | None = None) -> None:
        """Add a frame (1, 3 or 4, H, W), 0..1, that is shown from ``time`` on, in seconds, until the next is.

        The last one is shown for ``duration`` (default: 1 / rate); without a time, a frame follows when the duration of the
        one before is over. Alpha that the file cannot hold is laid over black. AnimeInterpError where the size is another than
        before, or the time not after that before.
        """
        if self._container is None:
            self._alpha = self._alpha and frame.shape[1] == 4
            self._start(frame.shape[-2], frame.shape[-1])
        if tuple(frame.shape[-2:]) != self._size:
            raise AnimeInterpError(
                f"A frame is {frame.shape[-1]}x{frame.shape[-2]} and the video {self._size[1]}x{self._size[0]}; "
                "all frames of a video should be of one size."
            )
        time = self._next if time is None else Fraction(time)
        duration = 1 / self._rate if duration is None else Fraction(duration)
        picture = from_rgb(self._pixels(frame), self._encoding.pixel_format if self._palette is None else "rgba", self._colour)
        picture.time_base = self._ticks
        picture.pts = round(time / self._ticks)
        self._first_pts = picture.pts if self._first_pts is None else self._first_pts
        self._next = time + duration
        if self._waiting is not None:
            self._encode_waiting(picture.pts)
        self._waiting = picture

    def _encode_waiting(self, until: int) -> None:
        """Hand the encoder the frame before, now that it is known when the next is shown."""
        picture = self._waiting
        self._shown_until = until
        picture.duration = until - picture.pts
        if picture.duration <= 0:
            raise AnimeInterpError(
                f"A frame is to be shown at {float(picture.pts * self._ticks):.6f} s, and the next not after it; the times of "
                f"frames should ascend, by {float(self._ticks):.6f} s or more in {self.path.suffix}."
            )
        self._encode([picture] if self._palette is None else self._palette.push(picture))

    def _pixels(self, frame: Tensor) -> np.ndarray:
        """A frame as what is handed to the encoder: 8 or 16 bits (H, W, C), of even size where that has to be."""
        if frame.shape[1] == 4 and not self._alpha:
            frame = frame[:, :3] * frame[:, 3:]
        elif frame.shape[1] == 3 and self._alpha:
            frame = torch.cat([frame, torch.ones_like(frame[:, :1])], dim=1)
        if self._shown_size != self._size:
            frame = _stretched(frame, self._shown_size)
        pixels = to_levels(frame, self._encoding.bits)
        if self._encoding.even:
            pixels = np.pad(pixels, ((0, pixels.shape[0] % 2), (0, pixels.shape[1] % 2), (0, 0)), mode="edge")
        return pixels

    def _start(self, height: int, width: int) -> None:
        self._size = (height, width)
        self._encoding = encoding = choose_encoding(
            self.path, alpha=self._alpha, bit_depth=self._depth, quality=self._quality, loops=self._loops
        )
        self._part.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.environ.setdefault("SVT_LOG", "1")  # AV1's encoder has no other way of being told to be quiet
            options = dict(encoding.container_options)
            if encoding.container in ("mp4", "mov"):
                options["movie_timescale"] = str(ticks(self._rate).denominator)  # or the whole is rounded to milliseconds
            self._container = av.open(str(self._part), "w", format=encoding.container, options=options)
            stream = self._container.add_stream(encoding.codec, rate=self._rate, options=encoding.options)
        except (OSError, av.error.FFmpegError) as error:
            raise self._unwritten(error) from error
        aspect = self._like.pixel_aspect
        if aspect != 1 and not encoding.shaped:
            height, width = round(height * max(1 / aspect, 1)), round(width * max(aspect, 1))
        self._shown_size = (height, width)
        stream.width, stream.height = width + encoding.even * (width % 2), height + encoding.even * (height % 2)
        stream.pix_fmt = encoding.pixel_format
        context = stream.codec_context
        context.thread_count = _THREADS
        if self._uneven:
            context.max_b_frames = 0
        self._ticks = ticks(self._rate) if encoding.container != "gif" else Fraction(1, 100)
        context.time_base = self._ticks
        if aspect != 1 and encoding.shaped:
            context.sample_aspect_ratio = aspect.limit_denominator(65535)
        rgb = av.VideoFormat(encoding.pixel_format, 2, 2).is_rgb or encoding.pixel_format == "pal8"
        self._colour = self._like.colour
        if not rgb:
            context.colorspace, context.color_primaries = self._colour.matrix, self._colour.primaries
            context.color_trc, context.color_range = self._colour.transfer, LIMITED
        if encoding.tag:
            context.codec_tag = encoding.tag
        if self._tracks is not None:
            self._tracks.open_in(self._container, str(self.path))
        if encoding.pixel_format == "pal8":
            self._palette = Palette(width, height, self._ticks, alpha=encoding.alpha)
        self._stream = stream

    def _encode(self, frames: Iterable[av.VideoFrame | None]) -> None:
        try:
            for frame in frames:
                if frame is not None:
                    self._durations[frame.pts] = frame.duration
                    self._coded += 1
                with nullcontext() if self._stream.codec_context.is_open else scheduling_kept():
                    packets = self._stream.encode(frame)
                self._time(packets, last=frame is None)
                self._container.mux(packets)
                if self._tracks is not None:
                    self._tracks.copy_until(self._container, None if frame is None else frame.pts * self._ticks)
        except (OSError, av.error.FFmpegError, ValueError) as error:
            raise self._unwritten(error) from error

    def _time(self, packets: list[av.Packet], *, last: bool) -> None:
        """Give coded frames their durations, which not every encoder hands on."""
        for packet in packets:
            if self._coded < _REORDERED and self._encoding.codec == "libx265":
                packet.dts = packet.pts  # which it leaves to chance: it reckons with frames that have not come
            self._first_dts = packet.dts if self._first_dts is None else self._first_dts
            packet.duration = self._durations.pop(packet.pts, packet.duration)
        if last and packets and self._encoding.container in ("mp4", "mov"):
            # Durations are summed there in the order of decoding: the last in it makes up the whole, whichever it is.
            packets[-1].duration = max(self._shown_until - self._first_pts - (packets[-1].dts - self._first_dts), 1)

    def _unwritten(self, error: Exception) -> AnimeInterpError:
        return AnimeInterpError(f"{self.path} could not be written: {error}. See to its disk, its rights and its size.")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._container is None:
            return
        whole = False
        try:
            try:
                if kind is None:
                    last = self._waiting.pts
                    self._encode_waiting(max(round(self._next / self._ticks), last + 1))
                    self._encode([*([] if self._palette is None else self._palette.push(None)), None])
            finally:
                self._close(kind)
                if self._tracks is not None:
                    self._tracks.close()
            if kind is None:
                whole_duration = (self._shown_until - self._first_pts) * self._ticks
                finish_animation(self._part, self._encoding.container, whole_duration, alpha=self._alpha)
            whole = kind is None
        finally:
            if not whole:  # a full disk is told of here, too
                self._part.unlink(missing_ok=True)
        if whole:
            if not self._overwrite:
                check_free(self.path, self._part)
            put_in_place(self._part, self.path)

    def _close(self, kind: type[BaseException] | None) -> None:
        try:
            self._container.close()
        except (OSError, av.error.FFmpegError, ValueError) as error:
            if kind is None:
                raise self._unwritten(error) from error


def _stretched(frame: Tensor, size: tuple[int, int]) -> Tensor:
    """A frame with its pixels made square, for what can hold no others; alpha does not bleed."""
    if frame.shape[1] == 4:
        both = functional.interpolate(torch.cat([frame[:, :3] * frame[:, 3:], frame[:, 3:]], 1), size, mode="bilinear")
        return torch.cat([both[:, :3] / both[:, 3:].clamp_min(1e-6), both[:, 3:]], dim=1)
    return functional.interpolate(frame, size, mode="bicubic")
