"""Scenes to pictures: which marks cover each pixel, how much, and what that looks like.

Everything that covers a pixel is listed, the list cut below what covers it wholly, and the rest laid over one another
from the back. So the painting costs little more than one look at every pixel, whatever the number of marks.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .kinematics import INVERSE, backward, forward, motion_table
from .pack import Packed
from .raster import Windows, rasterise
from .textures import look_up, look_up_picture


@dataclass
class Pictures:
    """``frames`` (B, T, 3, H, W) float32 and ``shown`` (B, T, H, W) int64, the mark in front at each pixel.

    ``motion`` (M, T, 19) is the motion table of every mark, in float64, ``joint`` (M,) int64 the joint it hangs on.
    """

    frames: Tensor
    shown: Tensor
    motion: Tensor
    joint: Tensor


def render(packed: Packed, times: Tensor, size: tuple[int, int], blur: list[float], subsamples: int) -> Pictures:
    """Draw every scene at every time. ``blur`` is each scene's backdrop blur, a Gaussian's sigma in pixels."""
    count, steps = len(blur), len(times)
    motion = motion_table(packed.joints, times.double())[packed.joint]  # (M, T, 19)
    vertices = forward(packed.vertices[:, None], motion[packed.mark]).float()  # (V, T, 2)
    windows = rasterise(vertices, packed.follower, packed.mark, len(packed.joint), size, subsamples)
    window, pixel, alpha = _fragments(packed, motion, windows, steps, size)
    shown = torch.zeros(count * steps * size[0] * size[1], dtype=torch.int32, device=vertices.device)
    shown.scatter_reduce_(0, pixel, torch.where(alpha > 0.5, window, 0), "amax")
    shown = torch.div(shown, steps, rounding_mode="floor").long().view(count, steps, *size)

    picture = torch.ones(shown.numel(), 3, device=vertices.device)
    paint = _paint_table(packed, motion)
    split = int(torch.searchsorted(window, packed.backdrop_marks * steps))
    _lay(packed, motion, paint, window[:split], pixel[:split], alpha[:split], picture, size)
    if any(blur):
        _blur(picture.view(count, steps, *size, 3), blur)
    _lay(packed, motion, paint, window[split:], pixel[split:], alpha[split:], picture, size)
    frames = picture.view(count, steps, *size, 3).permute(0, 1, 4, 2, 3).contiguous()
    return Pictures(frames, shown, motion, packed.joint)


def _fragments(
    packed: Packed, motion: Tensor, windows: Windows, steps: int, size: tuple[int, int]
) -> tuple[Tensor, Tensor, Tensor]:
    """Every mark's share in every pixel that it touches, within what clips it, in painter's order.

    Returns window (n,) int32, which is mark T + time, pixel (n,) int64, counted through the stack of (B, T) pictures,
    and
    coverage (n,) float32.
    """
    height, width = size
    owner, first, y = windows.rows()
    mark = torch.div(owner, steps, rounding_mode="floor")
    # Along a row pixels follow one another as cells do, so that one number a row turns cells into pixels.
    base = ((packed.scene[mark] * steps + owner % steps) * height + y) * width + windows.left[owner] - first
    level = packed.clip_level[mark]
    wide = windows.width[owner]
    for depth in range(1, packed.clip_levels + 1):
        r, cell = _cells((level == depth).nonzero()[:, 0], first, wide)
        by = packed.clip[mark[r]] * steps + owner[r] % steps
        windows.coverage[cell] *= windows.at(by, cell - first[r] + windows.left[owner[r]], y[r])
    shows = (packed.texture[mark] >= 0).nonzero()[:, 0]
    if len(shows):
        r, cell = _cells(shows, first, wide)
        windows.coverage[cell] *= _picture(packed, motion, owner[r], base[r] + cell, size)[:, 3]
    windows.coverage[_cells(packed.gate[mark].nonzero()[:, 0], first, wide)[1]] = 0.0
    cell = windows.coverage.nonzero()[:, 0]
    row = torch.arange(len(owner), dtype=torch.int32, device=owner.device)
    r = torch.repeat_interleave(row, wide, output_size=len(windows.coverage))[cell]
    return owner[r], base[r] + cell, windows.coverage[cell]


def _cells(rows: Tensor, first: Tensor, wide: Tensor) -> tuple[Tensor, Tensor]:
    """Every cell of ``rows``: its row and itself, (n,) each. Rows begin at ``first``, ``wide`` long, (R,) each."""
    widths = wide[rows]
    ends = torch.cumsum(widths, 0)
    row = torch.repeat_interleave(rows, widths)
    shift = torch.repeat_interleave(first[rows] - ends + widths, widths)
    return row, torch.arange(len(row), device=row.device) + shift


def _picture(packed: Packed, motion: Tensor, window: Tensor, pixel: Tensor, size: tuple[int, int]) -> Tensor:
    """What the textures of windows (n,) show at pixels (n,) of the stack: (n, 4), colours multiplied with alpha."""
    mark = torch.div(window, motion.shape[1], rounding_mode="floor").long()
    row = torch.div(pixel, size[1], rounding_mode="floor")
    place = torch.stack([(pixel - row * size[1]) + 0.5, (row % size[0]) + 0.5], 1).double()
    rest = backward(place, motion[mark, (window % motion.shape[1]).long()])
    return look_up_picture(packed.texels, packed.texture_table[packed.texture[mark]], rest)


def _lay(packed: Packed, motion: Tensor, paint: Tensor, window: Tensor, pixel: Tensor, alpha: Tensor, picture: Tensor,
         size: tuple[int, int]) -> None:
    """Lay fragments over ``picture`` (P, 3), in place; ``paint`` (M T, 16) is _paint_table's."""
    floor = torch.zeros(len(picture), dtype=torch.int32, device=picture.device)
    floor.scatter_reduce_(0, pixel, torch.where(alpha >= 1, window, 0), "amax")
    keep = (window >= floor[pixel]).nonzero()[:, 0]
    window, pixel, alpha = window[keep], pixel[keep], alpha[keep, None]
    mark = torch.div(window, len(paint) // len(packed.joint), rounding_mode="floor")
    colour = packed.colour[mark]
    painted = packed.painted[mark].nonzero()[:, 0]
    colour[painted] += _paint(paint[window[painted]], pixel[painted], size)
    shows = (packed.texture[mark] >= 0).nonzero()[:, 0]
    if len(shows):
        seen = _picture(packed, motion, window[shows], pixel[shows], size)
        colour[shows] = seen[:, :3] / seen[:, 3:].clamp(min=1e-4)

    whole = alpha[:, 0] >= 1  # one to a pixel, the lowest that is left there
    ground, rest = whole.nonzero()[:, 0], (~whole).nonzero()[:, 0]
    picture[pixel[ground]] = colour[ground]
    pixel, colour, alpha = pixel[rest], colour[rest], alpha[rest]
    pixel, order = torch.sort(pixel, stable=True)
    here, amount = torch.unique_consecutive(pixel, return_counts=True)
    first = torch.cumsum(amount, 0) - amount
    for layer in range(int(amount.max()) if len(amount) else 0):
        deep = (amount > layer).nonzero()[:, 0]
        here, first, amount = here[deep], first[deep], amount[deep]
        k = order[first + layer]
        picture[here] = torch.lerp(picture[here], colour[k], alpha[k])


def _paint_table(packed: Packed, motion: Tensor) -> Tensor:
    """What ``_paint`` needs, for each window (M T, 16): three linear forms of the pixel, for the gradient and the
    grain's two coordinates, then the gradient's colour, the grain's tile and the grain's colour."""
    p = packed.paint.double()
    forms = p.new_zeros(len(p), 3, 3)  # of the rest pose's (u, v, 1)
    forms[:, 0, :2] = p[:, 2:4]
    forms[:, 0, 2] = -(p[:, 0:2] * p[:, 2:4]).sum(1)
    forms[:, 1, 0], forms[:, 2, 1] = p[:, 8], p[:, 8] * p[:, 9]
    inverse = motion[..., INVERSE]
    to_rest = torch.zeros(*inverse.shape[:2], 3, 3, dtype=p.dtype, device=p.device)
    to_rest[..., :2, :2] = inverse[..., :4].unflatten(-1, (2, 2))
    to_rest[..., :2, 2] = inverse[..., 4:]
    to_rest[..., 2, 2] = 1
    forms = (forms[:, None] @ to_rest).flatten(2)
    rest = p[:, None, 4:].expand(-1, motion.shape[1], -1)[..., [0, 1, 2, 3, 6, 7, 8]]
    return torch.cat([forms, rest], -1).flatten(0, 1).float()


def _paint(paint: Tensor, pixel: Tensor, size: tuple[int, int]) -> Tensor:
    """What gradient and grain, ``paint`` (n, 16), add to the colour of pixels (n,): (n, 3)."""
    row = torch.div(pixel, size[1], rounding_mode="floor")
    x, y = (pixel - row * size[1]).float() + 0.5, (row % size[0]).float() + 0.5
    slope, u, v = (paint[:, k] * x + paint[:, k + 1] * y + paint[:, k + 2] for k in (0, 3, 6))
    grain = look_up(paint[:, 12], u, v)
    return slope.clamp(-1, 1)[:, None] * paint[:, 9:12] + grain[:, None] * paint[:, 13:16]


def _blur(frames: Tensor, sigmas: list[float]) -> None:
    """Gaussian blur in place of (B, T, H, W, 3), the sample's own sigma each."""
    for picture, sigma in zip(frames, sigmas, strict=True):
        if sigma > 0:
            radius = max(1, int(3 * sigma + 0.5))
            x = torch.arange(-radius, radius + 1, device=frames.device, dtype=frames.dtype)
            kernel = torch.exp(-0.5 * (x / sigma) ** 2)
            kernel = (kernel / kernel.sum()).expand(3, 1, -1)
            soft = F.pad(picture.permute(0, 3, 1, 2), (radius, radius, radius, radius), mode="replicate")
            soft = F.conv2d(F.conv2d(soft, kernel[:, :, None], groups=3), kernel[:, :, :, None], groups=3)
            picture.copy_(soft.permute(0, 2, 3, 1))
