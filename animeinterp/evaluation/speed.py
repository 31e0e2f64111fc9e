"""Seconds and memory of each stage and of the whole way, for one pair of drawn frames: what ``benchmark`` shows.

Stages are measured where they are done, in the order in which ``stages`` does them, one pair after the other. "End to end"
is ``interpolate`` on frames that lie on the CPU, from segmentation to the frames between. The median of several runs counts,
after runs that do not.

Peak memory on CUDA is ``torch.cuda.max_memory_allocated`` within the stage, the weights and what lies there included. On a
CPU only whole ways have one: that of a fresh process, less what it had when all was imported; the weights, the frames and
the result are in it. Elsewhere it is not known.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from ..datasets.cartoon import CartoonConfig, draw
from ..errors import AnimeInterpError
from ..model import AnimeInterp, ModelConfig, build
from ..pipeline import interpolate
from ..segmentation import segment
from ..stages import Stages
from ..synthesis.network import Splat
from ..synthesis.splatting import splat
from ..weights import load_model

WAYS = ("weights-free", "bundled", "published")
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
SEED = 201  # of the frames, and of random weights
TIME = 0.5  # where single in-betweens are painted
_SPLATTING = "splatting alone, an in-between"  # a part of the row after it

_FRAMES = CartoonConfig(motion=(0.015, 0.05), figures=(1, 2), hold=0.0, line_art=0.0, plain=0.0, inverted=0.0, subsamples=4)


def draw_pair(size: tuple[int, int]) -> Tensor:
    """Two frames (2, 3, H, W) of a drawn shot at ``size`` (H, W), the same everywhere."""
    sample = draw(SEED, size=size, times=(TIME,), config=_FRAMES)
    return torch.cat([sample.frame0, sample.frame1])


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


def load_way(way: str, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32) -> AnimeInterp | None:
    """The model of a way: None for "weights-free"; "bundled"; "published", random weights of the published shape; or a
    weight file. AnimeInterpError where there is none."""
    if way == "weights-free":
        return None
    if way == "published":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            return build(ModelConfig()).to(device=device, dtype=dtype).eval()
    return load_model(None if way == "bundled" else way, device=device, dtype=dtype)


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
    """Stages that tell how long those took which a pair asks for."""

    def __init__(self, model: AnimeInterp | None, meter: Meter) -> None:
        super().__init__(model)
        self.meter, self.asked, self.moved = meter, 0.0, False

    def match(self, *seen, move: bool = True, **others):
        self.moved = move
        with self._asked("coarse flow, matching included" if move else "matching"):
            return super().match(*seen, move=move, **others)

    def encode(self, seen, *others):
        if seen.encoded is not None:
            return seen.encoded
        with self._asked("encoding, a frame"):
            return super().encode(seen, *others)

    @contextmanager
    def _asked(self, name: str) -> Iterator[None]:
        with self.meter.part(name):
            yield
        self.asked += self.meter.seconds[name][-1]


def time_stages(model: AnimeInterp | None, frames: Tensor, meter: Meter) -> None:
    """Do one pair, stage by stage, and let ``meter`` know. ``frames`` (2, 3, H, W)."""
    stages = _TimedStages(model, meter)
    seen = [stages.look(frame, meter.device) for frame in frames.split(1)]
    if stages.finds:  # no pieces, and no flow between the frames
        pair = stages.pair(*seen)
        with meter.part("synthesis, an in-between"):
            pair.at([TIME])
        return
    for one in seen:
        with meter.part("segmentation, a frame"):
            labels = segment(one.frame, stages.segment_config)
        with meter.part("features, a frame"):
            stages.pieces(one, labels=labels)
    if model is not None:  # the weights-free way matches and does not move: there it is a stage of its own
        with meter.part("matching"):
            Stages.match(stages, *seen, move=False)
    meter.wait()
    start = time.perf_counter()
    pair = stages.pair(*seen)
    meter.wait()
    rest = time.perf_counter() - start - stages.asked
    meter.seconds["refinement" if stages.moved else "completion"].append(rest)
    splats = [module for module in model.modules() if isinstance(module, Splat)] if model is not None else []
    if not splats:
        with meter.part(_SPLATTING):
            for one, flow in zip(seen, (pair.flow.flow_01, pair.flow.flow_10), strict=True):
                splat(torch.cat([one.frame, flow], dim=1), TIME * flow, torch.ones_like(flow[:, :1]))
    with _summed(splats, meter, _SPLATTING), meter.part(
        "blend, an in-between" if model is None else "synthesis, an in-between"
    ):
        pair.at([TIME])


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


# Memory of a fresh process --------------------------------------------------------------------------------------------

_CHILD = "import sys; from animeinterp.evaluation.speed import child; child(sys.argv[1])"


def peak_in_fresh_process(way: str, frames: Tensor, dtype: str, multiplier: int) -> int | None:
    """Peak resident memory in bytes of doing a pair end to end on the CPU, less what the imports take; None where the
    system does not tell. ``way``: as ``load_way`` has them, or "yardstick"."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames.npy"
        np.save(path, frames.numpy())
        threads = [torch.get_num_threads(), cv2.getNumThreads()]
        told = {"way": way, "frames": str(path), "dtype": dtype, "multiplier": multiplier, "threads": threads}
        search = os.pathsep.join(place for place in [*sys.path, os.getcwd()] if place)
        ended = subprocess.run(
            [sys.executable, "-c", _CHILD, json.dumps(told)], env={**os.environ, "PYTHONPATH": search},
            capture_output=True, text=True, check=False,
        )
    if ended.returncode < 0:
        raise AnimeInterpError(
            f"The process that measured the memory of {way} was killed by signal {-ended.returncode}: most likely there is "
            "not memory enough. Choose smaller sizes, or leave memory out with --no-memory."
        )
    if ended.returncode:
        reason = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise AnimeInterpError(f"The process that measured the memory of {way} failed: {reason}")
    return json.loads(ended.stdout.splitlines()[-1])


def child(told: str) -> None:
    """The fresh process of ``peak_in_fresh_process``: writes the bytes to standard output."""
    spec = json.loads(told)
    torch.set_num_threads(spec["threads"][0])
    cv2.setNumThreads(spec["threads"][1])
    if spec["way"] == "yardstick":
        from benchmarks.published_way_ratio import whole
    before = peak_resident()
    frames = torch.from_numpy(np.load(spec["frames"]))
    if spec["way"] == "yardstick":
        whole(frames)
    else:
        model = load_way(spec["way"], "cpu", DTYPES[spec["dtype"]])
        interpolate(frames, spec["multiplier"], model=model)
    after = peak_resident()
    sys.stdout.write(json.dumps(None if before is None else after - before) + "\n")


def peak_resident() -> int | None:
    """The most resident memory that this process has had, in bytes; None where the system does not tell."""
    try:
        # What getrusage says of a process begins, on Linux, with what the process that started it had.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1])
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
