"""Films as frames with their own times: every container and codec that PyAV's FFmpeg knows, GIF and APNG among them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from itertools import dropwhile, islice

import av
import torch
from torch import Tensor

from ..errors import AnimeInterpError
from ..storage import URL, for_ffmpeg, place, size_of
from .clock import Clock, seconds_of
from .colours import bits_of, has_alpha, to_rgb
from .entries import Entries, Seen
from .frame_reader import FrameReader
from .info import Colour, MediaInfo, TimedFrame, Timeline
from .interlacing import MODES, FieldDetector, deinterlaced
from .sniffing import ANIMATIONS, check_size, is_cut_short, kind_of, loops_of, picture_count
from .streams import alpha_decoder, display_matrix, matroska_end, packets, pictures, whole_packets

_FALLBACK_RATE = Fraction(24)
_PLACES, _FRAMES_A_PLACE = 3, 16  # where a film is looked at, to see whether it is interlaced
_CUT_OFF = "the rest is missing: the download or the copy may have broken off"
_SLACK = Fraction(1, 2)  # seconds that a film may end before what its header says, without being taken for a broken one


class VideoReader(FrameReader):
    """A film as frames. Iterating gives tensors (1, 3 or 4, H, W), float32, 0..1; ``frames`` gives them with their times.

    Rotation and mirroring that the file asks for are done; interlaced frames are made whole (``deinterlace``: "auto" looks at
    the file's flags and for combs, "on" and "off" are for what it gets wrong). ``info`` tells the rest, ``timeline`` when each
    frame is shown. Times count from the start of the file, in which sound may begin before the first frame; each iteration
    decodes anew and holds a few frames only. ``seen``: what another reader of it has seen. Raises AnimeInterpError where the file
    is missing, holds no film, is another than what was seen, or is damaged on the way.
    """

    def __init__(self, path: str | os.PathLike[str] | URL, *, deinterlace: str = "auto", seen: Seen | None = None):
        if deinterlace not in MODES:
            raise AnimeInterpError(f"deinterlace is {deinterlace!r}; it should be one of {', '.join(MODES)}.")
        self.path = place(path)
        self.kind = kind_of(self.path)
        self._seen = seen
        self._known_entries: tuple[Entries | None] | None = None if seen is None else (seen.entries,)
        if self.kind is not None:
            check_size(self.path, self.kind)
        with self._open() as container:
            if seen is not None and (size := size_of(self.path)) != seen.size:
                raise AnimeInterpError(f"{self.path} is another film here ({size} bytes) than where it was seen ({seen.size}). "
                                       "Give all machines one file.")
            stream = pictures(container)
            if is_cut_short(self.path, self.kind):
                raise self._damaged(whole_packets(container, stream), _CUT_OFF)
            rate = Fraction(stream.guessed_rate or stream.average_rate or _FALLBACK_RATE)
            self._zero = max(Fraction(container.start_time or 0, av.time_base), Fraction(0))
            self._end = self._told_end(container, stream)
            seconds = Fraction(container.duration or 0, av.time_base)
            count = picture_count(self.path, self.kind) or stream.frames or round(seconds * rate)
            first = next(self._decoded(container, stream), None)
            if first is None:
                raise AnimeInterpError(f"{self.path} holds no frame that can be decoded; it should be a film.")
            self._matrix = display_matrix(first)
            self.info = self._describe(stream, first, rate, count)
        self._parity = self._fields() if deinterlace == "auto" else "auto" if deinterlace == "on" else None
        self.info = replace(self.info, deinterlaced=self._parity is not None)
        if self.kind in ANIMATIONS and self.info.alpha and self._is_opaque():
            self.info = replace(self.info, alpha=False)

    def frames(self, first: int = 0) -> Iterator[TimedFrame]:
        """The frames with their times; each is shown until the next, the last for as long as the file says."""
        clock, waiting = Clock(self._zero, self.info.rate), None
        for frame in self._shown(first):
            time = clock(seconds_of(frame.pts, frame.time_base), seconds_of(frame.duration, frame.time_base))
            if waiting is not None:
                yield TimedFrame(self._pixels(waiting[0]), waiting[1], time - waiting[1])
            waiting = frame, time
        if waiting is not None:
            yield TimedFrame(self._pixels(waiting[0]), waiting[1], self._until_end(clock, waiting[1]))

    def _shown(self, first: int) -> Iterator[av.VideoFrame]:
        """FFmpeg's frames from number ``first`` on, as they are shown: decoded from near there, where the file can be entered."""
        entries = self._entries() if first else None
        if entries is not None and (key := entries.before(first)):
            with self._open() as container:
                stream = pictures(container)
                stream.thread_type = "AUTO"
                container.seek(entries.stamps[key], stream=stream)
                packet = next(container.demux(stream))
                lands = packet.is_keyframe and packet.pts is not None and packet.pts <= entries.stamps[key]
                container.seek(entries.stamps[key], stream=stream)
                decoded = self._decoded(container, stream, entered=key)
                early = dropwhile(lambda frame: frame.pts is None or frame.pts < entries.stamps[first], decoded)
                try:
                    frame = next(early, None) if lands else None  # streams without an index may be entered anywhere
                except AnimeInterpError:  # it is told of when the film is read from the beginning
                    frame = None
                if frame is not None and frame.pts == entries.stamps[first]:
                    yield frame
                    yield from early
                    return
        with self._open() as container:  # from the beginning
            stream = pictures(container)
            stream.thread_type = "AUTO"
            decoded = self._decoded(container, stream)
            yield from islice(decoded if self._parity is None else deinterlaced(decoded, self._parity), first, None)

    def _entries(self) -> Entries | None:
        """Where the film can be entered; None where each frame needs those before it, or no one knows."""
        if self._parity is not None or self.kind in ANIMATIONS:
            return None
        if self._known_entries is None:
            with self._open() as container:
                stream = pictures(container)
                beside = alpha_decoder(stream) is not None
                self._known_entries = (None if beside else Entries.of(self._packets(container, stream)),)
        return self._known_entries[0]

    def timeline(self) -> Timeline:
        """When every frame is shown. Reads the file through once without decoding it."""
        if self._seen is not None:
            return self._seen.timeline
        with self._open() as container:
            stream = pictures(container)
            shown = self._packets(container, stream)
            stamps = [(seconds_of(p.pts, p.time_base), seconds_of(p.duration, p.time_base)) for p in shown]
            if any(pts is None for pts, _ in stamps):
                stamps = None
        if stamps is None:  # such as a bare H.264 stream, whose decoder alone knows the order
            with self._open() as container:
                decoded = self._decoded(container, pictures(container))
                stamps = [(seconds_of(f.pts, f.time_base), seconds_of(f.duration, f.time_base)) for f in decoded]
        else:
            stamps.sort()
        clock = Clock(self._zero, self.info.rate)
        times = tuple(clock(*stamp) for stamp in stamps)
        return Timeline(times, times[-1] + self._until_end(clock, times[-1]) if times else Fraction(0))

    def seen(self) -> Seen:
        """See ``FrameReader``."""
        return Seen(size_of(self.path), self.timeline(), self._entries())

    def _told_end(self, container, stream) -> Fraction | None:
        """When the last frame ends, where the container knows it of the track rather than of the frame."""
        if "matroska" in container.format.name:  # which joins blocks without their durations, and tells of the track's
            told = matroska_end(stream)
            return None if told is None else told - self._zero
        if "mp4" not in container.format.name or not stream.duration:
            return None  # in MP4 a frame's own duration is that of its place in the order of decoding
        return ((stream.start_time or 0) + stream.duration) * Fraction(stream.time_base) - self._zero

    def _until_end(self, clock: Clock, time: Fraction) -> Fraction:
        """For how long the last frame is shown, which begins at ``time``."""
        return clock.last_duration if self._end is None or self._end <= time else self._end - time

    def _describe(self, stream, first: av.VideoFrame, rate: Fraction, count: int) -> MediaInfo:
        height, width = first.height, first.width
        aspect = Fraction(stream.sample_aspect_ratio or 1)
        if self._matrix[0]:  # transposed: pixels that were wide are tall
            height, width, aspect = width, height, 1 / aspect if aspect else Fraction(1)
        if first.format.is_rgb:
            colour = Colour()
        else:
            colour = Colour.of(first.height, first.color_primaries, first.color_trc, first.colorspace)
        if not colour.readable:
            raise AnimeInterpError(
                f"{self.path} codes its colours by matrix {colour.matrix} of H.273, which cannot be read here; it should be "
                "BT.709, BT.601 or BT.2020. Convert it: ffmpeg -i IN -vf scale=out_color_matrix=bt709 OUT."
            )
        depth = bits_of(first)
        alpha = has_alpha(first) or first.format.name == "pal8"
        return MediaInfo(
            (height, width), rate, count, aspect if aspect > 0 else Fraction(1), colour, 8 if depth <= 8 else min(depth, 32),
            alpha, loops_of(self.path, self.kind) if self.kind in ANIMATIONS else None,
        )

    def _fields(self) -> str | None:
        """Which field of a frame is the earlier one; None for a film of whole frames. Looks at three places of it."""
        detector = FieldDetector()
        if self.kind in ANIMATIONS:
            return None
        with self._open() as container:
            stream = pictures(container)
            for place in range(_PLACES):
                try:
                    if place:
                        container.seek(int((container.duration or 0) * place / _PLACES))
                    detector.update(islice(container.decode(stream), _FRAMES_A_PLACE))
                except (av.error.FFmpegError, ValueError):
                    continue  # what is damaged is told of when its turn comes
                if not container.duration or self.info.count <= _FRAMES_A_PLACE:
                    break
        return detector.parity

    def _is_opaque(self) -> bool:
        """Whether an animation, whose decoder gives alpha in any case, makes no use of it."""
        return all(bool((frame.pixels[:, 3] == 1).all()) for frame in self.frames())

    def _pixels(self, frame: av.VideoFrame) -> Tensor:
        array = to_rgb(frame, self.info.colour, alpha=self.info.alpha)
        pixels = torch.from_numpy(array).permute(2, 0, 1)
        transposed, flip_x, flip_y = self._matrix
        if transposed:
            pixels = pixels.transpose(1, 2)
        turned = [dim for dim, flip in ((2, flip_x), (1, flip_y)) if flip]
        return (pixels.flip(turned) if turned else pixels)[None].contiguous()

    def _open(self) -> av.container.InputContainer:
        if not self.path.is_file():
            raise AnimeInterpError(f"{self.path} is not there; it should be a video. Check the name.")
        try:
            container = av.open(for_ffmpeg(self.path))
        except (av.error.FFmpegError, ValueError) as error:
            raise AnimeInterpError(
                f"{self.path} is no video that can be read ({error}); it should be MP4, MKV or the like."
            ) from None
        if not container.streams.video:
            container.close()
            raise AnimeInterpError(f"{self.path} holds no pictures; it should be a video.")
        if not pictures(container).codec_context:
            container.close()
            raise AnimeInterpError(f"{self.path} is coded in a way that this PyAV cannot read. Convert it to H.264.")
        return container

    def _decoded(
        self, container: av.container.InputContainer, stream: av.video.stream.VideoStream, *, entered: int = 0
    ) -> Iterator[av.VideoFrame]:
        """FFmpeg's frames in the order that they are shown in, from where the file was ``entered``, the number of a frame.
        AnimeInterpError where the file is damaged or ends too soon."""
        done, read = entered, 0
        end = Fraction(0)
        decoder = alpha_decoder(stream)
        try:
            for packet in container.demux(stream):
                read += bool(packet.size)
                for frame in packet.decode() if decoder is None else decoder.decode(packet):
                    yield frame
                    done += 1
                    if frame.pts is not None and frame.time_base:
                        end = max(end, (frame.pts + (frame.duration or 0)) * frame.time_base)
        except (av.error.FFmpegError, ValueError) as error:
            raise self._damaged(done, str(error)) from None
        missing = not entered and "mp4" in container.format.name and stream.frames and read < stream.frames
        told = matroska_end(stream)
        if missing or (told is not None and told - end > _SLACK and done):
            raise self._damaged(done, _CUT_OFF)

    def _packets(self, container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> Iterator[av.Packet]:
        """The coded frames that are shown, in the order of the file. AnimeInterpError where it is damaged."""
        read = 0
        try:
            for packet in packets(container, stream):
                yield packet
                read += 1
        except (av.error.FFmpegError, ValueError) as error:
            raise self._damaged(read, str(error)) from None

    def _damaged(self, frame: int, why: str) -> AnimeInterpError:
        return AnimeInterpError(
            f"{self.path} is damaged after frame {frame} ({why}); it should be a whole video. Get it anew, or cut it before "
            "there."
        )
