"""The flow of matched pieces: the shift of their centroids plus a deformation (paper 3.1, "Flow Generation").

The paper shifts a piece by the difference of the centroids and adds a deformation found by variational optimisation
between the two masked pieces, here with DIS (Kroeger et al., ECCV 2016). Ours is that the other frame has a say. A
centroid also shifts when something passes in front of a piece, or when the two frames are cut differently, and does not
tell of a turn; so lying still, the shift that dense flow sees and, for long pieces, a turn with the axis are tried beside
it, and what looks most alike is what the deformation begins at. A deformation that does not better this is not taken:
the outline of what lies behind is that of what passes in front of it, and following that would bend it for nothing.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from ..dense_flow import dis_flow, variational_solver
from .config import PIECE_FLOW, PieceFlowConfig
from .similarity import axis_turn


@dataclass(frozen=True)
class PieceMaps:
    """One frame for the work on its pieces: ``image`` (H, W, 3), ``grey`` and ``soft`` (H, W) uint8, the latter blurred
    so that reading between pixels is no difference; ``labels`` (H, W) int32; ``moments`` (K, 6) float64; ``boxes``
    (K, 4) int64, first and last column, first and last row of each piece."""

    image: np.ndarray
    grey: np.ndarray
    soft: np.ndarray
    labels: np.ndarray
    moments: np.ndarray
    boxes: np.ndarray

    @staticmethod
    def of(image: np.ndarray, labels: np.ndarray, moments: np.ndarray) -> PieceMaps:
        """From an image (H, W, 3) uint8, its labels (H, W) int32 and their moments (K, 6)."""
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        soft = cv2.GaussianBlur(grey, (5, 5), 1.0)
        return PieceMaps(image, grey, soft, labels, moments, piece_boxes(labels, len(moments)))


def piece_boxes(labels: np.ndarray, count: int) -> np.ndarray:
    """First and last column, first and last row of each piece. (H, W) integers to (count, 4) int64."""
    height, width = labels.shape
    boxes = np.empty((count, 4), np.int64)
    for axis, size, at in ((1, width, 0), (0, height, 2)):
        positions = np.arange(size)
        keys = labels.astype(np.int64) * size + (positions[None] if axis == 1 else positions[:, None])
        seen = np.bincount(keys.ravel(), minlength=count * size).reshape(count, size) > 0
        boxes[:, at] = seen.argmax(axis=1)
        boxes[:, at + 1] = size - 1 - seen[:, ::-1].argmax(axis=1)
    return boxes


def piece_flow(
    maps: PieceMaps, other: PieceMaps, own: np.ndarray, theirs: np.ndarray, *, deformation: bool = True,
    config: PieceFlowConfig = PIECE_FLOW,
) -> tuple[np.ndarray, np.ndarray]:
    """The flow of each matched piece from its frame to the other; zero for every other piece.

    :param own: (M,) pieces of ``maps``; ``theirs`` (M,), their matches in ``other``.
    :param deformation: False moves pieces as a whole.
    :param config: its numbers.
    :return: the flow (H, W, 2) float32, dx then dy in pixels, and (M,) bool: which matches moved their piece. The rest
        broke one of the limits: too far, too unlike in area, or too little of the piece ends in its match.
    """
    height, width = maps.labels.shape
    flow = np.zeros((height, width, 2), np.float32)
    area, area_theirs = maps.moments[own, 0], other.moments[theirs, 0]
    far = np.hypot(*(other.moments[theirs, 1:3] - maps.moments[own, 1:3]).T) > config.farthest * np.hypot(height, width)
    unlike = np.maximum(area, area_theirs) > config.area_ratio * np.minimum(area, area_theirs)
    behind = np.minimum(area, area_theirs) > config.backdrop * height * width  # how much is seen of it says little
    stands = ~(far | unlike & ~behind)
    dense = dis_flow(maps.image, other.image) if stands.any() else flow

    def work(index: int) -> tuple[tuple[slice, slice], np.ndarray, np.ndarray] | None:
        return _one_piece(maps, other, int(own[index]), int(theirs[index]), dense, deformation, config)

    order = np.flatnonzero(stands)
    order = order[np.argsort(-area[order], kind="stable")]  # the longest work first
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as threads:  # cv2 lets go of the interpreter
        for index, found in zip(order, threads.map(work, order), strict=True):
            if found is None:
                stands[index] = False
                continue
            window, inside, values = found
            flow[window][inside] = values
    return flow, stands


def _one_piece(maps, other, piece, match, dense, deformation, config):
    """Window of the frame, mask of the piece in it, and the flow (n, 2) of its pixels; None where the match fails."""
    moments, target = maps.moments[piece], other.moments[match]
    shift = target[1:3] - moments[1:3]
    whole = np.rint(shift).astype(int)
    window = _window(maps.boxes[piece], other.boxes[match], whole, maps.labels.shape, config.margin)
    rows, columns = window
    inside = maps.labels[window] == piece
    patch = _masked(maps, window, piece)
    pair = _Pair(patch, maps.soft[window], inside, other, match, (columns.start, rows.start), config)
    candidates = [_still(), _shifted(shift), _shifted(np.median(dense[window][inside], axis=0))]
    turn = float(axis_turn(moments[None], target[None], config.long)[0])
    if turn:
        centre = moments[1:3] - (columns.start, rows.start)
        candidates.append(_turned(shift, turn, centre))
    costs = [pair.cost(pair.field(affine)) for affine in candidates]
    backdrop = bool(moments[0] > config.backdrop * maps.labels.size)
    choice = int(np.argmin(costs))  # the first of equals: lying still, then the centroids' shift
    best, cost = candidates[choice], costs[choice]
    if deformation and moments[0] >= config.least_area and cost > 0:
        field = pair.deformed(pair.aligned(best, cost), backdrop)
    else:
        field = pair.field(best)
    if pair.landed(field) < config.least_inside:
        return None
    return window, inside, field[inside]


class _Pair:
    """A piece's window and the frame that holds its match, to try flows on.

    Affine motions are (2, 3): dx and dy as functions of (x, y, 1), in pixels, from the window's upper left pixel.
    """

    def __init__(self, patch, soft, inside, other, match, origin, config):
        self.config = config
        self.patch, self.soft, self.inside = patch, soft, inside
        self.other, self.match, self.origin = other, match, origin
        height, width = patch.shape
        y, x = np.mgrid[:height, :width].astype(np.float32)
        self.x, self.y = x, y
        # The match alone, as far as any motion may want to read it.
        box = other.boxes[match]
        self.shape = other.labels.shape
        top, left = max(box[2] - self.config.margin, 0), max(box[0] - self.config.margin, 0)
        area = slice(top, box[3] + self.config.margin + 1), slice(left, box[1] + self.config.margin + 1)
        self.corner = np.array([left - origin[0], top - origin[1]], np.float32)
        self.target, self.fill = _masked(other, area, match), _fill(other, area, match)
        self.target_mask = (other.labels[area] == match).astype(np.uint8)

    def field(self, affine: np.ndarray) -> np.ndarray:
        a = affine.astype(np.float32)
        return np.stack([a[k, 0] * self.x + a[k, 1] * self.y + a[k, 2] for k in (0, 1)], axis=2)

    def masked(self, field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The match at x + field(x), what is not it in the colour that stands for that (h, w) uint8; and where it is."""
        x, y = self.x + field[..., 0] - self.corner[0], self.y + field[..., 1] - self.corner[1]
        border = {"borderMode": cv2.BORDER_CONSTANT, "borderValue": float(self.fill)}
        there = cv2.remap(self.target_mask, x, y, cv2.INTER_NEAREST, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
        return cv2.remap(self.target, x, y, cv2.INTER_LINEAR, **border), there > 0

    def difference(self, field: np.ndarray) -> np.ndarray:
        """Grey difference of the piece's pixels (n,) to what the other frame shows where they end, match or not."""
        return cv2.absdiff(self.seen(field), self.soft)[self.inside]

    def seen(self, field: np.ndarray) -> np.ndarray:
        """What the other frame shows at x + field(x), softly. (h, w) uint8."""
        x, y = self.x + (field[..., 0] + self.origin[0]), self.y + (field[..., 1] + self.origin[1])
        return cv2.remap(self.other.soft, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)

    def cost(self, field: np.ndarray) -> float:
        """Mean truncated difference over the piece; what leaves the frame counts half."""
        off = np.minimum(self.difference(field), self.config.truncate)
        x, y = self._ends(field)
        outside = (x < 0) | (x > self.shape[1] - 1) | (y < 0) | (y > self.shape[0] - 1)
        return float(np.where(outside, self.config.truncate / 2, off).mean(dtype=np.float64))

    def aligned(self, affine: np.ndarray, cost: float) -> np.ndarray:
        """``affine`` after Gauss-Newton steps on the grey difference (Lucas and Kanade 1981), if that is better."""
        start, limit = affine, self.config.gain * cost
        gx, gy = (cv2.Sobel(self.soft, cv2.CV_32F, *along, scale=1 / 8) for along in ((1, 0), (0, 1)))
        at = np.flatnonzero(self.inside & (np.hypot(gx, gy) > self.config.edge))  # flat colour says nothing
        centre = np.array([self.x.mean(), self.y.mean()], np.float32)
        place = np.stack([self.x.ravel()[at] - centre[0], self.y.ravel()[at] - centre[1], np.ones(at.size)], axis=1)
        slopes = np.concatenate([gx.ravel()[at, None] * place, gy.ravel()[at, None] * place], axis=1)
        ridge = np.diag(np.tile([self.config.ridge, self.config.ridge, 1e-3], 2))
        for _ in range(self.config.steps if at.size > 2 * self.config.least_area else 0):
            off = (self.seen(self.field(affine)).astype(np.float32) - self.soft).ravel()[at]
            weighted = slopes * (np.abs(off) < self.config.truncate)[:, None] / (1 + np.abs(off) / self.config.alike)[:, None]
            step = -np.linalg.solve(weighted.T @ slopes + ridge, weighted.T @ off).reshape(2, 3)
            step[:, 2] -= step[:, :2] @ centre
            trial_cost = self.cost(self.field(affine + step))
            if trial_cost >= cost:
                break
            affine, cost = affine + step, trial_cost
        return affine if cost < limit else start

    def deformed(self, affine: np.ndarray, backdrop: bool) -> np.ndarray:
        """The field of ``affine``, with the residual between the piece and its match so laid over it if that is better."""
        field = self.field(affine)
        pure = not affine[:, :2].any()
        base = np.rint(affine) if pure else affine  # a shift by whole pixels blurs nothing
        start = self.field(base)
        warped, there = self.masked(start)
        if backdrop:
            warped = np.where(self.inside == there, warped, self.patch)
        if np.array_equal(warped, self.patch):
            return start
        residual = _variational(self.patch, warped, self.config)
        # x goes to x + u(x) in the piece's own frame, and from there with the affine motion: exact, as it is affine.
        trial = start + residual + residual @ base[:, :2].astype(np.float32).T
        shown = there[self.inside]
        off = [np.minimum(self.difference(f)[shown], self.config.truncate) for f in (field, trial)]
        before, after = (one.sum(dtype=np.float64) for one in off)
        return trial if after < self.config.gain * before else field

    def landed(self, field: np.ndarray) -> float:
        """The share of the piece's pixels that end in the match or on their like, of those that end in the frame."""
        x, y = (np.rint(v).astype(np.int64) for v in self._ends(field))
        height, width = self.shape
        kept = (x >= 0) & (x < width) & (y >= 0) & (y < height)
        if not kept.any():
            return 0.0
        alike = self.difference(field)[kept] < self.config.alike
        return float((alike | (self.other.labels[y[kept], x[kept]] == self.match)).mean())

    def _ends(self, field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        moved = field[self.inside]
        return (
            self.x[self.inside] + moved[:, 0] + self.origin[0],
            self.y[self.inside] + moved[:, 1] + self.origin[1],
        )


def _variational(patch: np.ndarray, other: np.ndarray, config: PieceFlowConfig) -> np.ndarray:
    """Dense flow between two patches (h, w) uint8, as the paper's code sets its solver. (h, w, 2) float32."""
    solver = variational_solver(sum(patch.size > limit for limit in config.large))
    height, width = patch.shape
    pad = (0, max(0, config.smallest_crop - height), 0, max(0, config.smallest_crop - width))
    padded = [cv2.copyMakeBorder(one, *pad, cv2.BORDER_REPLICATE) for one in (patch, other)]
    return solver.calc(*padded, None)[:height, :width]


def _window(box: np.ndarray, target: np.ndarray, shift: np.ndarray, shape: tuple[int, int], margin: int) -> tuple[slice, slice]:
    """Rows and columns of the frame around a piece and around its match moved back over it."""
    spans = []
    for k, size in ((1, shape[0]), (0, shape[1])):
        first = min(box[2 * k], target[2 * k] - shift[k]) - margin
        last = max(box[2 * k + 1], target[2 * k + 1] - shift[k]) + margin
        spans.append(slice(int(max(first, 0)), int(min(last + 1, size))))
    return spans[0], spans[1]


def _masked(maps: PieceMaps, window: tuple[slice, slice], piece: int) -> np.ndarray:
    """The piece's grey values in a window, all else filled with what it is least like."""
    inside = maps.labels[window] == piece
    return np.where(inside, maps.grey[window], _fill(maps, window, piece)).astype(np.uint8)


def _fill(maps: PieceMaps, window: tuple[slice, slice], piece: int) -> int:
    return 0 if maps.grey[window][maps.labels[window] == piece].mean() > 127.5 else 255


def _still() -> np.ndarray:
    return np.zeros((2, 3))


def _shifted(shift: np.ndarray) -> np.ndarray:
    return np.array([[0, 0, shift[0]], [0, 0, shift[1]]])


def _turned(shift: np.ndarray, turn: float, centre: np.ndarray) -> np.ndarray:
    """A turn about ``centre`` (x, y), clockwise as seen, and a shift."""
    linear = np.array([[np.cos(turn) - 1, -np.sin(turn)], [np.sin(turn), np.cos(turn) - 1]])
    return np.concatenate([linear, (shift - linear @ centre)[:, None]], axis=1)
