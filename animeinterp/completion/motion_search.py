"""The search for the motions of a frame's pieces: what each has found so far, and whether what it is offered is better."""

from __future__ import annotations

import numpy as np

from ..dense_flow import disagreement, lengths, warp
from ..images import difference
from ..segmentation.merging import neighbours
from .alignment import align, fit_motions
from .config import DEFAULT, CompletionConfig
from .motion import PieceGrid, moved_centre, turn_of


class MotionSearch:
    """One direction of a pair: the pieces of one frame, and the best motion to the other that each has found so far."""

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
