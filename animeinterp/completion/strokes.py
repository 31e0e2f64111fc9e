"""The strokes of a loose thing: straight lines that turn by themselves where the thing does not turn as one.

An arm of line art hangs on a shoulder that keeps its slant: its two long lines turn by different angles, and no one motion lays
both. Where a thing has been matched, each of its strokes that this leaves off is laid on a stroke of its partner that is left off
likewise.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import cv2
import numpy as np
import torch

from ..matching.features import piece_moments
from .config import CompletionConfig
from .motion import inverse, moved_centre, similarity
from .registration import FrameWithBounds, hill_climb, unlike_along
from .things import Things


def part_strokes(
    things: Sequence[Things], matched: Sequence[tuple[int, int]], seen: Sequence[FrameWithBounds], grounds: Sequence[np.ndarray],
    config: CompletionConfig,
) -> tuple[Things, Things]:
    """Both frames' things with the strokes that move by themselves as things of their own.

    :param matched: which thing of the first frame is which of the other. ``seen``, ``grounds``: as for ``hill_climb``.
    """
    pairs = []
    for i, j in matched:
        cut = [_cut(things[k], n, config) for k, n in enumerate((i, j))]
        pairs += [(i, j, cut[0][s], cut[1][t]) for s, t in _partners(things[0], i, *cut)]
    if not pairs:
        return tuple(things)
    strokes = [_as_things(things[k], [pair[2 + k] for pair in pairs]) for k in (0, 1)]
    begin = np.concatenate([_laid(one, other) for _, _, one, other in pairs])
    number = np.arange(len(pairs)) + 1
    motion, _, _ = hill_climb(strokes, (number, number), seen, begin, grounds, config)

    def off(ways: Sequence[tuple[np.ndarray, np.ndarray]], both: Sequence[np.ndarray]) -> float:
        """How unlike a stroke of either frame is by its way, in the mean."""
        costs = [unlike_along(seen, k, both[k], *(part[0] for part in ways[k]), config) for k in (0, 1)]
        return float(sum(cost.mean() for cost in costs)) / 2

    found: tuple[list, list] = ([], [])
    for n, pair in enumerate(pairs):
        there = motion[n][None], strokes[0].centres[n + 1][None]
        ways = there, inverse(*there)
        plain = off([(things[k].motion[pair[k]][None], things[k].centres[pair[k]][None]) for k in (0, 1)], pair[2:])
        if plain > config.stroke_off and off(ways, pair[2:]) < config.stroke_gain * plain:
            for k in (0, 1):
                found[k].append((pair[2 + k], *ways[k]))
    return tuple(_grown(things[k], found[k]) for k in (0, 1))


def _partners(
    things: Things, i: int, one: Sequence[np.ndarray], other: Sequence[np.ndarray]
) -> list[tuple[int, int]]:
    """Which strokes are the same: thing ``i``'s motion brings their ends nearest to one another, of all and both ways."""
    if not one or not other:
        return []
    ends = [np.stack([(points[0], points[-1]) for points in of]) for of in (one, other)]
    centre, linear = things.centres[i], things.motion[i, 2:].reshape(2, 2) + np.eye(2)
    to = (ends[0] - centre) @ linear.T + centre + things.motion[i, :2]
    apart = [np.linalg.norm(to[:, None] - theirs[None], axis=3).mean(2) for theirs in (ends[1], ends[1][:, ::-1])]
    apart = np.minimum(*apart)
    return [(s, int(t)) for s, t in enumerate(apart.argmin(1)) if apart[:, t].argmin() == s]


def _cut(things: Things, i: int, config: CompletionConfig) -> list[np.ndarray]:
    """The strokes of thing ``i``, the longest first: the pixels of each, (n, 2) x and y, in their order along it.

    None of a thing that is too large to be lines.
    """
    y, x = np.nonzero(things.inner == i)
    points, random, strokes = np.stack([x, y], 1).astype(np.float32), np.random.default_rng(0), []
    if not config.stroke_least < len(points) < config.stroke_most:
        return []
    while len(strokes) < config.stroke_count:
        on = _straightest(points, random, config)
        if len(on) < config.stroke_least:
            break
        stroke = points[on]
        strokes.append(stroke)
        along = (stroke[-1] - stroke[0]) / np.linalg.norm(stroke[-1] - stroke[0])
        place, aside = (points - stroke[0]) @ along, np.abs((points - stroke[0]) @ np.array([-along[1], along[0]]))
        beside = (place > place[on].min() - 1) & (place < place[on].max() + 1) & (aside < 2 * config.stroke_wide)
        points = points[~beside]
    return strokes


def _straightest(points: np.ndarray, random: np.random.Generator, config: CompletionConfig) -> np.ndarray:
    """Which of the ``points`` (N, 2) make the longest straight line without a gap, in their order along it."""
    if len(points) < config.stroke_least:
        return np.zeros(0, int)
    best = np.zeros(0, int)
    first, second = points[random.integers(0, len(points), (2, config.stroke_trials))]
    along = second - first
    long = np.linalg.norm(along, axis=1)
    some = long > config.stroke_least / 2
    along, first = along[some] / long[some, None], first[some]
    rel = points[None] - first[:, None]
    near = np.abs(rel[..., 0] * along[:, None, 1] - rel[..., 1] * along[:, None, 0]) < config.stroke_wide
    for n in np.argsort(-near.sum(1), kind="stable")[:8]:
        on = np.flatnonzero(near[n])
        place = rel[n, on] @ along[n]
        order = np.argsort(place, kind="stable")
        runs = np.split(on[order], np.flatnonzero(np.diff(place[order]) > config.stroke_gap) + 1)
        run = max(runs, key=len)
        if len(run) > len(best):
            best = run
    return best


def _laid(stroke: np.ndarray, to: np.ndarray) -> np.ndarray:
    """The motion (1, 6) about its centre that lays a stroke on another, the short way round."""
    along, other = stroke[-1] - stroke[0], to[-1] - to[0]
    turn = np.arctan2(along[0] * other[1] - along[1] * other[0], along @ other)
    turn = (turn + np.pi / 2) % np.pi - np.pi / 2
    return similarity((to.mean(0) - stroke.mean(0))[None], np.array([turn]), np.ones(1))


def _as_things(things: Things, strokes: Sequence[np.ndarray]) -> Things:
    """Strokes as if they were the only things."""
    labels = np.zeros_like(things.labels)
    for n, points in enumerate(strokes):
        x, y = points.astype(int).T
        labels[y, x] = n + 1
    return replace(things, labels=labels, inner=labels, moments=piece_moments(torch.from_numpy(labels), len(strokes) + 1).numpy())


def _grown(things: Things, found: Sequence[tuple[np.ndarray, np.ndarray, np.ndarray]]) -> Things:
    """With strokes, each with a motion (1, 6) about a centre (1, 2), as things of their own, their soft rims included."""
    if not found:
        return things
    labels, inner, count, more = things.labels.copy(), things.inner.copy(), len(things.moves), len(found)
    number = np.zeros(labels.shape, np.float32)
    for n, (points, _, _) in enumerate(found):
        x, y = points.astype(int).T
        inner[y, x] = number[y, x] = count + n
    rim = cv2.dilate(number, np.ones((5, 5), np.uint8)).astype(np.int32)
    labels = np.where((rim > 0) & (labels > 0), rim, labels)
    moments = piece_moments(torch.from_numpy(labels), count + more).numpy()
    centres = moments[count:, None, 1:3].astype(np.float32)
    motion = [moved_centre(way, about, centre) for (_, way, about), centre in zip(found, centres, strict=True)]
    return replace(
        things,
        labels=labels,
        inner=inner,
        moments=np.concatenate([things.moments, moments[count:]]),
        colours=np.pad(things.colours, ((0, more), (0, 0))),
        edges=np.pad(things.edges, (0, more), constant_values=1),
        motion=np.concatenate([things.motion, *motion]).astype(np.float32),
        moves=np.pad(things.moves, (0, more), constant_values=True),
        explained=np.pad(things.explained, (0, more)),
    )
