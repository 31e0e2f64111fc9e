"""What FFmpeg's own objects tell of a film: its pictures among its tracks, their packets, how they are to be turned."""

from __future__ import annotations

import logging
import struct
from collections.abc import Iterator
from fractions import Fraction

import av

_log = logging.getLogger(__name__)


def pictures(container: av.container.InputContainer) -> av.video.stream.VideoStream:
    """The film itself, where a cover is in the file too."""
    return container.streams.best("video") or container.streams.video[0]


def packets(container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> Iterator[av.Packet]:
    """The coded frames that are shown, in the order of the file."""
    return (packet for packet in container.demux(stream) if packet.size and not packet.is_discard)


def whole_packets(container: av.container.InputContainer, stream: av.video.stream.VideoStream) -> int:
    """How many coded frames can be read of a damaged film."""
    count = 0
    try:
        for packet in container.demux(stream):
            count += bool(packet.size)
    except av.error.FFmpegError:
        pass
    return count


def matroska_end(stream) -> Fraction | None:
    """When a Matroska track says that it ends, in seconds; None where none is said."""
    text = stream.metadata.get("DURATION", "")
    try:
        hours, minutes, seconds = text.split(":")
        return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds.rstrip("\0"))
    except ValueError:
        return None


def alpha_decoder(stream):
    """VP8 and VP9 keep their alpha beside the pictures, where FFmpeg's own decoder does not look, and libvpx does."""
    told = {name.lower(): value for name, value in stream.metadata.items()}  # a copied track's are in capitals
    if told.get("alpha_mode") != "1" or stream.codec_context.name not in ("vp8", "vp9"):
        return None
    try:
        return av.CodecContext.create({"vp8": "libvpx", "vp9": "libvpx-vp9"}[stream.codec_context.name], "r")
    except (av.error.FFmpegError, ValueError):
        _log.warning("This PyAV has no libvpx: the film's transparency is left out.")
        return None


def display_matrix(frame: av.VideoFrame) -> tuple[bool, bool, bool]:
    """How a frame is turned before it is shown: whether transposed, then mirrored left-right, and top-bottom."""
    try:
        data = bytes(frame.side_data["DISPLAYMATRIX"])
    except (KeyError, ValueError):  # none; or beside others that this PyAV does not know
        return False, False, False
    values = struct.unpack("=9i", data[:36])
    a, b, c, d = values[0], values[1], values[3], values[4]  # x' = a x + c y, y' = b x + d y
    transposed = abs(b) + abs(c) > abs(a) + abs(d)
    if min(abs(a) + abs(d), abs(b) + abs(c)) > 0.01 * max(abs(a) + abs(d), abs(b) + abs(c)):
        _log.warning("The film is to be shown turned by no multiple of 90 degrees: the nearest one is taken.")
    return (True, c < 0, b < 0) if transposed else (False, a < 0, d < 0)
