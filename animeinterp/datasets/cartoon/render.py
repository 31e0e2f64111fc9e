"""Scenes to pictures and to what is true of them: which mark each pixel shows, and where that goes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from .kinematics import backward, forward, motion_table
from .pack import Packed
from .raster import Windows, rasterise
from .textures import look_up


@dataclass
class Pictures:
    """``frames`` (B, T, 3, H, W) float32 and ``shown`` (B, T, H, W) int64, the mark in front at each pixel's centre.

    ``motion`` (M, T, 19) is the motion table of every mark, ``joint`` (M,) int64 the joint it hangs on.
    """

    frames: Tensor
    shown: Tensor
    motion: Tensor
    joint: Tensor


def render(packed: Packed, times: Tensor, size: tuple[int, int], blur: list[float], subsamples: int) -> Pictures:
    """Draw every scene at every time. ``blur`` is each scene's backdrop blur, a Gaussian's sigma in pixels."""
    height, width = size
    count, steps = len(blur), len(times)
    motion = motion_table(packed.joints, times.double())[packed.joint]  # (M, T, 19)
    vertices = forward(packed.vertices[:, None], motion[packed.mark])  # (V, T, 2)
    windows = rasterise(vertices, packed.follower, packed.mark, packed.scene, size, subsamples)
    motion = motion.float()

    rows = count * steps * height * (width + 1)
    picture = torch.ones(rows, 3, device=vertices.device)
    shown = torch.zeros(rows, dtype=torch.int64, device=vertices.device)
    bounds = windows.start[torch.tensor(packed.rank_starts[:-1], device=vertices.device) * steps].tolist()
    bounds.append(len(windows.coverage))
    for rank in range(len(bounds) - 1):
        if rank == packed.backdrop_ranks and any(blur):
            _blur(picture.view(count, steps, height, width + 1, 3), blur)
        if bounds[rank] < bounds[rank + 1]:
            _paint_rank(packed, windows, motion, rank, slice(bounds[rank], bounds[rank + 1]), picture, shown, size)
    frames = picture.view(count, steps, height, width + 1, 3)[..., :width, :].permute(0, 1, 4, 2, 3)
    shown = shown.view(count, steps, height, width + 1)[..., :width]
    return Pictures(frames.contiguous(), shown, motion, packed.joint)


def _paint_rank(packed: Packed, windows: Windows, motion: Tensor, rank: int, span: slice, picture: Tensor, shown: Tensor,
                size: tuple[int, int]) -> None:
    """Lay one mark of every scene over its pictures."""
    steps = motion.shape[1]
    first, last = packed.rank_starts[rank] * steps, packed.rank_starts[rank + 1] * steps
    area = (windows.width * windows.height)[first:last]
    owner = torch.repeat_interleave(area, output_size=span.stop - span.start) + first
    mark = torch.div(owner, steps, rounding_mode="floor")
    pixel, cover = windows.pixel[span], windows.coverage[span]
    colour = packed.colour[mark]
    if packed.rank_clips[rank] or packed.rank_painted[rank]:
        row = torch.div(pixel, size[1] + 1, rounding_mode="floor")
        x, y = pixel - row * (size[1] + 1), row % size[0]
        if packed.rank_clips[rank]:
            cover.mul_(_clip(packed, windows, mark, owner % steps, x, y))
        if packed.rank_painted[rank]:
            at = torch.stack([x, y], 1) + 0.5
            colour = colour + _paint(packed.paint[mark].float(), backward(at, motion.flatten(0, 1)[owner]))
    alpha = cover * packed.opacity[mark]
    picture.index_copy_(0, pixel, torch.lerp(picture.index_select(0, pixel), colour, alpha[:, None]))
    shown.index_copy_(0, pixel, torch.where(alpha > 0.5, mark, shown.index_select(0, pixel)))


def _clip(packed: Packed, windows: Windows, mark: Tensor, step: Tensor, x: Tensor, y: Tensor) -> Tensor:
    """The coverage at pixels (x, y) of the marks that clip these (1 where none does)."""
    clip = packed.clip[mark]
    other = clip.clamp(min=0) * (len(windows.start) // len(packed.clip)) + step
    x, y, wide = x - windows.left[other], y - windows.top[other], windows.width[other]
    inside = (x >= 0) & (x < wide) & (y >= 0) & (y < windows.height[other])
    place = torch.where(inside, windows.start[other] + y * wide + x, 0)
    found = torch.where(inside, windows.coverage[place], 0.0)
    return torch.where(clip >= 0, found, 1.0)


def _paint(paint: Tensor, at: Tensor) -> Tensor:
    """What gradient and grain (n, 13) add to the colour at points ``at`` (n, 2) of the rest pose: (n, 3)."""
    slope = ((at - paint[:, 0:2]) * paint[:, 2:4]).sum(1, keepdim=True).clamp(-1, 1)
    grain = look_up(paint[:, 7], at[:, 0] * paint[:, 8], at[:, 1] * paint[:, 8] * paint[:, 9])
    return slope * paint[:, 4:7] + grain[:, None] * paint[:, 10:13]


def _blur(frames: Tensor, sigmas: list[float]) -> None:
    """Gaussian blur in place of (B, T, H, W + 1, 3), the sample's own sigma each; the spare column stays out of it."""
    for b, sigma in enumerate(sigmas):
        if sigma > 0:
            inner = frames[b, :, :, :-1].permute(0, 3, 1, 2)
            radius = max(1, int(3 * sigma + 0.5))
            x = torch.arange(-radius, radius + 1, device=frames.device, dtype=frames.dtype)
            kernel = torch.exp(-0.5 * (x / sigma) ** 2)
            kernel = (kernel / kernel.sum()).expand(3, 1, -1)
            soft = F.pad(inner, (radius, radius, radius, radius), mode="replicate")
            soft = F.conv2d(F.conv2d(soft, kernel[:, :, None], groups=3), kernel[:, :, :, None], groups=3)
            frames[b, :, :, :-1] = soft.permute(0, 2, 3, 1)


def flow_between(pictures: Pictures, a: int, b: int) -> Tensor:
    """Flow (B, 2, H, W) float32 on the grid of time index ``a`` towards time index ``b``; exactly 0 where nothing moves."""
    shown = pictures.shown[:, a]
    height, width = shown.shape[-2:]
    here, there = pictures.motion[:, a], pictures.motion[:, b]
    y = torch.arange(height, device=shown.device) + 0.5
    x = torch.arange(width, device=shown.device) + 0.5
    grid = torch.stack([x.expand(height, width), y[:, None].expand(height, width)], -1).expand(*shown.shape, 2)
    still = (here == there).all(-1)[shown]
    flow = forward(backward(grid, here[shown]), there[shown]) - grid
    return torch.where(still[..., None], 0.0, flow).permute(0, 3, 1, 2).contiguous()


def hidden(pictures: Pictures, a: int, b: int, flow_ab: Tensor, flow_ba: Tensor) -> Tensor:
    """Occlusion (B, 1, H, W) bool: pixels at time ``a`` that cannot be seen at time ``b``, for lying outside or behind.

    A pixel is seen again where it lands on a mark of the same motion, or on one that comes back to within half a pixel.
    """
    shown_a, shown_b = pictures.shown[:, a], pictures.shown[:, b]
    height, width = shown_a.shape[-2:]
    y = torch.arange(height, device=shown_a.device)[:, None] + flow_ab[:, 1]
    x = torch.arange(width, device=shown_a.device) + flow_ab[:, 0]
    outside = (x < -0.5) | (x > width - 0.5) | (y < -0.5) | (y > height - 0.5)
    place = y.round().long().clamp(0, height - 1) * width + x.round().long().clamp(0, width - 1)
    landed = shown_b.flatten(1).gather(1, place.flatten(1)).view_as(shown_a)
    back = flow_ba.flatten(2).gather(2, place.flatten(1)[:, None].expand(-1, 2, -1)).view_as(flow_ab)
    astray = (flow_ab + back).square().sum(1) > 0.25
    other = pictures.joint[shown_a] != pictures.joint[landed]
    return (outside | (astray & other))[:, None]
