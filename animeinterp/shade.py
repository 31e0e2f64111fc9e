"""The edge of a shadow that moves: where one drawing is darker than the other by one factor, whatever its colours.

Between, the edge is on its way. Found as motion, a shadow drags the colours that it falls on along, or the readings disagree
and both are drawn. So it is found first: the places between its edge in either drawing, over which all colours are darker by
the same factor. There the darker drawing is lit as the other is, the in-between is drawn of both, and shaded as far as the edge
has come by its time, on the way from where it is in one drawing to where it is in the other. Where there is no such factor,
nothing is touched. A light that goes is a shadow that comes.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .images import ROUNDING, close_gaps, levels_at_most, to_tensor, without_holes


@dataclass(frozen=True)
class ShadeConfig:
    """The numbers of it. Levels are of 0..255; lengths are in pixels of the picture that it is found in, unless it says shares.

    Chosen by hand; ``tests/test_shade.py`` holds what for: shadows that come and go over colours are found to a pixel, and what
    only moves, or fades, is left alone.
    """

    side: int = 960  # of the longer side of the picture, at most
    glance: int = 240  # of that in which is seen whether there may be one
    least: float = 0.12  # of the logarithm of the factor: a shadow that is fainter is none
    bin: float = 0.02  # of it: factors that are one
    off: float = 5.0  # levels, that a place may be off the factor
    part: float = 0.02  # of the frame, that it covers anew at least
    explains: float = 0.5  # of all places that are darker, or of all that are lighter, at least
    colours: float = 12.0  # levels, by which the colours differ that it falls on, at least: else anything flat has a factor
    small: float = 0.04  # of the longer side: what moves in it is bridged, and each drawing's edge is at least so long
    edge: int = 3  # pixels to each side of an edge, within which it is soft
    tells: float = 0.1  # of the logarithm: a step that is off by more from both may be any line's
    smooth: float = 0.03  # of the longer side: along an edge, over which is told whose it is


SHADE = ShadeConfig()


@dataclass(frozen=True)
class Shade:
    """A shadow that comes, or goes if ``backwards``: ``factor`` (1, 3, 1, 1), by which it is darker; ``covers`` (1, 1, h, w) in
    0..1, what it covers anew; ``begun`` and ``left`` (1, 1, h, w), how far its edges before and after are, in pixels of it."""

    factor: Tensor
    covers: Tensor
    begun: Tensor
    left: Tensor
    backwards: bool


class Unshaded:
    """Two frames (1, 3 or 4, H, W), the darker one lit as the other is (``frames``), and what is drawn between these, shaded.

    A shadow that passes comes on one side and goes on the other: the other is found in what is left by the one (``of``).
    """

    def __init__(self, shade: Shade, frame0: Tensor, frame1: Tensor, config: ShadeConfig = SHADE) -> None:
        size = (frame0.shape[-2], frame0.shape[-1])
        self._config, self._backwards = config, shade.backwards
        self._factor = shade.factor.to(frame0)
        self._covers, self._begun, self._left = (
            F.interpolate(x.to(frame0), size, mode="bilinear", align_corners=False)
            for x in (shade.covers, shade.begun, shade.left)
        )
        given = [frame0, frame1]
        dark = 0 if shade.backwards else 1
        lit = given[dark][:, :3] / (1 + self._covers * (self._factor - 1))
        near = (lit - given[1 - dark][:, :3]).abs() <= ROUNDING * (1 + 1 / self._factor)
        lit = torch.where((near & (self._covers > 0)).all(dim=1, keepdim=True), given[1 - dark][:, :3], lit).clamp(0, 1)
        given[dark] = torch.cat([lit, given[dark][:, 3:]], dim=1)
        self.frames = given
        self._goes_on: Unshaded | None = None

    @classmethod
    def of(cls, frame0: Tensor, frame1: Tensor, config: ShadeConfig = SHADE) -> Unshaded | None:
        """Frames (1, 3 or 4, H, W) in 0..1 without the shadow whose edges move; None where there is none (``find_shade``)."""
        shade = find_shade(frame0[:, :3], frame1[:, :3], config)
        if shade is None:
            return None
        unshaded = cls(shade, frame0, frame1, config)
        again = find_shade(*(frame[:, :3] for frame in unshaded.frames), config)
        if again is not None and again.backwards != shade.backwards:
            unshaded._goes_on = cls(again, *unshaded.frames, config)
            unshaded.frames = unshaded._goes_on.frames
        return unshaded

    def at(self, drawn: Tensor, times: list[float]) -> Tensor:
        """Frames (T, C, H, W) drawn between ``frames``, each in the shadow as it is at its time."""
        drawn = drawn if self._goes_on is None else self._goes_on.at(drawn, times)
        shaded = []
        for one, t in zip(drawn.split(1), times, strict=True):
            gone = 1 - t if self._backwards else t
            past = (gone * (self._begun + self._left) - self._begun) / (2 * self._config.edge) + 0.5
            colours = one[:, :3] * (1 + self._covers * past.clamp(0, 1) * (self._factor - 1))
            shaded.append(torch.cat([colours, one[:, 3:]], dim=1))
        return torch.cat(shaded)


def find_shade(frame0: Tensor, frame1: Tensor, config: ShadeConfig = SHADE) -> Shade | None:
    """The shadow whose edge moves between two frames (1, 3, H, W) in 0..1; None where there is none, or nobody can tell."""
    glances = [levels_at_most(frame, config.glance) for frame in (frame0, frame1)]
    logs = _factors(*glances, config)
    if logs is None:
        return None
    pictures = [levels_at_most(frame, config.side) for frame in (frame0, frame1)]
    backwards = bool(logs.mean() > 0)
    before, after = pictures[::-1] if backwards else pictures
    logs = -np.abs(logs)
    covers = _covered(before, after, logs, config)
    ways = _ways(before, covers > 0.5, logs, config)
    if ways is None:
        return None
    factor = torch.from_numpy(np.exp(logs).astype(np.float32)).reshape(1, 3, 1, 1)
    return Shade(factor, *(to_tensor(x[..., None].astype(np.float32)) for x in (covers, *ways)), backwards)


def _factors(one: np.ndarray, other: np.ndarray, config: ShadeConfig) -> np.ndarray | None:
    """The logarithm of the factor of each channel (3,), by which a good part of ``other`` is ``one`` darker or lighter."""
    log, changed = _logarithm(one, other, config)
    if changed.mean() < config.part:
        return None
    edges = np.arange(-np.log(256), np.log(256), config.bin)  # of levels, and 1
    counts, _ = np.histogram(log[changed], edges)
    counts = np.convolve(counts, np.ones(3), "same")
    peak = edges[counts.argmax()] + config.bin / 2
    those = changed & (np.abs(log - peak) < 2 * config.bin)
    if not those.any():
        return None
    logs = np.log(np.median((other[those] + 1) / (one[those] + 1), axis=0))
    fits = changed & (np.abs(other - np.exp(logs) * one).max(axis=2) < config.off)
    fits = cv2.morphologyEx(fits.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0
    alike = changed & (np.sign(log) == np.sign(peak))
    if fits.mean() < config.part or fits.sum() < config.explains * alike.sum():
        return None
    # An object that covers a flat ground has a factor too, but of that one colour.
    if one[fits].std(axis=0).mean() < config.colours or np.ptp(np.sign(logs)) > 0:
        return None
    return logs


def _logarithm(one: np.ndarray, other: np.ndarray, config: ShadeConfig) -> tuple[np.ndarray, np.ndarray]:
    """How much lighter ``other`` is at each place, and where that is more than nothing: both (h, w)."""
    sums = one.sum(axis=2) + 3, other.sum(axis=2) + 3
    log = np.log(sums[1] / sums[0])
    return log, np.abs(log) > config.least


def _covered(before: np.ndarray, after: np.ndarray, logs: np.ndarray, config: ShadeConfig) -> np.ndarray:
    """What the shadow covers anew, (h, w) in 0..1: what moves there is bridged, and its edges are as soft as they are."""
    log, changed = _logarithm(before, after, config)
    fits = changed & (np.abs(after - np.exp(logs) * before).max(axis=2) < config.off)
    mask = cv2.morphologyEx(fits.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    mask = without_holes(close_gaps(mask, max(1, round(config.small * max(mask.shape))))).astype(np.uint8)
    square = np.ones((2 * config.edge + 1,) * 2, np.uint8)
    inner, outer = cv2.erode(mask, square), cv2.dilate(mask, square)
    soft = np.clip(log / logs.mean(), 0, 1)
    return np.where(inner > 0, 1, np.where(outer > 0, soft, 0)).astype(np.float32)


def _ways(before: np.ndarray, mask: np.ndarray, logs: np.ndarray, config: ShadeConfig) -> tuple[np.ndarray, np.ndarray] | None:
    """How far each place is from the shadow's edge before, and from that after: (h, w) each; None where either has none.

    Across its edge in the drawing before, that drawing has the step from light to dark; across the other edge it has none.
    """
    height, width = mask.shape
    blurred = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), config.edge)
    outwards = -np.dstack([cv2.Sobel(blurred, cv2.CV_32F, 1, 0), cv2.Sobel(blurred, cv2.CV_32F, 0, 1)])
    outwards /= np.maximum(np.linalg.norm(outwards, axis=2, keepdims=True), 1e-6)
    rim = mask & (cv2.erode(mask.astype(np.uint8), np.ones((3, 3), np.uint8), borderValue=1) == 0)
    y, x = np.nonzero(rim)
    level = np.log(cv2.GaussianBlur(before, (0, 0), 1.0) + 1)
    reach = 2 * config.edge

    def seen(sign: float) -> np.ndarray:
        at = np.stack([y, x], axis=1) + sign * reach * outwards[y, x][:, ::-1]
        rows, columns = at.round().astype(int).T
        return level[rows.clip(0, height - 1), columns.clip(0, width - 1)]

    step = seen(1.0) - seen(-1.0)
    begun, ended = np.abs(step - logs).max(axis=1), np.abs(step).max(axis=1)
    votes = np.zeros((height, width), np.float32)
    votes[y, x] = np.sign(ended - begun) * np.exp(-np.square(np.minimum(begun, ended) / config.tells))
    first = cv2.GaussianBlur(votes, (0, 0), config.smooth * max(height, width))[y, x] > 0
    least = config.small * max(height, width)
    if min(np.count_nonzero(first), np.count_nonzero(~first)) < least:
        return None
    ways = []
    for those in (first, ~first):
        elsewhere = np.ones((height, width), np.uint8)
        elsewhere[y[those], x[those]] = 0
        ways.append(cv2.distanceTransform(elsewhere, cv2.DIST_L2, cv2.DIST_MASK_PRECISE))
    return ways[0], ways[1]
