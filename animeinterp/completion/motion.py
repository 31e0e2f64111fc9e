"""Affine motions of pieces: what moving all pieces of a frame at once costs (``PieceGrid``), and their algebra.

A motion is six numbers ``ax, ay, bxx, bxy, byx, byy`` about a piece's centre c: a pixel at x moves by a + B (x - c). One warp of
the frame tries one motion for each piece, whatever the number of pieces.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ..dense_flow import read_at, warp
from ..images import difference, steepness
from .config import DEFAULT, CompletionConfig
from .sums import PieceSums


@dataclass
class PieceGrid:
    """A frame's pieces as flat arrays, at 1/``step`` of its size: what trying one motion for each piece needs.

    Motions and positions are in pixels of the full frame whatever the step. ``image`` (h, w, 3) float32 and ``other``, the
    frame that the pieces move to; ``labels`` (h, w) int32; ``centres`` (K, 2) x, y; ``x``, ``y`` (h, w) float32 relative to
    the piece's centre; ``weight`` (h, w) and its sum a piece, ``mass`` (K,); ``spread`` (K,), a piece's radius. ``index`` are
    the labels as NumPy takes by them, ``sums`` adds up by them.
    """

    step: int
    image: np.ndarray
    other: np.ndarray
    labels: np.ndarray
    centres: np.ndarray
    x: np.ndarray
    y: np.ndarray
    weight: np.ndarray
    mass: np.ndarray
    spread: np.ndarray
    index: np.ndarray
    sums: PieceSums
    config: CompletionConfig = DEFAULT

    @property
    def count(self) -> int:
        return len(self.centres)

    @staticmethod
    def of(
        image: np.ndarray, other: np.ndarray, labels: np.ndarray, moments: np.ndarray, step: int,
        config: CompletionConfig = DEFAULT,
    ) -> PieceGrid:
        """:param image: (H, W, 3) uint8, ``other`` likewise. :param moments: (K, 6), see ``piece_moments``."""
        labels = np.ascontiguousarray(labels[step // 2 :: step, step // 2 :: step])
        height, width = labels.shape
        image, other = shrink(image, width, height), shrink(other, width, height)
        centres = moments[:, 1:3].astype(np.float32)
        index, sums = labels.astype(np.intp), PieceSums.of(labels, len(centres))
        x = ((np.arange(width, dtype=np.float32) + 0.5) * step - 0.5)[None] - centres[:, 0][index]
        y = ((np.arange(height, dtype=np.float32) + 0.5) * step - 0.5)[:, None] - centres[:, 1][index]
        weight = 1 + config.edge_gain * np.minimum(steepness(image) / 30, 1)
        mass = np.maximum(sums.total(sums.take(weight)).astype(np.float32), 1e-6)
        spread = np.sqrt(np.maximum(moments[:, 3] + moments[:, 4], 4)).astype(np.float32)
        return PieceGrid(step, image, other, labels, centres, x, y, weight, mass, spread, index, sums, config)

    def flow(self, motion: np.ndarray) -> np.ndarray:
        """(K, 6) motions ``ax, ay, bxx, bxy, byx, byy`` about the centres, a + B (x - c), to (h, w, 2) in grid pixels."""
        return self._field(motion, self.index, self.x, self.y)

    def flow_of(self, motion: np.ndarray, owner: np.ndarray) -> np.ndarray:
        """As ``flow``, each pixel moving with the piece that ``owner`` (h, w) names."""
        owner = owner.astype(np.intp)
        x, y = (
            place + np.take(centres, self.index) - np.take(centres, owner)
            for place, centres in zip((self.x, self.y), np.ascontiguousarray(self.centres.T), strict=True)
        )
        return self._field(motion, owner, x, y)

    def _field(self, motion: np.ndarray, at: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        m = np.ascontiguousarray((motion / self.step).astype(np.float32).T)
        field, part, more = np.empty((*at.shape, 2), np.float32), np.empty_like(x), np.empty_like(x)
        # "clip" as no label is out of range: into an array that is there, any other mode takes by way of a copy.
        for axis, (shift, along_x, along_y) in enumerate(((0, 2, 3), (1, 4, 5))):
            np.take(m[along_x], at, out=part, mode="clip")
            part *= x
            part += np.take(m[shift], at, out=more, mode="clip")
            np.take(m[along_y], at, out=more, mode="clip")
            more *= y
            np.add(part, more, out=field[..., axis])
        return field

    def cost(self, motion: np.ndarray, flow: np.ndarray | None = None) -> np.ndarray:
        """Mean truncated colour difference of each piece under its motion, to the other frame's pixels. (K,).

        Infinite for what no piece does: to turn inside out, or to stretch until its few colours are found anywhere.

        :param flow: of this motion, where it is there already.
        """
        warped, inside = warp(self.other, self.flow(motion) if flow is None else flow)
        return self.cost_seen(motion, difference(warped, self.image), inside)

    def cost_seen(self, motion: np.ndarray, unlike: np.ndarray, inside: np.ndarray) -> np.ndarray:
        """As ``cost``, where it is known already by how much pixels differ (``difference``), and which are in the other frame."""
        cost = self.sums.total(self.sums.take(self._error(unlike, inside, self.weight))) / self.mass
        return np.where(is_possible(motion, self.config), cost, np.inf)

    def cost_of(self, motion: np.ndarray, pieces: np.ndarray) -> np.ndarray:
        """What it costs ``pieces`` (P,), each named once, to move by their rows of ``motion`` (P, 6): (P,), as ``cost`` has it
        of all."""
        sums, row = self.sums.of_pieces(pieces), np.zeros(self.count, np.intp)
        if not len(sums.order):
            return np.zeros(len(pieces))
        row[pieces] = np.arange(len(pieces))
        m = (motion / self.step).astype(np.float32)[row[sums.take(self.index)]].T
        x, y = sums.take(self.x), sums.take(self.y)
        rows, columns = np.divmod(sums.order, self.labels.shape[1])
        to_x = columns.astype(np.float32) + (m[0] + m[2] * x + m[3] * y)
        found, inside = read_at(self.other, to_x, rows.astype(np.float32) + (m[1] + m[4] * x + m[5] * y))
        unlike = difference(found[None], sums.take(self.image)[None])[0]
        return (sums.total(self._error(unlike, inside, sums.take(self.weight))) / self.mass)[pieces]

    def _error(self, unlike: np.ndarray, inside: np.ndarray, weight: np.ndarray) -> np.ndarray:
        error = np.minimum(unlike, self.config.truncate)
        error[~inside] = 0.5 * self.config.truncate  # what leaves the frame: no opinion
        error *= weight
        return error


def is_possible(motion: np.ndarray, config: CompletionConfig = DEFAULT) -> np.ndarray:
    """Which of the (K, 6) motions neither mirror a piece nor stretch it beyond ``largest_stretch``: (K,) bool."""
    a, b, c, d = (motion[:, 2:].astype(np.float64) + (1, 0, 0, 1)).T
    # The greater of the two singular values.
    squares, turned_out = a * a + b * b + c * c + d * d, a * d - b * c
    stretch = np.sqrt((squares + np.sqrt(np.maximum(squares**2 - 4 * turned_out**2, 0))) / 2)
    return (turned_out > 0) & (stretch <= config.largest_stretch)


def shrink(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """(H, W, 3) uint8 to (height, width, 3) float32, slightly blurred so that sampling between pixels is no difference."""
    if image.shape[:2] != (height, width):
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(image, (3, 3), 0.6).astype(np.float32)


def moved_centre(motion: np.ndarray, at: np.ndarray, to: np.ndarray) -> np.ndarray:
    """The same affine motion written about other centres. (K, 6), (K, 2), (K, 2) to (K, 6)."""
    shift = to - at
    moved = motion.copy()
    moved[:, 0] += motion[:, 2] * shift[:, 0] + motion[:, 3] * shift[:, 1]
    moved[:, 1] += motion[:, 4] * shift[:, 0] + motion[:, 5] * shift[:, 1]
    return moved


def inverse(motion: np.ndarray, centres: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The motions that lead back, and the centres that they are about: (K, 6), (K, 2)."""
    linear = motion[:, 2:].reshape(-1, 2, 2) + np.eye(2, dtype=np.float32)
    safe = np.abs(np.linalg.det(linear)) > 0.05
    linear = np.where(safe[:, None, None], linear, np.eye(2, dtype=np.float32))
    back = np.linalg.inv(linear) - np.eye(2, dtype=np.float32)
    return np.concatenate([-motion[:, :2], back.reshape(-1, 4)], 1).astype(np.float32), centres + motion[:, :2]


def similarity(shift: np.ndarray, turn: np.ndarray, scale: np.ndarray) -> np.ndarray:
    """(K, 2) shifts of the centres, (K,) turns in radians and (K,) scales to (K, 6) motions."""
    c, s = scale * np.cos(turn), scale * np.sin(turn)
    return np.stack([shift[:, 0], shift[:, 1], c - 1, -s, s, c - 1], 1).astype(np.float32)


def half_way(
    motion: np.ndarray, centres: np.ndarray, spread: np.ndarray, config: CompletionConfig = DEFAULT
) -> np.ndarray:
    """What half of each motion is, as a motion: a turn half-way round, on an arc. (K, 6).

    A piece that turns about a point in its reach (a joint) goes round that point; one that turns about a point far away
    is taken to shift straight and to spin about its centre, for which far points are too uncertain a pivot.
    """
    linear = motion[:, 2:].reshape(-1, 2, 2).astype(np.float64) + np.eye(2)
    turn = np.arctan2(linear[:, 1, 0] - linear[:, 0, 1], linear[:, 0, 0] + linear[:, 1, 1])
    c, s = np.cos(turn / 2), np.sin(turn / 2)
    half_turn = np.stack([c, -s, s, c], 1).reshape(-1, 2, 2)
    # What is not turn is halved as it is: L = R S, and half of it R(turn / 2) (I + S) / 2.
    whole_turn = half_turn @ half_turn
    stretch = whole_turn.transpose(0, 2, 1) @ linear
    half = half_turn @ (np.eye(2) + stretch) / 2 - np.eye(2)
    shift = motion[:, :2] / 2.0
    arc = (np.abs(turn) > config.least_turn) & (np.abs(np.linalg.det(linear - np.eye(2))) > 1e-9)  # else it leans, about no point
    pivot = np.zeros_like(shift)
    pivot[arc] = np.linalg.solve(linear[arc] - np.eye(2), -motion[arc, :2, None].astype(np.float64))[..., 0]
    arc &= np.linalg.norm(pivot, axis=1) < config.joint_reach * spread
    shift[arc] = -np.einsum("kij,kj->ki", half[arc], pivot[arc])
    return np.concatenate([shift, half.reshape(-1, 4)], axis=1).astype(np.float32)


def turn_of(motion: np.ndarray) -> np.ndarray:
    """By how many radians each of the (K, 6) motions turns, in -pi..pi. (K,)."""
    return np.arctan2(motion[:, 4] - motion[:, 3], 2 + motion[:, 2] + motion[:, 5])
