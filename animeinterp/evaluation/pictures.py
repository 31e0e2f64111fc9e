"""Results to look at: contact sheets of the worst cases or of all, blind sheets, a bar chart. Drawn with OpenCV alone."""

from __future__ import annotations

import hashlib
import json
import math
import re
from pathlib import Path

import cv2
import numpy as np
from torch import Tensor

from ..datasets.triplets import Triplet
from ..media import to_bytes
from .methods import Method
from .runner import Result, ResultFile
from .tables import Row

_INK, _GREY = (40, 40, 40), (205, 205, 205)
# Told apart by colour-blind eyes too (Okabe and Ito), as BGR.
_COLOURS = ((178, 114, 0), (0, 94, 213), (115, 158, 0), (0, 159, 230), (167, 121, 204), (233, 180, 86), (66, 228, 240))
_COLUMNS = ("first frame", "true in-between", "drawn", "error x4")
_TILE = 320
_WIDEST = 960  # of a tile of a blind sheet, so that two films' frames side by side are still easily opened
ENLARGED = 4  # times, the bottom row of a blind sheet
_GAP, _LABEL = 8, 22  # pixels between the tiles of a row, and of the strip of labels above them


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
            write_picture(strip, _strip_of(triplet, image))
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
            write_picture(path, np.vstack(rows))
            written.append(path)
        return written


class ContactSheets:
    """Writes, for every triplet of a run, ``folder``/contact/NAME.png: the drawings with the truth between them in the
    top row, and below them what each of ``methods`` drew, all at full size.

    A sheet is written when the last of the methods has drawn. ``sheets.jsonl`` beside them tells which methods a sheet
    shows, so that a run that is gone on with draws again only what is on no sheet: call ``forget_unseen`` before it.
    """

    def __init__(self, folder: Path, methods: list[Method]):
        self.folder, self._record = folder / "contact", folder / "contact" / "sheets.jsonl"
        self._methods = [[method.name, method.signature] for method in methods]
        self._name, self._drawn = "", {}
        self._shown: dict[str, list] = {}
        if self._record.is_file():
            for line in self._record.read_text(encoding="utf-8").splitlines():
                try:
                    content = json.loads(line)
                    self._shown[content["triplet"]] = content["methods"]
                except (ValueError, TypeError, KeyError):
                    continue  # torn when a run was stopped: that sheet is made again

    def forget_unseen(self, file: ResultFile) -> None:
        """Drop from ``file`` (not from the disk) the results whose in-betweens are on no sheet of these methods: only a
        run that draws them again has their pictures."""
        for key, result in list(file.results.items()):
            if [result.method, result.signature] in self._methods and not self._has(result.triplet):
                del file.results[key]

    def _has(self, triplet: str) -> bool:
        return self._shown.get(triplet) == self._methods and self._sheet(triplet).is_file()

    def _sheet(self, triplet: str) -> Path:
        return self.folder / f"{triplet}.png"  # the name of a folder, so one that a file may have

    def add(self, result: Result, triplet: Triplet, image: Tensor) -> None:
        """Take in a new result with what was drawn; a run draws a triplet with all its methods, then the next."""
        if triplet.name != self._name:
            self._name, self._drawn = triplet.name, {}
        self._drawn[result.method] = (result, pixels_of(image))
        if len(self._drawn) < len(self._methods):
            return
        rows = [labelled_row([pixels_of(frame) for frame in (triplet.frame0, triplet.middle, triplet.frame1)],
                             ["first drawing", "true in-between", "last drawing"])]
        drawn = [self._drawn[name] for name, _ in self._methods]
        for start in range(0, len(drawn), 3):
            tiles = [pixels for _, pixels in drawn[start : start + 3]]
            labels = [f"{result.method}, {result.frame['psnr']:.2f} dB" for result, _ in drawn[start : start + 3]]
            rows.append(labelled_row(tiles, labels, columns=3))
        self.folder.mkdir(parents=True, exist_ok=True)
        write_picture(self._sheet(triplet.name), np.vstack(rows))
        with self._record.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"triplet": triplet.name, "methods": self._methods}) + "\n")
        self._shown[triplet.name] = self._methods


def pixels_of(frame: Tensor) -> np.ndarray:
    """A frame (1, 3, H, W) in 0..1 as OpenCV has pictures: (H, W, 3) uint8, BGR."""
    return np.ascontiguousarray(to_bytes(frame)[..., ::-1])


def labelled_row(tiles: list[np.ndarray], labels: list[str], *, columns: int | None = None) -> np.ndarray:
    """``tiles`` of one size side by side, each under its label; white where there are fewer than ``columns``. No pixel of
    a tile is covered."""
    height, width = tiles[0].shape[:2]
    count = columns or len(tiles)
    picture = np.full((_LABEL + height, count * width + (count - 1) * _GAP, 3), 255, np.uint8)
    for i, (tile, label) in enumerate(zip(tiles, labels, strict=True)):
        left = i * (width + _GAP)
        strip = picture[:_LABEL, left : left + width]
        _text(strip, label, (4, _LABEL - 7), 0.42)
        picture[_LABEL:, left : left + width] = tile
    return picture


def blind_sheet(frame0: Tensor, frame1: Tensor, x: Tensor, y: Tensor) -> np.ndarray:
    """Both drawings above, two in-betweens below them, and at the bottom where those differ most, enlarged. At full size,
    but no tile is wider than 960."""
    first, last, x, y = (pixels_of(frame) for frame in (frame0, frame1, x, y))
    return np.vstack([
        labelled_row([_fitted(first), _fitted(last)], ["first drawing", "last drawing"]),
        labelled_row([_fitted(x), _fitted(y)], ["X", "Y"]),
        labelled_row(_enlarged(x, y), [f"X, {ENLARGED} times", f"Y, {ENLARGED} times"]),
    ])


def _fitted(pixels: np.ndarray) -> np.ndarray:
    height, width = pixels.shape[:2]
    if width <= _WIDEST:
        return pixels
    return cv2.resize(pixels, (_WIDEST, max(1, round(height * _WIDEST / width))), interpolation=cv2.INTER_AREA)


def _enlarged(x: np.ndarray, y: np.ndarray) -> list[np.ndarray]:
    """Where ``x`` and ``y`` differ most, of either, as large as a tile of the other rows: of the pixels that were drawn,
    not of a tile that was fitted."""
    rows, columns = x.shape[:2]
    height, width = _fitted(x).shape[:2]
    tall, wide = -(-height // ENLARGED), -(-width // ENLARGED)
    apart = np.abs(x.astype(np.float32) - y.astype(np.float32)).sum(axis=2)
    if apart.any():
        # Blurred, what differs in one place counts for more than a lone pixel, and the middle of it for the most.
        apart = cv2.GaussianBlur(apart, (0, 0), sigmaX=max(1.0, wide / 6), sigmaY=max(1.0, tall / 6))
        row, column = divmod(int(apart.argmax()), columns)
    else:  # the same picture twice: the middle is as good as any place
        row, column = rows // 2, columns // 2
    top, left = min(max(row - tall // 2, 0), rows - tall), min(max(column - wide // 2, 0), columns - wide)
    size = (wide * ENLARGED, tall * ENLARGED)
    crop = (slice(top, top + tall), slice(left, left + wide))
    return [cv2.resize(pixels[crop], size, interpolation=cv2.INTER_CUBIC)[:height, :width] for pixels in (x, y)]


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
    write_picture(path, picture)
    return True


def _strip_of(triplet: Triplet, image: Tensor) -> np.ndarray:
    error = (4.0 * (image - triplet.middle).abs()).clamp(max=1.0)
    tiles = []
    for frame in (triplet.frame0, triplet.middle, image, error):
        pixels = pixels_of(frame)
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


def write_picture(path: Path, picture: np.ndarray) -> None:
    """Write (H, W, 3) uint8, BGR, as a PNG file."""
    # Bytes first: OpenCV writes to no path that is not ASCII on Windows.
    path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
