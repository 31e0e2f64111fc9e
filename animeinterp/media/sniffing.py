"""What a picture file is by its first bytes, whatever its name ends in: kind, animation, loops, orientation."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator

from ..errors import AnimeInterpError
from ..storage import URL, opened, place, size_of

ANIMATIONS = frozenset({"gif", "apng", "animated webp"})
STILLS = frozenset({"png", "jpeg", "webp", "bmp", "tiff", "exr"})
_MOST = 1 << 20  # bytes at the start of a file in which all of this stands
_ALWAYS = 1 << 23  # pixels that are read whatever the size of the file
_DENSEST = 3000  # pixels a byte, more than any format packs of a drawing
_ORIENTATION = 0x0112  # the EXIF tag


def kind_of(path: str | os.PathLike[str] | URL) -> str | None:
    """One of ANIMATIONS or STILLS, or None for anything else (a film, a text, no file)."""
    data = _start(path)
    if data[:6] in (b"GIF87a", b"GIF89a"):
        return "gif"
    if data[:8] == b"\x89PNG\r\n\x1a\n":
        return "apng" if any(name == b"acTL" for name, _ in _png_chunks(data)) else "png"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "animated webp" if data[12:16] == b"VP8X" and len(data) > 20 and data[20] & 2 else "webp"
    if data[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if data[:2] == b"BM":
        return "bmp"
    if data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "tiff"
    return "exr" if data[:4] == b"\x76\x2f\x31\x01" else None


def loops_of(path: str | os.PathLike[str] | URL, kind: str | None) -> int:
    """How often an animation plays, 0 for ever."""
    data = _start(path)
    if kind == "gif":
        at = data.find(b"NETSCAPE2.0\x03\x01")
        if at < 0 or len(data) < at + 15:
            return 1
        more = int.from_bytes(data[at + 13 : at + 15], "little")
        return more + 1 if more else 0  # GIF counts repetitions
    if kind == "apng":
        return int.from_bytes(_animation_control(data)[4:8], "big")
    at = data.find(b"ANIM")
    return int.from_bytes(data[at + 12 : at + 14], "little") if at >= 0 else 0


def picture_count(path: str | os.PathLike[str] | URL, kind: str | None) -> int:
    """How many frames an APNG says it has; 0 for all other files."""
    if kind != "apng":
        return 0
    return int.from_bytes(_animation_control(_start(path))[:4], "big")


def is_cut_short(path: str | os.PathLike[str] | URL, kind: str | None) -> bool:
    """Whether a picture, an animation or a film lacks its end: its own format says where that is."""
    size = size_of(path)
    if kind is None:
        return _film_is_cut_short(path, size)
    if kind not in ("gif", "apng", "png", "webp", "animated webp"):
        return False
    with opened(path) as file:
        start = file.read(12)
        file.seek(max(size - 64, 0))
        end = file.read()
    if kind == "gif":
        return not end.rstrip(b"\0").endswith(b";")
    if kind in ("png", "apng"):
        return _png_is_cut_short(path, size)
    return int.from_bytes(start[4:8], "little") + 8 > size


def _png_is_cut_short(path: str | os.PathLike[str] | URL, size: int) -> bool:
    """Whether one of its chunks claims more than there is, which would be made room for, or none is the last."""
    with opened(path) as file:
        at = 8
        while at + 12 <= size:
            file.seek(at)
            length, name = struct.unpack(">I4s", file.read(8))
            at += 12 + length
            if name == b"IEND":
                break
        else:
            return True
    return at > size


def _film_is_cut_short(path: str | os.PathLike[str] | URL, size: int) -> bool:
    """For MP4, MOV, Matroska, WebM and AVI; others, and recordings that were never finished, tell of no end."""
    with opened(path) as file:
        start = file.read(64)
        if start[:4] == b"RIFF" and start[8:11] == b"AVI":
            return int.from_bytes(start[4:8], "little") + 8 > size
        if start[:4] == b"\x1aE\xdf\xa3":
            return _segment_end(start) > size
        if start[4:8] not in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
            return False
        at = 0
        while at + 8 <= size:
            file.seek(at)
            head = file.read(16)
            length = int.from_bytes(head[:4], "big")
            if length == 1:
                length = int.from_bytes(head[8:16], "big")
            if length == 0:  # to the end of the file
                return False
            if length < 8:
                return False  # no box: something else lies behind
            at += length
        return at > size


def _segment_end(start: bytes) -> int:
    """Where Matroska's one big element ends; 0 where that is not said."""
    at = 4
    size, length = _varying(start, at)
    at += length + size  # past the EBML header
    if start[at : at + 4] != b"\x18S\x80g":
        return 0
    size, length = _varying(start, at + 4)
    return 0 if size == 2 ** (7 * length) - 1 else at + 4 + length + size


def _varying(data: bytes, at: int) -> tuple[int, int]:
    """One of EBML's numbers of one to eight bytes: the number, and how many."""
    first = data[at] if at < len(data) else 0
    length = 9 - first.bit_length() if first else 1
    return int.from_bytes(data[at : at + length], "big") & (2 ** (7 * length) - 1), length


def orientation_of(path: str | os.PathLike[str] | URL, kind: str | None) -> int:
    """EXIF's orientation, 1 (upright) to 8."""
    data = _start(path)
    if kind == "jpeg":
        exif = next((body[6:] for marker, body in _jpeg_segments(data) if marker == 0xE1 and body[:6] == b"Exif\0\0"), b"")
    elif kind == "png":
        exif = next((body for name, body in _png_chunks(data) if name == b"eXIf"), b"")
    elif kind == "webp":
        whole = place(path).read_bytes() if data[12:16] == b"VP8X" and data[20] & 8 else b""
        at = whole.rfind(b"EXIF")
        exif = whole[at + 8 :].removeprefix(b"Exif\0\0") if at >= 0 else b""
    else:
        exif = b""
    return _tiff_orientation(exif)


def check_size(path: str | os.PathLike[str] | URL, kind: str | None) -> None:
    """AnimeInterpError where a picture's header claims more pixels than its file can have room for."""
    data = _start(path)
    width, height = _claimed_size(data, kind)
    pixels, size = width * height, size_of(path)
    if pixels > max(_ALWAYS, _DENSEST * size):
        raise AnimeInterpError(
            f"{path} claims to be {width}x{height} in {size} bytes, which no picture is; it is damaged, or made to fill the "
            "memory. Get it anew."
        )


def _claimed_size(data: bytes, kind: str | None) -> tuple[int, int]:
    """Width and height from a picture's header; (0, 0) where they are not found."""
    try:
        if kind in ("png", "apng"):
            return struct.unpack(">II", data[16:24])
        if kind == "gif":
            return struct.unpack("<HH", data[6:10])
        if kind == "bmp":
            width, height = struct.unpack("<ii", data[18:26])
            return abs(width), abs(height)
        if kind == "jpeg":
            frame = (body for marker, body in _jpeg_segments(data) if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC))
            height, width = struct.unpack(">HH", next(frame)[1:5])
            return width, height
        if kind in ("webp", "animated webp") and data[12:16] == b"VP8X":
            return tuple(1 + int.from_bytes(data[at : at + 3], "little") for at in (24, 27))
    except (struct.error, StopIteration):
        pass
    return 0, 0


def _start(path: str | os.PathLike[str] | URL) -> bytes:
    try:
        with opened(path) as file:
            return file.read(_MOST)
    except OSError:
        return b""


def _png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(name, body) of a PNG's chunks before its pixels."""
    at = 8
    while at + 8 <= len(data):
        length, name = struct.unpack(">I4s", data[at : at + 8])
        if name in (b"IDAT", b"IEND"):
            return
        yield name, data[at + 8 : at + 8 + length]
        at += 12 + length


def _animation_control(data: bytes) -> bytes:
    """What an APNG says of its frames: how many, then how often they play, four bytes each; empty where it says nothing."""
    return next((body for name, body in _png_chunks(data) if name == b"acTL"), b"")


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, body) of a JPEG's segments before its pixels."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        yield data[at + 1], data[at + 4 : at + 2 + length]
        at += 2 + length


def _tiff_orientation(exif: bytes) -> int:
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    try:
        (directory,) = struct.unpack(f"{order}I", exif[4:8])
        (count,) = struct.unpack(f"{order}H", exif[directory : directory + 2])
        for entry in range(count):
            at = directory + 2 + 12 * entry
            tag, _, _, value = struct.unpack(f"{order}HHIH", exif[at : at + 10])
            if tag == _ORIENTATION:
                return value if 1 <= value <= 8 else 1
    except struct.error:  # no EXIF, or a broken one: upright
        pass
    return 1
