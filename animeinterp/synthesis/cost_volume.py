"""How alike two drawings are along motions: what the network at t is shown beside their features (``bilateral``)."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

from ..flow import pixel_grid, sampling_grid

RANGE = 4  # positions to each side at 1/16, each of a sixteenth of the size: half of a motion of 128 pixels
_TILE = 8  # pixels of both sides of a tile, of which all are compared at once


def _even(features: Tensor) -> Tensor:
    """Features of unit mean square at each pixel, so that their product says how alike they are, not how strong."""
    features = features.float()
    return features * (features.square().mean(dim=1, keepdim=True) + 1e-3).rsqrt()


def correlate(read0: Tensor, read1: Tensor, reach: int) -> Tensor:
    """How alike the reading of drawing 0 is to that of drawing 1 at each of (2 reach + 1)^2 places around: (B, n, h, w).

    Tile by tile, every pixel of one is multiplied with all of the other that any of the tile is compared with, in one product
    of matrices: most of it is not asked for, and it still takes a third of the time that asking pixel by pixel would.
    """
    batch, channels, height, width = read0.shape
    side, wide = 2 * reach + 1, _TILE + 2 * reach
    down, across = -(-height // _TILE), -(-width // _TILE)
    bottom, right = down * _TILE - height, across * _TILE - width
    one = F.pad(_even(read0).to(read0.dtype), (0, right, 0, bottom))
    other = F.pad(_even(read1).to(read0.dtype), (reach, reach + right, reach, reach + bottom))
    products = _pixels_of_tiles(one / channels, _TILE) @ _pixels_of_tiles(other, wide).transpose(1, 2)
    # Pixel (y, x) of a tile, and its neighbour (v, u), are row y TILE + x, column (y + v) wide + x + u.
    pixel, tile = wide**2, _TILE**2 * wide**2
    steps = (down * across * tile, across * tile, tile, _TILE * pixel + wide, pixel + 1, wide, 1)
    around = products.contiguous().as_strided((batch, down, across, _TILE, _TILE, side, side), steps)
    return rearrange(around, "b down across y x v u -> b (v u) (down y) (across x)")[..., :height, :width]


def _pixels_of_tiles(x: Tensor, side: int) -> Tensor:
    """The windows (B, C, H, W) -> (windows, side * side, C), one at every ``_TILE`` pixels."""
    return rearrange(x.unfold(2, side, _TILE).unfold(3, side, _TILE), "b c down across y x -> (b down across) (y x) c")


def cost_volume(features0: Tensor, features1: Tensor, time: Tensor) -> Tensor:
    """The bilateral cost volume (Park et al., "BMBC", ECCV 2020): how alike the drawings are at opposite ends of each motion
    through a pixel at ``time``: (B, (2 RANGE + 1)^2, h, w).

    Motion d, in units of two pixels of this size, comes from -2 t d and leads to 2 (1 - t) d.
    """
    batch, channels, height, width = features0.shape
    if time.device.type == "cpu" and bool((time == 0.5).all()):  # elsewhere asking would have the device wait
        return _half_way(_even(features0), _even(features1))
    reach = torch.arange(-RANGE, RANGE + 1, device=time.device, dtype=torch.float32)
    offsets = torch.stack(torch.meshgrid(reach, reach, indexing="ij"), dim=-1).flatten(0, 1).flip(-1)  # (n, 2): x, y
    x, y = pixel_grid(features0.float()).unbind(dim=1)
    time = time.float().reshape(-1, 1, 1, 1)
    read = []
    for features, way in ((features0, -2 * time), (features1, 2 * (1 - time))):
        at_x = x[:, None] + way * offsets[:, 0].reshape(1, -1, 1, 1)
        at_y = y[:, None] + way * offsets[:, 1].reshape(1, -1, 1, 1)
        grid = sampling_grid(at_x, at_y, (height, width)).flatten(1, 2)
        read.append(F.grid_sample(_even(features), grid.expand(batch, -1, -1, -1), align_corners=False))
    return (read[0] * read[1]).mean(dim=1).reshape(batch, -1, height, width)


def _half_way(even0: Tensor, even1: Tensor) -> Tensor:
    """``cost_volume`` at half the time, where both ends are whole pixels: nothing has to be read between any."""
    height, width = even0.shape[-2:]
    padded0, padded1 = (F.pad(even, (RANGE,) * 4) for even in (even0, even1))
    side = 2 * RANGE + 1
    found = []
    for y, x in ((y, x) for y in range(side) for x in range(side)):
        from0 = padded0[..., side - 1 - y : side - 1 - y + height, side - 1 - x : side - 1 - x + width]
        found.append((from0 * padded1[..., y : y + height, x : x + width]).mean(dim=1))
    return torch.stack(found, dim=1)
