"""Between YUV as films have it and RGB as everything here has it."""

from __future__ import annotations

import av
import numpy as np
from av.video.reformatter import Interpolation

from .info import BT709, BT2020, FCC, SMPTE240M, Colour

LIMITED, FULL = 1, 2
# Chroma is placed where it belongs and rounded once: the converter's shortcut takes the nearest sample.
_CAREFULLY = int(Interpolation.BICUBIC) | 0x40000 | 0x2000  # accurate rounding, full chroma; unnamed in older PyAV
_SWS_601 = 5


def to_rgb(frame: av.VideoFrame, colour: Colour, *, alpha: bool) -> np.ndarray:
    """A decoded frame as float32 (H, W, 3 or 4), 0..1; half and full floats pass as they are."""
    name = frame.format.name
    if name.endswith(("f32le", "f32be", "f16le", "f16be")):
        return frame.to_ndarray(format="gbrapf32le" if alpha else "gbrpf32le").astype(np.float32)
    deep = bits_of(frame) > 8
    wanted = _rgb_format(deep, alpha)
    if frame.format.is_rgb or name == "pal8":
        rgb = frame.reformat(format=wanted)
    else:
        full = name.startswith("yuvj") or frame.color_range == FULL
        rgb = frame.reformat(
            format=wanted, src_colorspace=_swscale(colour), interpolation=_CAREFULLY,
            src_color_range=FULL if full else LIMITED, dst_color_range=FULL,
        )
    return rgb.to_ndarray().astype(np.float32) / (65535 if deep else 255)


def from_rgb(pixels: np.ndarray, pixel_format: str, colour: Colour) -> av.VideoFrame:
    """8- or 16-bit RGB or RGBA (H, W, C) as a frame of ``pixel_format``; YUV in limited range."""
    given = _rgb_format(pixels.dtype == np.uint16, pixels.shape[2] == 4)
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format=given)
    if av.VideoFormat(pixel_format, 2, 2).is_rgb:
        return frame if given == pixel_format else frame.reformat(format=pixel_format)
    return frame.reformat(
        format=pixel_format, dst_colorspace=_swscale(colour), interpolation=_CAREFULLY, src_color_range=FULL,
        dst_color_range=LIMITED,
    )


def has_alpha(frame: av.VideoFrame) -> bool:
    """Whether a decoded frame's format has a channel for it."""
    return any(component.is_alpha for component in frame.format.components)


def bits_of(frame: av.VideoFrame) -> int:
    """Bits of a decoded frame's deepest channel."""
    return max(component.bits for component in frame.format.components)


def _rgb_format(deep: bool, alpha: bool) -> str:
    return ("rgba64le" if alpha else "rgb48le") if deep else ("rgba" if alpha else "rgb24")


def _swscale(colour: Colour) -> int:
    """The converter's number of a matrix; it knows the two of BT.601 as one."""
    return colour.matrix if colour.matrix in (BT709, FCC, SMPTE240M, BT2020) else _SWS_601
