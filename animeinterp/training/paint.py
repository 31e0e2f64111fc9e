"""The stage that trains the light synthesis network on warped frames (``warped``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..errors import AnimeInterpError
from ..evaluation.metrics import psnr_moving, to_8bit
from ..model import AnimeInterp
from ..synthesis.blend import WarpedFrames
from .losses import picture_loss
from .spreading import Making
from .warped import SIZE, claim_warped, draw_warped, make_warped, read_warped, restore_warped, warped_path

HELD_OUT = 900_000  # samples from here on are for reports
HARD = 0.6  # share of the crops that are drawn to where the blend is wrong
SPREAD = 9  # pixels, over which that is blurred


@dataclass(frozen=True)
class PaintConfig:
    """``samples`` warped clips in ``folder``, from seed ``first`` (those that are not there yet are made); ``crops`` of
    ``side`` pixels a step; ``held_out`` clips to report on. ``size``: of the clips, height and width. ``sprites``: see
    ``CartoonConfig``."""

    folder: Path
    samples: int = 2000
    crops: int = 8
    side: int = 192
    held_out: int = 12
    seed: int = 0
    size: tuple[int, int] = SIZE
    sprites: str | None = None
    first: int = 0


class PaintTask:
    """See ``loop.Task``."""

    name = "paint"

    def __init__(self, config: PaintConfig) -> None:
        """Raises AnimeInterpError where crops do not fit into the clips, the folder holds clips of other settings, or the
        clips to train on would be those to report on."""
        if not 0 <= config.first <= HELD_OUT - config.samples:
            raise AnimeInterpError(
                f"{config.samples} samples from {config.first} on are asked for; they should lie between 0 and {HELD_OUT}, where "
                "those begin that reports look at. Change --first or --samples."
            )
        if config.side > min(config.size):
            raise AnimeInterpError(
                f"Crops of {config.side} pixels are asked for, of clips of {config.size[1]}x{config.size[0]}; they should "
                "fit in. Change --side or --size."
            )
        claim_warped(config.folder, size=config.size, sprites=config.sprites)
        self.config = config

    def make_samples(
        self, workers: int = 1, progress: Callable[[int, int], None] | None = None, *, rank: int = 0, world: int = 1
    ) -> int:
        """Make this process' part of the samples that are not there yet (see ``make_warped``); a batch makes what it lacks."""
        config, seeds = self.config, self._seeds()[rank::world]
        return make_warped(
            config.folder, seeds, workers=workers, size=config.size, sprites=config.sprites, progress=progress
        )

    def making(self) -> Making:
        """What ``make_samples`` would make, of all processes, for workers elsewhere."""
        config, folder = self.config, self.config.folder.absolute()
        sprites = None if config.sprites is None else str(Path(config.sprites).absolute())
        missing = [seed for seed in self._seeds() if not warped_path(folder, seed).exists()]
        return Making(folder, missing, partial(draw_warped, folder=folder, size=config.size, sprites=sprites))

    def _seeds(self) -> list[int]:
        drawn = range(self.config.first, self.config.first + self.config.samples)
        return [*drawn, *range(HELD_OUT, HELD_OUT + self.config.held_out)]

    def _sample(self, seed: int) -> dict[str, Tensor]:
        return read_warped(draw_warped(seed, self.config.folder, size=self.config.size, sprites=self.config.sprites))

    def trained(self, model: AnimeInterp) -> nn.Module:
        painter = getattr(model.synthesis, "painter", None)
        if painter is None:
            raise AnimeInterpError("The model has no painter; this stage trains one. Build it with network='painter'.")
        return painter

    def batch(self, step: int, rank: int = 0) -> dict[str, Any]:
        """Crops of warped clips, flipped, turned, recoloured and reversed by chance, all of a batch alike."""
        config = self.config
        chance = np.random.default_rng([config.seed, step, rank])
        samples, corners, times = [], [], []
        for _ in range(config.crops):
            sample = self._sample(config.first + int(chance.integers(config.samples)))
            moment = int(chance.integers(len(sample["times"])))
            corner = _corner(sample, moment, config.side, chance)
            samples.append(_cut(sample, moment, corner, config.side))
            corners.append(corner)
            times.append(sample["times"][moment])
        stacked = {name: torch.stack([s[name] for s in samples]) for name in samples[0]}
        warped, frame0, frame1, truth = restore_warped(stacked, 0)
        batch = {
            "warped": warped, "frame0": frame0, "frame1": frame1, "truth": truth,
            "time": torch.stack(times), "corner": torch.tensor(corners, dtype=torch.float32),
        }
        return augment(batch, chance)

    def loss(self, model: AnimeInterp, batch: dict[str, Any], device: torch.device) -> tuple[Tensor, dict[str, float]]:
        batch = {name: _to(value, device) for name, value in batch.items()}
        painted = model.synthesis.painter(
            batch["warped"], batch["frame0"], batch["frame1"], batch["time"], batch["corner"]
        )
        return picture_loss(painted.float(), batch["truth"])

    @torch.no_grad()
    def report(self, model: AnimeInterp, device: torch.device) -> tuple[dict[str, float], Tensor | None]:
        """PSNR over moving pixels, of the painter's frames and of the blend's; a sheet of both beside the truth."""
        painted_db, blended_db, rows = [], [], []
        for k in range(self.config.held_out):
            sample = self._sample(HELD_OUT + k)
            warped, frame0, frame1, truth = restore_warped({n: v[None] for n, v in sample.items()}, 0)
            warped, frame0, frame1 = _to(warped, device), frame0.to(device), frame1.to(device)
            painted = model.synthesis.painter(warped, frame0, frame1, sample["times"][:1].to(device)).cpu()
            painted, blended = to_8bit(painted.float()), to_8bit(warped.blended.cpu())
            frames = frame0.cpu(), frame1.cpu()
            painted_db.append(psnr_moving(painted, truth, *frames))
            blended_db.append(psnr_moving(blended, truth, *frames))
            if len(rows) < 4:
                rows.append(torch.cat([blended[0], painted[0], truth[0]], dim=2))
        figures = {
            "moving_db": float(np.nanmean(painted_db)),
            "blend_moving_db": float(np.nanmean(blended_db)),
            "worst_gain_db": float(np.nanmin(np.subtract(painted_db, blended_db))),
        }
        return figures, torch.cat(rows, dim=1) if rows else None


def augment(batch: dict[str, Any], chance: np.random.Generator) -> dict[str, Any]:
    """The same batch mirrored, turned, reversed in time or in other colours."""
    if chance.random() < 0.5:
        batch = _mirrored(batch)
    if chance.random() < 0.5:
        batch = _turned(batch)
    if chance.random() < 0.5:
        batch = _reversed(batch)
    order, negative = torch.from_numpy(chance.permutation(3)), chance.random() < 0.15

    def recolour(x: Tensor) -> Tensor:
        x = x[:, order]
        return 1 - x if negative else x

    old = batch["warped"]
    warped = WarpedFrames(
        tuple(map(recolour, old.colours)), old.masses, old.shifts, old.share, recolour(old.blended)
    )
    return {**batch, "warped": warped, **{name: recolour(batch[name]) for name in ("frame0", "frame1", "truth")}}


def _mirrored(batch: dict[str, Any]) -> dict[str, Any]:
    side, width = batch["truth"].shape[-1], batch["frame0"].shape[-1]
    old = batch["warped"]

    def flip(x: Tensor) -> Tensor:
        return x.flip(-1)

    def flip_shift(x: Tensor) -> Tensor:
        return x.flip(-1) * x.new_tensor([-1.0, 1.0]).reshape(1, 2, 1, 1)

    corner = batch["corner"].clone()
    corner[:, 0] = width - side - corner[:, 0]
    return {
        **batch, "warped": _changed(old, flip, flip_shift), "corner": corner,
        **{name: flip(batch[name]) for name in ("frame0", "frame1", "truth")},
    }


def _turned(batch: dict[str, Any]) -> dict[str, Any]:
    """Rows for columns."""

    def turn(x: Tensor) -> Tensor:
        return x.transpose(-1, -2)

    return {
        **batch, "warped": _changed(batch["warped"], turn, lambda x: turn(x).flip(1)),
        "corner": batch["corner"].flip(1),
        **{name: turn(batch[name]) for name in ("frame0", "frame1", "truth")},
    }


def _reversed(batch: dict[str, Any]) -> dict[str, Any]:
    old = batch["warped"]
    warped = WarpedFrames(old.colours[::-1], old.masses[::-1], old.shifts[::-1], 1 - old.share, old.blended)
    return {
        **batch, "warped": warped, "frame0": batch["frame1"], "frame1": batch["frame0"], "time": 1 - batch["time"]
    }


def _changed(warped: WarpedFrames, change: Any, change_shift: Any) -> WarpedFrames:
    return WarpedFrames(
        tuple(map(change, warped.colours)),
        tuple(map(change, warped.masses)),
        tuple(map(change_shift, warped.shifts)),
        change(warped.share),
        change(warped.blended),
    )


def _corner(sample: dict[str, Tensor], moment: int, side: int, chance: np.random.Generator) -> list[int]:
    """Where a crop begins (x, y): by chance, or drawn to where the blend is wrong."""
    height, width = sample["truth"].shape[-2:]
    x, y = chance.integers(width - side + 1), chance.integers(height - side + 1)
    hard, place = chance.random() < HARD, chance.random()
    if hard:
        off = (sample["truth"][moment].float() - sample["blended"][moment].float()).abs().mean(dim=0)[None, None]
        off = F.avg_pool2d(off, SPREAD, stride=SPREAD)[0, 0]
        total = off.flatten().double().cumsum(0)
        if total[-1] > 0:
            cell = min(int(torch.searchsorted(total, place * total[-1])), off.numel() - 1)
            y, x = (SPREAD * (c + 0.5) - side / 2 for c in divmod(cell, off.shape[1]))
    return [int(np.clip(x, 0, width - side)), int(np.clip(y, 0, height - side))]


def _cut(sample: dict[str, Tensor], moment: int, corner: list[int], side: int) -> dict[str, Tensor]:
    x, y = corner
    cut = {
        name: value[moment : moment + 1, ..., y : y + side, x : x + side]
        for name, value in sample.items()
        if name not in ("frames", "times")
    }
    return {**cut, "frames": sample["frames"]}


def _to(value: Any, device: torch.device) -> Any:
    if isinstance(value, WarpedFrames):
        return _changed(value, lambda x: x.to(device), lambda x: x.to(device))
    return value.to(device)

