"""Seconds and memory of each stage and of the whole way, for one pair of drawn frames: what ``benchmark`` shows.

Stages are measured where they are done, in the order in which ``stages`` does them, one pair after the other. "End to end"
is ``interpolate`` on frames that lie on the CPU, from segmentation to the frames between. The median of several runs counts,
after runs that do not.

Peak memory on CUDA is ``torch.cuda.max_memory_allocated`` within the stage, the weights and what lies there included. On a
CPU only whole ways have one: that of a fresh process, less what it had when all was imported; the weights, the frames and
the result are in it. Elsewhere it is not known.
"""

from __future__ import annotations

import statistics
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from torch import Tensor

from ..errors import AnimeInterpError
from ..flow import CoarseFlow
from ..frames import FramePair
from ..model import AnimeInterp
from ..pipeline import interpolate
from ..protocols import Refiner
from ..registry import REFINERS
from ..segmentation import segment
from ..stages import PreparedPair, Stages, prepare
from ..synthesis.network import Splat
from ..synthesis.splatting import splat
from .peers import Interpolate, frames_between
from .ways import TIME

_SPLATTING = "splatting alone, an in-between"  # a part of the row after it
_CUTOUTS = "whether they are cut-outs"  # a first look; what tells in the end is the completion
_REFINERS = {"recurrent": "refinement", "panned": "dense flow", "dense": "dense flow"}  # rows called otherwise than their names


def check_device(name: str) -> torch.device:
    """The device called ``name``. AnimeInterpError where there is no such thing, or none here."""
    try:
        device = torch.device(name)
        torch.zeros(1, device=device).item()
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).splitlines()[0]
        raise AnimeInterpError(
            f"The device {name!r} cannot be used here ({reason}); it should be cpu, cuda, cuda:1 or mps, of a device that "
            "this machine has and this torch was built for. Leave it out, or install another torch."
        ) from None
    return device


class Meter:
    """Seconds of named parts, and their peak memory where the device tells. ``part`` may be nested."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, list[float]] = defaultdict(list)
        self.peaks: dict[str, int] = {}

    @contextmanager
    def part(self, name: str) -> Iterator[None]:
        """What is done within it counts as ``name``; on a GPU, when it is really done."""
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
        self.wait()
        start = time.perf_counter()
        yield
        self.wait()
        self.seconds[name].append(time.perf_counter() - start)
        if self.device.type == "cuda":
            self.peaks[name] = max(self.peaks.get(name, 0), torch.cuda.max_memory_allocated(self.device))

    def wait(self) -> None:
        """Until the device has done what it was asked for."""
        if self.device.type in ("cuda", "mps", "xpu"):
            getattr(torch, self.device.type).synchronize()

    def rows(self) -> list[dict[str, Any]]:
        """One for each part: its name, the median of its seconds, all of them, and the peak in bytes or None."""
        return [
            {"stage": name, "seconds": statistics.median(all_of_it), "runs": all_of_it, "peak_bytes": self.peaks.get(name)}
            for name, all_of_it in self.seconds.items()
        ]


class _TimedStages(Stages):
    """Stages that let ``meter`` know how long the matching and the refinement took that a pair asked for."""

    meter: Meter

    def match(self, pair, runtime=None, *, move: bool = True):
        with self.meter.part("coarse flow, matching included" if move else "matching"):
            return super().match(pair, runtime, move=move)

    def refine(self, *arguments, **others):
        with self.meter.part(refiner_name(self.refiner)):
            return super().refine(*arguments, **others)


def refiner_name(refiner: Refiner) -> str:
    """What the row of a refiner is called."""
    name = next((name for name, made in REFINERS.items() if made in type(refiner).__mro__), type(refiner).__name__)
    return _REFINERS.get(name, name)


@torch.no_grad()
def time_stages(model: AnimeInterp | None, frames: Tensor, meter: Meter) -> None:
    """Do one pair, stage by stage, and let ``meter`` know. ``frames`` (2, 3, H, W)."""
    stages = _TimedStages(model)
    stages.meter = meter
    pair = FramePair(*(stages.load(frame, meter.device) for frame in frames.split(1)))
    if stages.cutouts is not None:  # as ``Stages.pair`` does it
        stages.cutouts.meter = meter
        with meter.part(_CUTOUTS):
            maybe = stages.may_be_cutouts(pair)
        if maybe:
            prepared = _time_motion(stages.cutouts, pair, meter)
            if prepared is not None and prepared.flow.cutouts == [True]:
                _time_drawing(stages.cutouts, pair, prepared, meter)
                return
    _time_drawing(stages, pair, _time_motion(stages, pair, meter), meter)


def _time_motion(stages: _TimedStages, pair: FramePair, meter: Meter) -> PreparedPair | None:
    """Find the motion, stage by stage, and make ready to draw along it."""
    working = pair.at_most(stages.refiner.largest)
    if stages.segments:
        for frame in (working.frame0, working.frame1):
            with meter.part("segmentation, a frame"):
                labels = segment(frame.frame, stages.segment_config)
            with meter.part("features, a frame"):
                stages.pieces(frame, labels=labels)
        if stages.refiner.starts_from is CoarseFlow:  # else the matching is a stage of its own
            with meter.part("matching"):
                Stages.match(stages, working, move=False)
    _encode(stages, pair, meter)
    meter.wait()
    known = sum(map(sum, meter.seconds.values()))
    start = time.perf_counter()
    prepared = prepare(stages, pair, None, stages.runtime(), 1)
    meter.wait()
    if working.size != pair.size:
        inside = sum(map(sum, meter.seconds.values())) - known
        meter.seconds["carrying the motion up"].append(time.perf_counter() - start - inside)
    return prepared


def _time_drawing(stages: Stages, pair: FramePair, prepared: PreparedPair, meter: Meter) -> None:
    model = stages.model
    splats = [module for module in model.modules() if isinstance(module, Splat)] if model is not None else []
    if not splats and prepared.flow is not None:
        with meter.part(_SPLATTING):
            for frame, flow in zip(pair.frames, (prepared.flow.flow_01, prepared.flow.flow_10), strict=True):
                splat(torch.cat([frame, flow], dim=1), TIME * flow, torch.ones_like(flow[:, :1]))
    with _summed(splats, meter, _SPLATTING), meter.part(
        "blend, an in-between" if model is None else "synthesis, an in-between"
    ):
        prepared.at([TIME])


def _encode(stages: Stages, pair: FramePair, meter: Meter) -> None:
    """What the networks see in each frame alone."""
    networks = [part for part in (stages.refiner, stages.synthesizer) if hasattr(part, "encode")]
    for frame in (pair.frame0, pair.frame1) if networks else ():
        with meter.part("encoding, a frame"), torch.no_grad():
            for network in networks:
                frame.features(network)


@contextmanager
def _summed(modules: list[torch.nn.Module], meter: Meter, name: str) -> Iterator[None]:
    """The seconds that ``modules`` take together within it."""
    if not modules:
        yield
        return
    took, begun = 0.0, 0.0

    def begin(*_: object) -> None:
        nonlocal begun
        meter.wait()
        begun = time.perf_counter()

    def end(*_: object) -> None:
        nonlocal took
        meter.wait()
        took += time.perf_counter() - begun

    with ExitStack() as hooks:
        for module in modules:
            hooks.callback(module.register_forward_pre_hook(begin).remove)
            hooks.callback(module.register_forward_hook(end).remove)
        runs = meter.seconds[name]  # now, so that it stands before what it is a part of
        yield
    runs.append(took)


def time_whole(model: AnimeInterp | None, frames: Tensor, multiplier: int, meter: Meter, features: Any = None) -> None:
    """Do one pair end to end and let ``meter`` know, as "end to end, multiplier M"."""
    with meter.part(whole_name(multiplier)):
        interpolate(frames, multiplier, model=model, features=features, device=meter.device)


def whole_name(multiplier: int) -> str:
    """What the row of the whole way is called."""
    return f"end to end, multiplier {multiplier}"


def measure(
    model: AnimeInterp | None, frames: Tensor, device: torch.device, multipliers: list[int], *, runs: int = 3,
    warm_up: int = 1, done: Callable[[], None] = lambda: None,
) -> list[dict[str, Any]]:
    """The rows of one way (``Meter.rows``): its stages, then the whole for each multiplier. ``done`` hears each run."""
    discarded, meter = Meter(device), Meter(device)
    with _explained(model, device):
        for run in range(warm_up + runs):
            counted = meter if run >= warm_up else discarded
            time_stages(model, frames, counted)
            for multiplier in multipliers:
                time_whole(model, frames, multiplier, counted)
            done()
    return meter.rows()


def measure_peer(
    interpolate: Interpolate, frames: Tensor, device: torch.device, multipliers: list[int], *, runs: int = 3, warm_up: int = 1,
    done: Callable[[], None] = lambda: None,
) -> list[dict[str, Any]]:
    """The rows of a peer (``load_peer``), end to end as ours are: frames that lie on the CPU, and in-betweens that come there."""
    discarded, meter = Meter(device), Meter(device)
    with _explained(None, device):
        for run in range(warm_up + runs):
            for multiplier in multipliers:
                with (meter if run >= warm_up else discarded).part(whole_name(multiplier)):
                    for drawn in frames_between(interpolate, frames.to(device), multiplier):
                        drawn.to(frames)
            done()
    return meter.rows()


@contextmanager
def _explained(model: AnimeInterp | None, device: torch.device) -> Iterator[None]:
    try:
        yield
    except torch.cuda.OutOfMemoryError as error:
        raise AnimeInterpError(
            f"{device} ran out of memory ({str(error).splitlines()[0]}); choose smaller sizes, or --dtypes float16."
        ) from error
    except RuntimeError as error:
        if "not implemented" not in str(error):
            raise
        dtype = None if model is None else model.get_dtype()
        raise AnimeInterpError(
            f"This torch does not know how to work in {dtype} on {device} ({str(error).splitlines()[0]}). Choose another "
            "of --dtypes."
        ) from error
