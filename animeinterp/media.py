"""Frames from and to files: videos (PyAV) and pictures (OpenCV), a frame at a time.

Videos are read and written as streams: whatever their length, a few frames are in memory. Written videos are H.264 in
MP4 with 4:2:0 colour, which every browser plays; that colour format wants even sizes, so an odd width or height is
padded by one repeated column or row.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import cv2
import numpy as np
import torch
from torch import Tensor

from .errors import AnimeInterpError

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"})
_BT709 = 1  # as FFmpeg numbers colour spaces, primaries and transfer curves
_LIMITED = 1


def read_image(path: str | os.PathLike[str]) -> Tensor:
    """One picture as a frame (1, 3 or 4, H, W), float32, 0..1; 16-bit pictures keep their precision.

    Raises AnimeInterpError where the file is missing or no picture.
    """
    path = Path(path)
    if not path.is_file():
        raise AnimeInterpError(f"{path} is not there; it should be a picture. Check the name.")
    # Bytes first: OpenCV opens no path that is not ASCII on Windows.
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None:
        raise AnimeInterpError(f"{path} is no picture that can be read; it should be PNG, JPEG, WebP, BMP or TIFF.")
    if pixels.ndim == 2:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
    else:
        pixels = cv2.cvtColor(pixels, cv2.COLOR_BGRA2RGBA if pixels.shape[2] == 4 else cv2.COLOR_BGR2RGB)
    largest = np.iinfo(pixels.dtype).max if np.issubdtype(pixels.dtype, np.integer) else 1.0
    return torch.from_numpy(pixels.astype(np.float32) / largest).permute(2, 0, 1)[None].contiguous()


def write_image(path: str | os.PathLike[str], frame: Tensor) -> None:
    """Write a frame (1, 3 or 4, H, W), 0..1, as an 8-bit picture; the suffix tells the format."""
    pixels = to_bytes(frame)
    bgr = cv2.cvtColor(pixels, cv2.COLOR_RGBA2BGRA if pixels.shape[2] == 4 else cv2.COLOR_RGB2BGR)
    path = Path(path)
    done, data = cv2.imencode(path.suffix, bgr)
    if not done:
        raise AnimeInterpError(f"{path} cannot be written as a picture; its suffix should be .png, .jpg or .webp.")
    path.write_bytes(data.tobytes())


def to_bytes(frame: Tensor) -> np.ndarray:
    """A frame (1, C, H, W) or (C, H, W), 0..1, as uint8 (H, W, C), rounded."""
    frame = frame[0] if frame.ndim == 4 else frame
    levels = (frame.detach().float().clamp(0, 1) * 255).round().to(torch.uint8)
    return levels.permute(1, 2, 0).cpu().contiguous().numpy()


class VideoReader:
    """A video file as frames (1, 3, H, W), float32, 0..1. Iterating decodes; each iteration starts anew.

    ``rate`` is frames a second, ``size`` (H, W), ``count`` the number of frames the file claims (0: it does not say).
    Raises AnimeInterpError where the file is missing or holds no video.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        with self._open() as container:
            stream = container.streams.video[0]
            self.rate = Fraction(stream.average_rate or stream.guessed_rate or 24)
            self.size = (stream.height, stream.width)
            self.count = stream.frames

    def _open(self) -> av.container.InputContainer:
        if not self.path.is_file():
            raise AnimeInterpError(f"{self.path} is not there; it should be a video. Check the name.")
        try:
            container = av.open(str(self.path))
        except av.error.FFmpegError as error:
            raise AnimeInterpError(
                f"{self.path} is no video that can be read ({error}); it should be MP4, MKV or the like."
            ) from None
        if not container.streams.video:
            container.close()
            raise AnimeInterpError(f"{self.path} holds no pictures; it should be a video.")
        return container

    def __iter__(self) -> Iterator[Tensor]:
        with self._open() as container:
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            for frame in container.decode(stream):
                # Without being told, the converter takes every file for BT.601.
                hd = frame.colorspace == _BT709
                rgb = frame.reformat(format="rgb24", src_colorspace="ITU709" if hd else None)
                pixels = rgb.to_ndarray().astype(np.float32) / 255
                yield torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous()


class VideoWriter:
    """Writes frames to an MP4 (H.264, 4:2:0, BT.709), one `write` a frame; a context manager.

    The file appears under its name only when the last frame is in it: an error or an interrupt on the way leaves
    nothing behind and what was there before untouched. ``quality`` is x264's CRF: 0 best, 51 worst.
    """

    def __init__(self, path: str | os.PathLike[str], rate: float | Fraction, *, quality: int = 16):
        self.path = Path(path)
        self._rate = Fraction(rate).limit_denominator(1001)
        if self._rate <= 0:
            raise AnimeInterpError(f"rate is {rate}; it should be a number of frames a second over 0.")
        self._part = self.path.with_name(f".{self.path.stem}.part.mp4")
        self._quality = quality
        self._container: av.container.OutputContainer | None = None
        self._stream: av.video.stream.VideoStream | None = None
        self._size: tuple[int, int] | None = None

    def __enter__(self) -> VideoWriter:
        return self

    def write(self, frame: Tensor) -> None:
        """Add a frame (1, 3 or 4, H, W), 0..1; alpha is laid over black. AnimeInterpError where its size is another."""
        pixels = to_bytes(frame[:, :3] * frame[:, 3:] if frame.shape[1] == 4 else frame)
        if self._container is None:
            self._start(pixels.shape[0], pixels.shape[1])
        if pixels.shape[:2] != self._size:
            raise AnimeInterpError(
                f"A frame is {pixels.shape[1]}x{pixels.shape[0]} and the video {self._size[1]}x{self._size[0]}; "
                "all frames of a video should be of one size."
            )
        pixels = np.pad(pixels, ((0, pixels.shape[0] % 2), (0, pixels.shape[1] % 2), (0, 0)), mode="edge")
        rgb = av.VideoFrame.from_ndarray(pixels, format="rgb24")
        yuv = rgb.reformat(format="yuv420p", dst_colorspace="ITU709")
        self._container.mux(self._stream.encode(yuv))

    def _start(self, height: int, width: int) -> None:
        self._size = (height, width)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._container = av.open(str(self._part), "w", format="mp4", options={"movflags": "faststart"})
        stream = self._container.add_stream("libx264", rate=self._rate, options={"crf": str(self._quality)})
        stream.width, stream.height = width + width % 2, height + height % 2
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = _BT709
        context.color_range = _LIMITED
        self._stream = stream

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._container is None:
            return
        try:
            if kind is None:
                self._container.mux(self._stream.encode())
        finally:
            self._container.close()
        if kind is None:
            os.replace(self._part, self.path)
        else:
            self._part.unlink(missing_ok=True)
