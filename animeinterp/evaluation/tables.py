"""Results as means: over everything, per level, motion type, behaviour, origin and speed, whole frame and RoI."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from .runner import Result

SCORES = ("psnr", "ssim", "ssim_paper", "ie", "psnr_moving", "chamfer", "sharpness")
_HEADS = {
    "psnr": "PSNR dB", "ssim": "SSIM std", "ssim_paper": "SSIM paper", "ie": "IE", "psnr_moving": "moving dB",
    "chamfer": "chamfer", "sharpness": "sharpness", "seconds": "s/pair",
}
_DIGITS = {"psnr": 2, "ssim": 4, "ssim_paper": 4, "ie": 2, "psnr_moving": 2, "chamfer": 3, "sharpness": 2, "seconds": 2}
_EQUAL_FRAMES = 100.0  # dB that an infinite PSNR counts as in a mean
_ORDER = {"easy": 0, "slow": 0, "medium": 1, "hard": 2, "fast": 2}


@dataclass(frozen=True)
class Row:
    """The means of one method over one group. ``counts`` tells, for each score, over how many triplets."""

    method: str
    region: str  # "frame" or "roi"
    group: str  # "all", or a tag such as "level"
    value: str  # of the tag: "hard"; "" for all
    triplets: int
    means: dict[str, float]
    counts: dict[str, int]


def summarize(results: Iterable[Result]) -> list[Row]:
    """A row for every method, region and group. NaN scores are left out of their means, and counted so; an infinite
    PSNR counts as 100 dB."""
    results = list(results)
    methods = list(dict.fromkeys(result.method for result in results))
    groups = {(tag, word) for result in results for tag, words in result.tags.items() for word in words}
    ordered = [("all", ""), *sorted(groups, key=lambda g: (g[0], _ORDER.get(g[1], 9), g[1]))]
    rows = []
    for region in ("frame", "roi"):
        for group, value in ordered:
            for method in methods:
                chosen = [r for r in results if r.method == method]
                if group != "all":
                    chosen = [r for r in chosen if value in r.tags.get(group, ())]
                scores = [(s, r.seconds) for r in chosen if (s := getattr(r, region)) is not None]
                if scores:
                    rows.append(_row(method, region, group, value, scores))
    return rows


def _row(method: str, region: str, group: str, value: str, scores: list[tuple[dict[str, float], float]]) -> Row:
    means, counts = {}, {}
    for name in SCORES:
        numbers = [min(s[name], _EQUAL_FRAMES) if "psnr" in name else s[name] for s, _ in scores if name in s]
        numbers = [number for number in numbers if not math.isnan(number)]
        counts[name] = len(numbers)
        means[name] = sum(numbers) / len(numbers) if numbers else math.nan
    means["seconds"] = sum(seconds for _, seconds in scores) / len(scores)
    return Row(method, region, group, value, len(scores), means, counts)


def to_text(rows: list[Row]) -> str:
    """The rows as tables for people, one a group."""
    parts = []
    width = max([len(row.method) for row in rows] + [6])
    for region, group, value in dict.fromkeys((row.region, row.group, row.value) for row in rows):
        members = [row for row in rows if (row.region, row.group, row.value) == (region, group, value)]
        title = "whole frame" if region == "frame" else "region of interest"
        title += f", {group}: {value}" if value else ""
        lines = [f"{title} ({members[0].triplets} triplets)"]
        lines.append("  ".join([f"{'':{width}}", *(f"{head:>10}" for head in _HEADS.values())]))
        for row in members:
            cells = [f"{_cell(row.means[name], _DIGITS[name]):>10}" for name in _HEADS]
            lines.append("  ".join([f"{row.method:{width}}", *cells]))
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def write_tables(rows: list[Row], folder: Path) -> None:
    """Leave the rows in ``folder`` as summary.txt, summary.csv and summary.json; null where there is no number."""
    (folder / "summary.txt").write_text(to_text(rows), encoding="utf-8")
    flat = [
        {"method": row.method, "region": row.region, "group": row.group, "value": row.value, "triplets": row.triplets,
         **{name: None if math.isnan(row.means[name]) else row.means[name] for name in _HEADS}}
        for row in rows
    ]
    (folder / "summary.json").write_text(json.dumps(flat, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    with (folder / "summary.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=["method", "region", "group", "value", "triplets", *_HEADS])
        writer.writeheader()
        writer.writerows(flat)


def _cell(number: float, digits: int) -> str:
    return "-" if math.isnan(number) else f"{number:.{digits}f}"
