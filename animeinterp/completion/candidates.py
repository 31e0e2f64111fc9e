"""The motions that pieces try, and the one that each keeps, in both directions at once.

Candidates: none, the whole frame's, dense flow's, the match's (with turns), the neighbours', and the way back of what the
other frame's pieces found. Each round costs one warp of the frame a direction.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from ..dense_flow import disagreement, lengths
from ..segmentation.merging import neighbours
from .config import DEFAULT, CompletionConfig
from .motion import PieceGrid, align, difference, fit_motions, inverse, moved_centre, similarity, warp


class Side:
    """One direction of a pair: the pieces of ``frame``, and the best motion that each has found so far."""

    def __init__(self, image, other, labels, moments, dense, back, config: CompletionConfig = DEFAULT):
        self.labels, self.moments, self.config = labels, moments, config
        step = max(1, round(labels.shape[1] / 400))
        self.fine, self.middle, self.coarse = (
            PieceGrid.of(image, other, labels, moments, s, config) for s in (1, step, 3 * step)
        )
        self.dense = dense
        self.trust = (1 / (1 + disagreement(dense, back) ** 2)).astype(np.float32)
        self.believed = self._believed()
        self.motion = np.zeros((self.count, 6), np.float32)
        self.cost = self.tried(self.motion)
        self.settled = np.zeros(self.count, bool)  # pieces of a pattern, of whose motion dense flow knows nothing
        self.adjacent = adjacency(labels, self.count, config.neighbours)

    @property
    def count(self) -> int:
        return self.middle.count

    @property
    def centres(self) -> np.ndarray:
        return self.middle.centres

    def _believed(self) -> tuple[np.ndarray, np.ndarray]:
        """Dense flow on the middle grid, in its pixels, and what it counts: it leads back, and to what looks alike."""
        grid = self.middle
        at = slice(grid.step // 2, None, grid.step)
        flow = np.ascontiguousarray(self.dense[at, at]) / grid.step
        warped, inside = warp(grid.other, flow)
        alike = inside & (difference(warped, grid.image) < self.config.believed_difference)
        return flow, self.trust[at, at] * alike * grid.weight

    def tried(self, motion: np.ndarray) -> np.ndarray:
        """What each piece's row of ``motion`` costs: unlikeness, and doubt where it is far off a believed dense flow. (K,)."""
        grid, config, (dense, count) = self.middle, self.config, self.believed
        flow = grid.flow(motion)
        apart = np.minimum(lengths(flow - dense), config.doubt_reach / grid.step)
        doubt = np.bincount(grid.labels.ravel(), (apart * count).ravel(), grid.count) / grid.mass
        doubt = doubt * (grid.step / config.doubt_reach)
        return grid.cost(motion, flow) + config.doubt * doubt

    def offer(self, motion: np.ndarray, which: np.ndarray | None = None, penalty: float = 0.0) -> None:
        """Let each piece (of ``which``, a bool mask) take its row of ``motion`` if that looks better."""
        cost = self.tried(motion) + penalty
        better = cost < self.cost
        if which is not None:
            better &= which
        self.motion[better], self.cost[better] = motion[better], cost[better]

    def offer_aligned(self, motion: np.ndarray, which: np.ndarray | None = None) -> None:
        """As ``offer``, after a few steps of alignment on a small frame, which reaches further."""
        self.offer(align(self.coarse, motion, steps=3)[0], which)

    def align(self, grid: PieceGrid, steps: int) -> None:
        aligned, _ = align(grid, self.motion, steps=steps)
        self.offer(aligned)

    def unturn(self) -> None:
        """Let what looks as well without its turn not turn: what is round may have turned by anything, and the way back, which
        is as chance has it too, would not undo it."""
        turn = np.abs(np.arctan2(self.motion[:, 4] - self.motion[:, 3], 2 + self.motion[:, 2] + self.motion[:, 5]))
        plain = self.motion.copy()
        plain[:, 2:] = 0
        self.offer(plain, turn > self.config.least_turn, -self.config.turn_gain)

    def offer_neighbours(self) -> None:
        for k in range(self.config.neighbours):
            friend = self.adjacent[:, k]
            self.offer(moved_centre(self.motion[friend], self.centres[friend], self.centres), friend != np.arange(self.count))

    def whole_frame(self) -> np.ndarray:
        """The affine motion of most of the frame, as a motion for each piece. (K, 6)."""
        height, width = self.labels.shape
        one = PieceGrid.of(
            *[np.zeros((height, width, 3), np.uint8)] * 2,
            np.zeros_like(self.labels),
            np.array([[height * width, (width - 1) / 2, (height - 1) / 2, width**2 / 12, height**2 / 12, 0]]),
            self.middle.step,
            self.config,
        )
        motion = fit_motions(self.dense, one, self.trust, rounds=6)
        rows = np.repeat(motion, self.count, 0)
        return moved_centre(rows, np.repeat(one.centres, self.count, 0), self.centres)


def adjacency(labels: np.ndarray, count: int, most: int) -> np.ndarray:
    """The ``most`` pieces that each shares the longest borders with, itself where there are fewer. (K, n) ints."""
    a, b, border = neighbours(labels)
    source, target = np.concatenate([a, b]), np.concatenate([b, a])
    border = np.concatenate([border, border])
    order = np.lexsort((-border, source))
    source, target = source[order], target[order]
    result = np.repeat(np.arange(count)[:, None], most, 1)
    rank = np.arange(source.size) - np.searchsorted(source, source)
    keep = rank < most
    result[source[keep], rank[keep]] = target[keep]
    return result


def find_motions(sides: tuple[Side, Side], pieces_0: np.ndarray, pieces_1: np.ndarray) -> None:
    """Find each piece's motion on both sides, given the matches; the sides keep what was found."""
    ways = ((sides[0], sides[1], pieces_0, pieces_1), (sides[1], sides[0], pieces_1, pieces_0))

    def begin(way):
        side, far, own, theirs = way
        side.offer(side.whole_frame(), penalty=-side.config.frame_prior)
        side.offer(fit_motions(side.dense, side.middle, side.trust))
        _offer_matches(side, far, own, theirs)

    def better(way):
        way[0].offer_neighbours()
        way[0].align(way[0].middle, 3)

    def finish(way):
        way[0].unturn()
        _settle_patterns(way[0])
        way[0].motion = align(way[0].fine, way[0].motion, steps=2)[0]

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(begin, ways))
        for _ in range(2):
            list(pool.map(better, ways))
            for way in ways:  # one after the other: each reads what the other side has found
                _offer_way_back(*way)
        list(pool.map(finish, ways))


def _settle_patterns(side: Side) -> None:
    """Let the pieces of a repeating pattern move by one shift, where one explains all of them: a fence, a row of windows.

    Each by itself may have gone on by a part of the pattern, and looks as well there. Of the shifts that do, the one most like
    the camera's.
    """
    config = side.config
    rest = _alike(side)
    repeats = rest.sum(axis=1) >= config.pattern_pieces
    if not repeats.any() or repeats.all():
        return
    # What does not repeat tells how the camera went: most of it, by area.
    sure = np.flatnonzero(~repeats)
    camera = np.array([_middle(side.motion[sure, axis], side.moments[sure, 0]) for axis in (0, 1)])
    height, width = side.labels.shape
    own = side.middle.cost(side.motion)
    while rest.sum(axis=1).max() >= config.pattern_pieces:
        group = np.flatnonzero(rest[rest.sum(axis=1).argmax()])
        rest[group] = rest[:, group] = False
        trials, costs = _pattern_shifts(side, group), []
        for trial in trials:
            motion = np.zeros((side.count, 6), np.float32)
            motion[:, :2] = trial
            ends = side.centres[group] + trial
            stay = group[((ends > 0) & (ends < (width, height))).all(axis=1)]
            # Dense flow goes on by a part of the pattern as well: it is not asked.
            costs.append((side.middle.cost(motion) - own)[stay].mean() if 2 * len(stay) > len(group) else np.inf)
        good = np.array(costs) < config.pattern_slack
        if good.any():
            far = np.linalg.norm(trials - camera, axis=1)
            side.motion[group] = 0
            side.motion[group, :2] = trials[good][np.argmin(far[good])]
            side.cost[group] = side.tried(side.motion)[group]
            side.settled[group] = True


def _pattern_shifts(side: Side, group: np.ndarray) -> np.ndarray:
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


def _alike(side: Side) -> np.ndarray:
    """Which pieces are of one size, shape and colour: (K, K) bool."""
    grid, moments = side.middle, side.moments
    mass = np.maximum(np.bincount(grid.labels.ravel(), minlength=side.count), 1)
    colours = np.stack([np.bincount(grid.labels.ravel(), c.ravel(), side.count) / mass for c in cv2.split(grid.image)], axis=1)
    size = np.log(np.maximum(moments[:, [0, 3, 4]], 1))
    alike = np.abs(colours[:, None] - colours[None]).sum(axis=2) < side.config.pattern_colour
    return alike & (np.abs(size[:, None] - size[None]).max(axis=2) < side.config.pattern_size)


def _offer_matches(side: Side, far: Side, own: np.ndarray, theirs: np.ndarray) -> None:
    shift = np.zeros((side.count, 2), np.float32)
    shift[own] = far.centres[theirs] - side.centres[own]
    scale, turn = np.ones(side.count, np.float32), np.zeros(side.count, np.float32)
    scale[own] = np.sqrt(far.moments[theirs, 0] / side.moments[own, 0]).clip(0.7, 1.4)
    matched = np.zeros(side.count, bool)
    matched[own] = True
    one = np.ones(side.count, np.float32)
    turn[own] = _axis_turn(side.moments[own], far.moments[theirs])
    side.offer_aligned(similarity(shift, 0 * turn, one), matched)
    side.offer_aligned(similarity(shift, turn, scale), matched)
    # Turns about the match, tried on blurred frames; the best is aligned.
    best, best_cost = similarity(shift, turn, scale), side.coarse.cost(similarity(shift, turn, scale))
    for angle in np.deg2rad(side.config.turns):
        trial = similarity(shift, np.full(side.count, angle, np.float32), one)
        cost = side.coarse.cost(trial)
        better = cost < best_cost
        best[better], best_cost[better] = trial[better], cost[better]
    side.offer_aligned(best, matched)


def _axis_turn(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How far the long axis turns from a piece to its match, the short way round; 0 for round pieces. (M,)."""

    def axis(m):
        return 0.5 * np.arctan2(2 * m[:, 5], m[:, 3] - m[:, 4])

    def longish(m):
        apart = np.sqrt((m[:, 3] - m[:, 4]) ** 2 + 4 * m[:, 5] ** 2)
        return apart > 0.3 * (m[:, 3] + m[:, 4])

    turn = (axis(other) - axis(one) + np.pi / 2) % np.pi - np.pi / 2
    return np.where(longish(one) & longish(other), turn, 0).astype(np.float32)


def _offer_way_back(side: Side, far: Side, own: np.ndarray, theirs: np.ndarray) -> None:
    """A piece may go the way that its match, or what lies where it lands, came."""
    back, about = inverse(far.motion, far.centres)
    matched = np.zeros(side.count, bool)
    matched[own] = True
    source = np.zeros(side.count, np.int64)
    source[own] = theirs
    side.offer(moved_centre(back[source], about[source], side.centres), matched)
    landing = np.round(side.centres + side.motion[:, :2]).astype(int)
    height, width = side.labels.shape
    source = far.labels[landing[:, 1].clip(0, height - 1), landing[:, 0].clip(0, width - 1)]
    side.offer(moved_centre(back[source], about[source], side.centres))
