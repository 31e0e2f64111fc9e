"""What a picture file is by its first bytes, whatever its name ends in: kind, animation, loops, orientation."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterator
from pathlib import Path

ANIMATIONS = frozenset({"gif", "apng", "animated webp"})
STILLS = frozenset({"png", "jpeg", "webp", "bmp", "tiff", "exr"})
_MOST = 1 << 20  # bytes at the start of a file in which all of this stands
_ORIENTATION = 0x0112  # the EXIF tag


def kind_of(path: str | os.PathLike[str]) -> str | None:
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


def loops_of(path: str | os.PathLike[str], kind: str | None) -> int:
    """How often an animation plays, 0 for ever."""
    data = _start(path)
    if kind == "gif":
        at = data.find(b"NETSCAPE2.0\x03\x01")
        if at < 0 or len(data) < at + 15:
            return 1
        more = int.from_bytes(data[at + 13 : at + 15], "little")
        return more + 1 if more else 0  # GIF counts repetitions
    if kind == "apng":
        return next((int.from_bytes(body[4:8], "big") for name, body in _png_chunks(data) if name == b"acTL"), 0)
    at = data.find(b"ANIM")
    return int.from_bytes(data[at + 12 : at + 14], "little") if at >= 0 else 0


def picture_count(path: str | os.PathLike[str], kind: str | None) -> int:
    """How many frames an APNG says it has; 0 for all other files."""
    if kind != "apng":
        return 0
    return next((int.from_bytes(body[:4], "big") for name, body in _png_chunks(_start(path)) if name == b"acTL"), 0)


def is_cut_short(path: str | os.PathLike[str], kind: str | None) -> bool:
    """Whether a picture file lacks its end: its own format says where that is."""
    if kind not in ("gif", "apng", "png", "webp", "animated webp"):
        return False
    size = os.path.getsize(path)
    with open(path, "rb") as file:
        start = file.read(12)
        file.seek(max(size - 64, 0))
        end = file.read()
    if kind == "gif":
        return not end.rstrip(b"\0").endswith(b";")
    if kind in ("png", "apng"):
        return b"IEND" not in end and size < _MOST and b"IEND" not in _start(path)
    return int.from_bytes(start[4:8], "little") + 8 > size


def orientation_of(path: str | os.PathLike[str], kind: str | None) -> int:
    """EXIF's orientation, 1 (upright) to 8."""
    data = _start(path)
    if kind == "jpeg":
        exif = next((body[6:] for marker, body in _jpeg_segments(data) if marker == 0xE1 and body[:6] == b"Exif\0\0"), b"")
    elif kind == "png":
        exif = next((body for name, body in _png_chunks(data) if name == b"eXIf"), b"")
    elif kind == "webp":
        whole = Path(path).read_bytes() if data[12:16] == b"VP8X" and data[20] & 8 else b""
        at = whole.rfind(b"EXIF")
        exif = whole[at + 8 :].removeprefix(b"Exif\0\0") if at >= 0 else b""
    else:
        exif = b""
    return _tiff_orientation(exif)


def _start(path: str | os.PathLike[str]) -> bytes:
    try:
        with open(path, "rb") as file:
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
