"""Single pictures from and to files: OpenCV, and FFmpeg for EXR."""

from __future__ import annotations

import os
import re
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import torch
from torch import Tensor

from ..errors import AnimeInterpError
from ..storage import URL, at_hand, files_in, for_ffmpeg, place
from .colours import has_alpha, to_rgb
from .sniffing import ANIMATIONS, check_size, is_cut_short, kind_of, orientation_of

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff", ".exr"})
_ONE = Fraction(1)
_DEEP_SUFFIXES = frozenset({".png", ".tif", ".tiff"})  # what can hold 16 bits


def read_image(path: str | os.PathLike[str] | URL) -> Tensor:
    """One picture as a frame (1, 3 or 4, H, W), float32, 0..1, turned as its EXIF orientation asks for.

    16-bit pictures keep their precision; EXR and other floating-point pictures keep values over 1.

    Raises AnimeInterpError where the file is missing, an animation, no picture, or not all there.
    """
    return read_image_with_depth(path)[0]


def read_image_with_depth(path: str | os.PathLike[str] | URL) -> tuple[Tensor, int]:
    """As ``read_image``, and the bits a channel has in the file: 8, 16 or 32 (floating point)."""
    path = at_hand(place(path))
    if not path.is_file():
        raise AnimeInterpError(f"{path} is not there; it should be a picture. Check the name.")
    kind = kind_of(path)
    if kind in ANIMATIONS and kind != "gif":
        raise AnimeInterpError(f"{path} is no picture but an animation of several; give it alone, as a film is given.")
    if is_cut_short(path, kind):
        raise AnimeInterpError(f"{path} is a picture that lacks its end; the download or the copy may have broken off. "
                               "Get it anew.")
    check_size(path, kind)
    pixels = _read_with_ffmpeg(path) if kind == "exr" else _read_with_opencv(path)
    if pixels is None:
        raise AnimeInterpError(f"{path} is no picture that can be read; it should be PNG, JPEG, WebP, BMP, TIFF or EXR.")
    integer = np.issubdtype(pixels.dtype, np.integer)
    depth = 8 * pixels.dtype.itemsize if integer else 32
    frame = pixels.astype(np.float32) / (np.iinfo(pixels.dtype).max if integer else 1.0)
    if not integer and not np.isfinite(frame).all():
        raise AnimeInterpError(f"{path} holds values that are no numbers (NaN or infinite); all should be finite. Mend it.")
    frame = torch.from_numpy(frame).permute(2, 0, 1)[None]
    return turned(frame, orientation_of(path, kind)).contiguous(), depth


def _read_with_opencv(path: Path | URL) -> np.ndarray | None:
    # Bytes first: OpenCV opens no path that is not ASCII on Windows.
    data = np.frombuffer(path.read_bytes(), np.uint8)
    try:
        pixels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
    except cv2.error:  # such as a picture that claims more pixels than OpenCV allows
        return None
    if pixels is None or pixels.dtype.kind not in "uf":
        return None
    if pixels.ndim == 2:
        return cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
    if pixels.shape[2] == 2:  # grey and alpha
        return pixels[:, :, [0, 0, 0, 1]]
    return cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB)


def _read_with_ffmpeg(path: Path | URL) -> np.ndarray | None:
    try:
        with av.open(for_ffmpeg(path)) as container:
            if not container.streams.video:
                return None
            frame = next(container.decode(video=0))
            return to_rgb(frame, None, alpha=has_alpha(frame))
    except (av.error.FFmpegError, StopIteration, ValueError):
        return None


def turned(frame: Tensor, orientation: int) -> Tensor:
    """A frame (..., H, W) as it is to be seen, from EXIF's orientation 1 to 8."""
    if orientation >= 5:  # rows are columns
        frame = frame.transpose(-1, -2)
    flips = {2: (-1,), 3: (-1, -2), 4: (-2,), 6: (-1,), 7: (-1, -2), 8: (-2,)}.get(orientation)
    return frame if flips is None else frame.flip(flips)


def write_image(path: str | os.PathLike[str] | URL, frame: Tensor, *, bit_depth: int = 8) -> None:
    """Write a frame (1, 3 or 4, H, W), 0..1, as a picture; the suffix tells the format.

    ``bit_depth`` 16 is for PNG and TIFF; EXR always holds floating point, which is not clamped.
    """
    path = place(path)
    suffix = path.suffix.lower()
    if suffix == ".exr":
        path.write_bytes(_exr(frame))
        return
    if bit_depth > 8 and suffix not in _DEEP_SUFFIXES:
        raise AnimeInterpError(f"{path} cannot hold {bit_depth} bits a channel; it should end in .png or .tif.")
    pixels = to_levels(frame, 16 if bit_depth > 8 else 8)
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR)
    try:
        done, data = cv2.imencode(suffix, bgr)
    except cv2.error:
        done = False
    if not done:
        raise AnimeInterpError(f"{path} cannot be written as a picture; its suffix should be .png, .jpg or .webp.")
    path.write_bytes(data.tobytes())


def _exr(frame: Tensor) -> bytes:
    pixels = (frame[0] if frame.ndim == 4 else frame).detach().float().permute(1, 2, 0).cpu().contiguous().numpy()
    name = "gbrapf32le" if pixels.shape[2] == 4 else "gbrpf32le"
    try:
        encoder = av.CodecContext.create("exr", "w")
    except (av.error.FFmpegError, ValueError):
        raise AnimeInterpError("This PyAV cannot write EXR; take PNG instead, --bit-depth 16.") from None
    encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = pixels.shape[1], pixels.shape[0], name, _ONE
    encoder.options = {"compression": "zip16", "format": "float"}
    picture = av.VideoFrame.from_ndarray(pixels, format=name)
    return b"".join(bytes(packet) for packet in [*encoder.encode(picture), *encoder.encode(None)])


def images_in(folder: str | os.PathLike[str] | URL) -> list[Path | URL]:
    """The pictures right in a folder, hidden ones left out, as people count: 2.png comes before 10.png."""

    def natural(path: Path | URL) -> tuple:
        parts = re.split(r"(\d+)", path.name.casefold())
        return [int(part) if index % 2 else part for index, part in enumerate(parts)], path.name

    found = (path for path in files_in(place(folder)) if path.suffix.lower() in IMAGE_SUFFIXES)
    return sorted((path for path in found if not path.name.startswith(".")), key=natural)


def to_bytes(frame: Tensor) -> np.ndarray:
    """A frame (1, C, H, W) or (C, H, W), 0..1, as uint8 (H, W, C), rounded."""
    return to_levels(frame, 8)


def to_levels(frame: Tensor, bits: int) -> np.ndarray:
    """A frame (1, C, H, W) or (C, H, W), 0..1, in 8 or 16 bits a channel (H, W, C), rounded."""
    frame = frame[0] if frame.ndim == 4 else frame
    levels = (frame.detach().float().clamp(0, 1) * (2**bits - 1)).round().permute(1, 2, 0).cpu().contiguous().numpy()
    return levels.astype(np.uint8 if bits == 8 else np.uint16)
