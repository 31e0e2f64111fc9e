"""Drawings of other people's in the generator's shots: a folder or zip of sprites and backgrounds under a licence.

A *sprite* is a picture with alpha (PNG, WebP); it becomes one layer, one piece, moved by a similarity and a smooth bend
whose flow is exact. A *background* is a picture without alpha, or any in a folder called ``backgrounds``; it fills a far
plane. A text file LICENSE or CREDITS beside them is required: it says who drew them and that they may be used.
"""

from __future__ import annotations

import zipfile
from functools import lru_cache
from pathlib import Path, PurePosixPath

import cv2
import numpy as np

from ...errors import AnimeInterpError
from .place import OUT
from .scene import Scene

SUFFIXES = (".png", ".webp")
LICENCES = ("license", "licence", "credits", "copying")
SHARE = 0.5  # of the clips, where sprites are given and nothing else is said
_LARGEST = 640  # pixels of a texture's longer side
_EDGE = 24  # points to a side of a sprite's outline, so that it bends
_MARGIN = 2  # clear pixels around a sprite, so that its own edge is what is seen


class SpriteSet:
    """The pictures in a folder or zip: ``sprites`` and ``backgrounds``, names in order; ``licence``, its text's name and
    content. Pictures are read when they are asked for.

    Raises AnimeInterpError where there is no such folder or zip, no picture in it, or no licence.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self._zip = None
        if self.path.is_dir():
            names = [p.relative_to(self.path).as_posix() for p in self.path.rglob("*") if p.is_file()]
        elif self.path.is_file() and zipfile.is_zipfile(self.path):
            self._zip = zipfile.ZipFile(self.path)
            names = [n for n in self._zip.namelist() if not n.endswith("/")]
        else:
            raise AnimeInterpError(
                f"{self.path} is no folder and no zip; it should be one, of PNG or WebP sprites. Check the path."
            )
        names = sorted(n for n in names if not PurePosixPath(n).name.startswith("."))
        pictures = [n for n in names if PurePosixPath(n).suffix.lower() in SUFFIXES]
        texts = [n for n in names if PurePosixPath(n).stem.lower() in LICENCES and n not in pictures]
        if not texts:
            raise AnimeInterpError(
                f"{self.path} has no LICENSE or CREDITS text; there should be one that says who drew the sprites and under "
                "which licence they may be used. Add it."
            )
        self.licence = (PurePosixPath(texts[0]).name, self._bytes(texts[0]).decode("utf-8", "replace"))
        if not pictures:
            raise AnimeInterpError(f"{self.path} holds no picture; it should hold PNG or WebP files with alpha.")
        self.backgrounds = [n for n in pictures if "backgrounds" in PurePosixPath(n).parts[:-1]]
        self.sprites = [n for n in pictures if n not in self.backgrounds]

    def __getstate__(self) -> Path:
        return self.path

    def __setstate__(self, path: Path) -> None:
        self.__init__(path)

    def read(self, name: str, longest: int) -> np.ndarray:
        """The picture (h, w, 4) float32 in 0..1, colours multiplied with alpha, its longer side ``longest`` at most.

        AnimeInterpError, naming the file, where it cannot be read or is clear all over.
        """
        pixels = cv2.imdecode(np.frombuffer(self._bytes(name), np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is None or pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (3, 4)):
            raise AnimeInterpError(f"{self.path}: {name} cannot be read as a picture. Remove it, or save it again as PNG.")
        pixels = pixels.astype(np.float32) / np.iinfo(pixels.dtype).max
        if pixels.ndim == 2:
            pixels = np.repeat(pixels[..., None], 3, 2)
        alpha = pixels[..., 3:] if pixels.shape[2] == 4 else np.ones_like(pixels[..., :1])
        rows, columns = (np.flatnonzero((alpha[..., 0] > 0.02).any(axis)) for axis in (1, 0))
        if not len(rows):
            raise AnimeInterpError(f"{self.path}: {name} is clear all over; it should show something. Remove it.")
        picture = np.concatenate([pixels[..., 2::-1] * alpha, alpha], 2)
        picture = picture[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        scale = min(1.0, longest / max(picture.shape[:2]))
        size = [max(2, round(side * scale)) for side in picture.shape[1::-1]]
        return np.ascontiguousarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))

    def _bytes(self, name: str) -> bytes:
        try:
            return (self.path / name).read_bytes() if self._zip is None else self._zip.read(name)
        except (OSError, zipfile.BadZipFile, KeyError) as error:
            raise AnimeInterpError(f"{self.path}: {name} cannot be read ({error}). Copy it again.") from None


@lru_cache(maxsize=4)
def sprite_set(path: str) -> SpriteSet:
    """The set at ``path``, listed once in a process."""
    return SpriteSet(path)


def with_sprites(path: str | None) -> dict[str, object]:
    """The fields of CartoonConfig that bring in the sprites at ``path``, where there is one."""
    return {} if path is None else {"sprites": str(path), "sprite_share": SHARE}


def put_background(
    scene: Scene, found: SpriteSet, rng: np.random.Generator, joint: int, wide: float, height: int
) -> None:
    """Fill the plane ``joint`` with one of the backgrounds, and beyond the picture as far as a camera may move."""
    picture = found.read(str(rng.choice(found.backgrounds)), 2 * _LARGEST)
    picture[..., 3] = 1.0
    over = 0.25
    scale = max(wide * (1 + 2 * over) / picture.shape[1], 360 * (1 + 2 * over) / picture.shape[0])
    w, h = scale * picture.shape[1], scale * picture.shape[0]
    picture = _shrunk(picture, scale * height / 360)
    x, y = (wide - w) / 2, (360 - h) / 2
    # Its outermost pixels go on beyond its edges.
    box = _outline(min(x, -OUT), min(y, -OUT), max(x + w, wide + OUT), max(y + h, 360 + OUT), 1)
    scene.textured(box, joint, picture, (x, y, w, h), mean_colour(picture))


def put_sprites(
    scene: Scene, found: SpriteSet, rng: np.random.Generator, plane: int, wide: float, amount: float, height: int
) -> None:
    """One to four sprites on ``plane``, moved by about ``amount`` points, for a picture ``height`` pixels high."""
    for _ in range(int(rng.choice([1, 2, 3, 4], p=[0.35, 0.35, 0.2, 0.1]))):
        tall = float(np.exp(rng.uniform(np.log(60), np.log(330))))
        picture = found.read(str(rng.choice(found.sprites)), _LARGEST)
        scale = tall / max(picture.shape[0], 0.6 * picture.shape[1])  # points a pixel
        w, h = scale * picture.shape[1], scale * picture.shape[0]
        picture = _shrunk(picture, scale * height / 360)
        x, y = float(rng.uniform(0.05, 0.95)) * wide, float(rng.uniform(0.25, 0.85)) * 360
        share, angle = amount * float(rng.uniform(0.2, 1.0)), float(rng.uniform(0, 2 * np.pi))
        size = max(w, h) / 2
        turn = _some(rng, 0.7) * min(0.6, 0.5 * share / size)
        grow = _some(rng, 0.7) * min(0.25, 0.4 * share / size)
        narrow = _some(rng, 0.3) * min(0.15, 0.3 * share / size)
        sway, bow = _some(rng, 0.5) * min(0.15, share / h), _some(rng, 0.3) * min(0.1, 0.5 * share / h)
        wave = float(rng.uniform(2, 5)) / h
        phase = float(rng.uniform(0, 2 * np.pi))
        start = _some(rng, 0.3) * 0.1
        joint = scene.joint(
            plane, (x, y),
            pose_0=(0.0, 0.0, float(rng.normal(0, 0.12)), 0.0, 0.0),
            bend_root=y - h / 2, wave=wave, bend_0=(start / h, 0.0, phase, 0.0), bend_1=(start / h + sway / h, bow, phase, 0.0),
        )
        lean = scene.joints[joint].pose_0[2]
        move = share * np.array([np.cos(angle), 0.5 * np.sin(angle)])
        scene.joints[joint].pose_1 = (float(move[0]), float(move[1]), lean + turn, grow + narrow, grow - narrow)
        picture = np.pad(picture, ((_MARGIN, _MARGIN), (_MARGIN, _MARGIN), (0, 0)))
        edge = _MARGIN * h / (picture.shape[0] - 2 * _MARGIN), _MARGIN * w / (picture.shape[1] - 2 * _MARGIN)
        left, top = x - w / 2 - edge[1], y - h / 2 - edge[0]
        w, h = w + 2 * edge[1], h + 2 * edge[0]
        scene.textured(_outline(left, top, left + w, top + h, _EDGE), joint, picture, (left, top, w, h), mean_colour(picture))


def mean_colour(picture: np.ndarray) -> tuple[float, float, float]:
    """The mean colour of what is seen of a picture (h, w, 4)."""
    total = picture.reshape(-1, 4).sum(0)
    return tuple(float(c / max(total[3], 1e-6)) for c in total[:3])


def _some(rng: np.random.Generator, often: float) -> float:
    """0, or as often as that a number in -1..1."""
    return float(rng.uniform(-1, 1)) if rng.random() < often else 0.0


def _shrunk(picture: np.ndarray, ratio: float) -> np.ndarray:
    """Not larger than it is drawn: what is read between pixels must not skip any."""
    if ratio >= 1:
        return picture
    size = [max(2, round(side * ratio)) for side in picture.shape[1::-1]]
    return np.ascontiguousarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


def _outline(x0: float, y0: float, x1: float, y1: float, steps: int) -> np.ndarray:
    """A box of straight edges with ``steps`` points to a side, clockwise as seen."""
    t = np.arange(steps) / steps
    across, down = x0 + (x1 - x0) * t, y0 + (y1 - y0) * t
    back, up = x1 - (x1 - x0) * t, y1 - (y1 - y0) * t
    x = np.concatenate([across, np.full(steps, x1), back, np.full(steps, x0)])
    y = np.concatenate([np.full(steps, y0), down, np.full(steps, y1), up])
    return np.stack([x, y, np.ones_like(x)], 1)
