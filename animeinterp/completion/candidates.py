"""The motions that pieces try, and the one that each keeps, in both directions at once.

Candidates: none, the whole frame's, dense flow's, the match's (with turns), the neighbours', and the way back of what the
other frame's pieces found. Each round costs one warp of the frame a direction.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..dense_flow import disagreement, lengths, warp
from ..images import difference
from ..runtime.sides import both
from ..segmentation.merging import neighbours
from .alignment import align, fit_motions
from .config import DEFAULT, CompletionConfig
from .motion import PieceGrid, inverse, moved_centre, similarity, turn_of
from .patterns import settle_patterns
from .rings import settle_rings


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
        self.reach = self.fine.spread.copy()  # pixels: what each is hinged to is within some times so many
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

    def tried(self, motion: np.ndarray, unlike: np.ndarray | None = None) -> np.ndarray:
        """What each piece's row of ``motion`` costs: unlikeness, and doubt where it is far off a believed dense flow. (K,).

        :param unlike: (K,), the middle grid's ``cost`` of it where it is there already.
        """
        grid, config, (dense, count) = self.middle, self.config, self.believed
        flow = grid.flow(motion)
        apart = np.minimum(lengths(flow - dense), config.doubt_reach / grid.step)
        apart *= count
        doubt = grid.sums.total(grid.sums.take(apart)) / grid.mass * (grid.step / config.doubt_reach)
        return (grid.cost(motion, flow) if unlike is None else unlike) + config.doubt * doubt

    def offer(
        self, motion: np.ndarray, which: np.ndarray | None = None, penalty: float = 0.0, unlike: np.ndarray | None = None
    ) -> None:
        """Let each piece (of ``which``, a bool mask) take its row of ``motion`` if that looks better; see ``tried``."""
        cost = self.tried(motion, unlike) + penalty
        better = cost < self.cost
        if which is not None:
            better &= which
        self.motion[better], self.cost[better] = motion[better], cost[better]

    def offer_aligned(self, motion: np.ndarray, which: np.ndarray | None = None) -> None:
        """As ``offer``, after a few steps of alignment on a small frame, which reaches further."""
        self.offer(align(self.coarse, motion, steps=3)[0], which)

    def align(self, steps: int) -> None:
        """Align all pieces on the middle grid."""
        aligned, unlike = align(self.middle, self.motion, steps=steps)
        self.offer(aligned, unlike=unlike)

    def unturn(self) -> None:
        """Let what looks as well without its turn not turn: what is round may have turned by anything, and the way back, which
        is as chance has it too, would not undo it."""
        turn = np.abs(turn_of(self.motion))
        plain = self.motion.copy()
        plain[:, 2:] = 0
        self.offer(plain, turn > self.config.least_turn, -self.config.turn_gain)

    def offer_neighbours(self) -> None:
        for k in range(self.config.neighbours):
            friend = self.adjacent[:, k]
            self.offer(moved_centre(self.motion[friend], self.centres[friend], self.centres), friend != np.arange(self.count))

    def whole_frame(self) -> np.ndarray:
        """The affine motion of most of the frame, as a motion for each piece. (K, 6). A pixel in sixteen tells it."""
        height, width = self.labels.shape
        one = PieceGrid.of(
            *[np.zeros((height, width, 3), np.uint8)] * 2,
            np.zeros_like(self.labels),
            np.array([[height * width, (width - 1) / 2, (height - 1) / 2, width**2 / 12, height**2 / 12, 0]]),
            4 * self.middle.step,
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


def find_motions(sides: tuple[Side, Side], pieces_0: np.ndarray, pieces_1: np.ndarray) -> Iterator[None]:
    """Find each piece's motion on both sides, given the matches; the sides keep what was found.

    An iterator, so that who has seen enough goes no further: it stops when matches have been tried, and once more when what came
    of them was bettered; at its end all is found.
    """
    ways = ((sides[0], sides[1], pieces_0, pieces_1), (sides[1], sides[0], pieces_1, pieces_0))

    def begin(way):
        side, far, own, theirs = way
        side.offer(side.whole_frame(), penalty=-side.config.frame_prior)
        side.offer(fit_motions(side.dense, side.middle, side.trust))
        _offer_matches(side, far, own, theirs)

    def better(way):
        way[0].offer_neighbours()
        way[0].align(3)

    def finish(way):
        way[0].unturn()
        settle_patterns(way[0])

    def align_finely(way):
        way[0].motion = align(way[0].fine, way[0].motion, steps=2)[0]

    both(lambda k: begin(ways[k]))
    for _ in range(2):
        yield
        both(lambda k: better(ways[k]))
        for way in ways:  # one after the other: each reads what the other side has found
            _offer_way_back(*way)
    both(lambda k: finish(ways[k]))
    settle_rings(sides)
    both(lambda k: align_finely(ways[k]))


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
