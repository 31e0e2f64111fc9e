"""The drawings that collages are made of, on the device: an archive of WebP strips (``tools/pack_art.py`` packs one).

An archive is a zip with ``index.json``, {kind: {"frames": K, "size": S, "licence": ..., "credit": ...}}, and
``KIND/NAME.webp``: K moments of one drawing side by side, equally far apart in time, S x S each, with alpha. The kind
``scene`` holds backdrops, without.
"""

from __future__ import annotations

import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from ...errors import AnimeInterpError

SIDE = 256  # pixels, of a drawing on the device
BACKDROP = "scene"
LINELESS = ("noto",)  # kinds that have few outlines of their own
FAVOUR = {"turning": 4.0, "noto": 2.0, "clipart": 2.5}  # how often kinds are taken; others, 1


@dataclass
class Art:
    """``frames`` (F, 4, SIDE, SIDE) uint8, colours multiplied with alpha. Clip c is ``frames[first[c]]`` and the
    ``count[c] - 1`` after it. ``kind`` (C,) int64 indexes ``kinds``. ``backdrops`` (N, 3, SIDE, SIDE) uint8.
    ``credits``: what has to be said of whom, by kind."""

    frames: Tensor
    first: Tensor
    count: Tensor
    kind: Tensor
    kinds: list[str]
    backdrops: Tensor
    credits: dict[str, str] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        return self.frames.device

    def __post_init__(self) -> None:
        lineless = torch.tensor([name in LINELESS for name in self.kinds], device=self.device)
        favour = torch.tensor([FAVOUR.get(name, 1.0) for name in self.kinds], device=self.device)
        # (C,) each: which clips are better given an outline at times; how often each is taken.
        self.lineless = lineless[self.kind]
        self.weight = (favour / torch.bincount(self.kind, minlength=len(self.kinds)).clamp(min=1))[self.kind]


def read_art(path: str | Path, device: torch.device | str = "cpu", *, most: int | None = None, threads: int | None = None) -> Art:
    """The archive at ``path``, on ``device``. ``most``: clips of a kind at most. ``threads``: None, some more than cores.

    Raises AnimeInterpError where there is no such archive, or a picture in it cannot be read.
    """
    path = Path(path)
    if not path.is_file() or not zipfile.is_zipfile(path):
        raise AnimeInterpError(f"{path} is no archive of drawings; it should be a zip that tools/pack_art.py packed.")
    with zipfile.ZipFile(path) as archive:
        if "index.json" not in archive.namelist():
            raise AnimeInterpError(f"{path} has no index.json; it should be an archive that tools/pack_art.py packed.")
        index = json.loads(archive.read("index.json"))
        names = {kind: sorted(n for n in archive.namelist() if n.startswith(f"{kind}/"))[:most] for kind in index}
        content = {name: archive.read(name) for some in names.values() for name in some}
    kinds = [kind for kind in index if kind != BACKDROP and names[kind]]
    with ThreadPoolExecutor(threads) as pool:
        clips = {
            kind: list(pool.map(lambda n, k=index[kind]["frames"]: _strip(path, n, content[n], k), names[kind]))
            for kind in (*kinds, *([BACKDROP] if names.get(BACKDROP) else []))
        }
    if not kinds:
        raise AnimeInterpError(f"{path} holds no drawings. Pack it anew with tools/pack_art.py.")
    counts = torch.tensor([len(clip) for kind in kinds for clip in clips[kind]])
    backdrops = clips.get(BACKDROP)
    return Art(
        frames=torch.from_numpy(np.concatenate([c for kind in kinds for c in clips[kind]])).to(device),
        first=(counts.cumsum(0) - counts).to(device),
        count=counts.to(device),
        kind=torch.tensor([k for k, kind in enumerate(kinds) for _ in clips[kind]], device=device),
        kinds=kinds,
        backdrops=torch.from_numpy(np.concatenate(backdrops)[:, :3] if backdrops else np.zeros((0, 3, SIDE, SIDE), np.uint8)
                                   ).to(device),
        credits={kind: f"{entry.get('credit', '')} ({entry.get('licence', '')})" for kind, entry in index.items()},
    )


def _strip(path: Path, name: str, content: bytes, frames: int) -> np.ndarray:
    """A strip's frames, (K, 4, SIDE, SIDE) uint8, colours multiplied with alpha."""
    picture = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    if picture is None or picture.ndim != 3 or picture.shape[1] % frames:
        raise AnimeInterpError(f"{path}: {name} cannot be read as a strip of {frames} pictures. Pack the archive anew.")
    if picture.shape[2] == 3:
        picture = np.concatenate([picture, np.full_like(picture[..., :1], 255)], axis=2)
    width = picture.shape[1] // frames
    made = np.empty((frames, 4, SIDE, SIDE), np.uint8)
    for k in range(frames):
        one = picture[:, k * width : (k + 1) * width].astype(np.float32)
        one[..., :3] *= one[..., 3:] / 255
        how = cv2.INTER_AREA if width > SIDE else cv2.INTER_CUBIC
        one = cv2.resize(one, (SIDE, SIDE), interpolation=how).clip(0, 255)
        one[..., :3] = np.minimum(one[..., :3], one[..., 3:])  # a sharp filter overshoots
        made[k] = one[..., [2, 1, 0, 3]].round().astype(np.uint8).transpose(2, 0, 1)
    return made
