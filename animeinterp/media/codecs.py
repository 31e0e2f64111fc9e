"""Which container a name asks for, and which codec in it holds what is to be written."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from fractions import Fraction

import av

from ..errors import AnimeInterpError
from ..storage import URL, place

ANIMATION_SUFFIXES = frozenset({".gif", ".webp", ".png", ".apng"})
FILM_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm"})
_FORMATS = {
    ".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm", ".gif": "gif", ".webp": "webp",
    ".png": "apng", ".apng": "apng",
}  # fmt: skip
_PRORES = {"profile": "4444", "alpha_bits": "16"}
_SAME = "cpu-independent=1"  # else the same frames are coded otherwise on another processor, and now and then on the same
_FINE = 90_000  # ticks a second at least: a time is off by no more than 6 microseconds


@dataclass(frozen=True)
class Encoding:
    """How a file is written: FFmpeg's names of the container, the codec and the pixel format, and their options."""

    container: str
    codec: str
    pixel_format: str
    bits: int  # of the RGB that is handed over: 8 or 16
    alpha: bool
    even: bool = False  # whether width and height have to be
    tag: str | None = None  # what players look for in the container
    shaped: bool = False  # whether pixels may be other than square
    options: dict[str, str] = field(default_factory=dict)
    container_options: dict[str, str] = field(default_factory=dict)


def choose_encoding(path: str | os.PathLike[str] | URL, *, alpha: bool, bit_depth: int, quality: int, loops: int = 0) -> Encoding:
    """The encoding for a file name, for frames of ``bit_depth`` bits a channel with or without ``alpha``.

    MP4 and Matroska get H.264, or H.265 from 10 bits on; WebM gets VP9, or AV1 from 10 bits on. Where there is alpha, MOV gets
    ProRes 4444, Matroska and WebM VP9, and GIF, APNG and WebP keep it; MP4 cannot. ``quality`` is that of x264 (CRF): 0 best,
    51 worst. Raises AnimeInterpError for an ending that is none of these, or a codec that this PyAV lacks.
    """
    suffix = place(path).suffix.lower()
    if suffix not in _FORMATS:
        raise AnimeInterpError(
            f"{path} ends in {suffix or 'nothing'}; a film should end in one of {', '.join(sorted(_FORMATS))}."
        )
    container, deep = _FORMATS[suffix], bit_depth > 8
    if suffix in ANIMATION_SUFFIXES:
        encoding = _animation(container, alpha, deep, loops)
    elif alpha and suffix == ".mov":
        encoding = Encoding(container, "prores_ks", "yuva444p10le", 16, True, shaped=True, options=_PRORES)
    elif alpha and suffix in (".mkv", ".webm"):
        encoding = Encoding(container, "libvpx-vp9", "yuva420p", 8, True, options=_vp9(quality))
    elif suffix == ".webm" and deep:
        encoding = Encoding(container, "libsvtav1", "yuv420p10le", 16, False, True, options={"crf": str(_vp9_crf(quality))})
    elif suffix == ".webm":
        encoding = Encoding(container, "libvpx-vp9", "yuv420p", 8, False, True, options=_vp9(quality))
    elif deep:
        options = {"crf": str(quality), "x265-params": "log-level=error"}
        tag = None if container == "matroska" else "hvc1"  # Apple's players know no other
        encoding = Encoding(container, "libx265", "yuv420p10le", 16, False, True, tag, True, options)
    else:
        options = {"crf": str(quality), "x264-params": _SAME}
        encoding = Encoding(container, "libx264", "yuv420p", 8, False, True, shaped=True, options=options)
    if suffix in FILM_SUFFIXES:
        encoding.container_options.update(film_options(container))
    try:
        av.Codec(encoding.codec, "w")
    except ValueError:
        raise AnimeInterpError(
            f"{path} would be coded by {encoding.codec}, which this PyAV lacks; take another ending, such as .mp4 or .mkv, or "
            "install av from PyPI."
        ) from None
    return encoding


def film_container(path: str | os.PathLike[str] | URL) -> str:
    """FFmpeg's name of the container that a film of this name has; Matroska, which holds any codec, where the name tells none."""
    suffix = place(path).suffix.lower()
    return _FORMATS[suffix] if suffix in FILM_SUFFIXES else "matroska"


def film_options(container: str) -> dict[str, str]:
    """What is asked of a container beside its codec's own: that a player need not have all of a file to begin, and that the same
    film is the same file (Matroska would be given a number at random)."""
    return {"movflags": "faststart"} if container in ("mp4", "mov") else {"fflags": "bitexact"}


def holds_alpha(path: str | os.PathLike[str] | URL) -> bool:
    """Whether a file of this name can be transparent."""
    return place(path).suffix.lower() in ANIMATION_SUFFIXES | {".mov", ".mkv", ".webm"}


def ticks(rate: Fraction) -> Fraction:
    """A time base in which frames at this rate, or a fraction of it, have whole times, and all others nearly so."""
    return Fraction(1, rate.numerator * -(-_FINE // rate.numerator))


def _animation(container: str, alpha: bool, deep: bool, loops: int) -> Encoding:
    if container == "gif":  # which counts repetitions, and -1 is none
        loop = {"loop": str(loops - 1 if loops > 1 else -1 if loops == 1 else 0)}
        return Encoding(container, "gif", "pal8", 8, alpha, container_options=loop)
    if container == "webp":
        options = {"lossless": "1", "compression_level": "4"}
        return Encoding(container, "libwebp_anim", "bgra", 8, alpha, options=options, container_options={"loop": str(loops)})
    pixel_format = {(False, False): "rgb24", (False, True): "rgba", (True, False): "rgb48be", (True, True): "rgba64be"}
    return Encoding(
        container, "apng", pixel_format[deep, alpha], 16 if deep else 8, alpha, options={"pred": "mixed"},
        container_options={"plays": str(loops)},
    )


def _vp9(quality: int) -> dict[str, str]:
    return {"crf": str(_vp9_crf(quality)), "b": "0", "row-mt": "1", "cpu-used": "2", "auto-alt-ref": "0"}


def _vp9_crf(quality: int) -> int:
    """VP9 and AV1 count to 63 where x264 counts to 51."""
    return min(max(round(quality * 63 / 51) + 4, 0), 63)
