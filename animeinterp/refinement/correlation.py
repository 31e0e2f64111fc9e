"""All-pairs correlation of two frames' features and its look-up (RAFT, section 3.2), for both directions at once."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor, nn
from torch.nn import functional as F

from ..flow import sampling_grid
from ..runtime.memory import free_memory, total_memory

LEVELS = 4
RADIUS = 4
CHANNELS = LEVELS * (2 * RADIUS + 1) ** 2

# Into how many pieces each level's product is cut where nothing is learnt, so that a layer_progress is heard between them.
_PIECES = (16, 4, 1, 1)
# On a CPU a greater volume is not worth its memory: the look-up on demand takes no longer. On other devices it takes no
# more than this (1080p takes 6.5 GiB), or a share of a large one's memory.
_MOST_ON_CPU, _MOST, _SHARE_OF_ALL = 2 * 2**30, 8 * 2**30, 0.25
SHARE = 0.7  # of the memory that is free, which it may take: the rest of the refinement needs some too


class ProgressTick(nn.Module):
    """A layer that does nothing, called between pieces of work that are not layers, for a layer_progress to be heard."""

    PER_VOLUME = _PIECES[0] + 2 * sum(_PIECES[1:])
    PER_LOOK_UP = 2 * LEVELS

    def forward(self) -> None:
        return None


def volume_bytes(pairs: int, height: int, width: int) -> int:
    """What a CorrelationPyramid of features (pairs, C, height, width) takes: the largest level once, the rest twice."""
    cells = height * width
    coarse = sum((height >> k) * (width >> k) for k in range(1, LEVELS))
    return 4 * pairs * cells * (cells * (1 if pairs == 1 else 2) + 2 * coarse)


def volume_is_worth_it(size: int, device: torch.device | None) -> bool:
    """Whether a volume of ``size`` bytes is worth its memory on ``device`` (None: any but a CPU), were all of that free."""
    if device is None:
        return size <= _MOST
    if device.type == "cpu":
        return size <= _MOST_ON_CPU
    total = total_memory(device)
    return size <= max(_MOST, _SHARE_OF_ALL * total) and size < SHARE * total


def volume_fits(features: Tensor) -> bool:
    """Whether there is room for the volume of ``features`` (B, C, h, w), and it is worth its memory."""
    pairs, _, height, width = features.shape
    size = volume_bytes(pairs, height, width)
    return volume_is_worth_it(size, features.device) and size < SHARE * free_memory(features.device)


class CorrelationPyramid:
    """How much each pixel of either frame looks like each pixel of the other, at four scales of the other.

    Convention: features are (B, C, h, w); positions are (2B, 2, h, w), x then y, in pixels of the features' size, pixel
    centres at whole numbers. The first B positions lie on frame 0's grid and point into frame 1, the last B the other
    way. Beyond the border the correlation is 0.

    The volume of one direction is the transpose of the other's, so the largest level exists once and is read both
    ways. The coarser levels correlate with pooled features: that is the pooled correlation, the product being linear.
    All of it is float32 whatever the features are: a sum of 256 products overflows half precision.
    """

    def __init__(self, features0: Tensor, features1: Tensor, tick: ProgressTick | None = None) -> None:
        features0, features1 = in_precision(features0), in_precision(features1)
        self.shape = features0.shape
        self._tick = ProgressTick() if tick is None else tick
        scale = self.shape[1] ** -0.5
        full = self._product(features0 * scale, features1, _PIECES[0])
        self.forward_levels = self._levels(full, features0 * scale, features1)
        # A view for a single pair; a batch of pairs copies.
        self.backward_levels = self._levels(full.transpose(1, 2), features1 * scale, features0)

    def _levels(self, full: Tensor, source: Tensor, target: Tensor) -> list[Tensor]:
        """The pyramid of one direction: level k is (B h w, 1, h / 2^k, w / 2^k)."""
        levels = [full.reshape(-1, 1, *target.shape[-2:])]
        for pieces in _PIECES[1:]:
            target = F.avg_pool2d(target, 2)
            levels.append(self._product(source, target, pieces).reshape(-1, 1, *target.shape[-2:]))
        return levels

    def _product(self, source: Tensor, target: Tensor, pieces: int) -> Tensor:
        """(B, source's pixels, target's pixels)."""
        source, target = source.flatten(2).transpose(1, 2), target.flatten(2)
        if source.requires_grad or target.requires_grad:
            return torch.bmm(source, target)
        product = source.new_empty(source.shape[0], source.shape[1], target.shape[2])
        for rows, result in zip(source.chunk(pieces, 1), product.chunk(pieces, 1), strict=True):
            self._tick()
            torch.bmm(rows, target, out=result)
        return product

    def look_up(self, positions: Tensor) -> Tensor:
        """The 9x9 neighbourhood of each position at each level: (2B, 324, h, w); of a level's 81, y varies fastest."""
        pairs, _, height, width = self.shape
        offsets = window(positions)
        found = []
        for direction, levels in enumerate((self.forward_levels, self.backward_levels)):
            centres = positions[direction * pairs : (direction + 1) * pairs]
            centres = rearrange(centres, "b two h w -> (b h w) 1 1 two")
            samples = []
            for k, level in enumerate(levels):
                self._tick()
                samples.append(sample(level, centres / 2**k + offsets))
            found.append(rearrange(torch.cat(samples, dim=1), "(b h w) c -> b c h w", b=pairs, h=height, w=width))
        return torch.cat(found)


def in_precision(features: Tensor) -> Tensor:
    """At least float32."""
    return features.to(torch.promote_types(features.dtype, torch.float32))


def window(like: Tensor) -> Tensor:
    """The steps from a position to its neighbourhood, (9, 9, 2): [i, j] = (x_i, y_j)."""
    steps = torch.arange(-RADIUS, RADIUS + 1, device=like.device, dtype=like.dtype)
    return torch.stack(torch.meshgrid(steps, steps, indexing="ij"), dim=-1)


def sample(images: Tensor, positions: Tensor) -> Tensor:
    """Bilinear samples of one-channel images (M, 1, h, w) at pixel positions (M, i, j, 2), zeros outside: (M, i j)."""
    grid = sampling_grid(*positions.unbind(dim=-1), images.shape[-2:])
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False).flatten(1)
