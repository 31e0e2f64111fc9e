"""Pieces that repeat around a hub: the spokes of a wheel, the petals of a flower. They turn by one angle.

Each by itself looks as well a spoke further on, and matched one by one they go in all directions. Once the rings of either frame
are found, their turn is known up to whole steps; of these, what lies between the spokes tells, and without it the shortest is
taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .motion import inverse, moved_centre, similarity
from .motion_search import MotionSearch
from .patterns import alike


@dataclass(frozen=True)
class Ring:
    """``pieces`` (n,) at even steps about a ``hub`` (2,), all ``radius`` pixels from it, one of them at the angle ``phase``;
    ``uneven``: by which part of the radius, and of a step, they are off."""

    pieces: np.ndarray
    hub: np.ndarray
    radius: float
    phase: float
    uneven: float

    @property
    def step(self) -> float:
        """Radians from one to the next."""
        return 2 * np.pi / len(self.pieces)


def settle_rings(sides: tuple[MotionSearch, MotionSearch]) -> None:
    """Let the pieces of each ring that either frame has, and what lies between them, turn by one angle if that explains them."""
    found = [find_rings(side) for side in sides]
    ringed = [np.concatenate([ring.pieces for ring in rings] or [np.empty(0, int)]) for rings in found]
    for ring in sorted(found[0], key=lambda ring: ring.uneven):
        others = [other for other in found[1] if len(other.pieces) == len(ring.pieces)]
        if others and not sides[0].settled[ring.pieces].any():
            _settle(sides, (ring, min(others, key=lambda other: (_apart(ring, other), other.uneven))), ringed)


def find_rings(side: MotionSearch) -> list[Ring]:
    """The rings of a frame: pieces of one colour, size and slenderness at even steps about a hub."""
    wide, high, lean = side.moments[:, 3:6].T
    slender = np.sqrt(np.maximum(wide * high - lean**2, 1))
    like = alike(side, np.stack([side.moments[:, 0], wide + high, slender], 1))  # the same however turned
    rings, taken = [], np.zeros(side.count, bool)
    for i in np.argsort(-like.sum(1), kind="stable"):
        group = np.flatnonzero(like[i] & ~taken)
        if not taken[i] and 2 < len(group) <= side.config.ring_most:
            ring = _ring(group, side.centres[group])
            if ring.uneven < side.config.ring_uneven:
                taken[group] = True
                rings.append(ring)
    return rings


def _ring(group: np.ndarray, centres: np.ndarray) -> Ring:
    hub, count = centres.mean(0), len(group)
    radii, angles = np.hypot(*(centres - hub).T), np.arctan2(*(centres - hub).T[::-1])
    radius = max(radii.mean(), 1)
    steps = np.diff(np.sort(angles), append=angles.min() + 2 * np.pi) * count / (2 * np.pi)
    uneven = max(np.abs(radii / radius - 1).max(), np.abs(steps - 1).max())
    return Ring(group, hub, float(radius), float(np.angle(np.exp(1j * count * angles).sum()) / count), float(uneven))


def _apart(one: Ring, other: Ring) -> float:
    """How far the hubs are apart and the radii differ, in radii."""
    return float((np.linalg.norm(one.hub - other.hub) + 2 * abs(one.radius - other.radius)) / one.radius)


def _settle(sides: tuple[MotionSearch, MotionSearch], rings: tuple[Ring, Ring], ringed: list[np.ndarray]) -> None:
    """Let what of either side is in a ring and amid it turn as the ring does. ``ringed``: the pieces of either in any ring."""
    config, step = sides[0].config, rings[0].step
    amid, between = [], []
    for side, ring, others in zip(sides, rings, ringed, strict=True):
        off = np.abs(np.hypot(*(side.centres - ring.hub).T) / ring.radius - 1)
        little = side.moments[:, 0] < config.ring_areas * side.moments[ring.pieces, 0].max()
        amid.append(np.union1d(np.flatnonzero((off < config.ring_wide) & little), ring.pieces))
        between.append(np.setdiff1d(amid[-1], others))

    def turned(turn: float, shift: np.ndarray, which: Sequence[np.ndarray]) -> list[np.ndarray]:
        there = similarity(shift[None], np.array([turn]), np.ones(1))
        ways = (there, rings[0].hub[None]), inverse(there, rings[0].hub[None])
        return [
            moved_centre(np.repeat(way, len(some), 0), np.repeat(hub, len(some), 0), side.centres[some])
            for side, some, (way, hub) in zip(sides, which, ways, strict=True)
        ]

    def cost(motions: Sequence[np.ndarray], which: Sequence[np.ndarray]) -> float:
        """What the pieces ``which`` cost, each as much as the other, in the mean of both sides."""
        costs = [side.middle.cost_of(motion, some) for side, motion, some in zip(sides, motions, which, strict=True)]
        return float(sum(cost.sum() / max(len(cost), 1) for cost in costs)) / 2

    def bettered(turn: float, shift: np.ndarray) -> tuple[float, float, np.ndarray]:
        best = cost(turned(turn, shift, pieces), pieces)
        for pixels in config.ring_steps:
            for spin, x, y in ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)) * 2:
                other = turn + spin * pixels / rings[0].radius, shift + pixels * np.array((x, y))
                now = cost(turned(*other, pieces), pieces)
                if now < best:
                    best, (turn, shift) = now, other
        unlike = best + cost(turned(turn, shift, between), between) + config.ring_turn * abs(turn)
        return unlike, turn, shift

    pieces = [ring.pieces for ring in rings]
    turns = (rings[1].phase - rings[0].phase) % step + step * np.arange(-len(pieces[0]), len(pieces[0]))
    turns = turns[np.abs(turns) <= np.pi]
    shift = rings[1].hub - rings[0].hub
    found = [bettered(turn, shift) for turn in turns]
    _, turn, shift = min(found, key=lambda one: one[0])
    own = cost([side.motion[some] for side, some in zip(sides, pieces, strict=True)], pieces)
    if cost(turned(turn, shift, pieces), pieces) > config.ring_worse * own + config.pattern_slack:
        return
    for side, motion, some, ring in zip(sides, turned(turn, shift, amid), amid, rings, strict=True):
        better = side.middle.cost_of(motion, some) < side.middle.cost_of(side.motion[some], some) + config.pattern_explained
        better |= np.isin(some, ring.pieces)
        go = some[better]
        side.motion[go], side.settled[go] = motion[better], True
        side.cost[go] = side.tried(side.motion)[go]
        side.reach[go] = np.maximum(side.reach[go], ring.radius)
