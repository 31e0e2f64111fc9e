"""The options with which a command spreads its work over a Ray cluster."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..errors import AnimeInterpError
from .progress import ProgressBar

if TYPE_CHECKING:
    from ..cluster import Cluster, Report
    from ..film import Progress


def add_ray_arguments(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add the options; nothing of Ray is imported for it."""
    add_ray_argument(parser, "spread the work over a Ray cluster")
    parser.add_argument("--workers", type=count_of, metavar="N", help="of --ray at once (default: as many as there is room for)")
    parser.add_argument("--worker-gpus", type=_share, metavar="X",
                        help="of each worker of --ray; a fraction lets several share one (default: 1 with --device cuda, else 0)")


def add_ray_argument(parser: argparse.ArgumentParser | argparse._ArgumentGroup, what: str) -> None:
    """Add --ray alone; ``what`` it does."""
    parser.add_argument("--ray", metavar="auto|ADDRESS",
                        help=f"{what} (pip install 'animeinterp[ray]'): the one that runs here or, where none does, this machine "
                             "alone (auto), or that of a head, such as 10.0.0.1:6379")


@contextmanager
def connected(options: argparse.Namespace, cpus: int, gpus: float | None = None) -> Iterator[Cluster]:
    """The cluster that the options name, for workers of ``cpus`` each, and of ``gpus`` (None: as the options say)."""
    from ..cluster import Cluster, connect

    if gpus is None:
        asked = options.worker_gpus
        gpus = asked if asked is not None else 1.0 if (options.device or "").startswith("cuda") else 0.0
    logging.getLogger("animeinterp.cluster").setLevel(logging.INFO)
    with connect(options.ray, Cluster(float(cpus), gpus, options.workers or None)) as cluster:
        yield cluster


def check_ray(options: argparse.Namespace, belonging: tuple[str, ...] = ("workers", "worker_gpus")) -> None:
    """AnimeInterpError where what is ``belonging`` to --ray is given without it, or it cannot be."""
    for name in belonging if options.ray is None else ():
        if getattr(options, name) is not None:
            option = "--" + name.replace("_", "-")
            raise AnimeInterpError(f"{option} is given without --ray, to which it belongs. Leave it, or say --ray auto.")
    if options.ray is not None:
        from ..cluster.connection import ray_module

        ray_module()


def told_of(report: Report) -> str:
    """How it went, in the words that come after what was done."""
    return (f"{report.retried} tried again, {report.lost} workers lost; {report.wall:.1f} s in all, {report.speed_up:.1f} times "
            "as fast as one worker")


def shown_on(bar: ProgressBar):
    """What shows the progress of a film that is spread on ``bar``."""
    def show(progress: Progress) -> None:
        bar.note = f"  {progress.segments}/{progress.all_segments} segments, {progress.a_second:.1f} a second"
        bar(progress.frames, progress.all_frames)

    return show


def count_of(text: str) -> int:
    """A whole number from 1 on, as an argument."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} should be a whole number from 1 on")
    return int(text)


def _share(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 64 or (value > 1 and value % 1):
        raise argparse.ArgumentTypeError(f"{text!r} should be from 0 to 1, or a whole number")
    return value
