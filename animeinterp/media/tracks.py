"""What a film has beside its pictures: sound, subtitles, fonts, chapters. Copied as they are, in step with the pictures."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from fractions import Fraction

import av

from ..errors import AnimeInterpError
from ..storage import URL, for_ffmpeg, place

_log = logging.getLogger(__name__)
_NO_OTHER_TRACKS = frozenset({"gif", "webp", "apng"})


class Tracks:
    """The other tracks of a film, for a writer to take along.

    Only what lies between ``start`` and ``end`` (seconds, None: to its end) is copied, and begins at 0. ``tell`` is called with a
    line about what the new file cannot hold.
    """

    def __init__(
        self,
        path: str | os.PathLike[str] | URL,
        *,
        audio: bool = True,
        subtitles: bool = True,
        start: Fraction = Fraction(0),
        end: Fraction | None = None,
        tell: Callable[[str], None] = _log.warning,
    ):
        self.path, self._tell = place(path), tell
        self._kinds = {kind for kind, wanted in (("audio", audio), ("subtitle", subtitles)) if wanted}
        self._start, self._end = start, end
        self._input: av.container.InputContainer | None = None
        self._copies: dict[int, av.stream.Stream] = {}
        self._packets: Iterator[av.Packet] | None = None
        self._ready: av.Packet | None = None

    def open_in(self, output: av.container.OutputContainer, name: str) -> None:
        """Add a track to ``output`` for each that it can hold. To be called before anything is written to it."""
        try:
            source = self._input = av.open(for_ffmpeg(self.path))
        except (OSError, av.error.FFmpegError) as error:
            raise AnimeInterpError(f"{self.path} could not be read again for its sound: {error}.") from None
        wanted = [stream for stream in source.streams if stream.type in self._kinds]
        held = frozenset() if output.format.name in _NO_OTHER_TRACKS else output.supported_codecs
        left_out = []
        for stream in wanted:
            codec = stream.codec_context.codec if stream.codec_context else None
            if codec is None or not {codec.name, codec.canonical_name} & held:
                left_out.append(f"{stream.type} ({'of an unknown kind' if codec is None else codec.canonical_name})")
                continue
            copy = output.add_stream_from_template(stream)
            copy.metadata.update({k: v for k, v in stream.metadata.items() if k in ("language", "title", "handler_name")})
            if hasattr(stream, "disposition"):
                copy.disposition = stream.disposition
            self._copies[stream.index] = copy
        if left_out:
            self._tell(f"{name} cannot hold all that {self.path} has beside its pictures; left out: {', '.join(left_out)}. "
                       "A name that ends in .mkv keeps it.")
        if output.format.name == "matroska" and hasattr(output, "add_attachment"):
            for font in (stream for stream in source.streams if stream.type == "attachment"):
                output.add_attachment(font.name or "font", font.mimetype or "application/octet-stream", font.data)
        if self._start == 0 and self._end is None and hasattr(output, "set_chapters") and output.format.name != "webm":
            output.set_chapters(source.chapters())
        # What a decoder needs from before the start, Matroska holds only if it came from Matroska: else all tracks are put off.
        self._needs_start = output.format.name in ("matroska", "webm") and "matroska" not in source.format.name
        self._zero = max(Fraction(source.start_time or 0, av.time_base), Fraction(0)) + self._start
        self._packets = self._shifted(source)

    def _shifted(self, source: av.container.InputContainer) -> Iterator[av.Packet]:
        """The packets to copy, with their times in the new file."""
        if not self._copies:
            return
        try:
            for packet in source.demux(*(source.streams[index] for index in self._copies)):
                if packet.dts is None and packet.pts is None:
                    continue  # the end of a track
                stamp = (packet.pts if packet.pts is not None else packet.dts) * packet.time_base - self._zero
                shift = round(self._zero / packet.time_base)
                over = stamp + (packet.duration or 0) * packet.time_base <= 0
                early = (self._start and stamp < 0) or (self._needs_start and over)
                if early or (self._end is not None and stamp >= self._end - self._start):
                    continue
                packet.pts = None if packet.pts is None else packet.pts - shift
                packet.dts = None if packet.dts is None else packet.dts - shift
                packet.stream = self._copies[packet.stream.index]
                yield packet
        except av.error.FFmpegError as error:
            self._tell(f"{self.path} is damaged where its sound is ({error}); the sound ends there.")

    def copy_until(self, output: av.container.OutputContainer, time: Fraction | None) -> None:
        """Write what begins before ``time`` (None: all that is left), so that it lies beside the pictures in the file."""
        while self._packets is not None:
            packet = self._ready or next(self._packets, None)
            self._ready = packet
            if packet is None:
                self._packets = None
                return
            stamp = packet.dts if packet.dts is not None else packet.pts
            if time is not None and stamp * packet.time_base > time:
                return
            self._ready = None
            output.mux(packet)

    def close(self) -> None:
        """Close the film that they are copied from."""
        if self._input is not None:
            self._input.close()
            self._input = None
