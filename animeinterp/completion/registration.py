"""Registration of a loose thing of one frame with one of the other: the rigid motion that lays it there, and what that costs.

See ``loose``. Shapes are registered first (``ShapeRegistration``), then what is seen (``hill_climb``).
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
class FrameWithBounds:
    """A frame as things are looked for in it, (H, W, 3) float32 each: ``image``, and the ``least`` and ``most`` around each
    pixel, as a line may be off by a pixel."""

    image: np.ndarray
    least: np.ndarray
    most: np.ndarray

    @staticmethod
    def of(image: np.ndarray) -> FrameWithBounds:
        image, around = shrink(image, *image.shape[1::-1]), np.ones((3, 3), np.uint8)
        return FrameWithBounds(image, cv2.erode(image, around), cv2.dilate(image, around))

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


def thing_costs(
    things: Things, seen: Sequence[FrameWithBounds], k: int, field: np.ndarray, config: CompletionConfig
) -> np.ndarray:
    """How unlike each thing of frame ``k`` is what is seen in the other along ``field`` (H, W, 2). (K,)."""
    y, x = np.nonzero(things.inner)
    label = things.inner[y, x]
    step = field[y, x]
    off = seen[1 - k].unlike(seen[k].image[y, x], x + step[:, 0], y + step[:, 1], config.loose_truncate)
    count = len(things.moments)
    return np.bincount(label, off, count) / np.maximum(np.bincount(label, minlength=count), 1)


def unlike_along(
    seen: Sequence[FrameWithBounds], k: int, points: np.ndarray, motion: np.ndarray, centre: np.ndarray, config: CompletionConfig
) -> np.ndarray:
    """How unlike ``points`` (N, 2) of frame ``k`` are to where a ``motion`` (6,) about ``centre`` (2,) takes them, (N,)."""
    x, y = points.astype(int).T
    to = points + motion[:2] + (points - centre) @ motion[2:].reshape(2, 2).T
    return seen[1 - k].unlike(seen[k].image[y, x], *to.T, config.loose_truncate)


def hill_climb(
    things: Sequence[Things], pair: tuple[np.ndarray, np.ndarray], seen: Sequence[FrameWithBounds], motion: np.ndarray,
    grounds: Sequence[np.ndarray], config: CompletionConfig,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The motions (P, 6) of pairs of things bettered in ever smaller steps; how unlike that leaves them (P,), there and back
    together; and how unlike they are along the ``grounds``' flow (H, W, 2).

    In the end no pixel counts more than along the ground's: it may be of a line that they cross, and was left over with them.

    :param pair: the numbers of the things, (P,) of either frame.
    """
    centre = things[0].centres[pair[0]]
    spread = np.sqrt(np.maximum(things[0].moments[pair[0], 3:5].sum(1), 4))
    pixels = []
    for k in (0, 1):
        item, at = [], []
        for n, i in enumerate(pair[k]):
            y, x = np.nonzero(things[k].inner == i)
            every = max(1, len(x) // config.loose_pixels)
            at.append(np.stack([x, y])[:, ::every])
            item.append(np.full(at[-1].shape[1], n))
        x, y = np.concatenate(at, axis=1)
        way = grounds[k][y, x]
        most = seen[1 - k].unlike(seen[k].image[y, x], x + way[:, 0], y + way[:, 1], config.loose_truncate)
        pixels.append((np.concatenate(item), x, y, most))

    def total(off: Sequence[np.ndarray]) -> np.ndarray:
        return sum(np.bincount(of[0], one, len(centre)) / np.bincount(of[0]) for of, one in zip(pixels, off, strict=True))

    def cost(shift: np.ndarray, turn: np.ndarray, bounded: bool) -> np.ndarray:
        """``turn`` (P, 2, 2): what each does about its centre. ``bounded``: by what each pixel costs along the ground's."""
        off = []
        for k, (item, x, y, most) in enumerate(pixels):
            way = (turn if k == 0 else np.linalg.inv(turn))[item]
            from_centre = np.stack([x, y], 1) - centre[item] - k * shift[item]
            to = centre[item] + (1 - k) * shift[item] + np.einsum("nij,nj->ni", way, from_centre)
            unlike = seen[1 - k].unlike(seen[k].image[y, x], *to.T, config.loose_truncate)
            off.append(np.minimum(unlike, most) if bounded else unlike)
        return total(off)

    shift, turn = motion[:, :2].astype(np.float64), motion[:, 2:].reshape(-1, 2, 2) + np.eye(2)

    def climb(steps: Sequence[float], ways: Sequence[np.ndarray], bounded: bool) -> np.ndarray:
        """Try steps along each axis, and along each of the ``ways`` (2, 2) that a linear map changes by."""
        best = cost(shift, turn, bounded)
        for step in np.repeat(steps, config.loose_climbs):
            for move in (*np.eye(2), *-np.eye(2), *ways):
                if move.ndim == 1:
                    trial = shift + move * step, turn
                else:
                    leant = (np.eye(2) + move * (step / spread)[:, None, None]) @ turn
                    larger = np.linalg.det(leant)
                    same = (larger > 1 / config.loose_areas) & (larger < config.loose_areas)
                    trial = shift, np.where(same[:, None, None], leant, turn)
                now = cost(*trial, bounded)
                better = now < best
                shift[better], turn[better], best[better] = trial[0][better], trial[1][better], now[better]
        return best

    spin, every = np.array([[0.0, -1.0], [1.0, 0.0]]), np.eye(4).reshape(4, 2, 2)
    climb(config.loose_steps, (spin, -spin), False)
    # A limb that bends at its joint is nearly rigid: it may stretch and lean a little.
    best = climb(config.loose_steps[1:], (*every, *-every), True)
    motion = np.concatenate([shift, (turn - np.eye(2)).reshape(-1, 4)], axis=1).astype(np.float32)
    return motion, best, total([of[3] for of in pixels])


class ShapeRegistration:
    """Rigid motions that lay a thing of one frame upon a thing of the other: iterated closest points.

    Besl and McKay, "A Method for Registration of 3-D Shapes" (1992), begun at many turns, and trimmed (Chetverikov et al.,
    "The Trimmed Iterative Closest Point Algorithm", 2002), as part of a thing may be hidden, or be something else.
    """

    def __init__(self, one: Things, other: Things, config: CompletionConfig) -> None:
        self._things, self._config = (one, other), config
        self._seen: dict[tuple[int, int], tuple] = {}

    def register(self, i: int, j: int) -> np.ndarray:
        """The motions (B, 6) about the centre of thing ``i`` of the first frame that lay it on ``j`` of the other, the best
        first: a blade lies as well on itself turned round, which what is seen tells apart."""
        points, _, _ = self._of(0, i)
        theirs, nearest, corner = self._of(1, j)
        c0, c1 = self._things[0].centres[i], self._things[1].centres[j]
        turn = np.deg2rad(self._config.loose_turns)
        shift = np.repeat((c1 - c0)[None], len(turn), 0)
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
            turn = np.arctan2((dp[..., 0] * dq[..., 1] - dp[..., 1] * dq[..., 0]).sum(1), (dp * dq).sum((1, 2)))
            shift = (mq - _turned(mp, turn))[:, 0] - c0
        # Both ways: what is laid on has to be covered too.
        ends = _turned(rel, turn) + c0 + shift[:, None]
        covered = max(3, round(self._config.loose_trim * len(theirs)))
        score = []
        for end in ends:
            apart = np.linalg.norm(end[:, None] - theirs[None], axis=2)
            score.append(np.sort(apart.min(1))[:keep].mean() + np.sort(apart.min(0))[:covered].mean())
        best = []
        for n in np.argsort(score + self._config.loose_short_way * np.abs(turn), kind="stable"):
            apart = np.abs((turn[n] - turn[best] + np.pi) % (2 * np.pi) - np.pi)
            if len(best) < self._config.loose_ways and (apart > self._config.loose_other_way).all():
                best.append(n)
        return similarity(shift[best], turn[best], np.ones(len(best)))

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
