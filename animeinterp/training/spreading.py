"""Samples that are made once and kept, made by the workers of a cluster before the training begins.

A sample is a function of its seed or name, and is written whole: whoever makes it, and however often, it is the same.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import torch

from ..cluster import Cluster, Report, Spread, spread
from ..errors import AnimeInterpError
from .caches import MANIFEST, CoarseCache
from .code_digest import code_digest

# What samples are made by, of whatever kind: machines that have it otherwise would make others.
_CODE = ("datasets", "segmentation", "matching", "completion", "synthesis", "training", "dense_flow.py", "panning.py",
         "upsampling.py", "images.py", "config.py", "flow.py", "registry.py", "runtime/sides.py", "stages.py")


@dataclass(frozen=True)
class Making:
    """The samples of a training that are ``missing`` in ``folder`` (seeds, or names), and what makes one of them there: ``make``
    travels to the workers, which reach the folder, and what is drawn from, under the same path."""

    folder: Path
    missing: Sequence[int | str]
    make: Callable[[Any], Any]


@dataclass(frozen=True)
class _Maker:
    """What travels to the workers of a ``Making``. Called there, it gives what makes a sample."""

    folder: Path
    make: Callable[[Any], Any]
    code: str = field(default_factory=lambda: code_digest(*_CODE))

    def __call__(self) -> Callable[[int | str], None]:
        torch.set_num_threads(1)  # samples are many: a processor each
        cv2.setNumThreads(1)
        if not (self.folder / MANIFEST).is_file():
            raise AnimeInterpError(f"{self.folder} is not to be seen from here ({socket.gethostname()}); samples should be where "
                                   "all machines see the same. Choose their folder with --cache.")
        if code_digest(*_CODE) != self.code:
            raise AnimeInterpError(f"Another version of this library is installed here ({socket.gethostname()}), which may make "
                                   "other samples. Install one version on all machines.")

        def make(sample: int | str) -> None:
            self.make(sample)

        return make


def coarse_flows(cache: CoarseCache, names: Iterable[int | str], make: Callable[..., Any], **told: Any) -> Making:
    """Those of ``names`` that a cache lacks, for ``make(name, cache=..., **told)`` to make."""
    there = copy(cache)  # as it is, not claimed anew: what it holds is not for a worker to judge
    there.folder = cache.folder.absolute()
    missing = [name for name in names if not (there.folder / f"{name}.safetensors").exists()]
    return Making(there.folder, missing, partial(make, cache=there, **told))


def making_of(task: Any) -> Making | None:
    """What a training's task (``loop.Task``) needs that is made once and kept; None where it keeps nothing."""
    making = getattr(getattr(task, "source", task), "making", None)
    return None if making is None else making()


def make_spread(
    making: Making, cluster: Cluster, *, progress: Callable[[int, int], None] | None = None,
    waiting: Callable[[], None] = lambda: None,
) -> Report:
    """Have the workers of ``cluster`` (``cluster.connect``) make what is missing: the same, to the bit, as without.

    ``progress(done, total)`` is called after each, ``waiting`` often; what they raise ends it. Errors as ``cluster.spread``'s.
    """
    done = 0

    def made(sample: int | str, result: None) -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, len(making.missing))

    work = Spread("animeinterp train samples", _Maker(making.folder, making.make), _named)
    return spread(making.missing, work, cluster, made, waiting=waiting)


def _named(sample: int | str) -> str:
    return f"sample {sample}"
