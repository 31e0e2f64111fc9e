"""Results to look at: contact sheets of the worst cases, and a bar chart per level. Drawn with OpenCV alone."""

from __future__ import annotations

import hashlib
import math
import re
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

from ..datasets.triplets import Triplet
from .runner import Result
from .tables import Row

_INK, _GREY = (40, 40, 40), (205, 205, 205)
# Told apart by colour-blind eyes too (Okabe and Ito), as BGR.
_COLOURS = ((178, 114, 0), (0, 94, 213), (115, 158, 0), (0, 159, 230), (167, 121, 204), (233, 180, 86), (66, 228, 240))
_COLUMNS = ("first frame", "true in-between", "drawn", "error x4")
_TILE = 320


class WorstCases:
    """Keeps, method by method, pictures of the ``count`` in-betweens of lowest PSNR as a run goes on.

    A case is kept as a strip (first frame, true in-between, drawn one, four times the error) under ``folder``/worst, so
    that a run that is gone on with need not draw it again.
    """

    def __init__(self, folder: Path, count: int = 6):
        self.folder, self.count = folder / "worst", count
        self._kept: dict[str, list[Result]] = {}

    def remember(self, result: Result) -> None:
        """Take in the result of an earlier run, whose strip is there if it was among the worst."""
        if self._strip(result).exists():
            self._keep(result)

    def add(self, result: Result, triplet: Triplet, image: Tensor) -> None:
        """Take in a new result with what was drawn."""
        kept = self._kept.get(result.method, [])
        if len(kept) < self.count or (kept and result.frame["psnr"] < kept[-1].frame["psnr"]):
            strip = self._strip(result)
            strip.parent.mkdir(parents=True, exist_ok=True)
            _write(strip, _strip_of(triplet, image))
            self._keep(result)

    def _keep(self, result: Result) -> None:
        kept = [r for r in self._kept.get(result.method, []) if r.triplet != result.triplet] + [result]
        kept.sort(key=lambda r: (r.frame["psnr"], r.triplet))
        for dropped in kept[self.count :]:
            self._strip(dropped).unlink(missing_ok=True)
        self._kept[result.method] = kept[: self.count]

    def _strip(self, result: Result) -> Path:
        # Other weights under the same name are another case.
        measured = hashlib.sha1(result.signature.encode(), usedforsecurity=False).hexdigest()[:6]
        return self.folder / _file_name(result.method) / f"{_file_name(result.triplet)}.{measured}.png"

    def sheets(self) -> list[Path]:
        """Write a contact sheet for every method, the worst case first, and return where they are."""
        written = []
        for method, kept in self._kept.items():
            rows = [_heading(method)]
            for result in kept:
                strip = cv2.imdecode(np.frombuffer(self._strip(result).read_bytes(), np.uint8), cv2.IMREAD_COLOR)
                rows += [_caption(result, strip.shape[1]), strip]
            path = self.folder / f"{_file_name(method)}.png"
            _write(path, np.vstack(rows))
            written.append(path)
        return written


def draw_levels(rows: list[Row], path: Path) -> bool:
    """A bar chart of the PSNR of each method per level (or per speed, where there are no levels); whether there was
    anything to draw."""
    rows = [row for row in rows if row.region == "frame" and not math.isnan(row.means["psnr"])]
    group = next((g for g in ("level", "speed") if any(row.group == g for row in rows)), None)
    if group is None:
        return False
    values = list(dict.fromkeys(row.value for row in rows if row.group == group))
    methods = list(dict.fromkeys(row.method for row in rows))
    bars = {(row.value, row.method): row.means["psnr"] for row in rows if row.group == group}
    lowest = math.floor((min(bars.values()) - 1.0) / 2.0) * 2.0
    highest = math.ceil((max(bars.values()) + 0.5) / 2.0) * 2.0
    left, top, bottom, bar = 70, 60, 400, 34
    step = bar * len(methods) + 50
    picture = np.full((bottom + 60 + 24 * len(methods), max(left + step * len(values) + 30, 520), 3), 255, np.uint8)
    _text(picture, f"PSNR in dB by {group}, whole frame", (left, 32), 0.65)

    def height(decibels: float) -> int:
        return round(bottom - (decibels - lowest) / (highest - lowest) * (bottom - top))

    for line in np.arange(lowest, highest + 0.1, 2.0):
        cv2.line(picture, (left, height(line)), (picture.shape[1] - 20, height(line)), _GREY, 1, cv2.LINE_AA)
        _text(picture, f"{line:.0f}", (left - 38, height(line) + 5), 0.45)
    for i, value in enumerate(values):
        x = left + 25 + i * step
        for j, method in enumerate(methods):
            if (value, method) in bars:
                tall = bars[value, method]
                cv2.rectangle(picture, (x + j * bar, height(tall)), (x + (j + 1) * bar - 4, bottom), _colour(j), -1)
                _text(picture, f"{tall:.1f}", (x + j * bar - 2, height(tall) - 6), 0.38)
        _text(picture, value, (x, bottom + 24), 0.55)
    for j, method in enumerate(methods):
        y = bottom + 50 + 24 * j
        cv2.rectangle(picture, (left, y - 11), (left + 14, y + 3), _colour(j), -1)
        _text(picture, method, (left + 24, y + 2), 0.5)
    _write(path, picture)
    return True


def _strip_of(triplet: Triplet, image: Tensor) -> np.ndarray:
    error = (4.0 * (image - triplet.middle).abs()).clamp(max=1.0)
    tiles = []
    for frame in (triplet.frame0, triplet.middle, image, error):
        pixels = (frame[0].clamp(0, 1) * 255).round().byte().permute(1, 2, 0).numpy()[..., ::-1]
        scale = _TILE / pixels.shape[1]
        size = (_TILE, max(1, round(pixels.shape[0] * scale)))
        tiles.append(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR))
    return np.hstack(tiles)


def _heading(method: str) -> np.ndarray:
    picture = np.full((52, _TILE * len(_COLUMNS), 3), 255, np.uint8)
    _text(picture, f"{method}: the worst cases", (6, 20), 0.6)
    for i, column in enumerate(_COLUMNS):
        _text(picture, column, (6 + i * _TILE, 44), 0.45)
    return picture


def _caption(result: Result, width: int) -> np.ndarray:
    picture = np.full((24, width, 3), 235, np.uint8)
    scores = result.frame
    text = f"{scores['psnr']:.2f} dB, moving {scores['psnr_moving']:.2f} dB, chamfer {scores['chamfer']:.2f}"
    _text(picture, f"{result.triplet}: {text}", (6, 17), 0.45)
    return picture


def _text(picture: np.ndarray, text: str, place: tuple[int, int], size: float) -> None:
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, size, _INK, 1, cv2.LINE_AA)


def _colour(index: int) -> tuple[int, int, int]:
    return _COLOURS[index % len(_COLOURS)]


def _file_name(name: str) -> str:
    return re.sub(r"[^\w.-]+", "_", name)


def _write(path: Path, picture: np.ndarray) -> None:
    # Bytes first: OpenCV writes to no path that is not ASCII on Windows.
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
