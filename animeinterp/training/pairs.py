"""Where the flow and the frame stage get their pairs: drawn clips with all that is true of them, or triplets on disk.

A source's ``plan`` is cheap or slow and runs ahead of the training, on the CPU; its ``realise`` draws on the device.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor

from ..datasets.cartoon import CartoonConfig, CartoonSample, draw_batch, draw_scenes, prepare
from ..datasets.clips import FIRST_TRAINING_SEED
from ..datasets.triplets import Triplet, TripletCrops, TripletFolder
from ..errors import AnimeInterpError
from .caches import CoarseCache
from .simulated_sgm import simulate
from .spreading import Making, coarse_flows

TRAINING_CLIPS = 800_000  # seeds from the first training seed on; those after them are for measuring and for reports
HELD_OUT = 900_000
# What training draws: every kind of shot, and now and then what recordings do to them.
CARTOONS = CartoonConfig(grain=0.05, jpeg=0.1, blur=0.05)
COARSE = ("simulated", "sgm", "zero")


@dataclass
class Pairs:
    """B pairs on one device: ``frame0``, ``frame1``, ``truth`` (B, 3, H, W), the true frame at ``time``; coarse flows
    ``coarse_01``, ``coarse_10`` (B, 2, H, W), and the true ``flow_01``, ``flow_10`` where they are known."""

    frame0: Tensor
    frame1: Tensor
    truth: Tensor
    coarse_01: Tensor
    coarse_10: Tensor
    time: float = 0.5
    flow_01: Tensor | None = None
    flow_10: Tensor | None = None

    def mapped(self, picture: Any, flow: Any) -> Pairs:
        """With ``picture`` applied to the frames and ``flow`` to the flows."""
        flows = {name: getattr(self, name) for name in ("coarse_01", "coarse_10", "flow_01", "flow_10")}
        return Pairs(
            picture(self.frame0), picture(self.frame1), picture(self.truth), time=self.time,
            **{name: None if value is None else flow(value) for name, value in flows.items()},
        )

    def reversed(self) -> Pairs:
        """The same in the other direction of time."""
        return Pairs(
            self.frame1, self.frame0, self.truth, self.coarse_10, self.coarse_01, 1 - self.time, self.flow_10, self.flow_01
        )


class Source(Protocol):
    """Pairs for a step."""

    knows_flow: bool  # whether the true flow comes with them

    def plan(self, step: int, rank: int = 0) -> Any:
        """What ``realise`` needs: a function of its arguments and nothing else."""

    def realise(self, plan: Any, device: torch.device) -> Pairs:
        """The pairs of a plan."""

    def held_out(self, number: int, device: torch.device) -> Pairs:
        """One pair, never trained on where there is a choice, for reports: the same whenever it is asked for."""


@dataclass(frozen=True)
class DrawnConfig:
    """``batch`` clips a step, drawn at ``size`` (H, W), of each a crop of ``side`` (H, W; None: all of it).

    ``coarse``: "simulated" SGM; "sgm", the real one, computed once for each of ``samples`` clips and kept in ``cache``; or
    "zero". ``unguided`` is the share of steps that begin at zero whatever it says, as the refinement may be asked to.
    """

    size: tuple[int, int] = (256, 384)
    side: tuple[int, int] | None = None
    batch: int = 8
    seed: int = 0
    coarse: str = "simulated"
    unguided: float = 0.1
    samples: int = 2000
    cache: Path | None = None
    cartoons: CartoonConfig = field(default_factory=lambda: CARTOONS)


class DrawnPairs:
    """Pairs from the cartoon generator (see ``Source``). ``composers``: processes that compose scenes, the part of drawing
    that is plain Python; without them the calling thread does."""

    knows_flow = True

    def __init__(self, config: DrawnConfig, composers: Executor | None = None) -> None:
        """Raises AnimeInterpError for sizes that do not fit, an unknown ``coarse``, or a cache of other settings."""
        side = config.side or config.size
        if side[0] > config.size[0] or side[1] > config.size[1] or min(side) < 64 or side[0] % 8 or side[1] % 8:
            raise AnimeInterpError(
                f"Crops of {side[1]}x{side[0]} are asked for, of clips of {config.size[1]}x{config.size[0]}; crops should be of "
                "64 pixels or more, multiples of 8, and fit in. Change --side or --size."
            )
        if config.coarse not in COARSE or (config.coarse == "sgm" and config.cache is None):
            raise AnimeInterpError(
                f"coarse is {config.coarse!r}; it should be one of {', '.join(COARSE)}, and with sgm there should be a cache "
                "folder. Give --coarse one of these, and --cache."
            )
        self.config, self.side, self._composers = config, side, composers
        self._cache = None
        if config.coarse == "sgm":
            self._cache = CoarseCache(config.cache, {"clips": repr(config.cartoons), "size": list(config.size)})

    def plan(self, step: int, rank: int = 0) -> dict[str, Any]:
        config = self.config
        chance = np.random.default_rng([config.seed, step, rank, 3])
        many = config.samples if self._cache is not None else TRAINING_CLIPS
        seeds = [FIRST_TRAINING_SEED + int(s) for s in chance.integers(min(many, TRAINING_CLIPS), size=config.batch)]
        time = 0.5 if chance.random() < 0.5 or self._cache is not None else round(float(chance.uniform(0.1, 0.9)), 3)
        spare = [full - side for full, side in zip(config.size, self.side, strict=True)]
        plan = {
            "seeds": seeds, "time": time, "corners": chance.integers(np.array(spare) + 1, size=(len(seeds), 2)),
            "mirrored": bool(chance.random() < 0.5), "reversed": bool(chance.random() < 0.5),
            "order": chance.permutation(3), "negative": bool(chance.random() < 0.15),
            "unguided": bool(chance.random() < config.unguided), "noise": [config.seed, step, rank, 4],
        }
        if self._cache is None:
            sizes, styles = [config.size] * len(seeds), [config.cartoons] * len(seeds)
            compose = map if self._composers is None else self._composers.map
            return {**plan, "scenes": list(compose(prepare, seeds, sizes, styles))}
        sample = draw_batch(seeds, size=config.size, times=[time], config=config.cartoons)
        found = [self._guided(seed, sample, k) for k, seed in enumerate(seeds)]
        return {**plan, "sample": sample, "flows": tuple(torch.cat(way) for way in zip(*found, strict=True))}

    def making(self) -> Making | None:
        """The clips whose coarse flow is not kept yet; None where none is kept."""
        if self._cache is None:
            return None
        cartoons = self.config.cartoons
        if cartoons.sprites is not None:
            cartoons = replace(cartoons, sprites=str(Path(cartoons.sprites).absolute()))
        seeds = (FIRST_TRAINING_SEED + k for k in range(min(self.config.samples, TRAINING_CLIPS)))
        return coarse_flows(self._cache, seeds, _guide, size=self.config.size, cartoons=cartoons)

    def realise(self, plan: dict[str, Any], device: torch.device) -> Pairs:
        with torch.no_grad(), torch.autocast(device.type, enabled=False):
            pairs = self._pairs(plan, device)
            if plan["unguided"] or self.config.coarse == "zero":
                still = torch.zeros_like(pairs.coarse_01)
                pairs = replace(pairs, coarse_01=still, coarse_10=still)
            return self._changed(pairs, plan)

    def held_out(self, number: int, device: torch.device) -> Pairs:
        """Drawn clean, whole, at t = 0.5; coarse flow as configured."""
        seed = FIRST_TRAINING_SEED + HELD_OUT + number
        with torch.no_grad(), torch.autocast(device.type, enabled=False):
            sample = draw_batch([seed], size=self.config.size, times=[0.5])
            if self._cache is not None:
                return _of(sample, self._guided(seed, sample, 0), device)
            flow = simulate(sample, [seed])[0]
            return _of(sample, (flow.flow_01, flow.flow_10), device)

    def _pairs(self, plan: dict[str, Any], device: torch.device) -> Pairs:
        if self._cache is not None:
            return _of(plan["sample"], plan["flows"], device)
        sample = _drawn(plan["scenes"], plan["seeds"], plan["time"], self.config, device)
        flows = simulate(sample, plan["noise"])
        return _of(sample, tuple(torch.cat([getattr(f, name) for f in flows]) for name in ("flow_01", "flow_10")), device)

    def _guided(self, seed: int, sample: CartoonSample, index: int) -> tuple[Tensor, Tensor]:
        return self._cache.flow(str(seed), sample.frame0[index : index + 1], sample.frame1[index : index + 1])

    def _changed(self, pairs: Pairs, plan: dict[str, Any]) -> Pairs:
        """Cropped, mirrored, reversed in time, in other colours."""
        height, width = self.side

        def crop(values: Tensor) -> Tensor:
            corners = plan["corners"].tolist()
            return torch.stack([one[..., y : y + height, x : x + width] for one, (y, x) in zip(values, corners, strict=True)])

        def recolour(x: Tensor) -> Tensor:
            x = x[:, torch.from_numpy(plan["order"]).to(x.device)]
            return 1 - x if plan["negative"] else x

        pairs = pairs.mapped(lambda x: recolour(crop(x)), crop)
        if plan["mirrored"]:
            pairs = pairs.mapped(lambda x: x.flip(-1), lambda f: f.flip(-1) * f.new_tensor([-1.0, 1.0]).view(1, 2, 1, 1))
        return pairs.reversed() if plan["reversed"] else pairs


def _guide(seed: int, *, cache: CoarseCache, size: tuple[int, int], cartoons: CartoonConfig) -> None:
    """Keep the coarse flow of a clip, as ``DrawnPairs.plan`` would."""
    sample = draw_batch([seed], size=size, times=[0.5], config=cartoons)
    cache.flow(str(seed), sample.frame0, sample.frame1)


def _drawn(
    scenes: Sequence[Any], seeds: Sequence[int], time: float, config: DrawnConfig, device: torch.device
) -> CartoonSample:
    # Geometry is in float64, which Apple's GPUs do not have: for them the CPU draws.
    on = torch.device("cpu") if device.type == "mps" else device
    sample = draw_scenes(scenes, size=config.size, times=[time], device=on, config=config.cartoons, seeds=seeds)
    return sample.to(device)


def _of(sample: CartoonSample, coarse: tuple[Tensor, Tensor], device: torch.device) -> Pairs:
    pairs = Pairs(
        sample.frame0, sample.frame1, sample.mids[:, 0], *coarse, sample.times[0], sample.flow_01, sample.flow_10
    )
    return pairs.mapped(lambda x: x.to(device), lambda f: f.to(device))


@dataclass(frozen=True)
class TripletConfig:
    """``batch`` triplets of ``root`` a step, of each a crop of ``side`` (H, W), multiples of 8."""

    root: Path
    side: tuple[int, int] = (384, 384)
    batch: int = 8
    seed: int = 0


class TripletPairs:
    """Pairs from triplets on disk (see ``Source``), in crops, flipped and reversed by chance; their flow is not known.

    A triplet without a coarse flow of its own gets one from ``cache``, computed once.
    """

    knows_flow = False

    def __init__(self, triplets: TripletFolder, config: TripletConfig, cache: CoarseCache | None = None) -> None:
        side = config.side
        if min(side) < 64 or side[0] % 8 or side[1] % 8:
            raise AnimeInterpError(
                f"Crops of {side[1]}x{side[0]} are asked for; they should be of 64 pixels or more, multiples of 8. Change --side."
            )
        source = triplets if cache is None else GuidedTriplets(triplets, cache)
        self.config, self._triplets, self._cache = config, triplets, cache
        self._crops = TripletCrops(source, crop=side, seed=config.seed)
        self._plain = TripletCrops(source, crop=side, flip_horizontal=0, flip_vertical=0, reverse=0, seed=config.seed)

    def making(self) -> Making | None:
        """The triplets whose coarse flow is not kept yet; None where none is kept."""
        if self._cache is None:
            return None
        return coarse_flows(self._cache, self._triplets.names, _guide_triplet, triplets=self._triplets)

    def plan(self, step: int, rank: int = 0) -> list[dict[str, Any]]:
        chance = np.random.default_rng([self.config.seed, step, rank, 5])
        self._crops.set_epoch(step)
        return [self._crops[int(i)] for i in chance.integers(len(self._crops), size=self.config.batch)]

    def realise(self, plan: list[dict[str, Any]], device: torch.device) -> Pairs:
        names = {"frame0": "frame0", "frame1": "frame1", "truth": "middle", "coarse_01": "flow_01", "coarse_10": "flow_10"}
        return Pairs(**{ours: torch.stack([item[theirs] for item in plan]).to(device) for ours, theirs in names.items()})

    def held_out(self, number: int, device: torch.device) -> Pairs:
        """One of the triplets trained on: what is kept apart of a set is for ``evaluate`` to show."""
        return self.realise([self._plain[number % len(self._plain)]], device)


class GuidedTriplets:
    """Triplets with the coarse flow of the real matching, computed once each and kept. As a source of TripletCrops."""

    def __init__(self, triplets: TripletFolder, cache: CoarseCache) -> None:
        self._triplets, self._cache = triplets, cache
        self.root, self.names = triplets.root, triplets.names

    @property
    def broken(self) -> list[Any]:
        return self._triplets.broken

    def __len__(self) -> int:
        return len(self.names)

    def get(self, name: str) -> Triplet | None:
        """The triplet ``name`` with its flows; None where it is broken and may be skipped."""
        triplet = self._triplets.get(name)
        if triplet is None or triplet.flow_01 is not None:
            return triplet
        flow_01, flow_10 = self._cache.flow(triplet.name, triplet.frame0, triplet.frame1)
        return replace(triplet, flow_01=flow_01, flow_10=flow_10)


def _guide_triplet(name: str, *, cache: CoarseCache, triplets: TripletFolder) -> None:
    GuidedTriplets(triplets, cache).get(name)
