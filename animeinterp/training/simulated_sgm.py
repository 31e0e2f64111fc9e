"""Coarse flow as our segment-guided matching would give it, made from the true pieces of a clip in hundredths of a second.

To segment and match the pieces of a clip takes a hundred times as long. But what comes of it can be
imitated: most pieces are matched and move about as they should, some are matched to another piece, some to none and lie
still. How many of each, and how far off, was measured with ``sgm_errors`` (``python -m animeinterp.training.sgm_errors``):
50 clips of 480x270, seeds 1,800,000 on, a fifth of them up to 1, 3 and 8 % of the width in motion and the rest up to
25 %; SGM by pixel features, without any network; 12,300 pieces in both frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..datasets.cartoon import CartoonSample
from ..flow import CoarseFlow, Matches
from .sgm_errors import MISSING, MOTIONS, QUANTILES, RIGHT, SIZES, WRONG, binned

# Shares of right, wrong and missing; a row for each of SIZES and above, in it a triple for each of MOTIONS and above.
SHARES = np.array([
    [(0.89, 0.01, 0.10), (0.84, 0.02, 0.14), (0.75, 0.03, 0.22), (0.61, 0.04, 0.35), (0.55, 0.05, 0.40)],
    [(0.95, 0.01, 0.04), (0.83, 0.03, 0.14), (0.79, 0.04, 0.17), (0.63, 0.05, 0.32), (0.44, 0.06, 0.50)],
    [(0.96, 0.01, 0.03), (0.93, 0.00, 0.07), (0.83, 0.02, 0.15), (0.65, 0.04, 0.31), (0.65, 0.02, 0.33)],
    # Of the largest and fastest there were 39; they are given the shares of the column before.
    [(0.99, 0.00, 0.01), (0.93, 0.00, 0.07), (0.89, 0.00, 0.11), (0.67, 0.00, 0.33), (0.67, 0.00, 0.33)],
])
ALONE = (0.35, 0.05, 0.60)  # of pieces that the other frame does not show: carried rightly by a segment they are part of
# Of right pieces, a row for each of MOTIONS and above: QUANTILES of the mean error, and of the root mean square of what the
# error has beyond its mean, as shares of the width; the share of a piece's own deformation that is followed.
OFFSET = np.array([
    (0.0000, 0.0000, 0.0001, 0.0002, 0.0014, 0.0101),
    (0.0001, 0.0002, 0.0006, 0.0013, 0.0046, 0.0131),
    (0.0001, 0.0005, 0.0015, 0.0043, 0.0143, 0.0310),
    (0.0002, 0.0013, 0.0060, 0.0226, 0.0552, 0.0786),
    (0.0006, 0.0044, 0.0141, 0.0627, 0.1333, 0.1783),
])
ROUGH = np.array([
    (0.0000, 0.0000, 0.0001, 0.0004, 0.0035, 0.0180),
    (0.0001, 0.0002, 0.0006, 0.0015, 0.0043, 0.0121),
    (0.0001, 0.0006, 0.0016, 0.0040, 0.0091, 0.0227),
    (0.0003, 0.0014, 0.0049, 0.0112, 0.0255, 0.0428),
    (0.0007, 0.0026, 0.0079, 0.0219, 0.0517, 0.0798),
])
FOLLOWED = np.array((0.44, 0.85, 0.70, 0.39, 0.51))
WRONG_OFFSET = np.array((0.0001, 0.0009, 0.0105, 0.0537, 0.0986, 0.1659))  # QUANTILES of wrong pieces' mean error

_CELLS = 12  # of the smooth error, across the frame
_COLOUR, _SIZE, _TASTE = 1.5, 0.1, 0.3  # what difference of colour, of log size, and chance weigh against distance


@torch.no_grad()
def simulate(sample: CartoonSample, seeds: Sequence[int]) -> list[CoarseFlow]:
    """A CoarseFlow for each clip of ``sample``, on its device: ``flow_01``, ``flow_10`` (1, 2, H, W), ``labels`` (the
    true pieces) and ``matches``. The same for the same ``seeds`` (whole numbers from 0, of all clips together)."""
    flows = []
    for index in range(len(sample.frame0)):
        chance = np.random.default_rng([*seeds, index])
        flows.append(_simulate_clip(sample, index, chance))
    return flows


def _simulate_clip(sample: CartoonSample, index: int, chance: np.random.Generator) -> CoarseFlow:
    labels = [sample.labels_0[index].long(), sample.labels_1[index].long()]
    truths = [sample.flow_01[index], sample.flow_10[index]]
    frames = [sample.frame0[index].float(), sample.frame1[index].float()]
    sides = [_Side(*parts) for parts in zip(labels, truths, frames, strict=True)]
    pairs = sample.matches[index].numpy()
    states, partners = _matched(sides, pairs, chance)
    angle, luck = chance.uniform(0, 2 * np.pi, len(pairs)), chance.random((len(pairs), 2))
    fields = []
    for way, side in enumerate(sides):
        # Both ways of a match err alike: what is missed there is missed back.
        turn, lot = chance.uniform(0, 2 * np.pi, side.count), chance.random((side.count, 2))
        turn[pairs[:, way]], lot[pairs[:, way]] = angle + np.pi * way, luck
        shift, rough = _motions(side, sides[1 - way], states[way], partners[way], turn, lot)
        fields.append(_painted(side, states[way], shift, rough, chance))
    there = np.flatnonzero(partners[0] >= 0)
    matches = Matches(torch.from_numpy(there), torch.from_numpy(partners[0][there]), torch.ones(len(there)))
    return CoarseFlow(torch.stack(labels).int(), [matches], *(f[None] for f in fields))


class _Side:
    """One frame of a clip and what its pieces are, in numpy: ``area`` (share of the frame), ``centre`` and ``shift`` (K, 2)
    in shares of the width, ``speed`` (K,), ``colour`` (K, 3), ``own`` (K,), the rms of the flow beyond its mean."""

    def __init__(self, labels: Tensor, truth: Tensor, frame: Tensor) -> None:
        self.labels, self.truth = labels, truth
        height, width = labels.shape
        self.width, self.count = width, int(labels.max()) + 1
        y = torch.arange(height, device=labels.device, dtype=torch.float32)[:, None].expand(height, width)
        x = torch.arange(width, device=labels.device, dtype=torch.float32).expand(height, width)
        self.pixels = _sums(torch.ones_like(truth[:1]), labels, self.count).clamp(min=1)  # (K, 1)
        means = self.mean(torch.cat([x[None], y[None], truth, frame]))
        self.mean_flow = means[:, 2:4]
        own = self.mean((truth - self.spread(self.mean_flow)).square().sum(0, keepdim=True)).sqrt()
        numbers = torch.cat([means, own, self.pixels], 1).cpu().double().numpy()
        self.centre, self.shift, self.colour = numbers[:, :2] / width, numbers[:, 2:4] / width, numbers[:, 4:7]
        self.own, self.area = numbers[:, 7] / width, numbers[:, 8] / (height * width)
        self.speed = np.hypot(*self.shift.T)

    def mean(self, values: Tensor) -> Tensor:
        """Of ``values`` (C, H, W), the mean over each piece, (K, C)."""
        return _sums(values, self.labels, self.count) / self.pixels

    def spread(self, values: Tensor) -> Tensor:
        """``values`` (K, C) on the pixels of each piece, (C, H, W)."""
        return values[self.labels].permute(2, 0, 1)


def _sums(values: Tensor, labels: Tensor, count: int) -> Tensor:
    return values.new_zeros(count, len(values)).index_add_(0, labels.flatten(), values.flatten(1).T)


def _matched(
    sides: list[_Side], pairs: np.ndarray, chance: np.random.Generator
) -> tuple[list[np.ndarray], list[np.ndarray]]:
    """For each frame, the state of each piece and the piece of the other frame that it is matched to, or -1."""
    first = sides[0]
    shares = SHARES[binned(first.area, SIZES), binned(first.speed, MOTIONS)][pairs[:, 0]]
    drawn = _pick(shares, chance.random(len(pairs)))
    states, partners, own = [], [], []
    for way, side in enumerate(sides):
        state = _pick(np.broadcast_to(ALONE, (side.count, 3)), chance.random(side.count))
        state[pairs[:, way]] = drawn
        partner, truly = np.full(side.count, -1), np.full(side.count, -1)
        truly[pairs[:, way]] = pairs[:, 1 - way]
        right = pairs[drawn == RIGHT]
        partner[right[:, way]] = right[:, 1 - way]
        states.append(state)
        partners.append(partner)
        own.append(truly)
    # The wrong ones of the first frame look for what is left of the second, and those of the second likewise.
    for way in (0, 1):
        here, there = sides[way], sides[1 - way]
        for piece in chance.permutation(np.flatnonzero((states[way] == WRONG) & (partners[way] < 0))):
            free = np.flatnonzero(partners[1 - way] < 0)
            free = free[(free != own[way][piece]) & (states[1 - way][free] != RIGHT)]
            if not len(free):
                states[way][piece] = MISSING
                continue
            cost = (
                np.hypot(*(there.centre[free] - here.centre[piece]).T)
                + _COLOUR * np.abs(there.colour[free] - here.colour[piece]).mean(1)
                + _SIZE * np.abs(np.log(there.area[free] / here.area[piece]))
                + _TASTE * chance.random(len(free))
            )
            # Matches are mutual; one that would have been missing is wrong in its stead, where there is one.
            cost += np.where(states[1 - way][free] == WRONG, 0.0, 0.2)
            other = int(free[cost.argmin()])
            partners[way][piece], partners[1 - way][other] = other, piece
            states[1 - way][other] = WRONG
    return states, partners


def _pick(shares: np.ndarray, luck: np.ndarray) -> np.ndarray:
    """The state (n,) that ``luck`` (n,) in 0..1 falls on, given its shares (n, 3)."""
    return (luck[:, None] >= np.cumsum(shares, 1)[:, :2]).sum(1)


def _motions(
    side: _Side, other: _Side, state: np.ndarray, partner: np.ndarray, turn: np.ndarray, luck: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Each piece's shift (K, 2) and the rms (K,) of the error around it, as shares of the width."""
    speeds = binned(side.speed, MOTIONS)
    offset = np.array([_quantile(OFFSET[s], u) for s, u in zip(speeds, luck[:, 0], strict=True)])
    rough = np.array([_quantile(ROUGH[s], u) for s, u in zip(speeds, luck[:, 1], strict=True)])
    shift = side.shift + offset[:, None] * np.stack([np.cos(turn), np.sin(turn)], 1)
    # What is not followed of the piece's own deformation is a part of that.
    rough = np.sqrt(np.maximum(rough**2 - ((1 - FOLLOWED[speeds]) * side.own) ** 2, 0))
    for piece in np.flatnonzero((state == WRONG) & (partner >= 0)):
        way = other.centre[partner[piece]] - side.centre[piece] - side.shift[piece]
        far = np.hypot(*way)
        goes = min(far, _quantile(WRONG_OFFSET, luck[piece, 0]))
        shift[piece] = side.shift[piece] + way * (goes / max(far, 1e-9))
    return shift, rough


def _quantile(values: np.ndarray, luck: float) -> float:
    return float(np.interp(luck, (0.0, *QUANTILES, 1.0), (0.0, *values, values[-1])))


def _painted(
    side: _Side, state: np.ndarray, shift: np.ndarray, rough: np.ndarray, chance: np.random.Generator
) -> Tensor:
    """The coarse flow (2, H, W) in pixels."""
    device, height, width = side.labels.device, *side.labels.shape
    rows = max(3, round(_CELLS * height / width))
    noise = torch.from_numpy(chance.standard_normal((1, 2, rows, _CELLS), dtype=np.float32)).to(device)
    noise = F.interpolate(noise, size=(height, width), mode="bicubic", align_corners=False)[0]
    noise = noise - side.spread(side.mean(noise))
    level = side.mean(noise.square().sum(0, keepdim=True)).sqrt().clamp(min=1e-3)

    def on(values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.asarray(values, np.float32)).to(device).reshape(side.count, -1)

    speeds = binned(side.speed, MOTIONS)
    followed = side.spread(on(np.where(state == RIGHT, FOLLOWED[speeds], 0.0)))
    flow = side.spread(on(shift * width)) + followed * (side.truth - side.spread(side.mean_flow))
    flow = flow + side.spread(on(rough * width) / level) * noise
    return flow * side.spread(on(state != MISSING))
