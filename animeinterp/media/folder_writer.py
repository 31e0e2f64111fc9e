"""Frames into a folder of numbered pictures."""

from __future__ import annotations

import os
import re
import shutil
from fractions import Fraction
from pathlib import Path
from types import TracebackType

from torch import Tensor

from ..errors import AnimeInterpError
from ..storage import URL
from .files import check_free, remove_abandoned
from .pictures import write_image


class FolderWriter:
    """Writes frames to a folder as frame_00001.png and on, one `write` a frame; a context manager.

    As with a video, the pictures appear only when the last one is written: until then they are in a hidden folder,
    beside the folder or, where that exists, in it. A folder with anything in it is an AnimeInterpError, at once, unless
    ``overwrite``: then an earlier run's pictures go, those under names as above, and all other files stay.

    ``bit_depth`` is 8 or 16 for PNG; 32 writes EXR instead, whose values are not clamped.
    """

    NAME = re.compile(r"frame_\d{5,}\.(png|exr)")

    def __init__(self, path: str | os.PathLike[str] | URL, *, bit_depth: int = 8, overwrite: bool = False):
        if isinstance(path, URL):
            raise AnimeInterpError(f"{path} is a folder by URL, and pictures are not written there; it should be a film, such as "
                                   "NAME.mp4, or a folder of this machine, to be copied.")
        self.path = Path(path).absolute()
        self._depth, self._suffix = bit_depth, ".exr" if bit_depth == 32 else ".png"
        self._overwrite = overwrite
        for folder in (self.path, self.path.parent):
            remove_abandoned(self.path, folder)
        if not overwrite:
            check_free(self.path)
        elif self.path.exists() and not self.path.is_dir():
            raise AnimeInterpError(f"{self.path} is a file; it should be a folder, or a new name. Choose another name.")
        # Inside, it is on the same disk whatever is mounted there.
        self._part = (self.path if self.path.is_dir() else self.path.parent) / f".{self.path.name}.{os.getpid()}.part"
        self._count = 0

    def __enter__(self) -> FolderWriter:
        return self

    def write(self, frame: Tensor, time: Fraction | None = None, duration: Fraction | None = None) -> None:
        """Add a frame (1, 3 or 4, H, W), 0..1. Pictures have no times: those are left out."""
        try:
            if not self._count:
                self._part.mkdir(parents=True)
            self._count += 1
            write_image(self._part / f"frame_{self._count:05d}{self._suffix}", frame, bit_depth=self._depth)
        except OSError as error:
            raise AnimeInterpError(f"{self.path} could not be written: {error}. See to its disk and its rights.") from error

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
        try:
            self._publish()
        except OSError as error:
            raise AnimeInterpError(
                f"{self.path} could not be written: {error}. What was made is kept as {self._part}; move it by hand."
            ) from error

    def _publish(self) -> None:
        """Bring the pictures under their names: all at once where nothing else is in the folder, else each at once."""
        if not self.path.exists():
            self._part.rename(self.path)
            return
        there = [entry for entry in self.path.iterdir() if entry != self._part]
        if all(self.NAME.fullmatch(entry.name) for entry in there) and self._swap():
            return
        names = {new.name for new in self._part.iterdir()}
        for name in sorted(names):
            os.replace(self._part / name, self.path / name)
        for old in there:
            if self.NAME.fullmatch(old.name) and old.name not in names:
                old.unlink()
        self._part.rmdir()

    def _swap(self) -> bool:
        """Put the new folder in the old one's place; whether that could be done (not where a disk is mounted there)."""
        beside, old = (self.path.with_name(f".{self.path.name}.{os.getpid()}.{what}") for what in ("part", "old"))
        try:
            self._part.rename(beside)
        except OSError:
            return False
        try:
            self.path.rename(old)
        except OSError:
            beside.rename(self._part)
            return False
        try:
            beside.rename(self.path)
        except OSError:
            old.rename(self.path)
            beside.rename(self._part)
            return False
        shutil.rmtree(old, ignore_errors=True)
        return True
