"""One motion for each piece: candidates from matches, neighbours and dense flow, tried on the pixels and then aligned.

A flat piece says nothing in its inside; its outline, and what it would uncover or run into, does. So every piece tries a
handful of motions at once - one warp of the frame a candidate, whatever the number of pieces - keeps the one that looks
alike, and is aligned by Gauss-Newton steps (Lucas and Kanade 1981; Baker and Matthews 2004), an affine motion a piece.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

import cv2
import numpy as np

from ..dense_flow import warp
from .config import DEFAULT, CompletionConfig

T = TypeVar("T")


@dataclass
class PieceGrid:
    """A frame's pieces as flat arrays, at 1/``step`` of its size: what trying one motion for each piece needs.

    Motions and positions are in pixels of the full frame whatever the step. ``image`` (h, w, 3) float32 and ``other``, the
    frame that the pieces move to; ``labels`` (h, w) int32; ``centres`` (K, 2) x, y; ``x``, ``y`` (h, w) float32 relative to
    the piece's centre; ``weight`` (h, w) and its sum a piece, ``mass`` (K,); ``spread`` (K,), a piece's radius.
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
        x = ((np.arange(width, dtype=np.float32) + 0.5) * step - 0.5)[None] - centres[:, 0][labels]
        y = ((np.arange(height, dtype=np.float32) + 0.5) * step - 0.5)[:, None] - centres[:, 1][labels]
        weight = 1 + config.edge_gain * np.minimum(steepness(image) / 30, 1)
        mass = np.bincount(labels.ravel(), weight.ravel(), len(centres)).astype(np.float32)
        spread = np.sqrt(np.maximum(moments[:, 3] + moments[:, 4], 4)).astype(np.float32)
        return PieceGrid(step, image, other, labels, centres, x, y, weight, np.maximum(mass, 1e-6), spread, config)

    def flow(self, motion: np.ndarray) -> np.ndarray:
        """(K, 6) motions ``ax, ay, bxx, bxy, byx, byy`` about the centres, a + B (x - c), to (h, w, 2) in grid pixels."""
        return self._field(motion, self.labels, self.x, self.y)

    def flow_of(self, motion: np.ndarray, owner: np.ndarray) -> np.ndarray:
        """As ``flow``, each pixel moving with the piece that ``owner`` (h, w) names."""
        here_x, here_y = self.centres[self.labels].transpose(2, 0, 1)
        there_x, there_y = self.centres[owner].transpose(2, 0, 1)
        return self._field(motion, owner, self.x + here_x - there_x, self.y + here_y - there_y)

    def _field(self, motion: np.ndarray, at: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        m = (motion / self.step).astype(np.float32)
        field = np.empty((*at.shape, 2), np.float32)
        for axis, (shift, along_x, along_y) in enumerate(((0, 2, 3), (1, 4, 5))):
            field[..., axis] = np.take(m[:, shift], at) + np.take(m[:, along_x], at) * x + np.take(m[:, along_y], at) * y
        return field

    def cost(self, motion: np.ndarray, flow: np.ndarray | None = None) -> np.ndarray:
        """Mean truncated colour difference of each piece under its motion, to the other frame's pixels. (K,).

        Infinite for what no piece does: to turn inside out, or to stretch until its few colours are found anywhere.

        :param flow: of this motion, where it is there already.
        """
        warped, inside = warp(self.other, self.flow(motion) if flow is None else flow)
        error = np.minimum(difference(warped, self.image), self.config.truncate)
        error = np.where(inside, error, 0.5 * self.config.truncate) * self.weight  # what leaves the frame: no opinion
        cost = np.bincount(self.labels.ravel(), error.ravel(), self.count) / self.mass
        return np.where(is_possible(motion, self.config), cost, np.inf)


def is_possible(motion: np.ndarray, config: CompletionConfig = DEFAULT) -> np.ndarray:
    """Which of the (K, 6) motions neither mirror a piece nor stretch it beyond ``largest_stretch``: (K,) bool."""
    linear = motion[:, 2:].reshape(-1, 2, 2) + np.eye(2, dtype=np.float32)
    stretch = np.linalg.norm(linear, ord=2, axis=(1, 2))
    return (np.linalg.det(linear) > 0) & (stretch <= config.largest_stretch)


def shrink(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """(H, W, 3) uint8 to (height, width, 3) float32, slightly blurred so that sampling between pixels is no difference."""
    if image.shape[:2] != (height, width):
        image = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
    return cv2.GaussianBlur(image, (3, 3), 0.6).astype(np.float32)


def difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Summed absolute colour difference of (H, W, 3) float32 images, (H, W) float32."""
    return cv2.transform(cv2.absdiff(one, other), np.ones((1, one.shape[2]), np.float32))


def steepness(image: np.ndarray) -> np.ndarray:
    """The steepest channel's gradient, levels a pixel: (H, W) float32."""
    gx, gy = gradients(image)
    # Not cv2.magnitude: its last bit depends on where in memory the arrays happen to lie.
    squares = gx * gx
    squares += gy * gy
    return np.sqrt(np.maximum.reduce(cv2.split(squares)))


def gradients(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Horizontal and vertical derivative, levels a pixel, of (H, W, C) float32."""
    return cv2.Sobel(image, cv2.CV_32F, 1, 0, scale=1 / 8), cv2.Sobel(image, cv2.CV_32F, 0, 1, scale=1 / 8)


def fit_motions(flow: np.ndarray, grid: PieceGrid, trust: np.ndarray, *, rounds: int = 3) -> np.ndarray:
    """The affine motion of each piece that fits a dense flow best, robustly. (K, 6).

    :param flow: (H, W, 2). :param trust: (H, W) float, what each pixel's flow counts.
    """
    labels, count = grid.labels.ravel(), grid.count
    step, half = grid.step, grid.step // 2
    flow, trust = flow[half::step, half::step], trust[half::step, half::step]
    x, y = grid.x.ravel(), grid.y.ravel()
    motion = np.zeros((count, 6), np.float32)
    weight = trust.ravel().astype(np.float32)
    for _ in range(rounds):
        basis = (np.ones_like(x), x, y)
        normal = np.empty((count, 3, 3))
        right = np.empty((count, 3, 2))
        for i in range(3):
            for j in range(i, 3):
                normal[:, i, j] = normal[:, j, i] = np.bincount(labels, weight * basis[i] * basis[j], count)
            for k in range(2):
                right[:, i, k] = np.bincount(labels, weight * basis[i] * flow[..., k].ravel(), count)
        # A ridge on the linear part: pieces with little to go by shift and do not shear.
        normal[:, 0, 0] += 1e-3
        normal[:, 1, 1] += 0.02 * normal[:, 0, 0] * grid.spread**2 + 1
        normal[:, 2, 2] += 0.02 * normal[:, 0, 0] * grid.spread**2 + 1
        solution = np.linalg.solve(normal, right)  # (K, 3, 2)
        motion = pack(solution)
        off = np.linalg.norm(grid.flow(motion) * step - flow, axis=2).ravel()
        weight = trust.ravel() / (1 + (off / 1.5) ** 2)
    return motion


def pack(solution: np.ndarray) -> np.ndarray:
    """(K, 3, 2) rows 1, x, y and columns dx, dy to (K, 6) ``ax, ay, bxx, bxy, byx, byy``."""
    return np.stack(
        [solution[:, 0, 0], solution[:, 0, 1], solution[:, 1, 0], solution[:, 2, 0], solution[:, 1, 1], solution[:, 2, 1]], 1
    ).astype(np.float32)


def align(grid: PieceGrid, motion: np.ndarray, *, steps: int) -> tuple[np.ndarray, np.ndarray]:
    """Gauss-Newton steps on the colour difference, all pieces at once; a step that does not help a piece is not taken.

    :return: (K, 6) motions and their (K,) costs.
    """
    labels, count = grid.labels.ravel(), grid.count
    best, cost = motion.copy(), grid.cost(motion)
    damp = np.full(count, 1e-2)
    gx0, gy0 = gradients(grid.image)
    none = np.zeros_like(gx0)
    for _ in range(steps):
        warped, inside = warp(grid.other, grid.flow(best))
        change = warped - grid.image
        gx1, gy1 = gradients(warped)
        gx, gy = (gx0 + gx1) / 2, (gy0 + gy1) / 2
        size = difference(warped, grid.image)
        weight = (inside & (size < 3 * grid.config.truncate)) / (1 + (size / grid.config.truncate) ** 2)
        edges = difference(gx, none) + difference(gy, none)
        # Only pixels with an edge say anything.
        use = np.flatnonzero((edges > 1) & (weight > 0))
        if use.size == 0:
            break
        at, w = labels[use], weight.ravel()[use]
        px, py = grid.x.ravel()[use], grid.y.ravel()[use]
        gx, gy, change = (a.reshape(-1, 3)[use] for a in (gx, gy, change))
        gx, gy = gx / grid.step, gy / grid.step  # levels a pixel of the full frame
        xx, xy, yy = (w * np.einsum("ij,ij->i", a, b) for a, b in ((gx, gx), (gx, gy), (gy, gy)))
        rx, ry = (w * np.einsum("ij,ij->i", a, change) for a in (gx, gy))
        delta = _solve_step(at, count, (px, py), (xx, xy, yy), (rx, ry), damp, grid.spread, 4.0 * grid.step)
        trial = best + delta
        trial_cost = grid.cost(trial)
        better = trial_cost < cost
        best[better], cost[better] = trial[better], trial_cost[better]
        damp = np.where(better, damp * 0.5, damp * 8)
    return best, cost


def _solve_step(at, count, position, tensor, right, damp, spread, reach) -> np.ndarray:
    """The 6x6 normal equations of every piece, from the structure tensor of its pixels: the motion step (K, 6)."""
    px, py = position
    xx, xy, yy = tensor
    basis = (np.ones_like(px), px, py)
    normal = np.empty((count, 6, 6))
    vector = np.empty((count, 6))
    for i in range(3):
        for j in range(i, 3):
            bb = basis[i] * basis[j]
            blocks = [np.bincount(at, bb * t, count) for t in (xx, xy, yy)]
            for r, c, b in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
                normal[:, 3 * r + i, 3 * c + j] = normal[:, 3 * r + j, 3 * c + i] = blocks[b]
        for k in range(2):
            vector[:, 3 * k + i] = -np.bincount(at, basis[i] * right[k], count)
    # Marquardt damping in units of pixels at the piece's rim, heavier on the linear part than on the shift.
    trace = (normal[:, 0, 0] + normal[:, 3, 3]) / 2 + 1.0
    for i, unit in ((0, 1.0), (3, 1.0)):
        normal[:, i, i] += damp * trace * unit
    for i in (1, 2, 4, 5):
        normal[:, i, i] += (damp + 0.02) * trace * spread**2
    step = np.linalg.solve(normal, vector[..., None])[..., 0]
    rim = np.abs(step[:, [0, 3]]).sum(1) + np.abs(step[:, [1, 2, 4, 5]]).sum(1) * spread
    step *= np.minimum(1, reach / np.maximum(rim, 1e-6))[:, None]  # no farther than the linearisation carries
    return step[:, [0, 3, 1, 2, 4, 5]].astype(np.float32)


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
    arc = np.abs(turn) > config.least_turn
    pivot = np.zeros_like(shift)
    pivot[arc] = np.linalg.solve(linear[arc] - np.eye(2), -motion[arc, :2, None].astype(np.float64))[..., 0]
    arc &= np.linalg.norm(pivot, axis=1) < config.joint_reach * spread
    shift[arc] = -np.einsum("kij,kj->ki", half[arc], pivot[arc])
    return np.concatenate([shift, half.reshape(-1, 4)], axis=1).astype(np.float32)


def both(work: Callable[[int], T]) -> tuple[T, T]:
    """The two directions side by side: OpenCV and NumPy let go of the interpreter where they work."""
    with ThreadPoolExecutor(2) as pool:
        return tuple(pool.map(work, (0, 1)))
