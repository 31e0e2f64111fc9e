"""What stands behind the drawings of a collage: paintings made on the device, and shots of the cartoon generator.

Most shots of animation are figures before a painting that stands still or pans, so a backdrop is looked at in half of all
pixels, and where a figure uncovers it, it has to be found in the other drawing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ..cartoon.config import CartoonConfig
from ..cartoon.pack import FlatScene
from ..cartoon.sample import draw_scenes

SIZE = (256, 384)  # of all backdrops
SHOTS = CartoonConfig(plain=0.02, line_art=0.03, motion=None)
_TOGETHER = 16  # shots drawn at once


@dataclass
class Backdrops:
    """``stills`` (N, 3, h, w) uint8. ``shots`` (M, 3, 3, h, w) uint8, each at 0, 1/2 and 1; ``motion`` (M, 4, h, w)
    float16, of their middle to either end, in pixels of theirs."""

    stills: Tensor
    shots: Tensor
    motion: Tensor


def paint_backdrops(
    seed: int, count: int, scenes: Sequence[FlatScene], device: torch.device | str, pictures: Tensor | None = None
) -> Backdrops:
    """``count`` paintings, and a shot for each of ``scenes`` (``cartoon.sample.prepare`` at SIZE).

    ``pictures`` (N, 3, h, w) uint8 are added to the paintings.
    """
    device = torch.device(device)
    chance = torch.Generator(device).manual_seed(seed)
    stills = [_bytes(_paint(chance, min(64, count - k), device)) for k in range(0, count, 64)]
    if pictures is not None and len(pictures):
        stills += [_bytes(F.interpolate(part.to(device).float() / 255, SIZE, mode="bicubic", align_corners=False))
                   for part in pictures.split(64)]
    shots, motion = [], []
    for k in range(0, len(scenes), _TOGETHER):
        some = scenes[k : k + _TOGETHER]
        sample = draw_scenes(some, size=SIZE, times=(0.5,), device=device, config=SHOTS)
        shots.append(_bytes(torch.stack([sample.frame0, sample.mids[:, 0], sample.frame1], dim=1)))
        motion.append(torch.cat([sample.flow_t0[:, 0], sample.flow_t1[:, 0]], dim=1).half())
    return Backdrops(
        torch.cat(stills),
        torch.cat(shots) if shots else torch.zeros(0, 3, 3, *SIZE, dtype=torch.uint8, device=device),
        torch.cat(motion) if motion else torch.zeros(0, 4, *SIZE, dtype=torch.float16, device=device),
    )


def _paint(chance: torch.Generator, count: int, device: torch.device) -> Tensor:
    """Paintings (count, 3, h, w): a wash of colours; hills, clouds or leaves with hard or soft edges; boards and frames."""

    def rand(*shape: int) -> Tensor:
        return torch.rand(count, *shape, generator=chance, device=device)

    height, width = SIZE
    picture = F.interpolate(rand(3, 2, 2) * 0.8 + 0.15 * rand(1, 1, 1), SIZE, mode="bilinear", align_corners=True)
    for cells in (3, 5, 9, 16, 28, 48, 80):
        noise = F.interpolate(rand(1, cells, cells * 3 // 2) - 0.5, SIZE, mode="bicubic", align_corners=True)
        noise = noise + 0.5 * F.interpolate(rand(1, 2 * cells, 3 * cells) - 0.5, SIZE, mode="bicubic", align_corners=True)
        hard = 2 + 60 * rand(1, 1, 1) ** 2
        amount = (hard * (noise - 0.5 * (rand(1, 1, 1) - 0.3))).sigmoid() * (rand(1, 1, 1) < 0.5) * rand(1, 1, 1)
        tone = picture.mean(dim=(2, 3), keepdim=True) + 0.5 * (rand(3, 1, 1) - 0.5)
        picture = torch.lerp(picture, tone.clamp(0, 1).expand_as(picture), amount)
    x = torch.arange(width, device=device).reshape(1, 1, 1, -1) / width
    y = torch.arange(height, device=device).reshape(1, 1, -1, 1) / height
    built = rand(1, 1, 1) < 0.5
    for _ in range(10):
        left, top = (rand(1, 1, 1) * 1.2 - 0.2 for _ in range(2))
        wide, high, line = 0.02 + 0.6 * rand(1, 1, 1) ** 2, 0.02 + 0.8 * rand(1, 1, 1) ** 2, 0.012 * rand(1, 1, 1) ** 2
        inside = ((x > left) & (x < left + wide) & (y > top) & (y < top + high)).float()
        edge = inside - ((x > left + line) & (x < left + wide - line) & (y > top + line) & (y < top + high - line)).float()
        there = built & (rand(1, 1, 1) < 0.7)
        picture = torch.lerp(picture, rand(3, 1, 1).expand_as(picture), 0.8 * inside * there)
        picture = torch.lerp(picture, (0.3 * rand(3, 1, 1)).expand_as(picture), edge * there)
    return picture.clamp(0, 1)


def _bytes(pictures: Tensor) -> Tensor:
    return pictures.clamp(0, 1).mul(255).round().to(torch.uint8)
