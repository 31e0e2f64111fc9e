"""The public test clips, and the frames of the demo: drawn by the generator, the same for everybody.

``python -m animeinterp.datasets.clips OUT`` writes the clips as folders OUT/NAME with frame1.png,
frame2.png (t = 0.5) and
frame3.png, as ATD-12K has them. ``--demo`` writes the demo's frames instead.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import torch
from torch import Tensor

from ..errors import AnimeInterpError
from .cartoon import CartoonConfig, CartoonSample, draw, draw_scenes
from .cartoon.demo import compose_demo
from .cartoon.pack import flatten

# Seeds under this are for tests and examples. Training draws from this one on, so that it never sees a test clip.
FIRST_TRAINING_SEED = 1_000_000

_CLEAN = CartoonConfig(figures=(1, 2), hold=0.0, line_art=0.0, plain=0.0, inverted=0.0, subsamples=8)

# Name of the speed, its largest motion as a share of the width, its seeds. Settled before anything was measured on
# them.
SPEEDS = (
    ("slow", (0.004, 0.015), tuple(range(101, 109))),
    ("medium", (0.015, 0.05), tuple(range(201, 209))),
    ("fast", (0.05, 0.25), tuple(range(301, 309))),
)


@dataclass
class Clip:
    """A named clip: ``sample`` holds ``frame0``, ``frame1``, ``mids`` and all that is true of them (CartoonSample)."""

    name: str
    speed: str
    sample: CartoonSample


def public_clips(size: tuple[int, int] = (360, 640), *, times: Sequence[float] = (0.25, 0.5, 0.75),
                 speeds: Sequence[str] = ("slow", "medium", "fast"),
                 device: torch.device | str = "cpu") -> Iterator[Clip]:
    """The 24 public test clips, eight of each speed, at ``size`` (H, W) with true frames at ``times``.

    Speed is the largest motion of a part: up to 1.5 % of the width, up to 5 %,
    up to 25 %. Raises AnimeInterpError for a
    speed that there is not.
    """
    known = [name for name, _, _ in SPEEDS]
    if unknown := [s for s in speeds if s not in known]:
        raise AnimeInterpError(f"speeds holds {unknown}; it should hold only {known}.")
    for name, motion, seeds in SPEEDS:
        config = CartoonConfig(**{**_CLEAN.__dict__, "motion": motion})
        for seed in seeds if name in speeds else ():
            yield Clip(f"{name}_{seed}", name, draw(seed, size=size, times=times, device=device, config=config))


def demo_frames(size: tuple[int, int] = (360, 640), *, count: int = 4) -> Tensor:
    """The demo's shot: ``count`` frames (N, 3, H, W), evenly spaced in time."""
    times = [i / (count - 1) for i in range(count)]
    return draw_scenes([flatten(compose_demo(size))], size=size, times=times, config=_CLEAN).mids[0]


def write_png(path: Path, frame: Tensor) -> None:
    """Write a frame (3, H, W), 0..1, as an 8-bit PNG; AnimeInterpError where that fails."""
    pixels = (frame.clamp(0, 1) * 255).round().byte().permute(1, 2, 0).cpu().numpy()
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), pixels[..., ::-1]):
        raise AnimeInterpError(f"{path} could not be written. Choose a folder that may be written to.")


def export(folder: Path, size: tuple[int, int] = (360, 640)) -> int:
    """Write the public clips under ``folder``; returns how many."""
    count = 0
    for clip in public_clips(size, times=(0.5,)):
        sample = clip.sample
        for number, frame in enumerate((sample.frame0[0], sample.mids[0, 0], sample.frame1[0]), start=1):
            write_png(folder / clip.name / f"frame{number}.png", frame)
        count += 1
    return count


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m animeinterp.datasets.clips",
                                     description="Write the public test clips.")
    parser.add_argument("folder", type=Path, help="where to write")
    parser.add_argument("--demo", action="store_true", help="the frames of the demo instead")
    parser.add_argument("--size", type=int, nargs=2, default=(360, 640), metavar=("HEIGHT", "WIDTH"))
    chosen = parser.parse_args(arguments)
    if chosen.demo:
        for number, frame in enumerate(demo_frames(tuple(chosen.size)), start=1):
            write_png(chosen.folder / f"animeinterp_{number:02d}.png", frame)
    else:
        export(chosen.folder, tuple(chosen.size))


if __name__ == "__main__":
    main()
