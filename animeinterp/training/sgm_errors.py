"""How often our segment-guided matching is right, wrong and silent: measured on clips of which the truth is known.

``python -m animeinterp.training.sgm_errors`` repeats the measuring and logs what stands as constants in
``simulated_sgm``, which makes coarse flows like the real ones without segmenting anything.

The pieces that are counted are the generator's own. Each pixel of one has the state of the segment that it lies in:
*missing* where the segment has no match or does not move for being beyond the limits of ``piece_flow``; *right* where
the two matched segments show, by the majority of their pixels, one and the same piece; *wrong* otherwise. The state of
the piece is that of most of its pixels.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from torch import Tensor

from ..datasets.cartoon import CartoonConfig, CartoonSample, draw
from ..datasets.clips import FIRST_TRAINING_SEED
from ..flow import CoarseFlow
from ..matching import coarse_flow

logger = logging.getLogger("animeinterp.training.sgm_errors")

RIGHT, WRONG, MISSING = range(3)
# Upper ends of the bins, the last one open: of a piece's share of the frame, of its motion as a share of the width.
SIZES = (0.001, 0.004, 0.02)
MOTIONS = (0.0005, 0.01, 0.03, 0.08)
QUANTILES = (0.1, 0.3, 0.5, 0.7, 0.9, 0.98)
SMALLEST = 12  # pixels: fewer of a piece say nothing


@dataclass
class Observed:
    """One line a piece that was looked at. Lengths are shares of the frame's width.

    ``size`` and ``motion`` as for the bins; ``state``; ``known``: whether the other frame shows the piece too. Of right
    ones: ``offset``, the length of the mean error of the coarse flow; ``rough``, the root mean square of the rest of the
    error; ``followed``: (sum of a b, sum of b b), a and b being what coarse and true flow have beyond their means.
    Of wrong ones, ``offset`` too.
    """

    size: list[float] = field(default_factory=list)
    motion: list[float] = field(default_factory=list)
    state: list[int] = field(default_factory=list)
    known: list[bool] = field(default_factory=list)
    offset: list[float] = field(default_factory=list)
    rough: list[float] = field(default_factory=list)
    followed: list[tuple[float, float]] = field(default_factory=list)

    def arrays(self) -> dict[str, np.ndarray]:
        return {name: np.array(value) for name, value in vars(self).items()}


def binned(values: Tensor | np.ndarray, ends: Sequence[float]) -> np.ndarray:
    """The bin 0..len(ends) that each of ``values`` falls in."""
    return np.searchsorted(np.array(ends), np.asarray(values), side="right")


def observe(coarse: CoarseFlow, sample: CartoonSample, seen: Observed, index: int = 0) -> None:
    """Add to ``seen`` what ``coarse`` (of one pair) made of each piece of clip ``index`` of ``sample``."""
    found = coarse.labels.cpu().long().numpy()
    true = [labels[index].cpu().long().numpy() for labels in (sample.labels_0, sample.labels_1)]
    pairs = {(int(a), int(b)) for a, b in sample.matches[index]}
    matches = coarse.matches[0]
    matched = list(zip(matches.pieces_0.tolist(), matches.pieces_1.tolist(), strict=True))
    majority = [_majority(f, t) for f, t in zip(found, true, strict=True)]
    for way, (flow, truth) in enumerate(
        ((coarse.flow_01, sample.flow_01[index]), (coarse.flow_10, sample.flow_10[index]))
    ):
        flow, truth = flow[0].cpu().double().numpy(), truth.cpu().double().numpy()
        state = np.full(found[way].max() + 1, MISSING)
        for pair in matched:
            shown = int(majority[0][pair[0]]), int(majority[1][pair[1]])
            state[pair[way]] = RIGHT if shown in pairs else WRONG
        # Where piece_flow refused to move a match, the flow is zero though the segment has gone somewhere.
        moves = np.bincount(found[way].ravel(), np.abs(flow).sum(0).ravel() > 0)
        goes = np.bincount(found[way].ravel(), np.hypot(*truth).ravel() > 1.0)
        area = np.bincount(found[way].ravel())
        state[(moves == 0) & (goes > 0.5 * area)] = MISSING
        _observe_way(flow, truth, state[found[way]], true[way], {pair[way] for pair in pairs}, seen)


def _observe_way(
    flow: np.ndarray, truth: np.ndarray, state: np.ndarray, labels: np.ndarray, known: set[int], seen: Observed
) -> None:
    height, width = labels.shape
    for piece in range(labels.max() + 1):
        here = labels == piece
        area = int(here.sum())
        if area < SMALLEST:
            continue
        votes = np.bincount(state[here], minlength=3)
        chosen = int(votes.argmax())
        part = here & (state == chosen)
        f, t = flow[:, part], truth[:, part]
        error = f - t
        mean = error.mean(1)
        a, b = f - f.mean(1, keepdims=True), t - t.mean(1, keepdims=True)
        seen.size.append(area / (height * width))
        seen.motion.append(float(np.hypot(*truth[:, here].mean(1))) / width)
        seen.state.append(chosen)
        seen.known.append(piece in known)
        seen.offset.append(float(np.hypot(*mean)) / width)
        seen.rough.append(float(np.sqrt(np.square(error - mean[:, None]).sum(0).mean())) / width)
        seen.followed.append((float((a * b).sum()), float((b * b).sum())))


def _majority(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Of each found segment, the true piece that most of its pixels show."""
    table = np.zeros((found.max() + 1, true.max() + 1), np.int64)
    np.add.at(table, (found.ravel(), true.ravel()), 1)
    return table.argmax(1)


def measure(seeds: Iterable[int], size: tuple[int, int] = (270, 480)) -> Observed:
    """What SGM by pixel features, without any network, makes of the clips of ``seeds``; every speed has its share."""
    speeds = ((0.0, 0.01), (0.01, 0.03), (0.03, 0.08), (0.08, 0.25), (0.08, 0.25))  # fast pieces are few in a clip
    seen = Observed()
    for count, seed in enumerate(seeds):
        config = CartoonConfig(motion=speeds[count % len(speeds)], grain=0.05, jpeg=0.1, blur=0.05)
        sample = draw(seed, size=size, config=config)
        observe(coarse_flow(sample.frame0, sample.frame1), sample, seen)
    return seen


def shares(seen: Observed) -> tuple[np.ndarray, np.ndarray]:
    """Shares of right, wrong and missing (S, M, 3) by size and motion of the pieces that both frames show, and the counts
    (S, M) behind them."""
    a = seen.arrays()
    table = np.zeros((len(SIZES) + 1, len(MOTIONS) + 1, 3))
    known = a["known"]
    np.add.at(table, (binned(a["size"], SIZES)[known], binned(a["motion"], MOTIONS)[known], a["state"][known]), 1)
    counts = table.sum(2)
    return table / np.maximum(counts, 1)[..., None], counts


def errors(seen: Observed) -> dict[str, np.ndarray]:
    """Of right pieces, by motion: quantiles (M, Q) of ``offset`` and ``rough``, and how much of a piece's own deformation
    is followed (M,). Of wrong ones, quantiles (Q,) of ``offset``. ``alone``: shares (3,) of pieces in one frame alone."""
    a = seen.arrays()
    motion, right, wrong = binned(a["motion"], MOTIONS), a["state"] == RIGHT, a["state"] == WRONG
    quantiles = {"offset": [], "rough": [], "followed": []}
    for m in range(len(MOTIONS) + 1):
        these = right & (motion == m) & a["known"]
        for name in ("offset", "rough"):
            quantiles[name].append(np.quantile(a[name][these], QUANTILES) if these.any() else np.zeros(len(QUANTILES)))
        both, own = a["followed"][these].sum(0) if these.any() else (0.0, 1.0)
        quantiles["followed"].append(both / max(own, 1e-9))
    alone = a["state"][~a["known"]]
    return {
        **{name: np.array(value) for name, value in quantiles.items()},
        "wrong": np.quantile(a["offset"][wrong], QUANTILES) if wrong.any() else np.zeros(len(QUANTILES)),
        "alone": np.bincount(alone, minlength=3) / max(len(alone), 1),
    }


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m animeinterp.training.sgm_errors", description=__doc__)
    parser.add_argument("--count", type=int, default=50, help="clips (default 50)")
    parser.add_argument("--first-seed", type=int, default=FIRST_TRAINING_SEED + 800_000)
    parser.add_argument("--size", type=int, nargs=2, default=(270, 480), metavar=("HEIGHT", "WIDTH"))
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    seen = measure(range(chosen.first_seed, chosen.first_seed + chosen.count), tuple(chosen.size))
    table, counts = shares(seen)
    np.set_printoptions(precision=4, suppress=True, linewidth=120)
    logger.info("%d pieces. Right, wrong, missing by size (rows) and motion:", len(seen.state))
    for row, numbers in zip(table, counts, strict=True):
        logger.info("  %s of %s", np.array2string(row.round(2)).replace("\n", ""), numbers.astype(int))
    for name, value in errors(seen).items():
        logger.info("%s\n%s", name, value)


if __name__ == "__main__":
    main()
