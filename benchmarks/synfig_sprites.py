"""Cut-outs of the drawings in Debian's ``synfig-examples``, a layer or a group of layers at a time.

A drawing (.sif) is XML: nested layers, painted back to front. Here all layers but the wanted ones are switched off and
``synfig`` renders the rest over nothing, large, so that a figure comes apart into the pieces that its author drew.
The drawings are GPL: they are rendered on the reader's machine and no picture of them is kept in this repository.
"""

from __future__ import annotations

import copy
import hashlib
import subprocess
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np

EXAMPLES = Path("/usr/share/doc/synfig-examples/examples")


@dataclass(frozen=True)
class Part:
    """Some layers of a drawing that move as one, about a joint that they share with their parent.

    ``layers`` are paths of indices ("1.17.8": layer 8 in the group 17 in the group 1). ``joint`` and ``crop``
    (x0, y0, x1, y1) are fractions of the drawing's width and height. ``swing`` is the largest turn in degrees.
    """

    name: str
    layers: tuple[str, ...]
    parent: str | None = None
    joint: tuple[float, float] = (0.5, 0.5)
    swing: float = 0.0
    crop: tuple[float, float, float, float] | None = None


@dataclass(frozen=True)
class Figure:
    """A drawn character: the file, its size when rendered, and its parts from back to front (the first is the root)."""

    file: str
    width: int
    height: int
    parts: tuple[Part, ...]
    root: str
    symbol: tuple[str, str] | None = None  # a canvas among the definitions, and the layer that shows it


@dataclass
class Sprite:
    """``image`` (h, w, 4) float32 premultiplied RGBA in 0..1; ``x``, ``y``: where it lies in the rendered drawing."""

    image: np.ndarray
    x: int
    y: int


class Drawings:
    """Renders drawings with ``synfig``, each picture once: it is kept in ``cache``."""

    def __init__(self, cache: Path, examples: Path = EXAMPLES):
        if not examples.is_dir():
            raise SystemExit(f"{examples} is not there. Install the drawings: apt-get install synfig synfig-examples")
        self.cache, self.examples = cache, examples
        self._trees: dict[str, ElementTree.ElementTree] = {}
        cache.mkdir(parents=True, exist_ok=True)

    def sprite(self, figure: Figure, part: Part) -> Sprite:
        """One part of a figure, cropped to what is painted."""
        pixels = self.picture(figure.file, figure.width, figure.height, part.layers, symbol=figure.symbol)
        if part.crop is not None:
            x0, y0, x1, y1 = (round(f * s) for f, s in zip(part.crop, (figure.width, figure.height) * 2, strict=True))
            kept = np.zeros_like(pixels)
            kept[y0:y1, x0:x1] = pixels[y0:y1, x0:x1]
            pixels = kept
        rows, columns = np.nonzero(pixels[..., 3] > 1 / 512)
        if not len(rows):
            raise SystemExit(f"{figure.file}: the part {part.name!r} (layers {part.layers}) paints nothing.")
        top, left = rows.min(), columns.min()
        return Sprite(pixels[top : rows.max() + 1, left : columns.max() + 1], int(left), int(top))

    def picture(
        self, file: str, width: int, height: int, layers: tuple[str, ...] = (), *,
        symbol: tuple[str, str] | None = None, time: float = 0.0,
    ) -> np.ndarray:
        """The drawing at ``time`` (seconds), all of it or the given layers: (height, width, 4) premultiplied."""
        key = hashlib.sha1(repr((file, width, height, layers, symbol, time)).encode()).hexdigest()[:16]
        kept = self.cache / f"{file}-{key}.png"
        if not kept.exists():
            self._render(file, width, height, layers, symbol, time, kept)
        straight = cv2.cvtColor(cv2.imread(str(kept), cv2.IMREAD_UNCHANGED), cv2.COLOR_BGRA2RGBA).astype(np.float32)
        straight /= 255.0
        straight[..., :3] *= straight[..., 3:]
        return straight

    def _render(self, file, width, height, layers, symbol, time, target: Path) -> None:
        source = self.examples / f"{file}.sif"
        if layers:
            source = self.cache / f"{target.stem}.sif"
            self._only(file, layers, symbol).write(source)
        part = target.with_name(f"{target.stem}-part.png")
        done = subprocess.run(
            ["synfig", str(source), "-o", str(part), "-w", str(width), "-h", str(height), "--time", f"{time}s",
             "-T", "2"],
            capture_output=True, text=True,
        )
        if done.returncode or not part.exists():
            raise SystemExit(f"synfig could not render {source}:\n{done.stderr[-2000:]}")
        part.replace(target)
        if layers:
            source.unlink()

    def _only(self, file: str, layers: tuple[str, ...], symbol: tuple[str, str] | None) -> ElementTree.ElementTree:
        if file not in self._trees:
            self._trees[file] = ElementTree.parse(self.examples / f"{file}.sif")
        tree = copy.deepcopy(self._trees[file])
        paths = [[int(index) for index in layer.split(".")] for layer in layers]
        if symbol is not None:
            name, shown_by = symbol
            canvas = next(c for c in tree.getroot().find("defs") if c.get("id") == name)
            _keep(canvas, paths)
            paths = [[int(index) for index in shown_by.split(".")]]
        _keep(tree.getroot(), paths)
        return tree


def _keep(canvas: ElementTree.Element, paths: list[list[int]]) -> None:
    """Switch off every layer of ``canvas`` that is on none of the paths, and go on inside those that are."""
    inner: dict[int, list[list[int]]] = {}
    for path in paths:
        inner.setdefault(path[0], []).append(path[1:])
    for index, layer in enumerate(canvas.findall("layer")):
        if index in inner:
            layer.set("active", "true")
            deeper = [path for path in inner[index] if path]
            if len(deeper) == len(inner[index]):
                _keep(next(p for p in layer.findall("param") if p.get("name") == "canvas").find("canvas"), deeper)
        elif any(element.get("id") for element in layer.iter()):
            layer.set("active", "false")  # others may refer to what it defines
        else:
            canvas.remove(layer)


def _range(prefix: str, numbers: range) -> tuple[str, ...]:
    return tuple(f"{prefix}{number}" for number in numbers)


def _pirate(root: str, *parts: Part) -> Figure:
    return Figure("pirates", 2592, 2104, parts, root)


FIGURES: dict[str, Figure] = {
    "kid": Figure("prologue_kid", 864, 1512, (
        Part("bag", ("0", "1"), "shirt", (0.45, 0.33), 35),
        Part("right leg", ("2", "3", "4", "5", "6"), "shorts", (0.49, 0.70), 40),
        Part("left leg", _range("", range(7, 14)), "shorts", (0.52, 0.70), 40),
        Part("shorts", ("14",), "shirt", (0.50, 0.53), 8),
        Part("shirt", ("15",)),
        Part("sleeve", ("16.0", "16.1"), "shirt", (0.56, 0.36), 75),
        Part("hand", ("16.2",), "sleeve", (0.57, 0.53), 40),
        Part("cuff", _range("16.", range(3, 21)), "sleeve", (0.56, 0.36)),
        Part("scarf", ("17",), "shirt", (0.52, 0.32), 12),
        Part("neck back", ("18",), "shirt"),
        Part("head", ("19",), "shirt", (0.52, 0.31), 22),
        Part("neck front", ("20",), "shirt"),
    ), "shirt", ("YoungChild", "6.0")),
    "wolf": Figure("macwolfen", 1560, 1560, (
        Part("sleeve", ("4.1",), "coat", (0.64, 0.80)),
        Part("back coat", ("4.2",), "coat"),
        Part("head", ("4.3", "4.4") + _range("4.", range(7, 14)) + ("4.15",), "coat", (0.86, 0.72), 16),
        Part("badge", ("4.5",), "coat", (0.62, 0.95), 35),
        Part("coat", ("4.6",)),
        Part("gun arm", ("4.14",), "coat", (0.92, 0.97), 55),
    ), "coat"),
    "skull": _pirate("torso",
        Part("legs", ("1.7.1", "1.7.2"), "torso", (0.53, 0.47), 18),
        Part("hat arm", ("1.7.3", "1.7.4", "1.7.5"), "torso", (0.48, 0.41), 60),
        Part("torso", _range("1.7.", range(6, 13))),
        Part("head", ("1.7.13",), "torso", (0.54, 0.26), 25),
    ),
    "sheep": _pirate("body",
        Part("body", ("1.9.0",)),
        Part("head", ("1.9.1",), "body", (0.42, 0.64), 25),
        Part("right gun", ("1.9.2",), "body", (0.38, 0.66), 60),
        Part("left gun", ("1.9.3",), "body", (0.45, 0.67), 50),
    ),
    "pig": _pirate("shirt",
        Part("right leg", ("1.17.1", "1.17.2", "1.17.3"), "shirt", (0.825, 0.345), 50, (0.0, 0.325, 1.0, 1.0)),
        Part("shirt", ("1.17.0", "1.17.4")),
        Part("rope arm", ("1.17.5",), "shirt", (0.835, 0.21), 30),
        Part("left leg", ("1.17.1", "1.17.2", "1.17.6"), "shirt", (0.85, 0.24), 50, (0.0, 0.0, 1.0, 0.345)),
        Part("head", ("1.17.7", "1.17.8", "1.17.9", "1.17.10"), "shirt", (0.78, 0.22), 20),
        Part("coat", ("1.17.11",), "shirt"),
    ),
    "dog": _pirate("trunk",
        Part("trunk", ("1.19.0", "1.19.1", "1.19.2")),
        Part("knife arm", ("1.19.3", "1.19.9", "1.19.10"), "trunk", (0.61, 0.41), 50),
        Part("head", ("1.19.4", "1.19.6", "1.19.7", "1.19.8"), "trunk", (0.68, 0.45), 25),
    ),
    "octopus": _pirate("all", Part("all", ("1.18",))),
    "cannon": _pirate("all", Part("all", ("1.10",))),
    "barrel": _pirate("all", Part("all", ("1.3",))),
    "dark barrel": _pirate("all", Part("all", ("1.4",))),
    "pole head": _pirate("all", Part("all", ("1.25.1",))),
    "bald head": _pirate("all", Part("all", ("1.25.0",))),
    "long head": _pirate("all", Part("all", ("1.25.3",))),
    "headmo": Figure("headmo", 1920, 1080, (
        Part("head", ("0", "1")),
        Part("eyes", ("2",), "head", (0.66, 0.42), 12),
    ), "head"),
    "ball eye": Figure("eyes", 1920, 1080, (Part("all", ("0",)),), "all"),
    "candy": Figure("candy", 1920, 1080, (Part("all", _range("", range(5))),), "all"),
}
