"""``benchmark``: seconds and peak memory of each stage and end to end, on drawn frames that are the same everywhere.

    python -m animeinterp benchmark                                       960x540, the GPU or else the CPU, every way
    python -m animeinterp benchmark --devices cpu --yardstick --json speed.json      beside the published way of working
    python -m animeinterp benchmark --peers rife,gmfss-union --peers-from peers --multipliers 2 8
    python -m animeinterp benchmark --sizes 960x540 1920x1080 --devices cuda --dtypes float16 --multipliers 2 8
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import torch

from ..errors import AnimeInterpError
from ..evaluation import peak_memory, speed
from ..evaluation import ways as timed
from ..evaluation.machine import machine, machine_text
from ..evaluation.peers import PEERS, load_peer
from ..evaluation.published_way import ratio
from ..evaluation.speed_tables import case_text, side_by_side, yardstick_text
from ..padding import SMALLEST_SIDE
from ..weights import bundled_models
from . import say
from .progress import ProgressBar


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``benchmark``."""
    what = parser.add_argument_group("what is measured: every combination")
    what.add_argument("--sizes", nargs="+", type=_size, default=[(540, 960)], metavar="WxH", help="default: 960x540")
    what.add_argument("--drawings", nargs="+", choices=timed.DRAWINGS, default=[timed.DRAWINGS[0]],
                      help="a figure that is drawn anew, or one whose pieces move as they are (cutouts); each is drawn by its "
                           "own model (default: anew)")
    what.add_argument("--devices", nargs="+", metavar="DEVICE", help="torch devices (default: cuda where there is one, "
                      "else cpu)")
    what.add_argument("--dtypes", nargs="+", choices=tuple(timed.DTYPES), default=["float32"],
                      help="of the networks; the weights-free way has none and is float32 (default: float32)")
    what.add_argument("--multipliers", nargs="+", type=int, default=[2], metavar="M",
                      help="M - 1 frames between the two, end to end (default: 2)")
    what.add_argument("--ways", nargs="+", metavar="WAY",
                      help=f"of {', '.join(timed.WAYS)} (its shape, with random weights), or weight files "
                           "(default: those three, bundled where weights ship)")
    what.add_argument("--yardstick", nargs="?", type=int, const=1, metavar="ROUNDS",
                      help="also the published way of working, plainly written down, on the CPU, and how many "
                           "times as long it takes (some minutes; 1 round unless said)")
    what.add_argument("--peers", type=lambda text: text.split(","), default=[], metavar="NAME,NAME",
                      help=f"beside them, of {', '.join(PEERS)}")
    what.add_argument("--peers-from", type=Path, metavar="FOLDER", help="where their wheels are, if they are not installed")
    how = parser.add_argument_group("how")
    how.add_argument("--runs", type=int, default=3, metavar="N", help="of which the median counts (default: 3)")
    how.add_argument("--warm-up", type=int, default=1, metavar="N", help="runs before, which do not (default: 1)")
    how.add_argument("--no-memory", action="store_true", help="no fresh process to measure each way's memory on a CPU")
    how.add_argument("--json", type=Path, metavar="FILE", help="leave all of it there too")
    how.add_argument("--overwrite", action="store_true", help="replace that file")
    how.add_argument("--quiet", action="store_true", help="no progress bar")


def run(options: argparse.Namespace) -> int:
    """Measure, show each table when it is there, and write the file at the end."""
    devices = _checked(options)
    ways = _ways(options.ways)
    cases = [(device, way, dtype) for device in devices for way in ways
             for dtype in (options.dtypes if way != "weights-free" else ["float32"])]
    cases += [(device, peer, "float32") for device in devices for peer in options.peers]
    fresh = 0 if options.no_memory else sum(len(options.multipliers) for device, _, _ in cases if device.type == "cpu")
    steps = ((options.runs + options.warm_up) * len(cases) + fresh) * len(options.sizes) * len(options.drawings)
    again = [device for device, way, _ in cases if way in options.peers]  # that is not measured, for other drawings
    fresh_again = 0 if options.no_memory else sum(len(options.multipliers) for device in again if device.type == "cpu")
    steps -= ((options.runs + options.warm_up) * len(again) + fresh_again) * len(options.sizes) * (len(options.drawings) - 1)
    if options.yardstick is not None:
        steps += len(options.sizes) * (ratio.count_of_steps(len(ways), options.yardstick) + (not options.no_memory))
    report = {"machine": machine(devices), "settings": _settings(options, ways), "results": [], "yardstick": []}
    say(machine_text(report["machine"]))
    bar, done = ProgressBar("measuring", quiet=options.quiet), 0

    def step() -> None:
        nonlocal done
        done += 1
        bar(done, steps)

    try:
        for size in options.sizes:
            for drawings in options.drawings:
                frames = timed.draw_pair(size, drawings)
                for device, way, dtype in cases:
                    if way in options.peers and drawings != options.drawings[0]:
                        continue  # it does the same with either
                    report["results"].append(_measured(frames, drawings, device, way, dtype, options, step))
                    bar.close()
                    say("\n" + case_text(report["results"][-1]))
            if options.yardstick is not None:
                report["yardstick"].append(_compared(timed.draw_pair(size), ways, options, step))
                bar.close()
                say("\n" + yardstick_text(report["yardstick"][-1]))
    except KeyboardInterrupt:
        bar.close()
        say("\nStopped." + (f" {options.json} was not written." if options.json else ""))
        raise
    if len(report["results"]) > 1:
        say("\n" + side_by_side(report["results"], options.multipliers))
    if options.json is not None:
        _write(report, options.json, options.overwrite)
        say(f"\nAll of it: {options.json}")
    return 0


def _measured(frames, drawings: str, device: torch.device, way: str, dtype: str, options, step) -> dict[str, Any]:
    multipliers, is_peer = options.multipliers, way in options.peers
    if is_peer:
        model, measure = load_peer(way, folder=options.peers_from, device=device), speed.measure_peer
    else:
        model, measure = timed.load_way(way, device, timed.DTYPES[dtype]), speed.measure
    rows = measure(model, frames, device, multipliers, runs=options.runs, warm_up=options.warm_up, done=step)
    del model
    wholes = {speed.whole_name(m): m for m in multipliers}
    if device.type == "cpu" and not options.no_memory:
        for row in rows:
            if row["stage"] in wholes:
                row["peak_bytes"] = peak_memory.peak_in_fresh_process(
                    way, frames, dtype, wholes[row["stage"]], peers_from=options.peers_from)
                step()
    result = {"way": way, "size": _size_text(frames), "drawings": drawings, "device": str(device), "dtype": dtype,
              "rows": rows}
    seconds = {wholes[row["stage"]]: row["seconds"] for row in rows if row["stage"] in wholes}
    few, many = min(seconds), max(seconds)
    if many > few:
        further = (seconds[many] - seconds[few]) / (many - few)
        share = further / seconds[2] if few == 2 else None
        result["further"] = {"seconds": further, "of_the_first": share, "from": [few, many]}
    return result


def _compared(frames, ways: list[str], options, step) -> dict[str, Any]:
    models = {way: timed.load_way(way) for way in ways}
    found = ratio.compare(frames, models, rounds=options.yardstick, done=step)
    peak = None
    if not options.no_memory:
        peak = peak_memory.peak_in_fresh_process("yardstick", frames, "float32", 2)
        step()
    return {"size": _size_text(frames), "device": "cpu", "dtype": "float32", **found, "yardstick_peak_bytes": peak}


# What was asked for ---------------------------------------------------------------------------------------------------


def _checked(options: argparse.Namespace) -> list[torch.device]:
    """The devices, all that was asked for being possible."""
    for name, least in (("runs", 1), ("warm_up", 0), ("yardstick", 1)):
        value = getattr(options, name)
        if value is not None and value < least:
            raise AnimeInterpError(f"--{name.replace('_', '-')} is {value}; it should be {least} or more.")
    if min(options.multipliers) < 2:
        raise AnimeInterpError(f"--multipliers holds {min(options.multipliers)}; each should be 2 or more.")
    for name in ("sizes", "drawings", "dtypes", "multipliers"):
        setattr(options, name, list(dict.fromkeys(getattr(options, name))))
    if options.json is not None:
        _check_target(options.json, options.overwrite)
    options.peers = list(dict.fromkeys(options.peers))
    for peer in options.peers:
        load_peer(peer, folder=options.peers_from)  # one that is not there is missed now, not in an hour
    names = options.devices or ["cuda" if torch.cuda.is_available() else "cpu"]
    return [speed.check_device(name) for name in dict.fromkeys(names)]


def _check_target(path: Path, overwrite: bool) -> None:
    if path.is_dir() or (path.exists() and not overwrite):
        raise AnimeInterpError(f"{path} is there already; choose another name" + (
            "." if path.is_dir() else ", or add --overwrite to replace it."))
    if not path.absolute().parent.is_dir():
        raise AnimeInterpError(f"The folder of {path} is not there; make it, or choose another.")


def _ways(asked: list[str] | None) -> list[str]:
    if asked is None:
        return [way for way in timed.WAYS if way != "bundled" or bundled_models()]
    for way in asked:
        if way not in timed.WAYS and not Path(way).is_file():
            raise AnimeInterpError(
                f"The way {way!r} is not known, and no file is called so; it should be of {', '.join(timed.WAYS)}, or a "
                "weight file. Check the path."
            )
        if way not in ("weights-free", "published"):
            timed.load_way(way)  # a file that does not load is found now, not in an hour
    return list(dict.fromkeys(asked))


def _size(text: str) -> tuple[int, int]:
    """WxH as (H, W)."""
    try:
        width, height = map(int, text.lower().split("x"))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size; it should be as 960x540") from None
    if min(width, height) < SMALLEST_SIDE:
        raise argparse.ArgumentTypeError(f"{text} is too small; both sides should be {SMALLEST_SIDE} or more")
    return height, width


def _settings(options: argparse.Namespace, ways: list[str]) -> dict[str, Any]:
    return {
        "ways": ways, "runs": options.runs, "warm_up": options.warm_up, "multipliers": options.multipliers,
        "seconds": "median of the runs", "peak_bytes": "on cuda the most that torch had allocated within the row, weights "
        "included; on cpu the most resident memory of a fresh process that does the row alone, less what its imports took",
    }


def _size_text(frames: torch.Tensor) -> str:
    return f"{frames.shape[-1]}x{frames.shape[-2]}"


def _write(report: dict[str, Any], path: Path, overwrite: bool) -> None:
    """Whole or not at all, and never over what has appeared there meanwhile."""
    _check_target(path, overwrite)
    part = path.with_name(path.name + ".part")
    try:
        part.write_text(json.dumps(report, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise AnimeInterpError(f"{path} could not be written ({error}). Choose a folder that may be written to.") from error
