"""Laying a loose thing of one frame upon one of the other: the rigid motion that does it, and what that costs. See ``loose``.

Shapes are laid first (``Laid``), then what is seen (``climbed``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from .config import CompletionConfig
from .motion import shrink, similarity
from .things import Things

ROW = 1 << 14  # a row of what OpenCV reads: it takes no longer


@dataclass(frozen=True)
class BoundedFrame:
    """A frame as things are looked for in it, (H, W, 3) float32 each: ``image``, and the ``least`` and ``most`` around each
    pixel, as a line may be off by a pixel."""

    image: np.ndarray
    least: np.ndarray
    most: np.ndarray

    @staticmethod
    def of(image: np.ndarray) -> BoundedFrame:
        image, around = shrink(image, *image.shape[1::-1]), np.ones((3, 3), np.uint8)
        return BoundedFrame(image, cv2.erode(image, around), cv2.dilate(image, around))

    def unlike(self, colours: np.ndarray, x: np.ndarray, y: np.ndarray, truncate: float) -> np.ndarray:
        """How unlike ``colours`` (N, 3) what is seen at (x, y) (N,) is, half of it up to a pixel; half as much outside. (N,)."""
        height, width = self.image.shape[:2]
        rows = -(-len(x) // ROW)
        at = [np.resize(v.astype(np.float32), (rows, ROW)) for v in (x, y)]
        image, least, most = (
            cv2.remap(one, *at, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).reshape(-1, 3)[: len(x)]
            for one in (self.image, self.least, self.most)
        )
        plain = np.abs(image - colours).sum(1)
        near = np.maximum(np.maximum(least - colours, colours - most), 0).sum(1)
        off = (np.minimum(plain, truncate) + np.minimum(near, truncate)) / 2
        inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
        return np.where(inside, off, truncate / 2)


def costs(things: Things, seen: Sequence[BoundedFrame], k: int, field: np.ndarray, config: CompletionConfig) -> np.ndarray:
    """How unlike each thing of frame ``k`` is what is seen in the other along ``field`` (H, W, 2). (K,)."""
    y, x = np.nonzero(things.labels)
    label = things.labels[y, x]
    step = field[y, x]
    off = seen[1 - k].unlike(seen[k].image[y, x], x + step[:, 0], y + step[:, 1], config.loose_truncate)
    count = len(things.moments)
    return np.bincount(label, off, count) / np.maximum(np.bincount(label, minlength=count), 1)


def climbed(
    things: Sequence[Things], pair: tuple[np.ndarray, np.ndarray], seen: Sequence[BoundedFrame], motion: np.ndarray,
    config: CompletionConfig,
) -> tuple[np.ndarray, np.ndarray]:
    """The rigid motions (P, 6) of pairs of things bettered in ever smaller steps, and how unlike that leaves them (P,), there
    and back together. ``pair``: the numbers of the things, (P,) of either frame."""
    centre = things[0].centres[pair[0]]
    spread = np.sqrt(np.maximum(things[0].moments[pair[0], 3:5].sum(1), 4))
    pixels = []
    for k in (0, 1):
        item, at = [], []
        for n, i in enumerate(pair[k]):
            y, x = np.nonzero(things[k].labels == i)
            every = max(1, len(x) // config.loose_pixels)
            at.append(np.stack([x, y])[:, ::every])
            item.append(np.full(at[-1].shape[1], n))
        pixels.append((np.concatenate(item), *np.concatenate(at, axis=1)))

    def cost(shift: np.ndarray, turn: np.ndarray) -> np.ndarray:
        total = np.zeros(len(centre))
        for k, (item, x, y) in enumerate(pixels):
            c, s = np.cos(turn)[item], np.sin(turn)[item] * (1 - 2 * k)
            off = centre[item] + k * shift[item]
            dx, dy = x - off[:, 0], y - off[:, 1]
            to = centre[item] + (1 - k) * shift[item]
            unlike = seen[1 - k].unlike(
                seen[k].image[y, x], to[:, 0] + c * dx - s * dy, to[:, 1] + s * dx + c * dy, config.loose_truncate
            )
            total += np.bincount(item, unlike, len(centre)) / np.bincount(item, minlength=len(centre))
        return total

    shift, turn = motion[:, :2].copy(), np.arctan2(motion[:, 4], 1 + motion[:, 2])
    best = cost(shift, turn)
    for step in config.loose_steps:
        for _ in range(config.loose_climbs):
            for dx, dy, angle in ((1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)):
                trial = shift + np.float32([dx, dy]) * step, turn + angle * step / spread
                now = cost(*trial)
                better = now < best
                shift[better], turn[better], best[better] = trial[0][better], trial[1][better], now[better]
    return similarity(shift, turn, np.ones(len(turn))), best


class Laid:
    """Rigid motions that lay a thing of one frame upon a thing of the other: iterated closest points.

    Besl and McKay, "A Method for Registration of 3-D Shapes" (1992), begun at many turns, and trimmed (Chetverikov et al.,
    "The Trimmed Iterative Closest Point Algorithm", 2002), as part of a thing may be hidden, or be something else.
    """

    def __init__(self, one: Things, other: Things, config: CompletionConfig) -> None:
        self._things, self._config = (one, other), config
        self._seen: dict[tuple[int, int], tuple] = {}

    def on(self, i: int, j: int) -> np.ndarray:
        """The motion (6,) about the centre of thing ``i`` of the first frame that lays it on ``j`` of the other."""
        points, _, _ = self._of(0, i)
        theirs, nearest, corner = self._of(1, j)
        c0, c1 = self._things[0].centres[i], self._things[1].centres[j]
        turns = len(points) >= self._config.loose_shape
        angles = np.deg2rad(self._config.loose_turns if turns else (0.0,))
        turn, shift = angles, np.repeat((c1 - c0)[None], len(angles), 0)
        rel = points - c0
        first, last = self._config.loose_rounds
        for share in (self._config.loose_trim,) * first + (self._config.loose_trim_last,) * last:
            ends = _turned(rel, turn) + c0 + shift[:, None]
            keep = max(3, round(share * len(points)))
            at = np.round(ends - corner).astype(int).clip(0, np.array(nearest.shape[1::-1]) - 1)
            to = theirs[nearest[at[..., 1], at[..., 0]]]
            off = np.linalg.norm(to - ends, axis=2)
            order = np.argpartition(off, keep - 1, axis=1)[:, :keep]
            p = np.take_along_axis(np.broadcast_to(rel, to.shape), order[..., None], 1)
            q = np.take_along_axis(to, order[..., None], 1)
            mp, mq = p.mean(1, keepdims=True), q.mean(1, keepdims=True)
            dp, dq = p - mp, q - mq
            if turns:
                turn = np.arctan2((dp[..., 0] * dq[..., 1] - dp[..., 1] * dq[..., 0]).sum(1), (dp * dq).sum((1, 2)))
            shift = (mq - _turned(mp, turn))[:, 0] - c0
        # Both ways: what is laid on has to be covered too.
        ends = _turned(rel, turn) + c0 + shift[:, None]
        covered = max(3, round(self._config.loose_trim * len(theirs)))
        score = []
        for end in ends:
            apart = np.linalg.norm(end[:, None] - theirs[None], axis=2)
            score.append(np.sort(apart.min(1))[:keep].mean() + np.sort(apart.min(0))[:covered].mean())
        best = int(np.argmin(score + self._config.loose_short_way * np.abs(turn)))
        return similarity(shift[best][None], turn[best][None], np.ones(1))[0]

    def _of(self, k: int, i: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Points (n, 2) of a thing; the nearest of them (h, w) to each pixel around it, and where that map begins (2,)."""
        if (k, i) not in self._seen:
            labels = self._things[k].labels
            y, x = np.nonzero(labels == i)
            points = np.stack([x, y], 1).astype(np.float32)
            most, margin = self._config.loose_points, self._config.loose_margin
            if len(points) > most:
                points = points[np.random.default_rng(0).permutation(len(points))[:most]]
            corner = np.array([x.min() - margin, y.min() - margin])
            mask = np.ones((np.ptp(y) + 2 * margin + 1, np.ptp(x) + 2 * margin + 1), np.uint8)
            px = (points - corner).astype(int)
            mask[px[:, 1], px[:, 0]] = 0
            _, near = cv2.distanceTransformWithLabels(mask, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
            number = np.zeros(len(points) + 1, int)
            number[near[px[:, 1], px[:, 0]]] = np.arange(len(points))
            self._seen[k, i] = points, number[near], corner
        return self._seen[k, i]


def _turned(points: np.ndarray, turn: np.ndarray) -> np.ndarray:
    """(n, 2) or (T, n, 2) points turned by each of (T,) angles: (T, n, 2)."""
    c, s = np.cos(turn)[:, None], np.sin(turn)[:, None]
    x, y = points[..., 0], points[..., 1]
    return np.stack([c * x - s * y, s * x + c * y], axis=-1)
