"""What is laid over the layers of a collage: smoke, glow, rain and snow, which let through what is behind them, and letters.

Each comes over some of the collages of a batch, by chance. What lets through leaves the exact motion that of the layers;
letters stand still over what moves, and are a layer of their own.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from .layout import rand_of

_LIGHTS, _DROPS, _FLAKES = 6, 40, 48
_GLYPH = (7, 5)  # cells, height and width


def through(chance: torch.Generator, frames: list[Tensor], times: list[Tensor], share: float) -> list[Tensor]:
    """Smoke, glow, rain and snow over ``share`` of the pictures each.

    :param frames: three, (B, 3, H, W), at ``times`` (B, 1, 1, 1): 0, t, 1.
    """
    # Drawn for those alone that have it; which they are is decided on the CPU, so that the device need not be waited for.
    lots = torch.Generator().manual_seed(chance.initial_seed())
    for effect in (smoke, glow, rain, snow):
        some = (torch.rand(len(frames[0]), generator=lots) < share).nonzero()[:, 0].to(frames[0].device)
        if len(some):
            made = effect(chance, [frame[some] for frame in frames], [time[some] for time in times])
            frames = [frame.index_copy(0, some, new) for frame, new in zip(frames, made, strict=True)]
    return frames


def smoke(chance: torch.Generator, frames: list[Tensor], times: list[Tensor]) -> list[Tensor]:
    """Soft clouds, light or dark, that drift and turn into others on the way."""
    count, _, height, width = frames[0].shape
    device = frames[0].device
    clouds = []
    for cells, weight in ((5, 1.0), (10, 0.5), (20, 0.25)):
        coarse = torch.randn(2 * count, 1, cells, cells, generator=chance, device=device)
        clouds.append(weight * F.interpolate(coarse, (2 * height, 2 * width), mode="bicubic", align_corners=True))
    whole = torch.stack(clouds).sum(dim=0).unflatten(0, (2, count))
    thick, sharp, level, grey = torch.rand(4, count, 1, 1, 1, generator=chance, device=device).unbind()
    colour = torch.where(grey < 0.7, 0.75 + 0.25 * grey, 0.2 * grey)
    drift = torch.rand(count, 2, generator=chance, device=device) - 0.5
    made = []
    for frame, time in zip(frames, times, strict=True):
        cloud = torch.lerp(whole[0], whole[1], 0.5 * time)
        moved = _read(cloud, 0.5 + 0.3 * drift * (time[:, :, 0, 0] - 0.5), (height, width))
        cover = (0.3 + 0.6 * thick) * ((0.7 + 3 * sharp) * (moved - 0.5 * level)).sigmoid()
        made.append(torch.lerp(frame, colour.expand_as(frame), cover * (moved > -1.5)))
    return made


def glow(chance: torch.Generator, frames: list[Tensor], times: list[Tensor]) -> list[Tensor]:
    """Lights that shine over what is around them, move, and grow brighter or fade."""
    count, _, height, width = frames[0].shape
    device = frames[0].device
    rand = rand_of(chance, count, device)
    place = rand(_LIGHTS, 2) * torch.tensor([width, height], device=device)
    drift, radius = 60 * (rand(1, 2) - 0.5) + 20 * (rand(_LIGHTS, 2) - 0.5), 6 + 50 * rand(_LIGHTS) ** 2
    strength = 0.9 * rand(2, _LIGHTS) * (rand(1, _LIGHTS) < 0.6)
    tint = 0.5 + 0.5 * rand(3, 1, 1)
    made = []
    for frame, time in zip(frames, times, strict=True):
        at = place + time[:, 0] * drift
        bright = torch.lerp(strength[:, 0], strength[:, 1], time[:, 0, 0])
        far = [_away(at[..., k], n) / radius[..., None] for k, n in ((1, height), (0, width))]
        shine = (1 / (1 + far[0].square()[..., None] + far[1].square()[:, :, None])).square()
        shine = (bright[..., None, None] * shine).sum(dim=1, keepdim=True)
        made.append(1 - (1 - frame) * (1 - tint * shine.clamp(0, 1)))  # as a screen lays them over one another
    return made


def rain(chance: torch.Generator, frames: list[Tensor], times: list[Tensor]) -> list[Tensor]:
    """Streaks along their own way: rain, sparks, lines of speed."""
    count, _, height, width = frames[0].shape
    device = frames[0].device
    rand = rand_of(chance, count, device)
    place = rand(_DROPS, 2) * torch.tensor([width, height], device=device)
    angle = 6.2832 * rand(1) + 0.1 * (rand(_DROPS) - 0.5)
    along = torch.stack([angle.cos(), angle.sin()], dim=-1)
    drift = along * (4 + 40 * rand(1, 1)) * (0.7 + 0.6 * rand(_DROPS, 1))
    half, thick = (3 + 25 * rand(1)) * (0.5 + rand(_DROPS)), 0.5 + 1.2 * rand(1)
    colour, strength = (0.6 + 0.4 * rand(1, 1, 1)), 0.3 + 0.7 * rand(1, 1, 1)
    made = []
    for frame, time in zip(frames, times, strict=True):
        at = place + (time[:, 0] - 0.5) * drift
        cover = torch.zeros(count, height, width, device=device)
        for n in range(_DROPS):
            y, x = _away(at[:, n, 1], height)[..., None], _away(at[:, n, 0], width)[:, None]
            cos, sin = along[:, n, 0, None, None], along[:, n, 1, None, None]
            beyond = ((x * cos + y * sin).abs() - half[:, n, None, None]).clamp(min=0)
            cover = torch.maximum(cover, (thick[..., None] + 0.5 - (x * sin - y * cos).abs() - beyond).clamp(0, 1))
        made.append(torch.lerp(frame, colour.expand_as(frame), strength * cover[:, None]))
    return made


def snow(chance: torch.Generator, frames: list[Tensor], times: list[Tensor]) -> list[Tensor]:
    """Flakes, sparks or bubbles that drift."""
    count, _, height, width = frames[0].shape
    device = frames[0].device
    rand = rand_of(chance, count, device)
    place = rand(_FLAKES, 2) * torch.tensor([width, height], device=device)
    drift = (rand(1, 2) - 0.5) * 48 + (rand(_FLAKES, 2) - 0.5) * 10
    radius = (0.8 + 3 * rand(_FLAKES)) * (0.5 + rand(1))
    colour, soft = 0.6 + 0.4 * rand(3, 1, 1), 0.7 + 2 * rand(1, 1)
    made = []
    for frame, time in zip(frames, times, strict=True):
        at = place + (time[:, 0] - times[1][:, 0]) * drift
        cover = torch.zeros(count, height, width, device=device)
        for n in range(_FLAKES):
            off = (_away(at[:, n, 1], height).square()[..., None] + _away(at[:, n, 0], width).square()[:, None]).sqrt()
            cover = torch.maximum(cover, ((radius[:, n, None, None] - off) / soft + 0.5).clamp(0, 1))
        made.append(torch.lerp(frame, colour.expand_as(frame), cover[:, None]))
    return made


def letters(
    chance: torch.Generator, count: int, size: tuple[int, int], share: float, device: torch.device
) -> tuple[Tensor, Tensor]:
    """Lines of signs that nobody can read, as subtitles and displays have them, on ``share`` of the pictures.

    :return: their colours (B, 3, H, W), and where they are to be seen (B, 1, H, W) bool, their dark rim included.
    """
    height, width = size
    rand = rand_of(chance, count, device)
    tall, wide = _GLYPH
    glyphs = (rand(4, 12, tall, wide) < 0.5) & (rand(4, 12, 1, 1) < 0.85)
    line = F.pad(glyphs.float(), (0, 1, 0, 2)).permute(0, 1, 3, 2, 4).reshape(count, 1, 4 * (tall + 2), 12 * (wide + 1))
    row = torch.arange(line.shape[2], device=device)[:, None] // (tall + 2)
    line = line * (row < 1 + 3 * rand(1, 1, 1))
    cell = (1.2 + 2 * rand(1, 1, 1)) / 2  # half a sign's cell, pixels
    where = torch.stack([rand(1, 1) * 0.6 * width, torch.where(rand(1, 1) < 0.5, 0.05, 0.6) * height], dim=-1)
    y, x = torch.meshgrid(torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij")
    at = (torch.stack([x, y], dim=-1)[None] - where) / (2 * cell)
    grid = 2 * (at + 0.5) / torch.tensor([line.shape[-1], line.shape[-2]], device=device) - 1
    ink = F.grid_sample(line, grid, mode="nearest", padding_mode="zeros", align_corners=False) > 0.5
    ink &= rand(1, 1, 1) < share
    rim = F.max_pool2d(ink.float(), 3, stride=1, padding=1) > 0.5
    colours = torch.where(ink, 0.7 + 0.3 * rand(3, 1, 1), 0.1 * rand(3, 1, 1))
    return colours, rim


def _away(at: Tensor, side: int) -> Tensor:
    """How far each of ``side`` pixels is from places ``at`` (...): (..., side)."""
    return torch.arange(side, device=at.device) - at[..., None]


def _read(picture: Tensor, middle: Tensor, size: tuple[int, int]) -> Tensor:
    """A part (B, C, *size) of a picture twice that large, about ``middle`` (B, 2), x and y in 0..1."""
    y, x = (torch.linspace(-0.5, 0.5, n, device=picture.device) for n in size)
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)[None] + (2 * middle - 1)[:, None, None]
    return F.grid_sample(picture, grid, mode="bilinear", padding_mode="border", align_corners=False)
