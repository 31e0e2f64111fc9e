"""Seconds of the yardstick (``steps``) beside the library's, stage by stage, in one process and interleaved.

    python -m animeinterp benchmark --yardstick

Both do one pair with the same random weights (the published configuration and VGG-19) on the CPU in float32. Each stage is
done the published way and at once the library's way, so that whatever else the machine does slows both; and on a busy
machine the processor's own time, of all threads, still tells which does less. The library's stages are its own:
segmentation and features of a frame are done once, and both directions together.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ...config import SegmentConfig
from ...images import to_image
from ...matching import describe_pieces, match_pieces, pair_flow
from ...matching.vgg import VGGFeatures
from ...model import AnimeInterp
from ...pipeline import interpolate
from ...segmentation import segment
from ..ways import SEED, TIME, draw_pair, load_way
from . import steps
from .networks import PublishedNetworks

STAGES = (
    "segmentation, both frames",
    "features, both frames",  # the yardstick: once more for the other direction
    "matching",
    "piece flow, both ways",  # the library's with its matching, which it cannot do without
    "refinement, both ways",
    "synthesis, an in-between",
)
SMALL = (64, 96)  # of the frames that both warm up on
Took = tuple[float, float]  # seconds by the clock, and of the processor


def random_vgg() -> VGGFeatures:
    """VGG-19 with random weights: as fast as with true ones, and nothing to download."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return VGGFeatures().eval()


class Published:
    """One pair the published way; ``do`` does one of STAGES with what those before it left."""

    def __init__(self, frames: Tensor, model: AnimeInterp, vgg: VGGFeatures) -> None:
        self.frames, self.vgg, self.networks = frames.split(1), vgg, PublishedNetworks(model)
        self.images = [to_image(frame) for frame in frames]

    def do(self, stage: str) -> None:
        """Do one of STAGES with what those before it left."""
        if stage == STAGES[0]:
            self.labels = [steps.segment(image) for image in self.images]
        elif stage == STAGES[1]:
            for _ in ("there", "back"):
                self.vectors = [
                    steps.describe(self.vgg, frame, labels)
                    for frame, labels in zip(self.frames, self.labels, strict=True)
                ]
        elif stage == STAGES[2]:
            self.pairs = steps.match(*self.vectors, *self.labels)
        elif stage == STAGES[3]:
            forward = steps.piece_flow(*self.images, *self.labels, self.pairs)
            back = [(j, i) for i, j in self.pairs]
            backward = steps.piece_flow(*self.images[::-1], *self.labels[::-1], back)
            self.coarse = [torch.from_numpy(flow).permute(2, 0, 1)[None] for flow in (forward, backward)]
        elif stage == STAGES[4]:
            self.fine = self.networks.refine(*self.frames, *self.coarse)
        else:
            self.painted = self.networks.synthesize(*self.frames, *self.fine, TIME)


class Ours:
    """The same, done by the library."""

    def __init__(self, frames: Tensor, model: AnimeInterp, vgg: VGGFeatures) -> None:
        self.frames, self.model, self.vgg = frames.split(1), model, vgg

    @torch.no_grad()
    def do(self, stage: str) -> None:
        """Do one of STAGES with what those before it left."""
        if stage == STAGES[0]:
            self.labels = [segment(frame, SegmentConfig()) for frame in self.frames]
        elif stage == STAGES[1]:
            self.pieces = [
                describe_pieces(frame, labels, features=self.vgg)
                for frame, labels in zip(self.frames, self.labels, strict=True)
            ]
        elif stage == STAGES[2]:
            match_pieces(*self.pieces, tuple(self.frames[0].shape[-2:]))
        elif stage == STAGES[3]:
            self.coarse = pair_flow(*self.frames, *self.pieces)
        elif stage == STAGES[4]:
            self.fine = self.model.refine(*self.frames, self.coarse.flow_01, self.coarse.flow_10)
        else:
            self.painted = self.model.synthesize(*self.frames, *self.fine, [TIME])


def compare(
    frames: Tensor, ways: dict[str, AnimeInterp | None], *, rounds: int = 1, done: Callable[[], None] = lambda: None
) -> dict[str, Any]:
    """Seconds of both and their ratio: ``stages``, a row for each of STAGES, and ``end_to_end``, one for each of ``ways``
    and one for the published configuration with VGG-19, which computes the very same. ``frames`` (2, 3, H, W) on the CPU.
    """
    model, vgg = load_way("published"), random_vgg()
    whole_ways = {"published, with VGG-19": (model, vgg), **{name: (way, None) for name, way in ways.items()}}
    small = draw_pair(SMALL)
    for warming in (Published, Ours):
        pair = warming(small, model, vgg)
        for stage in STAGES:
            pair.do(stage)
    theirs: dict[str, list[Took]] = {stage: [] for stage in STAGES}
    ours: dict[str, list[Took]] = {stage: [] for stage in STAGES}
    wholes: dict[str, list[Took]] = {name: [] for name in whole_ways}
    for _ in range(rounds):
        published, library = Published(frames, model, vgg), Ours(frames, model, vgg)
        for stage in STAGES:
            theirs[stage].append(_took(lambda p=published, s=stage: p.do(s)))
            ours[stage].append(_took(lambda o=library, s=stage: o.do(s)))
            done()
        del published, library
        for name, (way, features) in whole_ways.items():
            wholes[name].append(
                _took(lambda w=way, f=features: interpolate(frames, times=[TIME], model=w, features=f))
            )
            done()
    # The published way does its stages one after the other and nothing else: the whole is their sum.
    sums = [(sum(wall for wall, _ in runs), sum(cpu for _, cpu in runs)) for runs in zip(*theirs.values(), strict=True)]
    return {
        "rounds": rounds,
        "stages": [_row({"stage": stage}, theirs[stage], ours[stage]) for stage in STAGES],
        "end_to_end": [_row({"way": name}, sums, runs) for name, runs in wholes.items()],
    }


def count_of_steps(ways: int, rounds: int) -> int:
    """How often ``compare`` calls ``done``."""
    return rounds * (len(STAGES) + 1 + ways)


def whole(frames: Tensor) -> Tensor:
    """One in-between the published way: (1, 3, H, W)."""
    pair = Published(frames, load_way("published"), random_vgg())
    for stage in STAGES:
        pair.do(stage)
    return pair.painted


def _took(work: Callable[[], object]) -> Took:
    start = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start[0], time.process_time() - start[1]


def _row(name: dict[str, str], theirs: list[Took], ours: list[Took]) -> dict[str, Any]:
    (wall, cpu), (our_wall, our_cpu) = (map(statistics.median, zip(*runs, strict=True)) for runs in (theirs, ours))
    return {
        **name, "yardstick_seconds": wall, "our_seconds": our_wall, "ratio": wall / our_wall,
        "yardstick_cpu_seconds": cpu, "our_cpu_seconds": our_cpu, "cpu_ratio": cpu / max(our_cpu, 1e-9),
    }
