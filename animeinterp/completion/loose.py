"""Loose things: what is too thin or too small to be a piece, and moves by itself. A blade, an arm of line art, snow.

A flake is no piece of its own, the root of a blade is taken for ground, and an outline with the same white on both sides
belongs to nobody. But where such a thing was and where it comes to, the frames look unlike along the flow that the pieces have:
what is left over, and is no ground, is cut into connected things in either frame. Many that are alike are a swarm, whose motion
is what most of them agree on, and those without a partner go along, out of the frame or into it; every other thing is matched
with the one that it can be laid upon, shifted or turned with its axis, and both ways.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ..dense_flow import lengths, warp
from ..flow import displacement
from ..images import steepness
from .config import DEFAULT, CompletionConfig
from .motion import PieceGrid, half_way, inverse, moved_centre, shrink, turn_of
from .registration import FrameWithBounds, ShapeRegistration, hill_climb, thing_costs
from .strokes import part_strokes
from .swarms import move_swarms
from .things import Things, cut_things, possible_pairs


def loose_things(
    images: Sequence[np.ndarray], fields: Sequence[np.ndarray], grounds: Sequence[np.ndarray],
    config: CompletionConfig = DEFAULT,
) -> tuple[Things, Things] | None:
    """The loose things of either frame and how they move to the other; None where there is nothing of the kind.

    :param images: both, (H, W, 3) uint8.
    :param fields: the flow (H, W, 2) from either to the other that is known without them.
    :param grounds: the same as if what is small moved with what it lies on.
    """
    things = [cut_things(images, k, grounds[k], config) for k in (0, 1)]
    if any(one is None for one in things):
        return None
    seen = [FrameWithBounds.of(image) for image in images]
    known = [thing_costs(things[k], seen, k, fields[k], config) for k in (0, 1)]
    move_swarms(*things, seen, grounds[0], config)
    for k in (0, 1):
        things[k].explained = known[k] < config.loose_known
        things[k].explained[0] = False
    matched = _move_alone(*things, seen, known, grounds, config)
    things = part_strokes(things, matched, seen, grounds, config)
    for k in (0, 1):
        _let_go(things[k], seen, k, grounds[k], config)
    return things if any(one.moves.any() for one in things) else None


def _move_alone(
    one: Things, other: Things, seen: Sequence[FrameWithBounds], known: Sequence[np.ndarray], grounds: Sequence[np.ndarray],
    config: CompletionConfig,
) -> list[tuple[int, int]]:
    """Match things one by one: those that can be laid upon each other, the best first. Which is which.

    ``known``: how unlike each is what the other frame shows along the flow that is known, (K,) of either frame. That may have
    found some line to follow for every line; the ``grounds``' flow (H, W, 2) has not.
    """
    a, b, unlike = possible_pairs(one, other, config)
    free = ~one.moves[a] & ~other.moves[b] & ~one.explained[a] & ~other.explained[b]
    free &= np.minimum(one.edges[a], other.edges[b]) > config.loose_sure_edges
    a, b, unlike = a[free], b[free], unlike[free]
    order = np.lexsort((unlike, a))
    a, b = a[order], b[order]
    few = np.arange(len(a)) - np.searchsorted(a, a) < config.loose_tried
    a, b = a[few], b[few]
    matched: list[tuple[int, int]] = []
    if not len(a):
        return matched
    shapes = ShapeRegistration(one, other, config)
    begin = [shapes.register(i, j) for i, j in zip(a, b, strict=True)]
    a, b = (np.repeat(of, [len(ways) for ways in begin]) for of in (a, b))
    begin = np.concatenate(begin)
    motion, cost, without = hill_climb((one, other), (a, b), seen, begin, grounds, config)
    turn = np.abs(turn_of(motion))
    gain = (cost + config.loose_short_turn * turn) / without
    gain[cost > known[0][a] + known[1][b]] = np.inf
    back, about = inverse(motion, one.centres[a])
    back = moved_centre(back, about, other.centres[b])
    for n in np.argsort(gain, kind="stable"):
        if gain[n] < config.loose_gain and not one.moves[a[n]] and not other.moves[b[n]]:
            one.motion[a[n]], other.motion[b[n]] = motion[n], back[n]
            one.moves[a[n]] = other.moves[b[n]] = True
            matched.append((int(a[n]), int(b[n])))
    return matched


def _let_go(things: Things, seen: Sequence[FrameWithBounds], k: int, ground: np.ndarray, config: CompletionConfig) -> None:
    """Take from the things of frame ``k`` that move what suits the ``ground``'s flow (H, W, 2) better than their motion: a part
    of a line that they cross, which was left over with them."""
    y, x = np.nonzero(things.moves[things.labels])
    if not len(x):
        return
    motion, centre = things.motion[things.labels[y, x]], things.centres[things.labels[y, x]]
    dx, dy = x - centre[:, 0], y - centre[:, 1]
    step = motion[:, :2] + motion[:, 2::2] * dx[:, None] + motion[:, 3::2] * dy[:, None]
    off = np.zeros((2, *things.labels.shape), np.float32)
    for n, way in enumerate((step, ground[y, x])):
        off[n, y, x] = seen[1 - k].unlike(seen[k].image[y, x], x + way[:, 0], y + way[:, 1], config.loose_truncate)
    worse = cv2.blur(off[0] - off[1], (config.loose_crossing,) * 2)
    things.labels[worse > 0] = 0


def lay_over(
    things: Sequence[Things], k: int, images: Sequence[np.ndarray], ground: np.ndarray, field: np.ndarray, bend: np.ndarray,
    config: CompletionConfig = DEFAULT,
) -> np.ndarray:
    """Give the pixels of frame ``k``'s things that move their motion and its bend, and those that the other frame's cover the
    ground's, in place. (H, W) bool: which pixels are things'."""
    covers = things[1 - k].moves[things[1 - k].labels].astype(np.float32)
    kept = things[k].explained & ~things[k].moves
    covered = (warp(covers, ground)[0] > 0.1) & ~kept[things[k].labels]
    field[covered], bend[covered] = ground[covered], 0
    things = things[k]
    grid = PieceGrid.of(images[k], images[1 - k], things.labels, things.moments, 1, config)
    over = things.moves[things.labels]
    straight = grid.flow(things.motion)
    carried = np.zeros_like(things.motion)
    carried[:, :2] = _hinged_to(things, grid.image, field, config)
    half = grid.flow(half_way(things.motion - carried, grid.centres, grid.spread, config) + carried / 2)
    field[over] = straight[over]
    bend[over] = (half - straight / 2)[over]
    return over


def _hinged_to(things: Things, image: np.ndarray, field: np.ndarray, config: CompletionConfig) -> np.ndarray:
    """The shift of what each thing is hinged to, (K, 2): an arm turns about a shoulder that moves with its body.

    Asked of what turns alone. It is the line beside a thing that the thing's own motion moves as the ``field`` (H, W, 2) of all
    else does; of several the one that moves least, as what turns along with the thing is moved so too. Zero where there is none.
    """
    shift = np.zeros((len(things.moves), 2), np.float32)
    reach = np.ones((2 * config.loose_hinge + 1,) * 2, np.uint8)
    line = (steepness(image) > config.loose_line) & ~things.moves[things.labels]
    turn = turn_of(things.motion)
    for n in np.flatnonzero(things.moves & (np.abs(turn) > config.least_turn)):
        mine = (things.labels == n).astype(np.uint8)
        y, x = np.nonzero(cv2.dilate(mine, reach).view(bool) & line)
        dx, dy = x - things.centres[n, 0], y - things.centres[n, 1]
        m = things.motion[n]
        way = np.stack([m[0] + m[2] * dx + m[3] * dy, m[1] + m[4] * dx + m[5] * dy], 1)
        there = field[y, x][lengths((field[y, x] - way)[None])[0] < config.loose_hinged]
        far = lengths(there[None])[0]
        if len(far) and far.min() > config.loose_still:
            shift[n] = np.median(there[far < far.min() + config.loose_hinged], axis=0)
    return shift


def lay_under(
    things: Sequence[Things], k: int, fields: Sequence[np.ndarray], bends: Sequence[np.ndarray], ground: np.ndarray,
    over: np.ndarray, depth: np.ndarray, config: CompletionConfig = DEFAULT,
) -> None:
    """Put what the things pass over, of frame ``k``, behind them, in place. ``depth`` (H, W), ``over``: see ``lay_over``.

    They are not raised instead: what is in front of all else would change how much everything counts.
    """
    height, width = depth.shape
    passed = np.zeros(depth.shape, np.uint8)
    for i in (0, 1):
        y, x = np.nonzero(things[i].moves[things[i].labels])
        bend = bends[i][y, x]
        way = fields[i][y, x] - (ground[y, x] if i == k else -ground[y, x])
        steps = int((np.abs(way) + 2 * np.abs(bend)).max(initial=0) // config.loose_step) + 2
        for share in np.linspace(0, 1, min(steps, 64)):
            # Of the frame's own things from where they are; of the other's, as they come from there.
            begin = 0 if i == k else fields[i][y, x] - way
            at = np.round(np.stack([x, y], 1) + begin + displacement(way, bend, share)).astype(int)
            at = at[((at >= 0) & (at < (width, height))).all(1)]
            passed[at[:, 1], at[:, 0]] = 1
    size = 2 * config.loose_step + 1
    passed = cv2.dilate(passed, np.ones((size, size), np.uint8)).view(bool)
    depth[passed & ~over] -= config.loose_behind


def are_all_that_moves(
    images: Sequence[np.ndarray], things: Sequence[Things], over: Sequence[np.ndarray], grounds: Sequence[np.ndarray],
    config: CompletionConfig = DEFAULT,
) -> bool:
    """Whether what moves is these things, which lie in the other frame as they are, and hardly anything else."""
    left = found = moved = rest = 0
    for k in (0, 1):
        covered = warp(over[1 - k].astype(np.float32), grounds[k])[0] > 0.1
        unlike = things[k].unlike > config.loose_unlike
        left, found = left + unlike.sum(), found + (unlike & (over[k] | covered)).sum()
        line = steepness(shrink(images[k], *images[k].shape[1::-1])) > config.loose_line
        moved, rest = moved + (line & over[k]).sum(), rest + (line & ~over[k] & (lengths(grounds[k]) > config.loose_still)).sum()
    return bool(found > config.loose_found * left and moved > rest)
