"""Pieces of a repeating pattern: a fence, a row of windows. They move by one shift, where one explains all of them."""

from __future__ import annotations

import cv2
import numpy as np

from .alignment import align
from .motion import moved_centre
from .motion_search import MotionSearch


def settle_patterns(side: MotionSearch) -> None:
    """Let the pieces of a repeating pattern move by one shift, where one explains all of them: a fence, a row of windows.

    Each by itself may have gone on by a part of the pattern, and looks as well there. Of the shifts that do, the one most like
    the camera's.
    """
    config = side.config
    rest = alike(side, side.moments[:, [0, 3, 4]])
    repeats = rest.sum(axis=1) >= config.pattern_pieces
    if not repeats.any() or repeats.all():
        return
    # What does not repeat tells how the camera went: most of it, by area.
    sure = np.flatnonzero(~repeats)
    camera = np.array([_middle(side.motion[sure, axis], side.moments[sure, 0]) for axis in (0, 1)])
    own = side.middle.cost(side.motion)
    while rest.sum(axis=1).max() >= config.pattern_pieces:
        group = np.flatnonzero(rest[rest.sum(axis=1).argmax()])
        rest[group] = rest[:, group] = False
        trials = _pattern_shifts(side, group)
        costs = np.array([_pattern_cost(side, group, trial, own) for trial in trials])
        # A shift by whole periods is known to a part of a pixel only, which posts do not forgive.
        for n in np.flatnonzero((costs >= config.pattern_slack) & (costs < config.pattern_nearly)):
            motion = np.zeros((side.count, 6), np.float32)
            motion[:, :2] = trials[n]
            trials[n] = np.median(align(side.middle, motion, steps=2)[0][group, :2], axis=0)
            costs[n] = _pattern_cost(side, group, trials[n], own)
        good = costs < config.pattern_slack
        if good.any():
            far = np.linalg.norm(trials - camera, axis=1)
            group = _goes_along(side, group, trials[good][np.argmin(far[good])], own)
            side.settled[group] = True
    # What lies beside, such as the ground that shows between the posts' ends, may repeat in itself.
    for k in range(config.neighbours if side.settled.any() else 0):
        friend = side.adjacent[:, k]
        motion = moved_centre(side.motion[friend], side.centres[friend], side.centres)
        beside = side.settled[friend] & ~side.settled & (side.middle.cost(motion) < own + config.pattern_beside)
        side.motion[beside], side.settled[beside] = motion[beside], True
        side.cost[beside] = side.tried(side.motion)[beside]


def _pattern_cost(side: MotionSearch, group: np.ndarray, shift: np.ndarray, own: np.ndarray) -> float:
    """By how many levels more than by themselves, whose cost is ``own`` (K,), the pieces of a pattern are off by one shift."""
    ends, height, width = side.centres[group] + shift, *side.labels.shape
    stay = group[((ends > 0) & (ends < (width, height))).all(axis=1)]
    if 2 * len(stay) <= len(group):
        return np.inf
    # Dense flow goes on by a part of the pattern as well: it is not asked. Some of the pieces may be covered there.
    worse = np.sort(side.middle.cost_of(_by(shift, stay), stay) - own[stay])
    return float(worse[: int(np.ceil(side.config.pattern_share * len(stay)))].mean())


def _goes_along(side: MotionSearch, group: np.ndarray, shift: np.ndarray, own: np.ndarray) -> np.ndarray:
    """Let the pieces of a pattern go by its ``shift`` that it explains, that leave the frame by it, or that would end by
    themselves, whose cost is ``own`` (K,), where another of it ends: such a one is covered. Which pieces those are."""
    motion = np.zeros((side.count, 6), np.float32)
    motion[:, :2] = shift
    ends, height, width = side.centres[group] + shift, *side.labels.shape
    explained = side.middle.cost_of(_by(shift, group), group) - own[group] < side.config.pattern_explained
    explained |= ~((ends > 0) & (ends < (width, height))).all(axis=1)
    by_itself = side.centres[group] + side.motion[group, :2]
    apart = np.linalg.norm(by_itself[:, None] - ends[explained][None], axis=2)
    group = group[explained | (apart < side.middle.spread[group][:, None]).any(axis=1)]
    side.motion[group] = motion[group]
    side.cost[group] = side.tried(side.motion)[group]
    return group


def _pattern_shifts(side: MotionSearch, group: np.ndarray) -> np.ndarray:
    """The commonest shifts of all pieces, and that of the group gone on by whole periods of it. (N, 2)."""
    found, count = np.unique(np.round(side.motion[:, :2] / 2) * 2, axis=0, return_counts=True)
    found = found[np.argsort(-count, kind="stable")][: side.config.pattern_shifts]
    near = [np.abs(side.motion[:, :2] - shift).max(axis=1) < 2 for shift in found]
    found = np.stack([np.median(side.motion[some, :2], axis=0) for some in near])
    at = side.centres[group]
    apart = at[None] - at[:, None]
    far = np.linalg.norm(apart, axis=2)
    np.fill_diagonal(far, np.inf)
    period = np.median(np.abs(apart[np.arange(len(at)), far.argmin(axis=1)]), axis=0)
    own = np.median(side.motion[group, :2], axis=0)
    steps = np.arange(-side.config.pattern_periods, side.config.pattern_periods + 1)
    return np.concatenate([found, own + steps[:, None] * period]).astype(np.float32)


def _middle(values: np.ndarray, weight: np.ndarray) -> float:
    """The weighted median of (N,)."""
    order = np.argsort(values, kind="stable")
    return float(values[order][np.searchsorted(np.cumsum(weight[order]), weight.sum() / 2)])


def _by(shift: np.ndarray, pieces: np.ndarray) -> np.ndarray:
    """A motion for each of ``pieces`` (P,) that only shifts, (P, 6)."""
    motion = np.zeros((len(pieces), 6), np.float32)
    motion[:, :2] = shift
    return motion


def alike(side: MotionSearch, sizes: np.ndarray) -> np.ndarray:
    """Which pieces are of one colour, and of one size by each column of ``sizes`` (K, n): (K, K) bool."""
    grid = side.middle
    mass = np.maximum(np.bincount(grid.labels.ravel(), minlength=side.count), 1)
    colours = [grid.sums.total(grid.sums.take(c)) / mass for c in cv2.split(grid.image)]
    found = sum(np.abs(colour[:, None] - colour[None]) for colour in colours) < side.config.pattern_colour
    for size in np.log(np.maximum(sizes, 1)).T:
        found &= np.abs(size[:, None] - size[None]) < side.config.pattern_size
    return found
