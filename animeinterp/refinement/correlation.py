"""All-pairs correlation of two frames' features and its look-up (RAFT, section 3.2), for both directions at once."""

from __future__ import annotations

import torch
from einops import rearrange
from torch import Tensor
from torch.nn import functional as F

LEVELS = 4
RADIUS = 4
CHANNELS = LEVELS * (2 * RADIUS + 1) ** 2


class CorrelationPyramid:
    """How much each pixel of either frame looks like each pixel of the other, at four scales of the other.

    Convention: features are (B, C, h, w); positions are (2B, 2, h, w), x then y, in pixels of the features' size, pixel
    centres at whole numbers. The first B positions lie on frame 0's grid and point into frame 1, the last B the other
    way. Beyond the border the correlation is 0.

    The volume of one direction is the transpose of the other's, so the largest level exists once and is read both
    ways. The coarser levels correlate with pooled features: that is the pooled correlation, the product being linear.
    All of it is float32 whatever the features are: a sum of 256 products overflows half precision.
    """

    def __init__(self, features0: Tensor, features1: Tensor) -> None:
        precision = torch.promote_types(features0.dtype, torch.float32)
        features0, features1 = features0.to(precision), features1.to(precision)
        self.shape = features0.shape
        scale = self.shape[1] ** -0.5
        full = torch.einsum("bcp,bcq->bpq", features0.flatten(2) * scale, features1.flatten(2))
        self.forward_levels = self._levels(full, features0 * scale, features1)
        # A view for a single pair; a batch of pairs copies.
        self.backward_levels = self._levels(full.transpose(1, 2), features1 * scale, features0)

    def _levels(self, full: Tensor, source: Tensor, target: Tensor) -> list[Tensor]:
        """The pyramid of one direction: level k is (B h w, 1, h / 2^k, w / 2^k)."""
        levels = [full.reshape(-1, 1, *target.shape[-2:])]
        for _ in range(LEVELS - 1):
            target = F.avg_pool2d(target, 2)
            level = torch.einsum("bcp,bcq->bpq", source.flatten(2), target.flatten(2))
            levels.append(level.reshape(-1, 1, *target.shape[-2:]))
        return levels

    def look_up(self, positions: Tensor) -> Tensor:
        """The 9x9 neighbourhood of each position at each level: (2B, 324, h, w); of a level's 81, y varies fastest."""
        pairs, _, height, width = self.shape
        steps = torch.arange(-RADIUS, RADIUS + 1, device=positions.device, dtype=positions.dtype)
        offsets = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), dim=-1)  # [i, j] = (x_i, y_j)
        found = []
        for direction, levels in enumerate((self.forward_levels, self.backward_levels)):
            centres = positions[direction * pairs : (direction + 1) * pairs]
            centres = rearrange(centres, "b two h w -> (b h w) 1 1 two")
            samples = [_sample(level, centres / 2**k + offsets) for k, level in enumerate(levels)]
            found.append(rearrange(torch.cat(samples, dim=1), "(b h w) c -> b c h w", b=pairs, h=height, w=width))
        return torch.cat(found)


def _sample(images: Tensor, positions: Tensor) -> Tensor:
    """Bilinear samples of one-channel images (M, 1, h, w) at pixel positions (M, i, j, 2), zeros outside: (M, i j)."""
    height, width = images.shape[-2:]
    # Pixel centres at (2 x + 1) / w - 1 (align_corners=False): the same samples as 2 x / (w - 1) - 1 with
    # align_corners=True, and no division by zero for the one-pixel levels of small frames.
    x, y = positions.unbind(dim=-1)
    grid = torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)
    return F.grid_sample(images, grid, mode="bilinear", padding_mode="zeros", align_corners=False).flatten(1)
