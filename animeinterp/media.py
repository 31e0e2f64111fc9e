"""Frames from and to files: videos (PyAV) and pictures (OpenCV), a frame at a time.

Videos are read and written as streams: whatever their length, a few frames are in memory. Written videos are H.264 in
MP4 with 4:2:0 colour, which every browser plays; that colour format wants even sizes, so an odd width or height is
padded by one repeated column or row.
"""

from __future__ import annotations

import os
import re
import shutil
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


def images_in(folder: str | os.PathLike[str]) -> list[Path]:
    """The pictures right in a folder, hidden ones left out, as people count: 2.png comes before 10.png."""

    def natural(path: Path) -> tuple:
        parts = re.split(r"(\d+)", path.name.casefold())
        return [int(part) if index % 2 else part for index, part in enumerate(parts)], path.name

    found = (path for path in Path(folder).iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file())
    return sorted((path for path in found if not path.name.startswith(".")), key=natural)


def to_bytes(frame: Tensor) -> np.ndarray:
    """A frame (1, C, H, W) or (C, H, W), 0..1, as uint8 (H, W, C), rounded."""
    frame = frame[0] if frame.ndim == 4 else frame
    levels = (frame.detach().float().clamp(0, 1) * 255).round().to(torch.uint8)
    return levels.permute(1, 2, 0).cpu().contiguous().numpy()


class VideoReader:
    """A video file as frames (1, 3, H, W), float32, 0..1. Iterating decodes; each iteration starts anew.

    ``rate`` is frames a second, ``size`` (H, W), ``count`` the number of frames the file claims, or what its duration
    comes to where it claims none (0: it tells neither). Raises AnimeInterpError where the file is missing, holds no
    video, or is damaged on the way.
    """

    def __init__(self, path: str | os.PathLike[str]):
        self.path = Path(path)
        with self._open() as container:
            stream = container.streams.video[0]
            self.rate = Fraction(stream.average_rate or stream.guessed_rate or 24)
            self.size = (stream.height, stream.width)
            seconds = Fraction(container.duration or 0, av.time_base)
            self.count = stream.frames or round(seconds * self.rate)

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
            for frame in self._decode(container, stream):
                # Without being told, the converter takes every file for BT.601.
                hd = frame.colorspace == _BT709
                rgb = frame.reformat(format="rgb24", src_colorspace="ITU709" if hd else None)
                pixels = rgb.to_ndarray().astype(np.float32) / 255
                yield torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous()


    def _decode(
        self, container: av.container.InputContainer, stream: av.video.stream.VideoStream
    ) -> Iterator[av.VideoFrame]:
        done = 0
        try:
            for frame in container.decode(stream):
                yield frame
                done += 1
        except av.error.FFmpegError as error:
            raise AnimeInterpError(
                f"{self.path} is damaged after frame {done} ({error}); it should be a whole video. Get it anew, or "
                "cut it before there."
            ) from None


class VideoWriter:
    """Writes frames to an MP4 (H.264, 4:2:0, BT.709), one `write` a frame; a context manager.

    The file appears under its name only when the last frame is in it: an error or an interrupt on the way leaves
    nothing behind and what was there before untouched. ``quality`` is x264's CRF: 0 best, 51 worst. Unless
    ``overwrite``, a file of that name is an AnimeInterpError, at once; should one come up on the way, the new one stays
    under the name that the error tells.
    """

    def __init__(
        self, path: str | os.PathLike[str], rate: float | Fraction, *, quality: int = 16, overwrite: bool = True
    ):
        self.path = Path(path)
        self._rate = Fraction(rate).limit_denominator(1001)
        if self._rate <= 0:
            raise AnimeInterpError(f"rate is {rate}; it should be a number of frames a second over 0.")
        self._overwrite = overwrite
        if not overwrite:
            check_free(self.path)
        self._part = self.path.with_name(f".{self.path.stem}.{os.getpid()}.part.mp4")
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
        whole = False
        try:
            try:
                if kind is None:
                    self._container.mux(self._stream.encode())
            finally:
                self._container.close()
            whole = kind is None
        finally:
            if not whole:  # a full disk is told of here, too
                self._part.unlink(missing_ok=True)
        if whole:
            if not self._overwrite:
                check_free(self.path, self._part)
            os.replace(self._part, self.path)


class FolderWriter:
    """Writes frames to a folder as frame_00001.png and on, one `write` a frame; a context manager.

    As with a video, the pictures appear only when the last one is written: until then they are in a hidden folder,
    beside the folder or, where that exists, in it. A folder with anything in it is an AnimeInterpError, at once, unless
    ``overwrite``: then an earlier run's pictures go, those under names as above, and all other files stay.
    """

    NAME = re.compile(r"frame_\d{5,}\.png")

    def __init__(self, path: str | os.PathLike[str], *, overwrite: bool = False):
        self.path = Path(path).absolute()
        self._overwrite = overwrite
        if not overwrite:
            check_free(self.path)
        elif self.path.exists() and not self.path.is_dir():
            raise AnimeInterpError(f"{self.path} is a file; it should be a folder, or a new name. Choose another name.")
        # Inside, it is on the same disk whatever is mounted there.
        self._part = (self.path if self.path.is_dir() else self.path.parent) / f".{self.path.name}.{os.getpid()}.part"
        self._count = 0

    def __enter__(self) -> FolderWriter:
        return self

    def write(self, frame: Tensor) -> None:
        """Add a frame (1, 3 or 4, H, W), 0..1."""
        if not self._count:
            self._part.mkdir(parents=True)
        self._count += 1
        write_image(self._part / f"frame_{self._count:05d}.png", frame)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._count:
            return
        if kind is not None:
            shutil.rmtree(self._part, ignore_errors=True)
            return
        if not self._overwrite:
            check_free(self.path, self._part)
        if not self.path.exists():
            self._part.rename(self.path)
            return
        for old in self.path.iterdir():
            if self.NAME.fullmatch(old.name):
                old.unlink()
        for new in sorted(self._part.iterdir()):
            new.rename(self.path / new.name)
        self._part.rmdir()


def check_free(path: Path, kept: Path | None = None) -> None:
    """AnimeInterpError where there is a file, or a folder with anything in it; ``kept`` is what stays of the work."""
    taken = path.exists()
    if taken and path.is_dir():
        taken = any(entry != kept for entry in path.iterdir())
    if taken:
        stays = "" if kept is None else f" What was made is kept as {kept}."
        raise AnimeInterpError(
            f"{path} is there already, and nothing is overwritten unasked. Choose another name, or ask for it "
            f"(overwrite).{stays}"
        )
