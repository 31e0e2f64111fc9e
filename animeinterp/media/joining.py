"""Films that follow one another as one film: coded pictures are copied, nothing is coded anew."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, nullcontext
from fractions import Fraction
from os import PathLike
from pathlib import Path

import av

from ..errors import AnimeInterpError
from ..storage import URL, for_ffmpeg, place
from .codecs import film_container, film_options
from .files import check_free, part_name, put_in_place
from .tracks import Tracks


def join_films(
    parts: Sequence[str | PathLike[str] | URL],
    path: str | PathLike[str] | URL,
    *,
    tracks: Tracks | None = None,
    overwrite: bool = True,
    working: Callable[[], None] = lambda: None,
) -> None:
    """Write ``parts``, made by ``VideoWriter`` with the same settings and with ascending times, as one film at ``path``.

    The file appears under its name when all is in it. ``tracks``: sound and what else of another film is to be taken along.
    ``working`` is called often, as a sign of life. Raises AnimeInterpError for a name that is taken, unless ``overwrite``: the
    film stays under another, which the error tells; and for what cannot be read or written.
    """
    path = place(path)
    part, whole = part_name(path, path.suffix), False
    try:
        _copy(parts, part, path, tracks, working)
        whole = True
    except (OSError, av.error.FFmpegError, ValueError) as error:
        raise AnimeInterpError(f"{path} could not be joined: {error}. See to its disk and its rights.") from error
    finally:
        if not whole:
            part.unlink(missing_ok=True)
    if not overwrite:
        check_free(path, part)
    put_in_place(part, path)


def _copy(
    parts: Sequence[str | PathLike[str] | URL], target: Path, path: Path | URL, tracks: Tracks | None, working: Callable[[], None]
) -> None:
    container = film_container(path)
    with (
        av.open(for_ffmpeg(parts[0])) as first,
        av.open(str(target), "w", format=container, options=film_options(container)) as out,
        nullcontext() if tracks is None else closing(tracks),
    ):
        stream = out.add_stream_from_template(first.streams.video[0])
        stream.time_base = first.streams.video[0].time_base
        told = {name.lower(): value for name, value in first.streams.video[0].metadata.items()}
        if "alpha_mode" in told:  # the coder's settings do not tell of it
            stream.metadata["alpha_mode"] = told["alpha_mode"]
        if tracks is not None:
            tracks.open_in(out, str(path))
        last, first_shown, first_decoded = None, None, None
        last_shown, end = _end_of(parts[-1])
        whole = container in ("mp4", "mov")
        for packet, is_last in _told_last(_packets(parts)):
            working()
            time = packet.pts * packet.time_base
            packet.stream = stream
            # The first frames of a part are decoded while the last ones of that before are shown.
            if last is not None and packet.dts <= last:
                packet.dts = last + 1
            if last is None:
                first_decoded = packet.dts
            last = packet.dts
            first_shown = packet.pts if first_shown is None else min(first_shown, packet.pts)
            # What is read of a duration is that of a place in the order of decoding; the film's end is where the latest ends.
            packet.duration = end - packet.pts if packet.pts == last_shown else min(packet.duration, last_shown - packet.pts)
            if is_last and whole:  # as of every part: the last to be decoded makes up the whole
                packet.duration = max(end - first_shown - (packet.dts - first_decoded), 1)
            if tracks is not None:
                tracks.copy_until(out, time)
            out.mux(packet)
        if tracks is not None:
            tracks.copy_until(out, None)


def _packets(parts: Iterable[str | PathLike[str] | URL]) -> Iterator[av.Packet]:
    """The coded pictures of all parts, one part after the other, each with the time at which it is decoded."""
    for part in parts:
        with av.open(for_ffmpeg(part)) as source:
            early = []  # Matroska does not tell it of the first ones
            for packet in source.demux(source.streams.video[0]):
                if not packet.size:
                    continue
                if packet.dts is None:
                    early.append(packet)
                    continue
                yield from _dated(early, packet.dts)
                early = []
                yield packet
            yield from _dated(early, min((packet.pts for packet in early), default=0) + 1)


def _dated(packets: list[av.Packet], before: int) -> Iterator[av.Packet]:
    for index, packet in enumerate(packets):
        packet.dts = before - len(packets) + index
        yield packet


def _told_last(packets: Iterator[av.Packet]) -> Iterator[tuple[av.Packet, bool]]:
    before = None
    for packet in packets:
        if before is not None:
            yield before, False
        before = packet
    if before is not None:
        yield before, True


def _end_of(part: str | PathLike[str] | URL) -> tuple[int, int]:
    """When the last frame of a film is shown, and when it is over, in ticks."""
    with av.open(for_ffmpeg(part)) as source:
        stream = source.streams.video[0]
        ends = {packet.pts: packet.pts + (packet.duration or 1) for packet in source.demux(stream) if packet.size}
        last = max(ends)
        if stream.duration is not None:
            return last, (stream.start_time or 0) + stream.duration
        # Matroska tells of the film's end alone.
        told = round(Fraction(source.duration or 0, av.time_base) / stream.time_base)
        return last, max(ends[last], told)
