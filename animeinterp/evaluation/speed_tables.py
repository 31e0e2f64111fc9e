"""The tables of ``benchmark``, for people."""

from __future__ import annotations

from typing import Any

from .speed import whole_name

_COLUMN = 48


def case_text(result: dict[str, Any]) -> str:
    """Seconds and peak memory of each row of one way."""
    way = result["way"] + (", random weights" if result["way"] == "published" else "")
    lines = [f"{result['size']}, {result['drawings']}, {result['device']}, {result['dtype']}: {way}"]
    lines.append(f"  {'':{_COLUMN}}{'seconds':>9}{'peak memory':>14}")
    for row in result["rows"]:
        lines.append(f"  {row['stage']:{_COLUMN}}{seconds(row['seconds']):>9}{nbytes(row['peak_bytes']):>14}")
    if "further" in result:
        share = result["further"]["of_the_first"]
        note = "" if share is None else f"   {share:.2f} of the first"
        lines.append(f"  {'each further in-between, end to end':{_COLUMN}}{seconds(result['further']['seconds']):>9}{note}")
    return "\n".join(lines)


def side_by_side(results: list[dict[str, Any]], multipliers: list[int]) -> str:
    """All ways end to end: seconds a pair and peak memory at each multiplier."""
    names = [whole_name(m) for m in multipliers]
    lines = ["end to end, seconds a pair (and an in-between), peak memory"]
    lines.append(f"  {'':{_COLUMN}}" + "".join(f"{f'x{m}':>18}{'memory':>10}" for m in multipliers))
    for result in results:
        rows = {row["stage"]: row for row in result["rows"]}
        line = f"  {' '.join((result['way'], result['size'], result['drawings'], result['device'], result['dtype'])):{_COLUMN}}"
        for m, row in zip(multipliers, (rows[name] for name in names), strict=True):
            each = f"{seconds(row['seconds'])} ({seconds(row['seconds'] / (m - 1))})"
            line += f"{each:>18}{nbytes(row['peak_bytes']):>10}"
        lines.append(line)
    return "\n".join(lines)


def yardstick_text(found: dict[str, Any]) -> str:
    """The published way of working beside ours."""
    rounds = f"{found['rounds']} round" + ("s" if found["rounds"] > 1 else "")
    lines = [f"{found['size']}, cpu, float32: the published way of working beside ours, interleaved, {rounds}"]
    lines.append(f"  {'':{_COLUMN}}{'yardstick':>9}{'ours':>9}{'ratio':>8}{'by CPU time':>14}")
    for row in [*found["stages"], *found["end_to_end"]]:
        name = row.get("stage") or f"end to end: {row['way']}"
        lines.append(f"  {name:{_COLUMN}}{seconds(row['yardstick_seconds']):>9}{seconds(row['our_seconds']):>9}"
                     f"{row['ratio']:>8.1f}{row['cpu_ratio']:>14.1f}")
    if found["yardstick_peak_bytes"] is not None:
        lines.append(f"  peak memory of the yardstick: {nbytes(found['yardstick_peak_bytes'])}")
    return "\n".join(lines)


def seconds(value: float) -> str:
    """Seconds with as many digits as tell."""
    return f"{value:.1f}" if value >= 100 else f"{value:.2f}" if value >= 1 else f"{value:.4f}"


def nbytes(value: int | None) -> str:
    """Bytes as GB or MB."""
    return "-" if value is None else f"{value / 1e9:.2f} GB" if value >= 1e9 else f"{value / 1e6:.0f} MB"
