"""A run: every method on every triplet, one line of results each, in a file that a stopped run goes on with.

``results.jsonl`` holds a JSON object a line: triplet, method, signature (what exactly was measured), seconds, tags, and
the scores over the whole ``frame`` and over the ``roi`` (null where there is none). A number that is not one (no pixel
moved) is null; an infinite PSNR (equal frames) is the string "inf".
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..datasets.triplets import Triplet, TripletFolder
from ..errors import AnimeInterpError
from . import metrics
from .methods import Draw, Method

Progress = Callable[[int, int], None]
_ROI_SCORES = ("psnr", "ssim", "ssim_paper", "ie", "chamfer", "psnr_moving", "sharpness")


@dataclass(frozen=True)
class Result:
    """One method on one triplet. ``frame`` and ``roi`` are scores by name, as ``metrics.score`` gives them."""

    triplet: str
    method: str
    signature: str
    seconds: float
    tags: dict[str, tuple[str, ...]]
    frame: dict[str, float]
    roi: dict[str, float] | None = None


class ResultFile:
    """The results of earlier runs in ``path``, and a place for more. A line is written whole or, when the machine stops
    in the middle of it, is not taken for one."""

    def __init__(self, path: Path, *, fresh: bool = False):
        self.path = path
        self.results: dict[tuple[str, str, str], Result] = {}
        path.parent.mkdir(parents=True, exist_ok=True)
        if fresh:
            path.unlink(missing_ok=True)
        if path.exists():
            self._load()

    def _load(self) -> None:
        content = self.path.read_bytes()
        end = content.rfind(b"\n") + 1
        for number, line in enumerate(content[:end].splitlines(), start=1):
            try:
                result = _decode(json.loads(line))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                raise AnimeInterpError(
                    f"{self.path}, line {number} is no result ({type(error).__name__}: {error}). "
                    "Remove the line, or begin anew with --fresh."
                ) from None
            self.results[_key(result)] = result
        if end < len(content):  # torn: the run was stopped in the middle of a line
            os.truncate(self.path, end)

    def add(self, result: Result) -> None:
        """Append one result, on the disk before this returns."""
        line = json.dumps(_encode(result), allow_nan=False) + "\n"
        with self.path.open("ab") as file:
            file.write(line.encode())
            file.flush()
            os.fsync(file.fileno())
        self.results[_key(result)] = result

    def find(self, triplet: str, method: Method) -> Result | None:
        """The result of ``method`` on ``triplet``, if it was measured already."""
        return self.results.get((triplet, method.name, method.signature))


def run(
    triplets: TripletFolder, methods: Iterable[Method], file: ResultFile, *, progress: Progress | None = None,
    drawn: Callable[[Result, Triplet, Tensor], None] | None = None,
) -> list[Result]:
    """Measure every method on every triplet that ``file`` does not know yet; return the results of them all.

    In-betweens are rounded to 8 bits before they are measured, as a picture file would. ``progress(done, total)`` is
    called after each; ``drawn`` gets each new result with its triplet and its in-between. A method's networks are
    loaded when it first has something to do.

    Raises AnimeInterpError for a broken triplet (unless ``triplets`` skips them), for what a method raises, and for an
    in-between that is not a picture of the triplet's size. What was measured until then is kept.
    """
    methods = list(methods)
    makers: dict[str, Draw] = {}
    results: list[Result] = []
    total = len(triplets) * len(methods)
    for position, name in enumerate(triplets.names):
        # One triplet may be named by its folder, which is told from the inside only.
        known = [file.find(name, method) for method in methods]
        triplet = None if all(known) else triplets.get(name)
        if triplet is not None or all(known):
            for number, method in enumerate(methods):
                result = known[number] or (triplet and file.find(triplet.name, method))
                if not result:
                    result = _measure(method, triplet, makers, file, drawn)
                results.append(result)
                if progress is not None:
                    progress(position * len(methods) + number + 1, total)
        elif progress is not None:
            progress((position + 1) * len(methods), total)
    return results


def _measure(
    method: Method, triplet: Triplet, makers: dict[str, Draw], file: ResultFile,
    drawn: Callable[[Result, Triplet, Tensor], None] | None,
) -> Result:
    result, image = measured(method, triplet, makers)
    if drawn is not None:
        drawn(result, triplet, image)
    file.add(result)
    return result


def measured(method: Method, triplet: Triplet, makers: dict[str, Draw]) -> tuple[Result, Tensor]:
    """The result of a method on a triplet, and the in-between, rounded to 8 bits, (1, 3, H, W) in 0..1.

    ``makers`` keeps what a method has loaded. Raises as ``run`` does.
    """
    first = method.name not in makers
    if first:
        makers[method.name] = method.make()
    image, seconds = _timed(makers[method.name], triplet)
    if first and image.device.type != "cpu":  # the first call of an accelerator chooses and compiles its kernels
        image, seconds = _timed(makers[method.name], triplet)
    image = metrics.to_8bit(image.float().cpu())
    if image.shape != triplet.middle.shape or not bool(torch.isfinite(image).all()):
        raise AnimeInterpError(
            f"{method.name} drew {tuple(image.shape)} for {triplet.name}; it should be finite and "
            f"{tuple(triplet.middle.shape)}. Leave the method out, or tell its author."
        )
    frame = metrics.score(image, triplet.middle, frame0=triplet.frame0, frame1=triplet.frame1)
    roi = None if triplet.roi is None else _score_roi(image, triplet)
    return Result(triplet.name, method.name, method.signature, seconds, triplet.tags, frame, roi), image


def _timed(draw: Draw, triplet: Triplet) -> tuple[Tensor, float]:
    start = time.perf_counter()
    image = draw(triplet)
    if image.device.type == "cuda":
        torch.cuda.synchronize(image.device)
    return image, time.perf_counter() - start


def _score_roi(image: Tensor, triplet: Triplet) -> dict[str, float]:
    """The scores of the region alone, cut out as the authors do; SSIM is NaN where its window does not fit in."""
    x, y, width, height = triplet.roi
    if width < 1 or height < 1:
        return dict.fromkeys(_ROI_SCORES, math.nan)
    ours, true, frame0, frame1 = (
        frame[..., y : y + height, x : x + width] for frame in (image, triplet.middle, triplet.frame0, triplet.frame1)
    )
    if min(width, height) >= 11:
        return metrics.score(ours, true, frame0=frame0, frame1=frame1)
    return {
        "psnr": metrics.psnr(ours, true), "ssim": math.nan, "ssim_paper": math.nan,
        "ie": metrics.interpolation_error(ours, true), "chamfer": metrics.chamfer_line_distance(ours, true),
        "psnr_moving": metrics.psnr_moving(ours, true, frame0, frame1), "sharpness": metrics.sharpness(ours, frame0, frame1),
    }


def _key(result: Result) -> tuple[str, str, str]:
    return result.triplet, result.method, result.signature


def _encode(result: Result) -> dict:
    def plain(scores: dict[str, float] | None) -> dict | None:
        if scores is None:
            return None
        return {k: None if math.isnan(v) else "inf" if math.isinf(v) else v for k, v in scores.items()}

    return {**asdict(result), "frame": plain(result.frame), "roi": plain(result.roi)}


def _decode(content: dict) -> Result:
    def numbers(scores: dict | None) -> dict[str, float] | None:
        return None if scores is None else {k: math.nan if v is None else float(v) for k, v in scores.items()}

    return Result(
        content["triplet"], content["method"], content["signature"], float(content["seconds"]),
        {key: tuple(words) for key, words in content["tags"].items()},
        numbers(content["frame"]), numbers(content["roi"]),
    )
