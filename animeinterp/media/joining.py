"""Films that follow one another as one film: coded pictures are copied, nothing is coded anew."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, nullcontext
from pathlib import Path

import av

from ..errors import AnimeInterpError
from .codecs import film_container, film_options
from .files import check_free, part_name
from .tracks import Tracks


def join_films(
    parts: Sequence[str | os.PathLike[str]],
    path: str | os.PathLike[str],
    *,
    tracks: Tracks | None = None,
    overwrite: bool = True,
) -> None:
    """Write ``parts``, made by ``VideoWriter`` with the same settings and with ascending times, as one film at ``path``.

    The file appears under its name when all is in it. ``tracks``: sound and what else of another film is to be taken along.
    Raises AnimeInterpError for a name that is taken, unless ``overwrite``, and for what cannot be read or written.
    """
    path = Path(path)
    if not overwrite:
        check_free(path)
    part = part_name(path, path.suffix)
    try:
        try:
            _copy([Path(one) for one in parts], part, path, tracks)
        except (OSError, av.error.FFmpegError, ValueError) as error:
            raise AnimeInterpError(f"{path} could not be joined: {error}. See to its disk and its rights.") from error
        if not overwrite:
            check_free(path)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def _copy(parts: list[Path], target: Path, path: Path, tracks: Tracks | None) -> None:
    container = film_container(path)
    with (
        av.open(str(parts[0])) as first,
        av.open(str(target), "w", format=container, options=film_options(container)) as out,
        nullcontext() if tracks is None else closing(tracks),
    ):
        stream = out.add_stream_from_template(first.streams.video[0])
        stream.time_base = first.streams.video[0].time_base
        if tracks is not None:
            tracks.open_in(out, str(path))
        last = None
        for packet in _packets(parts):
            time = packet.pts * packet.time_base
            packet.stream = stream
            # The first frames of a part are decoded while the last ones of that before are shown.
            if last is not None and packet.dts <= last:
                packet.dts = last + 1
            last = packet.dts
            if tracks is not None:
                tracks.copy_until(out, time)
            out.mux(packet)
        if tracks is not None:
            tracks.copy_until(out, None)


def _packets(parts: list[Path]) -> Iterator[av.Packet]:
    """The coded pictures of all parts, one part after the other."""
    for part in parts:
        with av.open(str(part)) as source:
            yield from (packet for packet in source.demux(source.streams.video[0]) if packet.dts is not None)
