"""Swarms: many loose things that are alike, and move alike. Matched one by one they would tangle. See ``loose``."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from .config import CompletionConfig
from .registration import FrameWithBounds
from .things import Things, possible_pairs, with_rim


def move_swarms(
    one: Things, other: Things, seen: Sequence[FrameWithBounds], ground: np.ndarray, config: CompletionConfig
) -> None:
    """Find the swarms among the things of two frames, and let all of each go its way: those without a partner too.

    ``ground``: the flow (H, W, 2) from the first frame to the other without things.
    """
    a, b, _ = possible_pairs(one, other, config)
    while True:  # each takes its members away
        free = ~one.moves[a] & ~other.moves[b]
        a, b = a[free], b[free]
        shift = _common_shift(one, other, a, b, ground, config)
        if shift is None:
            return
        off = np.linalg.norm(other.centres[b] - one.centres[a] - shift, axis=1)
        near = np.flatnonzero(off < config.loose_agree)
        pairs = _greedy(a[near], b[near], off[near])
        members = [np.array([p[i] for p in pairs]) for i in (0, 1)]
        for k, (things, way) in enumerate(((one, 1), (other, -1))):
            _join(things, members[k], way * shift, seen[k].image, config)


def _join(things: Things, members: np.ndarray, shift: np.ndarray, image: np.ndarray, config: CompletionConfig) -> None:
    """Make a swarm of the ``members`` and of all that is left over and looks like them: one thing that shifts.

    Where a flake passes over a line, a part of that is left over with it.
    """
    colour = np.median(things.colours[members], axis=0)
    like = (things.unlike > config.loose_unlike) & (np.abs(image - colour.astype(np.float32)).sum(2) < config.loose_colours)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(with_rim(like, things.unlike, config), connectivity=8)
    kept = stats[:, cv2.CC_STAT_AREA] < config.loose_clump * things.moments[members, 0].max()
    kept[0] = False
    swarm = (kept[parts] & ~things.moves[things.labels]) | np.isin(things.labels, members)
    taken = np.unique(np.append(things.labels[swarm], members))
    taken = taken[taken > 0]
    things.labels[np.isin(things.labels, taken)] = 0
    things.labels[swarm] = members[0]
    things.motion[members[0]] = 0
    things.motion[members[0], :2] = shift
    things.moves[taken] = True


def _common_shift(
    one: Things, other: Things, a: np.ndarray, b: np.ndarray, ground: np.ndarray, config: CompletionConfig
) -> np.ndarray | None:
    """The shift (2,) on which most things agree, if they are many; among equals that which is most like the picture's.

    ``a`` and ``b`` (P,): which things could be one.
    """
    every = np.unique(a), np.unique(b)
    if min(len(some) for some in every) < config.loose_swarm:
        return None
    shifts = other.centres[b] - one.centres[a]
    trials = np.unique(np.round(shifts), axis=0)
    trials = trials[:: len(trials) // config.loose_shifts + 1]
    height, width = one.labels.shape
    found, share = np.zeros(len(trials), int), np.zeros(len(trials))
    for n, trial in enumerate(trials):
        near = np.abs(shifts - trial).max(axis=1) < config.loose_agree
        agree = [len(np.unique(index[near])) for index in (a, b)]
        # Those that the shift leads out of the frame cannot agree.
        ends = one.centres[every[0]] + trial, other.centres[every[1]] - trial
        stay = [((end > 0) & (end < (width, height))).all(axis=1).sum() for end in ends]
        found[n] = min(agree)
        share[n] = min(some / max(of, config.loose_swarm) for some, of in zip(agree, stay, strict=True))
    good = (share >= max(config.loose_share, config.loose_equal * share.max())) & (found >= config.loose_swarm)
    if not good.any():
        return None
    camera = np.median(ground.reshape(-1, 2), axis=0)
    shift = trials[good][np.argmin(np.linalg.norm(trials[good] - camera, axis=1))]
    for _ in range(config.loose_settled):  # to a part of a pixel
        near = np.linalg.norm(shifts - shift, axis=1) < config.loose_agree
        shift = np.median(shifts[near], axis=0) if near.any() else shift
    return shift.astype(np.float32)


def _greedy(a: np.ndarray, b: np.ndarray, cost: np.ndarray) -> list[tuple[int, int]]:
    """One to one, the best first."""
    pairs, used = [], (set(), set())
    for n in np.argsort(cost, kind="stable"):
        if a[n] not in used[0] and b[n] not in used[1]:
            pairs.append((int(a[n]), int(b[n])))
            used[0].add(a[n])
            used[1].add(b[n])
    return pairs
