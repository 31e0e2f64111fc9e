"""The stage that trains the network at t (``synthesis.bilateral``) on collages, which are drawn on the device that trains.

A batch is a seed. The network starts from a flow as the stages before it make one (SGM's coarse flow, the completion's, a
refiner's, dense flow, its own in a smaller picture), simulated from the exact motion: layers that are a little or quite wrong,
smooth errors, layers that are not known, and for a third of the collages nothing at all, so that the network finds its way
without. What it finds itself is no start to learn from: that is so often wrong, and in places alone, that a network that is
shown it learns to believe no start, and bends at its edges what it was led to whole.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from dataclasses import fields as fields_of
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..datasets.cartoon.sample import prepare
from ..datasets.collage import Collage, CollageConfig, draw, read_art
from ..datasets.collage.backdrop import SHOTS, SIZE, paint_backdrops
from ..errors import AnimeInterpError
from ..evaluation.metrics import psnr_moving, to_8bit
from ..model import AnimeInterp
from ..synthesis.bilateral import BilateralNetwork
from ..synthesis.sampling import backwarp_both, upsample, upsample_motion
from ..synthesis.starts import Found, Start
from .ahead import Ahead
from .losses import census, charbonnier, gradient_difference, laplacian
from .recorded import Recorded

REUSED = 3  # steps that see the same collages: drawing takes nearly as long as learning from them
HELD_OUT = 2**40  # seeds from here on are for reports
_SEEN = ("frame0", "frame1", "between", "time", "motion", "known", "hidden")  # of a collage, by the loss
PARTS = ("laplacian", "gradient", "census", "reading", "alone", "motion")  # of the loss
_FIRST_SHOT = 3_000_000  # of the cartoon generator's seeds
_LAYERS = 8  # of a collage, at most
_UNSEEN = 0.15  # what the motion to a drawing counts where that drawing does not show the place


@dataclass(frozen=True)
class BetweenConfig:
    """``art``: the archive of drawings. ``crops`` of ``sides[0]`` pixels a step; where there are more ``sides``, by turns as many
    pixels in crops of these. ``together``: how many batches are drawn at once, which on a GPU takes hardly longer than one.
    ``shots`` and ``paintings``: how many backdrops are made when training begins. ``motion_weight``: of the loss on motion, at
    first and at the end (after ``fade`` steps); ``alone_weight``: of that on each reading by itself."""

    art: Path
    crops: int = 8
    sides: tuple[int, ...] = (256,)
    together: int = 1
    seed: int = 0
    shots: int = 64
    paintings: int = 128
    most: int | None = None
    held_out: int = 16
    motion_weight: tuple[float, float] = (0.02, 0.004)
    alone_weight: float = 0.0
    fade: int = 4000
    collage: CollageConfig = field(default_factory=CollageConfig)


class _Loss(nn.Module):
    """The loss of a batch, and its parts in the order of ``PARTS``, from tensors alone (see ``Recorded``)."""

    def __init__(self, network: BilateralNetwork, bf16: bool, alone_weight: float) -> None:
        super().__init__()
        self.network, self.bf16, self.alone_weight = network, bf16, alone_weight

    def forward(self, weight: Tensor, motion: Tensor, known: Tensor, *collage: Tensor) -> tuple[Tensor, Tensor]:
        seen = Collage(*collage, layer=torch.empty(0))
        kind = seen.time.device.type
        with torch.autocast(kind, dtype=torch.bfloat16, enabled=self.bf16, cache_enabled=False):
            made, found = self.network(seen.frame0, seen.frame1, seen.time, Start(motion, known))
        with torch.autocast(kind, enabled=False):
            loss, parts = between_loss(made, found, seen, weight, self.alone_weight)
        return loss, torch.stack([parts[name] for name in PARTS])


class BetweenTask:
    """See ``loop.Task``. The drawings are read, and backdrops painted, when a device is first known."""

    name = "between"

    def __init__(self, config: BetweenConfig) -> None:
        """Raises AnimeInterpError for crops of a side that is no multiple of 64."""
        for side in config.sides:
            if side % 64 or side <= 0:
                raise AnimeInterpError(f"Crops of {side} pixels are asked for; the side should be a multiple of 64.")
        self.config = config
        self._material: tuple[Any, Any] | None = None
        self._last: tuple[Any, Collage] | None = None  # the block, rank and device of what was drawn last, and that
        self._ahead: Ahead | None = None
        self._recorded, self._loss = Recorded(), None

    def trained(self, model: AnimeInterp) -> nn.Module:
        return network_of(model)

    def batch(self, step: int, rank: int = 0) -> tuple[int, int]:
        """The step and who takes it: what is drawn for it is a function of these, the seed and the device."""
        return step, rank

    def loss(self, model: AnimeInterp, batch: tuple[int, int], device: torch.device) -> tuple[Tensor, dict[str, Tensor]]:
        step, _ = batch
        collage, seed = self._collage(*batch, device)
        network = network_of(model)
        start = simulated_start(collage, seed)
        first, last = self.config.motion_weight
        weight = first + (last - first) * min(step / max(self.config.fade, 1), 1.0)
        if self._loss is None or self._loss.network is not network:
            self._loss = _Loss(network, torch.is_autocast_enabled(device.type), self.config.alone_weight)
        fields = [getattr(collage, name) for name in _SEEN]
        weight = torch.full((), weight, device=device)
        loss, parts = self._recorded((self._loss, collage.frame0.shape), self._loss, weight, start.motion, start.known, *fields)
        return loss, dict(zip(PARTS, parts.clone().unbind(), strict=True))

    def _collage(self, step: int, rank: int, device: torch.device) -> tuple[Collage, int]:
        """The collages of a step, and a seed of its own: all that are drawn together are seen ``REUSED`` times."""
        together = self.config.together
        block, within = divmod(step, REUSED * together)
        whole = self._block(block, rank, device)
        count = len(whole.time) // together
        part = Collage(*(getattr(whole, f.name)[within % together * count :][:count] for f in fields_of(Collage)))
        again = within // together
        seed = self._seed(block, rank) + 7 * again + 13 * (within % together)
        for k in range(again):
            part = seen_otherwise(part, step + 6 * k)
        return part, seed

    def _seed(self, block: int, rank: int) -> int:
        return (self.config.seed * 1_000_003 + block) * 64 + rank

    def _block(self, block: int, rank: int, device: torch.device) -> Collage:
        """The collages drawn as number ``block``; on a CUDA device by a thread, while those before are learned from."""
        if device.type == "cuda" and self._ahead is None:
            beside = torch.cuda.Stream(device)

            def made(number: int) -> Collage:
                with self._recorded.recording, torch.cuda.device(device), torch.cuda.stream(beside):
                    collage = self._draw_block(number, rank, device)
                    beside.synchronize()
                return collage

            self._ahead = Ahead(made, depth=1)
        which = block, rank, device
        if self._last is None or self._last[0] != which:
            whole = self._draw_block(block, rank, device) if self._ahead is None else self._ahead.get(block)
            self._last = which, whole
        return self._last[1]

    def _draw_block(self, block: int, rank: int, device: torch.device) -> Collage:
        sides = self.config.sides
        side = sides[block % len(sides)]
        count = max(round(self.config.crops * (sides[0] / side) ** 2), 1)
        return self.draw(self._seed(block, rank), self.config.together * count, device, side)

    def draw(self, seed: int, count: int, device: torch.device, side: int | None = None) -> Collage:
        """Collages on ``device``, outside of autocast: positions want all their digits. What is larger moves as much farther."""
        first, collage = self.config.sides[0], self.config.collage
        side = first if side is None else side
        config = replace(collage, size=(side, side), fastest=collage.fastest * side / first)
        with torch.autocast(device.type, enabled=False):
            art, backdrops = self._made(device)
            return draw(art, backdrops, seed, count, config)

    def _made(self, device: torch.device) -> tuple[Any, Any]:
        if self._material is None:
            config = self.config
            art = read_art(config.art, device, most=config.most)
            scenes = [prepare(_FIRST_SHOT + k, SIZE, SHOTS) for k in range(config.shots)]
            self._material = art, paint_backdrops(config.seed, config.paintings, scenes, device, art.backdrops)
        return self._material

    @torch.no_grad()
    def report(self, model: AnimeInterp, device: torch.device) -> tuple[dict[str, float], Tensor | None]:
        """PSNR over moving pixels with and without a start, how far off the motion is, and a sheet: both drawings, what
        was made, the truth."""
        network, figures, rows = network_of(model), {}, []
        counts = {"with": True, "without": False}
        decibels, distances = {name: [] for name in counts}, {name: [] for name in counts}
        for k in range(0, self.config.held_out, 4):
            collage = self.draw(HELD_OUT + k, 4, device)
            for name, given in counts.items():
                start = simulated_start(collage, HELD_OUT + k) if given else None
                made, found = network(collage.frame0, collage.frame1, collage.time, start)
                pictures = (to_8bit(made), collage.between, collage.frame0, collage.frame1)
                decibels[name] += [psnr_moving(*one) for one in zip(*(x.split(1) for x in pictures), strict=True)]
                motion = upsample_motion(found.motions[-1], 4)
                off = (motion - collage.motion).unflatten(1, (2, 2)).norm(dim=2)
                sure = collage.known & ~collage.hidden
                distances[name].append(float((off * sure).sum() / sure.sum().clamp(min=1)))
            rows.append(torch.cat([collage.frame0, made.clamp(0, 1), collage.between, collage.frame1], dim=3).cpu())
        for name in counts:
            figures[f"moving_db_{name}"] = float(np.nanmean(decibels[name]))
            figures[f"motion_off_{name}"] = float(np.mean(distances[name]))
        return figures, torch.cat([*rows[0], *rows[1]], dim=1)[:, : 8 * self.config.sides[0]] if len(rows) > 1 else None


def network_of(model: AnimeInterp) -> BilateralNetwork:
    """The network at t of a model. AnimeInterpError where it has none."""
    network = getattr(model.synthesis, "network", None)
    if not isinstance(network, BilateralNetwork):
        raise AnimeInterpError("The model has no network at t; this stage trains one. Build it with network='bilateral'.")
    return network


def between_loss(
    made: Tensor, found: Found, collage: Collage, motion_weight: float | Tensor, alone_weight: float = 0.0
) -> tuple[Tensor, dict[str, Tensor]]:
    """The sum that is minimised, and its parts: the frame; the two readings shared by the mask, so that fusion does not
    mend what motion should; each reading alone where its drawing shows the place, since one of them leads at use, and a
    motion that is right in the mean of both draws a line twice; the motion at every level."""
    truth = collage.between
    readings = backwarp_both(collage.frame0, collage.frame1, upsample_motion(found.motions[-1], 4))
    read = torch.lerp(readings[1], readings[0], upsample(found.mask_logit, 4).sigmoid())
    alone = [torch.where(hidden, truth, one) for one, hidden in zip(readings, collage.hidden.split(1, dim=1), strict=True)]
    parts = {
        "laplacian": laplacian(made, truth) + 0.5 * charbonnier(made, truth),
        "gradient": 0.5 * gradient_difference(made, truth),
        "census": 0.1 * census(made, truth),
        "reading": 0.4 * laplacian(read, truth),
        "alone": alone_weight * sum(laplacian(one, truth) for one in alone),
        "motion": motion_weight * motion_loss(found.motions, collage),
    }
    return sum(parts.values()), {name: part.detach() for name, part in parts.items()}


def motion_loss(motions: list[Tensor], collage: Collage) -> Tensor:
    """How far off motions are, in pixels of the full size, where they are known: coarser levels count less."""
    weight = torch.where(collage.hidden, _UNSEEN, 1.0) * collage.known
    total = weight.new_zeros(())
    for scale, share, motion in zip((16, 8, 4), (0.25, 0.5, 1.0), motions, strict=True):
        counts = F.avg_pool2d(weight, scale)
        exact = F.avg_pool2d(collage.motion * weight.repeat_interleave(2, 1), scale)
        exact = exact / counts.clamp(min=1e-4).repeat_interleave(2, 1)
        off = (scale * motion - exact).unflatten(1, (2, 2)).square().sum(dim=2)
        total = total + share * ((off + 0.01).sqrt() * counts).sum() / counts.sum().clamp(min=1)
    return total


@torch.no_grad()
def seen_otherwise(collage: Collage, step: int) -> Collage:
    """The same collages backwards in time and turned over: mirrored by ``step``'s bits, rows for columns at times."""
    across, down, turned = (bool(step >> bit & 1) for bit in (1, 2, 3))

    def view(x: Tensor) -> Tensor:
        x = x.flip(-1) if across else x
        x = x.flip(-2) if down else x
        return x.transpose(-1, -2) if turned else x

    x, y = collage.motion.unflatten(1, (2, 2)).unbind(dim=2)  # each to drawing 0, to drawing 1
    x, y = (-x if across else x), (-y if down else y)
    motion = torch.stack([y, x] if turned else [x, y], dim=2).flip(1).flatten(1, 2)
    return Collage(
        view(collage.frame1), view(collage.frame0), view(collage.between), 1 - collage.time, view(motion),
        view(collage.known), view(collage.hidden.flip(1)), view(collage.layer),
    )


@torch.no_grad()
def simulated_start(collage: Collage, seed: int) -> Start:
    """A start as the stages before make it, from the exact motion and chance."""
    device, count = collage.time.device, len(collage.time)
    chance = torch.Generator(device).manual_seed(seed + 1)

    def rand(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=chance, device=device)

    def of_layer(values: Tensor) -> Tensor:
        """Values of layers (B, _LAYERS) for every pixel."""
        return values.gather(1, collage.layer.flatten(1)).reshape(collage.layer.shape)

    # What is wrong is wrong for both directions alike as a rule: a piece that was taken for another.
    size = 0.3 * (60 * rand(1, 1)) ** (rand(1, 1) ** 1.5)
    wrong = size * torch.randn(count, _LAYERS, 2, generator=chance, device=device) * (rand(_LAYERS, 1) < 0.5)
    shift = torch.cat([of_layer(wrong[..., 0]), of_layer(wrong[..., 1])], dim=1)
    kept = of_layer((rand(_LAYERS) > 0.12).float())
    found = of_layer((rand(_LAYERS) > 0.3 * rand(1)).float())
    known = found * torch.where(rand(1, 1, 1) < 0.7, (~collage.hidden).float(), 1.0)
    back, on = -collage.time, 1 - collage.time
    motion = kept * collage.motion + torch.cat([back * shift, on * shift], dim=1)
    motion, known = F.avg_pool2d(motion * known.repeat_interleave(2, 1), 8), F.avg_pool2d(known, 8)
    # Whole-frame flow blurs what parts; noise of its own it has too.
    smooth = rand(1, 1, 1) < 0.4
    blurred = [F.avg_pool2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), 5, stride=1) for x in (motion, known)]
    motion, known = torch.where(smooth, blurred[0], motion), torch.where(smooth, blurred[1], known)
    motion = motion / known.clamp(min=1e-3).repeat_interleave(2, 1) / 8
    rough = F.interpolate(torch.randn(count, 2, 8, 8, generator=chance, device=device), motion.shape[-2:], mode="bilinear")
    rough = rough * 0.3 * rand(1, 1, 1) ** 2
    motion = motion + torch.cat([back * rough, on * rough], dim=1)
    known = known * (rand(1, 1, 1) < 0.65)
    motion = motion * (known > 0.05).repeat_interleave(2, 1)
    return Start(motion, known * (known > 0.05))
