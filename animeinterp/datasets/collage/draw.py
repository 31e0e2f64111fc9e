"""A batch of collages: drawings over a backdrop at 0, t and 1, and where each pixel of time t comes from."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from ...flow import pixel_grid, sampling_grid
from .art import Art
from .backdrop import Backdrops
from .effects import letters, through
from .finish import degrade, light
from .layout import Layer, lay_backdrop, lay_drawing, moments
from .motion import backward, fill, forward, places

HALF = 0.5  # of a pixel covered: what is seen there is the layer


@dataclass(frozen=True)
class CollageConfig:
    """``size`` (H, W), multiples of 4. ``layers``: drawings at most. ``slowest``, ``fastest``: pixels that a shot's largest
    motion covers from drawing to drawing. The shares are of collages: ``shots`` before a shot of the cartoon generator;
    ``lit``, whose light changes; ``soft``, blurred as what was enlarged is; ``lossy`` and ``grainy``, whose two
    drawings (not the frame between) have blocks of compression, or grain; ``effects``, smoke, glow, rain and
    snow each; ``lettered``. ``redrawn``: of layers whose lines wobble."""

    size: tuple[int, int] = (256, 256)
    layers: int = 5
    slowest: float = 2.0
    fastest: float = 80.0
    shots: float = 0.3
    lit: float = 0.06
    soft: float = 0.5
    lossy: float = 0.3
    grainy: float = 0.15
    redrawn: float = 0.3
    effects: float = 0.06
    lettered: float = 0.06
    middle: float = 0.5  # share of the collages whose time is 1/2


@dataclass
class Collage:
    """B triplets. ``frame0``, ``frame1`` and ``between`` (B, 3, H, W) in 0..1; ``time`` (B, 1, 1, 1). ``motion``
    (B, 4, H, W) in pixels, of each pixel between to drawing 0, then to drawing 1: exact where ``known`` (B, 1, H, W) bool;
    elsewhere that of the layer, whose drawing changes besides. ``hidden`` (B, 2, H, W) bool: not to be seen in drawing 0,
    in drawing 1. ``layer`` (B, 1, H, W) int64, which layer is seen, 0 the backdrop."""

    frame0: Tensor
    frame1: Tensor
    between: Tensor
    time: Tensor
    motion: Tensor
    known: Tensor
    hidden: Tensor
    layer: Tensor


@torch.no_grad()
def draw(art: Art, backdrops: Backdrops, seed: int, count: int, config: CollageConfig | None = None) -> Collage:
    """``count`` collages, on the device of ``art``: the same for the same arguments on the same device."""
    config = CollageConfig() if config is None else config
    device, size = art.device, config.size
    chance = torch.Generator(device).manual_seed(seed)
    steps = moments(chance, count, config, device)
    whole = places(size, device).expand(count, -1, -1, -1)
    grid = pixel_grid(torch.empty(1, 1, *size, device=device)).expand(count, -1, -1, -1)
    times = [torch.zeros_like(steps.time), steps.time, torch.ones_like(steps.time)]

    behind = lay_backdrop(chance, backdrops, steps, config)
    frames = [behind.render(k, _source(behind, whole, time - steps.time, size)) for k, time in enumerate(times)]
    seen = [torch.zeros(count, 1, *size, dtype=torch.long, device=device) for _ in times]
    motion, known = behind.motion_of_shots(grid, steps.time, size), torch.ones_like(seen[1], dtype=torch.bool)
    for number in range(1, config.layers + 1):
        layer = lay_drawing(chance, art, steps, config)
        for k, time in enumerate(times):
            drawn = layer.render(k, _source(layer, whole, time - steps.time, size), chance)
            frames[k] = frames[k] * (1 - drawn[:, 3:]) + drawn[:, :3]
            shown = drawn[:, 3:] > HALF
            seen[k] = torch.where(shown, number, seen[k])
            if k == 1:
                ends = [forward(layer.moves, whole, end - steps.time, size) - whole for end in (times[0], times[2])]
                motion = torch.where(shown, fill(torch.cat(ends, dim=1), size), motion)
                known = torch.where(shown, layer.still, known)
    colours, over = letters(chance, count, size, config.lettered, device)
    frames = [torch.where(over, colours, frame) for frame in through(chance, frames, times, config.effects)]
    seen = [torch.where(over, config.layers + 1, layers) for layers in seen]
    motion, known = torch.where(over, 0.0, motion), known | over
    hidden = torch.cat([_hidden(seen[1], seen[k], grid + motion[:, c : c + 2]) for k, c in ((0, 0), (2, 2))], dim=1)
    frames = light(chance, frames, times, config.lit)
    frames = degrade(chance, frames, soft=config.soft, lossy=config.lossy, grainy=config.grainy)
    return Collage(frames[0], frames[2], frames[1], steps.time, motion, known, hidden, seen[1])


def _source(layer: Layer, whole: Tensor, after: Tensor, size: tuple[int, int]) -> Tensor:
    """Where in its picture a layer is read for each pixel, a while ``after`` t: (B, 2, H, W)."""
    return fill(layer.in_picture(backward(layer.moves, whole, after, size)), size)


def _hidden(layer: Tensor, there: Tensor, at: Tensor) -> Tensor:
    """Whether what is seen as ``layer`` (B, 1, H, W) lies outside of the picture, or behind what is ``there``, ``at``."""
    height, width = layer.shape[-2:]
    grid = sampling_grid(at[:, 0], at[:, 1], (height, width))
    found = F.grid_sample(there.float(), grid, mode="nearest", padding_mode="border", align_corners=False)
    inside = (at >= -0.5).all(dim=1, keepdim=True) & (at[:, :1] < width - 0.5) & (at[:, 1:] < height - 0.5)
    return ~inside | (found > layer)
