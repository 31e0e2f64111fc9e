"""What FFmpeg leaves to guesswork in an animation, put right in the file: how long its last frame is shown, and alpha."""

from __future__ import annotations

import os
import struct
import zlib
from fractions import Fraction
from pathlib import Path


def finish_animation(path: str | os.PathLike[str], container: str, seconds: Fraction, *, alpha: bool) -> None:
    """Change the last frame's duration so that all are shown for ``seconds``; nothing is done to what is not in need of it."""
    if container == "webp":
        _end_webp(Path(path), seconds)
        if alpha:
            _tell_alpha(Path(path))
    elif container == "apng":
        _end_apng(Path(path), seconds)


def _end_webp(path: Path, seconds: Fraction) -> None:
    with open(path, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        at, shown, last = 12, 0, None
        while at + 8 <= size:
            file.seek(at)
            name, length = struct.unpack("<4sI", file.read(8))
            if name == b"ANMF":
                file.seek(at + 8 + 12)  # after place and size
                last = (at + 8 + 12, shown)
                shown += int.from_bytes(file.read(3), "little")
            at += 8 + length + length % 2
        if last is not None:
            place, before = last
            file.seek(place)
            file.write(min(max(round(seconds * 1000) - before, 1), 2**24 - 1).to_bytes(3, "little"))


def _tell_alpha(path: Path) -> None:
    """Set WebP's flag for transparency: libwebp forgets it where frames are opaque and the ground that they leave is not."""
    with open(path, "r+b") as file:
        head = file.read(21)
        if head[12:16] == b"VP8X":
            file.seek(20)
            file.write(bytes([head[20] | 0x10]))


def _end_apng(path: Path, seconds: Fraction) -> None:
    with open(path, "r+b") as file:
        size = file.seek(0, os.SEEK_END)
        at, shown, last = 8, Fraction(0), None
        while at + 8 <= size:
            file.seek(at)
            length, name = struct.unpack(">I4s", file.read(8))
            if name == b"fcTL":
                control = file.read(length)
                above, below = struct.unpack(">HH", control[20:24])
                last = (at, control, shown)
                shown += Fraction(above, below or 100)
            at += 12 + length
        if last is not None:
            place, control, before = last
            delay = max(seconds - before, Fraction(1, 1000)).limit_denominator(65535)
            while delay.numerator > 65535:
                delay = delay.limit_denominator(max(delay.denominator // 2, 1)) if delay.denominator > 1 else Fraction(65535)
            control = b"fcTL" + control[:20] + struct.pack(">HH", delay.numerator, delay.denominator) + control[24:]
            file.seek(place + 4)
            file.write(control + struct.pack(">I", zlib.crc32(control)))
