"""What the painter learns from: pairs of frames warped along the flow of the weights-free way, and the true frames.

Finding a flow takes a hundred times as long as a training step does, so each sample is made once and kept in a file.
The real segmentation, matching and completion make it, with the mistakes that they make.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..datasets.cartoon import CartoonConfig, draw
from ..datasets.cartoon.sprites import with_sprites
from ..datasets.clips import FIRST_TRAINING_SEED
from ..errors import AnimeInterpError
from ..stages import Stages
from ..synthesis.blend import FrameWarper, WarpedFrames
from .caches import claim, read_sample, write_sample
from .processes import helpers

# The code that makes samples: what draws the clips, finds their flow and warps their frames.
CODE = ("datasets/cartoon", "datasets/clips.py", "segmentation", "matching", "completion", "dense_flow.py", "panning.py",
        "upsampling.py", "images.py", "config.py", "flow.py", "registry.py", "runtime/sides.py", "stages.py",
        "synthesis/blend.py", "synthesis/splatting.py", "synthesis/sampling.py", "training/warped.py")
NAMES = {"times", "frames", "truth", "blended", "colours", "shares", "shifts", "masses"}
SIZE = (270, 480)
SHIFT_UNIT = 64.0  # steps a pixel that shifts are kept in
MASS_UNIT = 1e3  # steps that the natural logarithm of a mass is kept in
LOWEST_MASS = -32.0  # of the logarithm
# Share of the samples, and the largest motion in them as a share of the width; None: the generator's own mixture.
MOTIONS = ((0.2, None), (0.15, (0.004, 0.015)), (0.3, (0.015, 0.05)), (0.35, (0.05, 0.25)))


def warped_path(folder: Path, seed: int) -> Path:
    return folder / f"{seed}.safetensors"


def draw_warped(seed: int, folder: Path, *, size: tuple[int, int] = SIZE, sprites: str | None = None) -> Path:
    """Make the sample of a seed (from 0; the clip's own is beyond the test clips') in ``folder``, if it is not there.

    ``sprites``: see ``CartoonConfig``; half of the clips then show some.
    """
    path = warped_path(folder, seed)
    if path.exists():
        return path
    chance = np.random.default_rng([seed, 17])
    shares = np.array([share for share, _ in MOTIONS])
    motion = MOTIONS[chance.choice(len(MOTIONS), p=shares / shares.sum())][1]
    config = CartoonConfig(motion=motion, grain=0.05, jpeg=0.1, blur=0.05, **with_sprites(sprites))
    times = (0.5, float(chance.uniform(0.1, 0.9)))
    clip = draw(FIRST_TRAINING_SEED + seed, size=size, times=times, config=config)
    write_sample(path, warp_sample(clip.frame0, clip.frame1, clip.mids[0], times))
    return path


@torch.no_grad()
def warp_sample(frame0: Tensor, frame1: Tensor, mids: Tensor, times: Sequence[float]) -> dict[str, Tensor]:
    """Carry a pair (1, 3, H, W) to ``times`` whose true frames are ``mids`` (T, 3, H, W). Colours are kept in 8 bits."""
    frames = [_to_8bit(frame) / 255.0 for frame in (frame0, frame1)]
    stages = Stages()
    between = stages.pair(*(stages.load(frame) for frame in frames))
    warper = FrameWarper(*frames, between.flow)
    steps = [warper.at(t) for t in times]
    return {
        "times": torch.tensor(times, dtype=torch.float32),
        "frames": _to_8bit(torch.cat(frames)),
        "truth": _to_8bit(mids),
        "blended": _to_8bit(torch.cat([c.blended for c in steps])),
        "colours": _to_8bit(torch.stack([torch.cat(c.colours) for c in steps])),
        "shares": _to_8bit(torch.cat([c.share for c in steps])),
        "shifts": (torch.stack([torch.cat(c.shifts) for c in steps]) * SHIFT_UNIT).round().clamp(-32768, 32767).short(),
        "masses": (torch.stack([torch.cat(c.masses) for c in steps]).log().clamp(LOWEST_MASS, 0) * MASS_UNIT)
        .round()
        .short(),
    }


def restore_warped(sample: dict[str, Tensor], step: int) -> tuple[WarpedFrames, Tensor, Tensor, Tensor]:
    """What ``warp_sample`` kept of one time, B samples stacked: WarpedFrames, frame 0, frame 1, the true frame."""

    def colour(x: Tensor) -> Tensor:
        return x.float() / 255

    colours = colour(sample["colours"][:, step])
    shifts = sample["shifts"][:, step].float() / SHIFT_UNIT
    logs = sample["masses"][:, step].float() / MASS_UNIT
    masses = torch.where(logs <= LOWEST_MASS, 0, logs.exp())
    warped = WarpedFrames(
        (colours[:, 0], colours[:, 1]),
        (masses[:, 0], masses[:, 1]),
        (shifts[:, 0], shifts[:, 1]),
        colour(sample["shares"][:, step]),
        colour(sample["blended"][:, step]),
    )
    frames = colour(sample["frames"])
    return warped, frames[:, 0], frames[:, 1], colour(sample["truth"][:, step])


def read_warped(path: Path) -> dict[str, Tensor]:
    """A sample that ``draw_warped`` made. AnimeInterpError, naming the file, where it is broken."""
    sample = read_sample(path)
    missing = sorted(NAMES - sample.keys())
    if missing:
        raise AnimeInterpError(f"{path} is broken ({missing[0]} is missing); delete it and it is made again.")
    return sample


def claim_warped(folder: Path, *, size: tuple[int, int] = SIZE, sprites: str | None = None) -> None:
    """Make sure that the samples in ``folder`` are of these settings; see ``caches.claim``."""
    made_by = {"holds": "warped pairs", "size": list(size), "motions": MOTIONS}
    claim(folder, made_by if sprites is None else {**made_by, "sprites": sprites}, CODE)


def make_warped(
    folder: Path, seeds: Iterable[int], *, workers: int = 1, size: tuple[int, int] = SIZE, sprites: str | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Make those samples of ``seeds`` that are not in ``folder`` yet, in ``workers`` processes; returns how many.

    ``progress(done, total)`` is called after each. AnimeInterpError where the folder's samples are of other settings.
    """
    claim_warped(folder, size=size, sprites=sprites)
    missing = [seed for seed in seeds if not warped_path(folder, seed).exists()]
    make = partial(draw_warped, folder=folder, size=size, sprites=sprites)
    pool = helpers(workers) if workers > 1 else None
    try:
        for done, _ in enumerate((map if pool is None else pool.map)(make, missing), start=1):
            if progress is not None:
                progress(done, len(missing))
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)
    return len(missing)


def _to_8bit(x: Tensor) -> Tensor:
    return (x.clamp(0, 1) * 255).round().to(torch.uint8)
