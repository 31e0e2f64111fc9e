"""What is laid into a collage, where, how large, and how it moves: all that chance decides about a layer."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn import functional as F

from ...flow import backwarp, pixel_grid, sampling_grid
from .art import SIDE, Art
from .backdrop import Backdrops
from .motion import Moves, bends, forward, hinges

if TYPE_CHECKING:
    from .draw import CollageConfig

SMALLEST, LARGEST = 0.4, 2.2  # drawings, as shares of the collage
MOST_PARTS = 8  # of the way: times are whole numbers of 1/2 to 1/8


@dataclass
class Moments:
    """Of each collage: ``part`` of ``parts`` is its time, (B,) int64; ``time`` (B, 1, 1, 1); ``speed`` (B,) pixels that its
    largest motion covers from drawing to drawing; ``camera`` (B, 2), what pans past in that time."""

    part: Tensor
    parts: Tensor
    time: Tensor
    speed: Tensor
    camera: Tensor


@dataclass
class Layer:
    """One layer of each collage. ``pictures``: at 0, t, 1, (B, C, h, w) in 0..1, colours multiplied with alpha. What is at
    ``place`` (B, 2) in the collage at time t is the middle of the picture, ``scale`` (B,) pixels large there to a picture's
    one, turned by ``turn`` (B,), mirrored where ``mirror`` (B,) is -1. ``still`` (B, 1, 1, 1) bool: the drawing does not
    change. ``wobble`` (B, 2, h', w') for either end, pixels. ``motion``: of what the pictures show themselves, at t."""

    pictures: list[Tensor]
    moves: Moves
    place: Tensor
    scale: Tensor
    turn: Tensor
    mirror: Tensor
    still: Tensor
    outline: Tensor | None = None
    ink: Tensor | None = None
    wobble: list[Tensor] | None = None
    motion: Tensor | None = None

    def in_picture(self, at: Tensor) -> Tensor:
        """Pixels of the picture for positions ``at`` (B, 2, h, w) of the collage at time t."""
        x, y = ((at - self.place[..., None, None]) / self.scale.reshape(-1, 1, 1, 1)).split(1, dim=1)
        cos, sin = self.turn.cos().reshape(-1, 1, 1, 1), self.turn.sin().reshape(-1, 1, 1, 1)
        height, width = self.pictures[0].shape[-2:]
        x, y = self.mirror.reshape(-1, 1, 1, 1) * (cos * x + sin * y), cos * y - sin * x
        return torch.cat([x + (width - 1) / 2, y + (height - 1) / 2], dim=1)

    def render(self, k: int, at: Tensor, chance: torch.Generator | None = None) -> Tensor:
        """The picture of moment ``k`` (0, 1, 2) read ``at`` pixels of it, (B, C, H, W)."""
        picture, size = self.pictures[k], at.shape[-2:]
        if picture.shape[1] == 3:
            return backwarp(picture, _mirrored_in(at, picture.shape[-2:]) - pixel_grid(at))
        if self.wobble is not None and k != 1:
            at = at + F.interpolate(self.wobble[k // 2], size, mode="bicubic", align_corners=False)
        grid = sampling_grid(at[:, 0], at[:, 1], picture.shape[-2:])
        drawn = F.grid_sample(picture, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
        if self.outline is not None:
            alpha = drawn[:, 3:]
            around = F.max_pool2d(alpha, 3, stride=1, padding=1)
            around = torch.where(self.outline > 1, F.max_pool2d(around, 3, stride=1, padding=1), around)
            line = torch.where(self.outline > 0, around - alpha, 0)
            drawn = torch.cat([drawn[:, :3] + self.ink * line, alpha + line], dim=1)
        return drawn

    def motion_of_shots(self, grid: Tensor, time: Tensor, size: tuple[int, int]) -> Tensor:
        """The motion (B, 4, H, W) of each pixel at t to either end, its picture's own motion and the layer's together."""
        at = self.in_picture(grid)
        own = backwarp(self.motion, _mirrored_in(at, self.motion.shape[-2:]) - pixel_grid(at))
        ends = []
        for k, end in ((0, 0.0), (2, 1.0)):
            x, y = (own[:, k : k + 2] * self.scale.reshape(-1, 1, 1, 1)).split(1, dim=1)
            x = self.mirror.reshape(-1, 1, 1, 1) * x
            cos, sin = self.turn.cos().reshape(-1, 1, 1, 1), self.turn.sin().reshape(-1, 1, 1, 1)
            moved = grid + torch.cat([cos * x - sin * y, sin * x + cos * y], dim=1)
            ends.append(forward(self.moves, moved, end - time, size) - grid)
        return torch.cat(ends, dim=1)


def moments(chance: torch.Generator, count: int, config: CollageConfig, device: torch.device) -> Moments:
    rand = rand_of(chance, count, device)
    parts = 2 + (rand() * (MOST_PARTS - 1)).long()
    parts = torch.where(rand() < config.middle, 2, parts)
    part = 1 + (rand() * (parts - 1)).long()
    low, high = math.log(config.slowest), math.log(config.fastest)
    speed = (low + (high - low) * rand() ** 0.9).exp()
    angle = 2 * math.pi * rand()
    pans = speed * rand() * (rand() < 0.4)
    camera = pans[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
    return Moments(part, parts, (part / parts).reshape(-1, 1, 1, 1), speed, camera)


def lay_drawing(chance: torch.Generator, art: Art, steps: Moments, config: CollageConfig) -> Layer:
    """A drawing in front of all that was laid before."""
    device, count, (height, width) = art.device, len(steps.part), config.size
    rand = rand_of(chance, count, device)
    clip, index, still = _frames(chance, art, steps)
    present = rand() < 0.72
    mix, add = _recolour(chance, count, device)
    pictures = []
    for k in index:
        picture = art.frames[k].float() / 255
        colour = torch.einsum("bij,bjhw->bihw", mix, picture[:, :3]) + add * picture[:, 3:]
        colour = torch.minimum(colour.clamp(min=0), picture[:, 3:])
        pictures.append(torch.cat([colour, picture[:, 3:]], dim=1) * present.reshape(-1, 1, 1, 1))
    clear = torch.where(rand() < 0.05, 0.3 + 0.5 * rand(), 1.0).reshape(-1, 1, 1, 1)
    pictures = [picture * clear for picture in pictures]
    place = torch.stack([(1.2 * rand() - 0.1) * width, (1.2 * rand() - 0.1) * height], dim=1)
    scale = (math.log(SMALLEST) + (math.log(LARGEST) - math.log(SMALLEST)) * rand()).exp() * min(height, width) / SIDE
    large = scale * SIDE / 2
    turn = torch.where(rand() < 0.15, 6.3 * rand(), 0.2 * torch.randn(count, generator=chance, device=device))
    joint = place + 0.5 * large[:, None] * torch.randn(count, 2, generator=chance, device=device)
    moves = _moves(chance, steps, joint, large, config, still)
    ink = 0.35 * torch.rand(count, 3, 1, 1, generator=chance, device=device) * rand().reshape(-1, 1, 1, 1)
    lined = torch.where(art.lineless[clip], rand() < 0.6, rand() < 0.1)
    outline = (lined.long() * (1 + (rand() < 0.4).long())).reshape(-1, 1, 1, 1)
    mirror = torch.where(rand() < 0.5, -1.0, 1.0)
    return Layer(pictures, moves, place, scale, turn, mirror, still.reshape(-1, 1, 1, 1), outline, ink,
                 _wobble(chance, count, config, scale, device))


def lay_backdrop(chance: torch.Generator, backdrops: Backdrops, steps: Moments, config: CollageConfig) -> Layer:
    """What is behind all: a painting, or a shot, which has a motion of its own (and only a middle to show)."""
    device, count, (height, width) = steps.time.device, len(steps.part), config.size
    rand = rand_of(chance, count, device)
    painted = backdrops.stills[(rand() * len(backdrops.stills)).long()].float() / 255
    pictures, motion = [painted] * 3, painted.new_zeros(count, 4, *painted.shape[-2:])
    if len(backdrops.shots):
        which = (rand() * len(backdrops.shots)).long()
        shows = ((rand() < config.shots) & (2 * steps.part == steps.parts)).reshape(-1, 1, 1, 1)
        back = (rand() < 0.5).reshape(-1, 1, 1, 1)
        shot, own = backdrops.shots[which].float() / 255, backdrops.motion[which].float()
        ends = torch.where(back, shot[:, 2], shot[:, 0]), torch.where(back, shot[:, 0], shot[:, 2])
        pictures = [torch.where(shows, s, painted) for s in (ends[0], shot[:, 1], ends[1])]
        motion = torch.where(shows, torch.where(back, own.roll(2, dims=1), own), motion)
    mix, add = _recolour(chance, count, device)
    pictures = [(torch.einsum("bij,bjhw->bihw", mix, p) + add).clamp(0, 1) for p in pictures]
    scale = max(height / painted.shape[-2], width / painted.shape[-1]) * (1 + 1.2 * rand() ** 2)
    place = torch.stack([width * (0.3 + 0.4 * rand()), height * (0.3 + 0.4 * rand())], dim=1)
    zeros = torch.zeros(count, device=device)
    still = torch.ones(count, dtype=torch.bool, device=device)
    moves = _moves(chance, steps, place, zeros + width, config, still, backdrop=True)
    return Layer(pictures, moves, place, scale, 0.05 * torch.randn(count, generator=chance, device=device) * (rand() < 0.5),
                 torch.where(rand() < 0.5, -1.0, 1.0), still.reshape(-1, 1, 1, 1), motion=motion)


def rand_of(chance: torch.Generator, count: int, device: torch.device) -> Callable[..., Tensor]:
    """A function that draws numbers in 0..1, (count, *shape) of them for a ``shape``."""
    return lambda *shape: torch.rand(count, *shape, generator=chance, device=device)


def _frames(chance: torch.Generator, art: Art, steps: Moments) -> tuple[Tensor, list[Tensor], Tensor]:
    """A clip for each collage, the frames of it at 0, t and 1, and whether these are the same."""
    rand = rand_of(chance, len(steps.part), art.device)
    clip = torch.multinomial(art.weight, len(steps.part), replacement=True, generator=chance)
    count, first = art.count[clip], art.first[clip]
    longest = torch.div(count - 1, steps.parts, rounding_mode="floor")  # frames to a part of the way
    stride = (1 + (rand() * longest).long()).minimum(longest) * (rand() < 0.85)
    begin = (rand() * (count - steps.parts * stride)).long()
    back = rand() < 0.5
    index = [first + begin + stride * torch.where(back, steps.parts - k, k)
             for k in (torch.zeros_like(steps.part), steps.part, steps.parts)]
    return clip, index, stride == 0


def _moves(
    chance: torch.Generator, steps: Moments, centre: Tensor, large: Tensor, config: CollageConfig, still: Tensor,
    *, backdrop: bool = False,
) -> Moves:
    """Speeds that go with the collage's: some layers keep still, some only bend, a drawing that moves itself moves less."""
    device, count = centre.device, len(centre)
    rand = rand_of(chance, count, device)
    if backdrop:
        share, shift = (rand() < 0.12) * 0.5, steps.camera * (0.4 + 0.6 * rand())[:, None]
    else:
        share = torch.where(rand() < 0.18, 0.0, 0.15 + 0.85 * rand()) * torch.where(still, 1.0, 0.7)
        angle = 2 * math.pi * rand()
        way = steps.speed * share * rand().sqrt()
        shift = steps.camera + way[:, None] * torch.stack([angle.cos(), angle.sin()], dim=1)
    speed = steps.speed * share
    turns = torch.randn(count, generator=chance, device=device) * (speed / large.clamp(min=24) * 0.6).clamp(max=0.6)
    turns = turns * (rand() < 0.6) * (0.15 if backdrop else 1.0)
    zoom = torch.randn(count, generator=chance, device=device) * (speed / large.clamp(min=24) * 0.3).clamp(max=0.25)
    zoom = zoom * (rand() < (0.3 if backdrop else 0.5))
    bend = bends(chance, speed * 0.35 * rand() * (rand() < 0.7), 5, config.size)
    if not backdrop:
        bend = bend + bends(chance, (speed * 0.2 * rand()).clamp(max=8) * (rand() < 0.5), 10, config.size)
        swing = torch.randn(count, generator=chance, device=device) * (speed / large.clamp(min=24)).clamp(max=0.7)
        bend = bend + hinges(chance, centre, large, swing * (rand() < 0.5), config.size)
    return Moves(centre, shift, turns, zoom, bend)


def _recolour(chance: torch.Generator, count: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """Colours in another order, weaker and paler: (B, 3, 3) to multiply with and (B, 3, 1, 1) to add."""
    rand = rand_of(chance, count, device)
    order = torch.rand(count, 3, generator=chance, device=device).argsort(dim=1)
    order = torch.where((rand() < 0.6)[:, None], order, torch.arange(3, device=device))
    mix = F.one_hot(order, 3).float()
    grey = torch.where(rand() < 0.3, 0.7 * rand(), 0.0)[:, None, None]
    mix = (1 - grey) * mix + grey / 3
    uneven = 0.6 + 0.4 * torch.rand(count, 3, 1, generator=chance, device=device)
    gain = 1 - (0.6 * rand() * (rand() < 0.6))[:, None, None] * uneven
    add = (0.3 * rand() * (rand() < 0.35))[:, None, None, None] * torch.rand(count, 3, 1, 1, generator=chance, device=device)
    return mix * gain, add


def _wobble(chance: torch.Generator, count: int, config: CollageConfig, scale: Tensor, device: torch.device) -> list[Tensor]:
    """How either end's lines are drawn beside where they belong: up to a pixel, from stroke to stroke."""
    rand = rand_of(chance, count, device)
    amount = (0.8 * rand() * (rand() < config.redrawn) / scale).reshape(-1, 1, 1, 1)
    cells = [max(n // 14, 2) for n in config.size]
    return [amount * torch.randn(count, 2, *cells, generator=chance, device=device) for _ in range(2)]


def _mirrored_in(at: Tensor, size: tuple[int, int]) -> Tensor:
    """Positions folded back into a picture at its borders, so that it goes on for ever."""
    axes = []
    for axis, side in zip(at.split(1, dim=1), (size[1], size[0]), strict=True):
        folded = torch.remainder(axis + 0.5, 2.0 * side)
        axes.append(torch.minimum(folded, 2.0 * side - folded) - 0.5)
    return torch.cat(axes, dim=1)
