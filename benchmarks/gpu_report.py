"""What a short while on a GPU tells of speed and memory: ``on_gpu.sh`` runs it, and its docstring is the order.

1. Timing and peak memory of the bundled networks in half precision, by size; peers beside them where their wheels are.
2. A profile of one pair at the first size: which operations the time goes to, and how much of it the GPU waits.
3. The cupy kernel against torch's splatting: seconds, and how far apart they are.
4. The tests of CUDA; then the other sizes.

``report.md`` is written after each part, so that a machine that is taken away leaves what was found. Each part is left out that
has no time left, and says so; one that fails says why, and the next goes on.
"""

import argparse
import json
import os
import subprocess
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from animeinterp import interpolate
from animeinterp.cli import say
from animeinterp.evaluation import speed, ways
from animeinterp.evaluation.machine import machine, machine_text
from animeinterp.evaluation.peers import load_peer
from animeinterp.evaluation.speed_tables import case_text, seconds
from animeinterp.synthesis import splatting, splatting_cuda

TESTS = ("tests/synthesis/test_splatting_cuda.py", "tests/runtime/test_out_of_memory.py", "tests/runtime/test_prefetch.py")

TESTS_AT_MOST = 120  # seconds


class Report:
    """``report.md`` and ``report.json`` in a folder, written anew with each part that is added."""

    def __init__(self, folder: Path, limit: float) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._folder, self._until = folder, time.monotonic() + limit
        self._parts: list[str] = []
        self.figures: list[dict] = []

    def left(self) -> float:
        """Seconds."""
        return self._until - time.monotonic()

    def add(self, title: str, text: str) -> None:
        self._parts.append(f"## {title}\n\n```\n{text}\n```\n")
        for name, written in (("report.md", "\n".join(self._parts)), ("report.json", json.dumps(self.figures, indent=1))):
            part = self._folder / f".{name}"
            part.write_text(written, encoding="utf-8")
            part.replace(self._folder / name)
        say(f"{title}\n{text}\n")

    def attempt(self, title: str, least: float, part: Callable[[], str]) -> None:
        """Add what ``part`` says, if ``least`` seconds are left for it."""
        if self.left() < least:
            self.add(title, f"left out: {self.left():.0f} s were left, and it takes {least:.0f}")
            return
        begun = time.monotonic()
        try:
            said = part()
        except Exception:
            said = traceback.format_exc()
        self.add(title, f"{said}\n({time.monotonic() - begun:.0f} s)")


def timing(report: Report, options: argparse.Namespace, size: tuple[int, int], drawings: str, way: str) -> str:
    """The rows of a way at a size, x2 and x8."""
    frames = ways.draw_pair(size, drawings)
    if way == "bundled":
        model, measure, dtype = ways.load_way(way, options.device, ways.DTYPES[options.dtype]), speed.measure, options.dtype
    else:
        model, measure, dtype = load_peer(way, folder=options.peers_from, device=options.device), speed.measure_peer, "float32"
    rows = measure(model, frames, options.device, [2, 8], runs=options.runs, warm_up=1)
    found = {"way": way, "size": f"{size[1]}x{size[0]}", "drawings": drawings, "device": str(options.device), "dtype": dtype,
             "rows": rows}
    report.figures.append(found)
    rates = [(m - 1) / row["seconds"] for m in (2, 8) for row in rows if row["stage"] == speed.whole_name(m)]
    return case_text(found) + "\n  in-betweens a second: " + ", ".join(
        f"x{m} {rate:.1f}" for m, rate in zip((2, 8), rates, strict=True))


def profile(options: argparse.Namespace, size: tuple[int, int]) -> str:
    """Where the time of one pair goes."""
    frames, model = ways.draw_pair(size, "anew"), ways.load_way("bundled", options.device, ways.DTYPES[options.dtype])
    on_gpu = options.device.type == "cuda"
    activities = [torch.profiler.ProfilerActivity.CPU] + [torch.profiler.ProfilerActivity.CUDA] * on_gpu
    interpolate(frames, 2, model=model, device=options.device)
    with torch.profiler.profile(activities=activities) as watched:
        begun = time.perf_counter()
        interpolate(frames, 2, model=model, device=options.device)
        whole = time.perf_counter() - begun
    by = "self_device_time_total" if on_gpu else "self_cpu_time_total"
    averages = watched.key_averages()
    busy = sum(getattr(event, by) for event in averages) / 1e6
    return f"one pair {seconds(whole)} s, of which operations took {seconds(busy)} s ({busy / whole:.0%})\n" + averages.table(
        sort_by=by, row_limit=25, max_name_column_width=60)


def cuda_tests(report: Report) -> str:
    """What pytest says of TESTS."""
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider", *TESTS]
    try:
        ended = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=max(min(report.left() - 20, TESTS_AT_MOST), 5))
    except subprocess.TimeoutExpired as error:
        return f"not done in {error.timeout:.0f} s; till then:\n{(error.stdout or b'').decode()[-500:]}"
    return "\n".join((ended.stdout + ended.stderr).strip().splitlines()[-25:])


def kernels(options: argparse.Namespace, size: tuple[int, int]) -> str:
    """Splatting by cupy's kernel, where that is installed, and by torch."""
    chance = torch.Generator().manual_seed(0)
    x, flow = torch.rand(1, 5, *size, generator=chance), 8 * torch.randn(1, 2, *size, generator=chance)
    x, flow = x.to(options.device), flow.to(options.device)
    lines, found = [], {}
    known = splatting_cuda.can_splat
    for name, allowed in (("cupy", known), ("torch", lambda _: False)):
        if name == "cupy" and not known(x):
            lines.append("cupy: not here")
            continue
        splatting_cuda.can_splat = allowed
        try:
            meter = speed.Meter(options.device)
            for run in range(6):
                with (meter if run else speed.Meter(options.device)).part(name):
                    found[name] = splatting.splat(x, flow)[0]
        finally:
            splatting_cuda.can_splat = known
        lines.append(f"{name}: {seconds(meter.rows()[0]['seconds'])} s")
    if len(found) == 2:
        lines.append(f"apart by {(found['cupy'] - found['torch']).abs().max():.2e} at most")
    return "\n".join(lines)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--device", type=speed.check_device, default="cuda")
    parser.add_argument("--dtype", choices=tuple(ways.DTYPES), help="default: float16 on a GPU, float32 on a CPU")
    parser.add_argument("--sizes", nargs="+", default=["1920x1080", "960x540", "3840x2160"], metavar="WxH")
    parser.add_argument("--seconds", type=float, default=480, help="at most (default: 480)")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--peers-from", type=Path, metavar="FOLDER", help="RIFE's wheel")
    options = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    options.dtype = options.dtype or ("float16" if options.device.type == "cuda" else "float32")
    sizes = [tuple(map(int, reversed(text.split("x")))) for text in options.sizes]
    report = Report(options.out, options.seconds)
    report.add("machine", machine_text(machine([options.device])))
    for size in sizes:
        for drawings, way in (("anew", "bundled"), ("anew", "rife"), ("cutouts", "bundled")):
            if way == "bundled" or options.peers_from is not None:
                title = f"timing: {way}, {drawings}, {size[1]}x{size[0]}"
                report.attempt(title, 15, partial(timing, report, options, size, drawings, way))
        if size == sizes[0]:
            report.attempt("profile", 20, partial(profile, options, size))
            report.attempt("cupy against torch", 5, partial(kernels, options, size))
            report.attempt("CUDA tests", 30, partial(cuda_tests, report))


if __name__ == "__main__":
    main()
