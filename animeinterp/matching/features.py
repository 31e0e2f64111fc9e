"""Piece features: maps at 1, 1/2, 1/4, 1/8 of a frame, pooled over each piece (paper 3.1, "Feature Collection").

The paper pools VGG-19's; without it the AnimeInterp model's own feature pyramid and encoder serve, and without any
network what the pixels give: soft histograms of colour, of the surroundings' colour at two scales, and of shape. All of
them end as non-negative vectors of unit L1 norm, which is what the affinity compares.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

COLOUR_BINS = 8
AREA_BINS, ROUND_BINS = 12, 6


def pool(features: list[Tensor], labels: Tensor, count: int, moments: Tensor | None = None) -> Tensor:
    """Super-pixel pooling: the mean of each channel over the pixels of each piece (Kwak et al., AAAI 2017).

    :param features: maps (1, C_l, H_l, W_l), each at 1/2^l of the frame's size, rounded either way.
    :param labels: (H, W) integers, 0..count-1.
    :param moments: (count, 6), what ``piece_moments`` gives for ``labels``, where it is known already.
    :return: (count, sum of C_l) float32 on the features' device. A piece that vanishes from a subsampled label map
        takes the feature at its centre there.
    """
    # Found where the labels are: not every device knows float64.
    centres = (piece_moments(labels, count) if moments is None else moments)[:, 1:3].float().to(features[0].device)
    labels = labels.to(features[0].device, torch.int64)
    height, width = labels.shape
    pooled = []
    for level in features:
        rows, columns = level.shape[-2:]
        # The full-size pixel at the middle of each feature pixel: subsampling by 2^l, for any rounding of sizes.
        y = ((torch.arange(rows, device=level.device) + 0.5) * (height / rows)).long().clamp(max=height - 1)
        x = ((torch.arange(columns, device=level.device) + 0.5) * (width / columns)).long().clamp(max=width - 1)
        small = labels[y][:, x].flatten()
        values = level[0].float().flatten(1)  # (C, rows * columns)
        area = torch.bincount(small, minlength=count).to(values.dtype)
        mean = _sums(values, small, count) / area.clamp(min=1)[:, None]
        lost = area == 0
        if lost.any():
            cx = (centres[lost, 0] * columns / width).long().clamp(0, columns - 1)
            cy = (centres[lost, 1] * rows / height).long().clamp(0, rows - 1)
            mean[lost] = values[:, cy * columns + cx].t()
        pooled.append(mean)
    return torch.cat(pooled, dim=1)


def _sums(values: Tensor, index: Tensor, count: int) -> Tensor:
    """Sum the columns of (C, n) that share an index (n,): (count, C)."""
    return values.new_zeros(values.shape[0], count).index_add_(1, index, values).t().contiguous()


def piece_moments(labels: Tensor, count: int) -> Tensor:
    """Area, centroid and second central moments of each piece.

    :param labels: (H, W) integers 0..count-1.
    :return: (count, 6) float64: area, x, y, var(x), var(y), cov(x, y), in pixels; pixel centres at whole numbers.
    """
    height, width = labels.shape
    # By runs of one piece in a row, of which there are a few per cent as many as pixels.
    begins = torch.ones_like(labels, dtype=torch.bool)
    begins[:, 1:] = labels[:, 1:] != labels[:, :-1]
    first = begins.flatten().nonzero()[:, 0]
    length = torch.diff(first, append=first.new_tensor([labels.numel()])).double()
    piece = labels.flatten()[first].to(torch.int64)
    # Positions about the middle of the frame are small enough for float64 to sum their products to the last digit.
    mx, my = (width - 1) / 2, (height - 1) / 2
    x = (first % width).double() + (length - 1) / 2 - mx
    y = torch.div(first, width, rounding_mode="floor").double() - my

    def total(values: Tensor) -> Tensor:
        return torch.bincount(piece, values * length, minlength=count)

    area = torch.bincount(piece, length, minlength=count)
    weight = area.clamp(min=1)
    cx, cy = total(x) / weight, total(y) / weight
    # A run of n pixels has a variance of (n^2 - 1) / 12 of its own.
    var_x = (total(x * x + (length**2 - 1) / 12) / weight - cx**2).clamp(min=0)
    var_y = (total(y * y) / weight - cy**2).clamp(min=0)
    covariance = total(x * y) / weight - cx * cy
    return torch.stack([area, cx + mx, cy + my, var_x, var_y, covariance], dim=1)


def pixel_features(frame: Tensor) -> list[Tensor]:
    """What the pixels give where there is no network: soft colour histograms of a pixel and of its surroundings.

    :param frame: (1, 3, H, W) in 0..1.
    :return: three maps (1, 24, ...): at 1/2 of the size every other pixel as it is, and at 1/8 the surroundings, as far
        as 1/40 and 1/10 of the width.
    """
    step = 2 if min(frame.shape[-2:]) > 1 else 1
    # The pixels that ``pool`` takes the labels of: colours unmixed, each with its own piece.
    own = _soft_histogram(_opponent(frame[..., step - 1 :: step, step - 1 :: step].float()))
    # ceil_mode as a frame need not be a multiple of the scale.
    small = F.avg_pool2d(own, 8 // step, ceil_mode=True, count_include_pad=False)
    return [own, *(_box_mean(small, max(1, round(frame.shape[-1] / share / 8))) for share in (40, 10))]


def _box_mean(values: Tensor, radius: int) -> Tensor:
    """The mean over a box of 2 radius + 1, as much of it as lies inside: one axis after the other, by running sums."""
    for axis in (-1, -2):
        size = values.shape[axis]
        index = torch.arange(size, device=values.device)
        first, last = (index - radius).clamp(min=0), (index + radius + 1).clamp(max=size)
        running = F.pad(values.cumsum(axis), (1, 0) if axis == -1 else (0, 0, 1, 0))
        inside = (last - first).to(values.dtype)
        total = running.index_select(axis, last) - running.index_select(axis, first)
        values = total / (inside if axis == -1 else inside[:, None])
    return values


def shape_features(moments: Tensor) -> Tensor:
    """Soft histograms of a piece's size and roundness. (K, 6) moments to (K, 18) float32."""
    area = moments[:, 0].clamp(min=1)
    octave = torch.log2(area).sub(4).div(14).clamp(0, 1)  # 16 px .. 262144 px
    half = (moments[:, 3] + moments[:, 4]) / 2
    apart = torch.sqrt(((moments[:, 3] - moments[:, 4]) / 2) ** 2 + moments[:, 5] ** 2)
    roundness = torch.sqrt((half - apart).clamp(min=0) / (half + apart).clamp(min=1e-6))
    return torch.cat([_soft_bins(octave, AREA_BINS), _soft_bins(roundness, ROUND_BINS)], dim=1).float()


def unit_vectors(pooled: Tensor) -> Tensor:
    """Non-negative vectors of unit L1 norm: the vector's minimum is subtracted first, as the published code does."""
    positive = pooled - pooled.amin(dim=1, keepdim=True)
    return positive / positive.sum(dim=1, keepdim=True).clamp(min=1e-12)


def _opponent(frame: Tensor) -> Tensor:
    """Luma and two colour differences, each in 0..1: hues that differ at one brightness fall into different bins."""
    red, green, blue = frame.unbind(1)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    return torch.stack([luma, 0.5 + (red - luma) / 1.402, 0.5 + (blue - luma) / 1.772], dim=1).clamp(0, 1)


def _soft_histogram(planes: Tensor) -> Tensor:
    """(1, C, H, W) in 0..1 to (1, C * COLOUR_BINS, H, W): each value shared between its two nearest bins."""
    position = planes[:, :, None] * (COLOUR_BINS - 1)
    centres = torch.arange(COLOUR_BINS, device=planes.device, dtype=planes.dtype)[None, None, :, None, None]
    return (1 - (position - centres).abs()).clamp(min=0).flatten(1, 2)


def _soft_bins(values: Tensor, bins: int) -> Tensor:
    centres = torch.arange(bins, device=values.device, dtype=values.dtype)
    return (1 - (values[:, None] * (bins - 1) - centres).abs()).clamp(min=0)
