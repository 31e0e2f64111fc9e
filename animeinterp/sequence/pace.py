"""The pace of a motion: what share of its way is done at a share of its time."""

from __future__ import annotations

from collections.abc import Sequence

_CHECKS = 16  # places at which a pace is looked at for going backward


def eased(t: float, ease: str) -> float:
    """``t`` in 0..1 through a curve: "ease-in" begins slowly, "ease-out" ends slowly, "ease" both, "linear" neither."""
    if ease == "ease-in":
        return t * t
    if ease == "ease-out":
        return t * (2 - t)
    if ease == "ease":
        return t * t * (3 - 2 * t)
    return t


def paced(t: float, nodes: Sequence[tuple[float, float]]) -> float:
    """``t`` in 0..1 along the motion that goes through 0 at 0, 1 at 1, and ``nodes`` (time, place) outside: one or two.

    Two nodes make a cubic, one a parabola, both of which hold a constant acceleration exactly. A curve that would turn back
    between 0 and 1 is laid so near to the straight line that it does not.
    """
    points = [(0.0, 0.0), (1.0, 1.0), *nodes]
    bends = [_through(points, k / _CHECKS) - k / _CHECKS for k in range(_CHECKS + 1)]
    steepest = min((b - a) * _CHECKS for a, b in zip(bends, bends[1:], strict=False))
    share = 1.0 if steepest >= -1 else -1 / steepest
    return min(max(t + share * (_through(points, t) - t), 0.0), 1.0)


def _through(points: Sequence[tuple[float, float]], x: float) -> float:
    """Lagrange's polynomial through ``points`` at ``x``."""
    total = 0.0
    for i, (at, value) in enumerate(points):
        for j, (other, _) in enumerate(points):
            if i != j:
                value *= (x - other) / (at - other)
        total += value
    return total
