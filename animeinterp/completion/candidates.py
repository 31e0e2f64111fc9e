"""The motions that pieces try, and the one that each keeps, in both directions at once.

Candidates: none, the whole frame's, dense flow's, the match's (with turns), the neighbours', and the way back of what the
other frame's pieces found. Each round costs one warp of the frame a direction.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..matching.similarity import axis_turn
from ..runtime.sides import both
from .alignment import align, fit_motions
from .motion import inverse, moved_centre, similarity
from .motion_search import MotionSearch
from .patterns import settle_patterns
from .rings import settle_rings


def find_motions(sides: tuple[MotionSearch, MotionSearch], pieces_0: np.ndarray, pieces_1: np.ndarray) -> Iterator[None]:
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


def _offer_matches(side: MotionSearch, far: MotionSearch, own: np.ndarray, theirs: np.ndarray) -> None:
    shift = np.zeros((side.count, 2), np.float32)
    shift[own] = far.centres[theirs] - side.centres[own]
    scale, turn = np.ones(side.count, np.float32), np.zeros(side.count, np.float32)
    scale[own] = np.sqrt(far.moments[theirs, 0] / side.moments[own, 0]).clip(0.7, 1.4)
    matched = np.zeros(side.count, bool)
    matched[own] = True
    one = np.ones(side.count, np.float32)
    turn[own] = axis_turn(side.moments[own], far.moments[theirs], side.config.long)
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


def _offer_way_back(side: MotionSearch, far: MotionSearch, own: np.ndarray, theirs: np.ndarray) -> None:
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
