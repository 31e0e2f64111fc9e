"""Light that changes between two drawings, told from what moves: fades, tints, flashes, an evening that falls.

Matching, dense flow and networks read a change of level as motion. So the light is estimated first: a gain and offset of each
channel for the whole frame (frame 1 = gain * frame 0 + offset), and how much brighter a neighbourhood is besides; from pixels
aligned by dense flow and robustly, since what moved out of place is an outlier. The in-between is drawn from both drawings in
one light, half-way, and then given the light of its own time, which is linear in time. Where light does not change, nothing is
touched.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .dense_flow import dis_flow, disagreement, warp
from .images import ROUNDING, levels_at_most, to_tensor


@dataclass(frozen=True)
class LightConfig:
    """The numbers of it. Lengths are in pixels of the small pictures that the light is estimated on, levels of 0..255.

    Chosen by hand; ``tests/test_light.py`` holds what for: fades, tints, flashes and lights of a part are known by them, to the
    level, and what only moves, or is only grainy, is left alone.
    """

    side: int = 160  # of the longer side of these pictures
    cell: int = 3  # so many to each side are one, where neighbourhoods are averaged over
    # Neighbourhoods that share their light, by their standard deviation as a share of ``side``, from large to small.
    neighbourhoods: tuple[float, ...] = (1 / 10, 1 / 16, 1 / 25, 1 / 25)
    least_gain: float = 0.08  # a frame darker than that by the other shows too little to be read
    outlier: float = 4.0  # levels, that pixels may be off by themselves: from there on one counts half
    truncate: float = 16.0  # levels, beyond which all errors are alike
    better: float = 0.65  # of the error, at most, that the light of the whole frame leaves
    alike: float = 0.85  # of the correlation within a neighbourhood: over it light alone has changed, under it something else
    rounds: int = 2  # of fitting
    nothing: float = 1.5  # levels: light that changes by less nearly everywhere is none, and a frame that varies by less is empty
    something: float = 4.0  # levels: where the light of a part alone changes by more
    part: float = 0.01  # of the frame, at least, such a part is
    left: float = 0.4  # of the error there, at most, that its own light leaves


LIGHT = LightConfig()


@dataclass(frozen=True)
class Light:
    """How the light of a pair changes. ``gain`` and ``offset`` (1, 3, h, w) float32, of colours in 0..1, at a smaller size;
    None for both: one of the frames shows nothing, or nearly, and all there is to draw is the fade from one to the other."""

    gain: Tensor | None
    offset: Tensor | None

    @property
    def fades(self) -> bool:
        """Whether one of the frames shows nothing."""
        return self.gain is None


class Leveled:
    """Two frames (1, 3 or 4, H, W) brought to one light, that half-way (``frames``), and what is drawn between these lit.

    Where no more than light was different ``frames`` are equal.
    """

    def __init__(self, light: Light, frame0: Tensor, frame1: Tensor) -> None:
        self._given = frame0, frame1
        size = frame0.shape[-2:]
        self._gain, self._offset = (
            F.interpolate(x.to(frame0), size, mode="bilinear", align_corners=False) for x in (light.gain, light.offset)
        )
        self.frames = self._leveled()
        self._still = (self.frames[0] == self.frames[1]).all(dim=1, keepdim=True)

    def at(self, drawn: Tensor, times: list[float]) -> Tensor:
        """Frames (T, C, H, W) drawn between ``frames``, each in the light of its time. What stands still is the given frames'
        own."""
        held = self._still & ((drawn - self.frames[0]).abs().amax(dim=1, keepdim=True) <= ROUNDING)
        fades = torch.cat([torch.lerp(*self._given, t) for t in times])
        time = torch.tensor(times, dtype=drawn.dtype, device=drawn.device).reshape(-1, 1, 1, 1)
        gain, offset = self._gain, self._offset
        first = (drawn[:, :3] - offset / 2) * 2 / (1 + gain)
        lit = first * (1 + time * (gain - 1)) + time * offset
        return torch.where(held, fades, torch.cat([lit.clamp(0, 1), drawn[:, 3:]], dim=1))

    def _leveled(self) -> list[Tensor]:
        gain, offset = self._gain, self._offset
        one, other = (frame[:, :3] for frame in self._given)
        one, other = one * (1 + gain) / 2 + offset / 2, (other + (other - offset) / gain) / 2
        same = ((one - other).abs() <= ROUNDING * (1 + 1 / gain) / 2).all(dim=1, keepdim=True)
        middle = (one + other) / 2
        colours = [torch.where(same, middle, x).clamp(0, 1) for x in (one, other)]
        return [torch.cat([x, frame[:, 3:]], dim=1) for x, frame in zip(colours, self._given, strict=True)]


def find_light(frame0: Tensor, frame1: Tensor, config: LightConfig = LIGHT) -> Light | None:
    """How the light changes from one frame (1, 3, H, W) in 0..1 to another; None where it does not, or nobody can tell."""
    one, other = levels_at_most(frame0, config.side), levels_at_most(frame1, config.side)
    spreads = [np.abs(x - np.median(x, axis=(0, 1))).max(axis=2) for x in (one, other)]
    least_spread = min(float(np.quantile(spread, 0.999)) for spread in spreads)
    if least_spread < config.nothing:
        flat_alike = np.abs(one.mean(axis=(0, 1)) - other.mean(axis=(0, 1))).max() < config.nothing
        return None if flat_alike else Light(None, None)
    found = _whole_frame(one, other, config)
    # Flow takes light in a part of the frame for motion; so that nothing moves is tried too.
    still = replace(found, aligned=other, seen=np.ones_like(found.seen))
    own = [_in_neighbourhoods(one, fit, config) for fit in (found, still)]
    own = [light for fit, light in zip((found, still), own, strict=True) if _in_a_part(one, other, fit, *light[1:], config)]
    if not (own or found.decided):
        return None
    _, gain, offset = min(own, key=lambda light: light[0]) if own else (found.error, found.gain, found.offset)
    if min(float(np.median(gain)), 1 / max(float(np.median(gain)), 1e-6)) < config.least_gain:
        # Of two scenes that have nothing in common the fit makes one faint, too.
        return Light(None, None) if least_spread < 255 * config.least_gain else None
    gain, offset = (np.broadcast_to(x, one.shape).astype(np.float32) for x in (gain, offset))
    gain = np.clip(gain, config.least_gain, 1 / config.least_gain)
    return Light(to_tensor(gain), to_tensor(offset / 255))


@dataclass(frozen=True)
class _Fit:
    gain: np.ndarray  # (3,)
    offset: np.ndarray
    aligned: np.ndarray  # the other picture where this one's pixels are in it
    seen: np.ndarray  # (h, w) in 0..1, whether they are
    error: float
    decided: bool = False  # whether it explains the pictures far better than no change would


def _whole_frame(one: np.ndarray, other: np.ndarray, config: LightConfig) -> _Fit:
    """The light of the whole frame: none, unless another explains the pictures far better."""
    nothing = _fit(one, other, np.ones(3, np.float32), np.zeros(3, np.float32), config)
    levels = np.linspace(0.03, 0.97, 33)
    quantiles = [np.quantile(x.reshape(-1, 3), levels, axis=0) for x in (one, other)]
    starts = [_affine(one, other, np.ones(one.shape[:2], np.float32)), _affine(*(x[None] for x in quantiles), np.ones((1, 33)))]
    starts = [_robust(one, other, *start, config) for start in starts]
    starts = [start for start in starts if float(np.quantile(_change(one, *start), 0.9)) > config.nothing]
    if not starts:
        return nothing
    best = min((_fit(one, other, *start, config) for start in starts), key=lambda fit: fit.error)
    for _ in range(config.rounds):
        weight = best.seen / (1 + (_off(best.gain * one + best.offset, best.aligned) / config.outlier) ** 2)
        again = _fit(one, other, *_affine(one, best.aligned, weight), config)
        if again.error >= best.error:
            break
        best = again
    decided = best.error < config.better * nothing.error and (best.gain > 0).all()
    return replace(best, decided=True) if decided else nothing


def _in_neighbourhoods(one: np.ndarray, fit: _Fit, config: LightConfig) -> tuple[float, np.ndarray, np.ndarray]:
    """How far off the gain and offset of each place leave the pictures; and these, (h, w, 3)."""
    gain, offset = (np.broadcast_to(x, one.shape).astype(np.float32) for x in (fit.gain, fit.offset))
    for k, share in enumerate(config.neighbourhoods, start=1):
        outlier = config.outlier * 2 ** (len(config.neighbourhoods) - k)  # each is trusted to have halved what is off
        weight = fit.seen / (1 + (_off(gain * one + offset, fit.aligned) / outlier) ** 2)
        ratio = _local(gain * one + offset, fit.aligned, weight, share * config.side, config)
        gain, offset = ratio * gain, ratio * offset
    return float(np.minimum(_off(gain * one + offset, fit.aligned), config.truncate).mean()), gain, offset


def _in_a_part(
    one: np.ndarray, other: np.ndarray, fit: _Fit, gain: np.ndarray, offset: np.ndarray, config: LightConfig
) -> bool:
    """Whether the light of a part of the frame changes otherwise than the whole frame's, and that is what was different."""
    whole, own = fit.gain * one + fit.offset, gain * one + offset
    part = (np.maximum.reduce(cv2.split(np.abs(own - whole))) > config.something) * fit.seen
    # What is right where it stands is not in another light, whatever flow may say of it.
    before = np.minimum(_off(whole, fit.aligned), _off(whole, other))
    left = float((part * _off(own, fit.aligned)).sum()) / max(float((part * before).sum()), 1e-6)
    return float(part.mean()) > config.part and left < config.left


def _change(one: np.ndarray, gain: np.ndarray, offset: np.ndarray) -> np.ndarray:
    return np.maximum.reduce(cv2.split(np.abs((gain - 1) * one + offset)))


def _robust(
    one: np.ndarray, other: np.ndarray, gain: np.ndarray, offset: np.ndarray, config: LightConfig
) -> tuple[np.ndarray, np.ndarray]:
    """A gain and offset bettered where the pictures lie, as if nothing moved."""
    for _ in range(config.rounds):
        weight = 1 / (1 + (_off(gain * one + offset, other) / config.outlier) ** 2)
        gain, offset = _affine(one, other, weight)
    return gain, offset


def _fit(one: np.ndarray, other: np.ndarray, gain: np.ndarray, offset: np.ndarray, config: LightConfig) -> _Fit:
    """How well a light explains the pictures, what moves moved back."""
    lit = np.clip(gain * one + offset, 0, 255).astype(np.uint8)
    target = np.clip(other, 0, 255).astype(np.uint8)
    flow, back = dis_flow(lit, target), dis_flow(target, lit)
    aligned, inside = warp(other, flow)
    seen = np.exp(-np.square(disagreement(flow, back))) * inside
    error = np.minimum(_off(gain * one + offset, aligned), config.truncate).mean()
    return _Fit(gain, offset, aligned, seen, float(error))


def _affine(one: np.ndarray, other: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gain and offset (3,) of each channel that fit best, by weighted least squares."""
    one, other, weight = one.reshape(-1, 3), other.reshape(-1, 3), weight.ravel() / max(float(weight.sum()), 1e-6)
    mean0, mean1 = weight @ one, weight @ other
    apart = one - mean0
    gain = (weight @ (apart * (other - mean1)) + 1.0) / (weight @ (apart * apart) + 1.0)
    return gain.astype(np.float32), (mean1 - gain * mean0).astype(np.float32)


def _local(lit: np.ndarray, aligned: np.ndarray, weight: np.ndarray, sigma: float, config: LightConfig) -> np.ndarray:
    """By how much brighter than ``lit`` each neighbourhood is in the other picture, (h, w, 3); 1 where nothing tells."""
    around = partial(_around, sigma=sigma, cell=config.cell)
    total = around(weight)[..., None] + 1e-4
    mean0, mean1 = (around(weight[..., None] * x) / total for x in (lit, aligned))
    square0, square1 = (around(weight[..., None] * x * x) / total for x in (lit, aligned))
    joint = around(weight[..., None] * lit * aligned) / total
    own = (joint + config.outlier**2) / (square0 + config.outlier**2)
    # Believed where drawings are alike but for the light; what is flat asks its neighbours.
    spread0, spread1 = (square0 - mean0 * mean0).sum(axis=2), (square1 - mean1 * mean1).sum(axis=2)
    alike = np.maximum((joint - mean0 * mean1).sum(axis=2), 0) / np.sqrt((spread0 + 1) * (spread1 + 1))
    telling = spread0 / (spread0 + config.outlier**2)
    share = around((alike > config.alike) * telling) / (around(telling) + 1e-4)
    share *= np.clip(4 * around(weight), 0, 1)  # where hardly a pixel is seen in both, nothing is known
    return 1 + share[..., None] * (own - 1)


def _around(x: np.ndarray, sigma: float, cell: int) -> np.ndarray:
    height, width = x.shape[:2]
    cells = cv2.resize(x.astype(np.float32), None, fx=1 / cell, fy=1 / cell, interpolation=cv2.INTER_AREA)
    cells = cv2.GaussianBlur(cells, (0, 0), sigma / cell, borderType=cv2.BORDER_REFLECT)
    return cv2.resize(cells, (width, height), interpolation=cv2.INTER_LINEAR)


def _off(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return cv2.transform(cv2.absdiff(one, other), np.full((1, 3), 1 / 3, np.float32))
