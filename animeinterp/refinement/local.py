"""The correlation's look-up without the volume: the same numbers, made when asked for, in memory linear in pixels.

Neighbouring pixels mostly move alike, so the 9x9 neighbourhoods of a tile of them overlap: one product of the tile's
features with those of a box of the other frame holds them all. Where a tile's pixels part, its quarters are tried, down
to single pixels, so that the box never has to grow.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .correlation import LEVELS, RADIUS, ProgressTick, in_precision, sample, window

_TILE = 8  # pixels of the pooled frame on the side of the first tiles; at most _WIDEST of the frame that looks
_WIDEST = 16
_SLACK = 3  # how many pixels a tile's motion may differ by before it is cut
_READ = 2 * RADIUS + 2  # pixels that bilinear samples of a 9x9 neighbourhood read on each axis
# Margin of zeros around the frame that is looked into: for positions as far outside as they are held, and their boxes.
_BEFORE, _AFTER = 2 * RADIUS + 1, _TILE + _READ + _SLACK
# Bytes of boxes made at once: what stays in a CPU's cache; on a device, what keeps it busy.
_CHUNK_ON_CPU, _CHUNK = 2**22, 2**27


@dataclass(frozen=True)
class _Target:
    """Features looked into, at one scale: ``rows`` (B pixels, C) with the margin, ``height`` and ``width`` without."""

    rows: Tensor
    height: int
    width: int

    @property
    def stride(self) -> int:
        return _BEFORE + self.width + _AFTER

    @property
    def corner(self) -> int:
        """The row of the first pixel that is not margin."""
        return _BEFORE * self.stride + _BEFORE

    @property
    def pixels(self) -> int:
        """Of one frame, with the margin."""
        return (_BEFORE + self.height + _AFTER) * self.stride


class LocalCorrelation:
    """Takes the place of CorrelationPyramid: the same convention, the same ``look_up``, the same numbers to 1e-4."""

    def __init__(self, features0: Tensor, features1: Tensor, tick: ProgressTick | None = None) -> None:
        features0, features1 = in_precision(features0), in_precision(features1)
        self.shape = features0.shape
        self._tick = ProgressTick() if tick is None else tick
        scale = self.shape[1] ** -0.5
        self._sources = [_rows(features * scale) for features in (features0, features1)]
        self._targets = [_levels(features) for features in (features1, features0)]

    def look_up(self, positions: Tensor) -> Tensor:
        """The 9x9 neighbourhood of each position at each level: (2B, 324, h, w); of a level's 81, y varies fastest."""
        found = []
        for centres, source, targets in zip(positions.chunk(2), self._sources, self._targets, strict=True):
            samples = []
            for level, target in enumerate(targets):
                self._tick()
                samples.append(self._look_up(level, centres / 2**level, source, target))
            found.append(torch.cat(samples, dim=1))
        return torch.cat(found)

    def _look_up(self, level: int, centres: Tensor, source: Tensor, target: _Target) -> Tensor:
        """One level in one direction: ``centres`` (B, 2, h, w) in pixels of the level -> (B, 81, h, w)."""
        pairs, channels, height, width = self.shape
        tiles, pixels, size = self._tiles(min(_TILE << level, _WIDEST), centres.device)
        centres = _held(centres, target).movedim(1, -1).reshape(-1, 2)
        budget = _CHUNK_ON_CPU if centres.device.type == "cpu" else _CHUNK
        places, found = [], []
        while len(tiles):
            side = tiles.shape[-1]
            spread = -(-(side - 1) >> level) + _SLACK if side > 1 else 0
            cells = centres.detach()[pixels[tiles.flatten(1)]].floor().long()
            least = cells.amin(dim=1)
            together = (cells.amax(dim=1) - least <= spread).all(dim=1)
            members, origins = tiles[together].flatten(1), least[together] - RADIUS
            count = max(budget // ((spread + _READ) ** 2 * channels * source.element_size()), 1)
            for part, origin in zip(members.split(count), origins.split(count), strict=True):
                frame = part[:, 0] // (size[0] * size[1])
                seen = _products(source[pixels[part]], target, frame, origin, spread + _READ)
                near = centres[pixels[part]] - origin[:, None]
                found.append(sample(seen, near.view(-1, 1, 1, 2) + window(near)))
                places.append(part.flatten())
            tiles = _quarters(tiles[~together])
        by_place = torch.cat(found)[torch.cat(places).argsort()]
        return by_place.view(pairs, *size, -1)[:, :height, :width].movedim(-1, 1)

    def _tiles(self, side: int, device: torch.device) -> tuple[Tensor, Tensor, tuple[int, int]]:
        """The places of each tile (T, side, side), the pixel at each place, and how many places a frame is wide.

        Places are those of whole tiles: beyond the last row and column they stand for its pixels.
        """
        pairs, _, height, width = self.shape
        down, across = -(-height // side), -(-width // side)
        frames = torch.arange(pairs, device=device)[:, None, None]
        ys = torch.arange(down * side, device=device).clamp(max=height - 1)[:, None]
        xs = torch.arange(across * side, device=device).clamp(max=width - 1)
        pixels = ((frames * height + ys) * width + xs).flatten()
        places = torch.arange(len(pixels), device=device).view(pairs, down, side, across, side)
        return places.transpose(2, 3).reshape(-1, side, side), pixels, (down * side, across * side)


def _products(sources: Tensor, target: _Target, frame: Tensor, origin: Tensor, box: int) -> Tensor:
    """Each tile's features (T, n, C) times those of its box: (T n, 1, box, box)."""
    steps = torch.arange(box, device=origin.device)
    first = frame * target.pixels + target.corner + origin[:, 1] * target.stride + origin[:, 0]
    reach = first[:, None, None] + steps[:, None] * target.stride + steps
    boxes = target.rows.index_select(0, reach.flatten()).view(-1, box**2, sources.shape[-1])
    return torch.bmm(sources, boxes.transpose(1, 2)).view(-1, 1, box, box)


def _held(centres: Tensor, target: _Target) -> Tensor:
    """Positions (B, 2, h, w) held where nothing but zeros is read from there on; what is no number reads zeros too."""
    x, y = centres.nan_to_num(nan=-RADIUS - 1.0).unbind(dim=1)
    x, y = x.clamp(-RADIUS - 1, target.width + RADIUS), y.clamp(-RADIUS - 1, target.height + RADIUS)
    return torch.stack([x, y], dim=1)


def _quarters(tiles: Tensor) -> Tensor:
    """Tiles (T, s, s) -> (4 T, s / 2, s / 2)."""
    if not len(tiles):
        return tiles
    half = tiles.shape[-1] // 2
    return tiles.view(-1, 2, half, 2, half).transpose(2, 3).reshape(-1, half, half)


def _levels(target: Tensor) -> list[_Target]:
    levels = []
    for level in range(LEVELS):
        target = F.avg_pool2d(target, 2) if level else target
        rows = _rows(F.pad(target, (_BEFORE, _AFTER, _BEFORE, _AFTER)))
        levels.append(_Target(rows, *target.shape[-2:]))
    return levels


def _rows(features: Tensor) -> Tensor:
    """(B, C, h, w) as (B h w, C), a pixel's channels side by side."""
    return features.movedim(1, -1).flatten(0, 2)
