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
from .config import DEFAULT, CompletionConfig
from .laying import BoundedFrame, Laid, climbed, costs
from .motion import PieceGrid, half_way, inverse, moved_centre, shrink, steepness
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
    seen = [BoundedFrame.of(image) for image in images]
    known = [costs(things[k], seen, k, fields[k], config) for k in (0, 1)]
    move_swarms(*things, seen, grounds[0], config)
    _move_alone(*things, seen, known, config)
    return things if any(one.moves.any() for one in things) else None


def _move_alone(
    one: Things, other: Things, seen: Sequence[BoundedFrame], known: Sequence[np.ndarray], config: CompletionConfig
) -> None:
    """Match things one by one: those that can be laid upon each other, the best first.

    ``known``: how unlike each is what the other frame shows as it is, (K,) of either frame.
    """
    a, b, unlike = possible_pairs(one, other, config)
    free = ~one.moves[a] & ~other.moves[b] & (known[0][a] > config.loose_known) & (known[1][b] > config.loose_known)
    free &= np.minimum(one.edges[a], other.edges[b]) > config.loose_sure_edges
    a, b, unlike = a[free], b[free], unlike[free]
    order = np.lexsort((unlike, a))
    a, b = a[order], b[order]
    few = np.arange(len(a)) - np.searchsorted(a, a) < config.loose_tried
    a, b = a[few], b[few]
    if not len(a):
        return
    laid = Laid(one, other, config)
    begin = np.array([laid.on(i, j) for i, j in zip(a, b, strict=True)])
    motion, cost = climbed((one, other), (a, b), seen, begin, config)
    gain = cost / (known[0][a] + known[1][b])
    back, about = inverse(motion, one.centres[a])
    back = moved_centre(back, about, other.centres[b])
    for n in np.argsort(gain, kind="stable"):
        if gain[n] < config.loose_gain and not one.moves[a[n]] and not other.moves[b[n]]:
            one.motion[a[n]], other.motion[b[n]] = motion[n], back[n]
            one.moves[a[n]] = other.moves[b[n]] = True


def lay_over(
    things: Sequence[Things], k: int, images: Sequence[np.ndarray], ground: np.ndarray, field: np.ndarray, bend: np.ndarray,
    config: CompletionConfig = DEFAULT,
) -> np.ndarray:
    """Give the pixels of frame ``k``'s things that move their motion and its bend, and those that the other frame's cover the
    ground's, in place. (H, W) bool: which pixels are things'."""
    covers = things[1 - k].moves[things[1 - k].labels].astype(np.float32)
    covered = warp(covers, ground)[0] > 0.1
    field[covered], bend[covered] = ground[covered], 0
    things = things[k]
    grid = PieceGrid.of(images[k], images[1 - k], things.labels, things.moments, 1, config)
    over = things.moves[things.labels]
    straight = grid.flow(things.motion)
    half = grid.flow(half_way(things.motion, grid.centres, grid.spread, config))
    field[over] = straight[over]
    bend[over] = (half - straight / 2)[over]
    return over


def lay_under(
    things: Sequence[Things], k: int, fields: Sequence[np.ndarray], ground: np.ndarray, over: np.ndarray, depth: np.ndarray,
    config: CompletionConfig = DEFAULT,
) -> None:
    """Put what the things pass over, of frame ``k``, behind them, in place. ``depth`` (H, W), ``over``: see ``lay_over``.

    They are not raised instead: what is in front of all else would change how much everything counts.
    """
    height, width = depth.shape
    passed = np.zeros(depth.shape, np.uint8)
    for i in (0, 1):
        y, x = np.nonzero(things[i].moves[things[i].labels])
        way = fields[i][y, x] - (ground[y, x] if i == k else -ground[y, x])
        steps = int(np.abs(way).max(initial=0) // config.loose_step) + 2
        for share in np.linspace(0, 1, min(steps, 64)):
            # Of the frame's own things from where they are; of the other's, as they come from there.
            begin = 0 if i == k else fields[i][y, x] - way
            at = np.round(np.stack([x, y], 1) + begin + share * way).astype(int)
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
