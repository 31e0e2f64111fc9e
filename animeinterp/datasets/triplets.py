"""Triplets on disk: two frames and the true one between them, read one at a time.

A triplet is a folder with frame1, frame2 (t = 0.5) and frame3, each .png, .jpg or another kind of picture, as ATD-12K
has them; a set is a folder of such folders. Nothing is read before it is asked for.

Convention: frames are (1, 3, H, W) float32 in 0..1; a region of interest is (x, y, width, height) in pixels of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from ..errors import AnimeInterpError
from ..media import IMAGE_SUFFIXES, read_image

SPEEDS = ("slow", "medium", "fast")


@dataclass(frozen=True)
class Triplet:
    """``frame0`` (t = 0), ``middle`` (t = 0.5) and ``frame1`` (t = 1), and what is known of them.

    ``tags`` sort triplets into groups ({"level": ("easy",), "behaviour": ("walking",), ...}). ``roi`` is the region
    that moves. ``flow_01`` and ``flow_10`` (1, 2, H, W) are coarse flows computed beforehand. None where there is none.
    """

    name: str
    frame0: Tensor
    middle: Tensor
    frame1: Tensor
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    roi: tuple[int, int, int, int] | None = None
    flow_01: Tensor | None = None
    flow_10: Tensor | None = None


@dataclass(frozen=True)
class Broken:
    """A triplet that cannot be used, and why (the message names the file)."""

    name: str
    reason: str


class TripletFolder:
    """The triplets in the folders of ``root``, by name; ``root`` may also be one triplet itself.

    Iterating reads one triplet after the other. One that is broken (a frame missing or unreadable, frames of several
    sizes) raises AnimeInterpError with its path, or, given ``skip_broken``, is listed in ``broken`` and left out: look
    at it when done. A ``meta.json`` with a "speed", or a name that begins with slow_, medium_ or fast_, tags the speed.

    Raises AnimeInterpError where ``root`` is no folder or holds no triplet.
    """

    def __init__(self, root: str | Path, *, skip_broken: bool = False):
        self.root = Path(root)
        self.skip_broken = skip_broken
        self._broken: dict[str, Broken] = {}
        if not self.root.is_dir():
            raise AnimeInterpError(f"{self.root} is not there; it should be a folder of triplets. Check the path.")
        self.names = self._names()
        if not self.names:
            raise AnimeInterpError(
                f"{self.root} holds no triplet; it should hold folders with frame1, frame2 and frame3 (.png or .jpg)."
            )

    def _names(self) -> list[str]:
        if find_picture(self.root, "frame1") is not None:
            return ["."]
        return sorted(p.name for p in self.root.iterdir() if p.is_dir() and not p.name.startswith("."))

    @property
    def broken(self) -> list[Broken]:
        """What was skipped so far, by name."""
        return [self._broken[name] for name in sorted(self._broken)]

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Iterator[Triplet]:
        for name in self.names:
            triplet = self.get(name)
            if triplet is not None:
                yield triplet

    def get(self, name: str) -> Triplet | None:
        """The triplet ``name``; None where it is broken and ``skip_broken`` says so."""
        try:
            return self.read(name)
        except AnimeInterpError as error:
            if not self.skip_broken:
                raise
            self._broken[name] = Broken(name, str(error))
            return None

    def read(self, name: str) -> Triplet:
        """The triplet ``name``. Raises AnimeInterpError where it is broken, whatever ``skip_broken`` says."""
        folder = self.root / name
        frames = self._frames(folder)
        return Triplet(folder.resolve().name if name == "." else name, *frames, tags=_speed(folder))

    def _frames(self, folder: Path) -> tuple[Tensor, Tensor, Tensor]:
        """frame1, frame2 and frame3 of a folder, checked to be of one size."""
        paths = [require_picture(folder, f"frame{number}") for number in (1, 2, 3)]
        frames = [read_image(path)[:, :3] for path in paths]
        for path, frame in zip(paths[1:], frames[1:], strict=True):
            if frame.shape != frames[0].shape:
                raise AnimeInterpError(
                    f"{path} is {_size(frame)} and {paths[0].name} beside it {_size(frames[0])}; the frames of a "
                    "triplet should be of one size. Replace the odd one."
                )
        return tuple(frames)


class TripletCrops(torch.utils.data.Dataset):
    """Crops of triplets for the trainer: random place, flips and time reversal, the same for the same seed and epoch.

    ``source`` is a TripletFolder (such as ATD12K); ``crop`` the side of the square crops or (height, width), None for
    the whole frame. An item is a dict: ``frame0``, ``middle``, ``frame1`` (3, H, W), ``t`` (0.5), ``name``, and, where
    the source has them, the coarse flows ``flow_01``, ``flow_10`` (2, H, W), turned with the frames. The defaults are
    AnimeInterp's published training on ATD-12K: crops of 380, flips, time reversal.

    Call ``set_epoch`` before each epoch for new crops. A broken triplet raises AnimeInterpError; a source with
    ``skip_broken`` gives the next whole one in its place and lists it in ``source.broken``.
    """

    def __init__(
        self, source: TripletFolder, *, crop: int | tuple[int, int] | None = 380, flip_horizontal: float = 0.5,
        flip_vertical: float = 0.5, reverse: float = 0.5, seed: int = 0,
    ):
        self.source = source
        self.crop = (crop, crop) if isinstance(crop, int) else crop
        self.flip_horizontal, self.flip_vertical, self.reverse = flip_horizontal, flip_vertical, reverse
        self.seed, self.epoch = seed, 0

    def set_epoch(self, epoch: int) -> None:
        """Draw other crops and flips from here on."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> dict[str, object]:
        triplet = self._whole(index)
        # Of whole numbers alone, a hash is the same in every run.
        dice = torch.Generator().manual_seed(hash((self.seed, self.epoch, index)) & 0x7FFFFFFFFFFFFFFF)
        frames = [frame[0] for frame in (triplet.frame0, triplet.middle, triplet.frame1)]
        flows = [] if triplet.flow_01 is None or triplet.flow_10 is None else [triplet.flow_01[0], triplet.flow_10[0]]
        if self.crop is not None:
            frames, flows = self._cropped(triplet.name, frames, flows, dice)
        chances = torch.rand(3, generator=dice).tolist()
        for axis, sign, wanted in ((-1, (-1, 1), chances[0] < self.flip_horizontal),
                                   (-2, (1, -1), chances[1] < self.flip_vertical)):
            if wanted:
                frames = [frame.flip(axis) for frame in frames]
                flows = [flow.flip(axis) * flow.new_tensor(sign).view(2, 1, 1) for flow in flows]
        if chances[2] < self.reverse:
            frames, flows = frames[::-1], flows[::-1]
        item = dict(zip(("frame0", "middle", "frame1"), (f.contiguous() for f in frames), strict=True))
        if flows:
            item["flow_01"], item["flow_10"] = (flow.contiguous() for flow in flows)
        return {**item, "t": 0.5, "name": triplet.name}

    def _whole(self, index: int) -> Triplet:
        names = self.source.names
        for step in range(len(names)):
            triplet = self.source.get(names[(index + step) % len(names)])
            if triplet is not None:
                return triplet
        reason = self.source.broken[0].reason
        raise AnimeInterpError(f"{self.source.root}: every triplet is broken, the first for: {reason}")

    def _cropped(self, name, frames, flows, dice):
        height, width = self.crop
        rows, columns = frames[0].shape[-2:]
        if rows < height or columns < width:
            raise AnimeInterpError(
                f"The triplet {name} is {columns}x{rows}; crops of {width}x{height} should fit in. Ask for smaller."
            )
        y = int(torch.randint(rows - height + 1, (), generator=dice))
        x = int(torch.randint(columns - width + 1, (), generator=dice))
        cut = (..., slice(y, y + height), slice(x, x + width))
        return [frame[cut] for frame in frames], [flow[cut] for flow in flows]


def find_picture(folder: Path, stem: str) -> Path | None:
    """``folder``/``stem`` with the suffix of a picture, PNG before the others; None where there is none."""
    for suffix in sorted(IMAGE_SUFFIXES, key=lambda s: (s != ".png", s)):
        for spelt in (suffix, suffix.upper()):
            if (folder / f"{stem}{spelt}").is_file():
                return folder / f"{stem}{spelt}"
    return None


def require_picture(folder: Path, stem: str) -> Path:
    """As ``find_picture``; AnimeInterpError where there is none."""
    path = find_picture(folder, stem)
    if path is None:
        raise AnimeInterpError(
            f"{folder / stem}.png (or .jpg) is not there; a triplet should have frame1, frame2 and frame3. "
            "Copy it again, or skip broken triplets."
        )
    return path


def _speed(folder: Path) -> dict[str, tuple[str, ...]]:
    meta = folder / "meta.json"
    if meta.is_file():
        try:
            speed = json.loads(meta.read_text(encoding="utf-8")).get("speed")
        except (ValueError, AttributeError) as error:
            raise AnimeInterpError(f"{meta} is no JSON object ({error}); mend it or remove it.") from None
    else:
        speed = folder.name.split("_")[0]
    return {"speed": (speed,)} if speed in SPEEDS else {}


def _size(frame: Tensor) -> str:
    return f"{frame.shape[-1]}x{frame.shape[-2]}"
