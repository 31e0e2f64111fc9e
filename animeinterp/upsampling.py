"""Motion found in smaller pictures, enlarged to the frames' own size, its edges kept.

What a refiner does grows with the pixels, and what it finds does not. So one may work at a size (``Refiner.largest``), and its
fields are enlarged.
Motion is smooth but for the outlines of what moves. So a field is enlarged like any picture where it is smooth, and at
its edges each pixel takes the motion of those around whose colour it has (joint upsampling: Kopf et al., "Joint Bilateral
Upsampling", SIGGRAPH 2007). By how much of a full-size pixel the motion is off then, dense flow tells between a frame and the
other one read along it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .dense_flow import dis_flow, lengths, warp
from .flow import FIELDS, Flow
from .frames import FramePair
from .images import difference, to_image, to_tensor
from .runtime.sides import both


@dataclass(frozen=True)
class UpsamplingConfig:
    """The numbers, chosen by hand on this project's own drawn clips at 1080p and 4K. Lengths are in pixels of the full size
    unless said otherwise."""

    edge: float = 0.5  # pixels of the small picture, by which motions next to one another differ that are not one motion
    unlike: float = 0.03  # of colour, 0..1, by which a pixel is taken for something else
    off: float = 3.0  # that what was enlarged is off at most
    smooth: float = 2.0  # around that are off alike
    far: float = 0.02  # what is ``2 smooth`` away counts: all there is, where nothing near is trusted
    farther: float = 0.1  # what the farthest of the four around counts beside the nearest's one


UPSAMPLING = UpsamplingConfig()
_MOTIONS = ("flow", "bend", "dense")  # fields whose values grow with the picture


def upsample_flow(flow: Flow, small: FramePair, pair: FramePair, config: UpsamplingConfig = UPSAMPLING) -> Flow:
    """The fields of ``flow``, found between the frames of ``small``, as fields of the same frames at the size of ``pair``.

    ``flow`` itself where both are of one size. Float32; dense flow is asked on the CPU.
    """
    if small.size == pair.size:
        return flow
    carried: dict[str, Tensor] = {}
    for side, (guide, frame) in enumerate(zip(small.rgb, pair.rgb, strict=True)):
        names = [n for n in FIELDS if _side(n) == side and getattr(flow, n) is not None]
        fields = [_in_pixels_of(name, getattr(flow, name).float(), pair.size) for name in names]
        apart = [x for name, x in zip(names, fields, strict=True) if name.startswith("flow")]
        scale = pair.size[1] / small.size[1]
        motion, edge = torch.cat(apart, dim=1), config.edge * scale
        enlarged = joint_upsample(torch.cat(fields, dim=1), guide.float(), frame.float(), motion, edge, config)
        carried |= zip(names, enlarged.split([x.shape[1] for x in fields], dim=1), strict=True)
    large = Flow(**carried, cutouts=flow.cutouts)
    images = [to_image(frame[0]) for frame in pair.rgb]
    fields = [np.ascontiguousarray(f[0].permute(1, 2, 0).cpu().numpy()) for f in (large.flow_01, large.flow_10)]
    exact = both(lambda k: to_tensor(sharpened(images[k], images[1 - k], fields[k], config), large.flow_01.device))
    return replace(large, flow_01=exact[0], flow_10=exact[1])


def sharpened(image: np.ndarray, other: np.ndarray, flow: np.ndarray, config: UpsamplingConfig = UPSAMPLING) -> np.ndarray:
    """``flow`` (H, W, 2) from ``image`` to ``other``, (H, W, 3) uint8, with the parts of a pixel that it is off."""
    warped, inside = warp(other, flow)
    residual = dis_flow(image, warped)
    before, after = (
        cv2.blur(difference(one, image).astype(np.float32), (5, 5)) for one in (warped, warp(warped, residual)[0])
    )
    trusted = inside & (after <= before + 1) & (lengths(residual) < config.off)
    weight = trusted.astype(np.float32)
    sigma = config.smooth
    half = cv2.resize(np.dstack([weight, weight * residual[..., 0], weight * residual[..., 1]]), None, fx=0.5, fy=0.5,
                      interpolation=cv2.INTER_AREA)
    smooth = cv2.GaussianBlur(half, (0, 0), sigma / 2) + config.far * cv2.GaussianBlur(half, (0, 0), sigma)
    off = smooth[..., 1:] / (smooth[..., :1] + 1e-4)
    return flow + cv2.resize(off, (flow.shape[1], flow.shape[0]), interpolation=cv2.INTER_LINEAR)


def joint_upsample(
    fields: Tensor, guide: Tensor, frame: Tensor, motion: Tensor, edge: float, config: UpsamplingConfig = UPSAMPLING
) -> Tensor:
    """``fields`` (1, C, h, w), enlarged to the size of ``frame`` (1, 3, H, W).

    :param guide: (1, 3, h, w), the picture that the fields are of; ``frame`` the same at full size.
    :param motion: (1, 2, h, w), in which edges are looked for: neighbours that differ by more than ``edge`` on an axis.
    :return: (1, C, H, W): bilinear, but at edges from those of the four around that have the pixel's colour.
    """
    size = (frame.shape[-2], frame.shape[-1])
    enlarged = F.interpolate(fields, size, mode="bilinear", align_corners=False)
    spread = F.max_pool2d(motion, 2, stride=1) + F.max_pool2d(-motion, 2, stride=1)
    is_edge = (spread > edge).any(dim=1)[0]
    top, down = _between(size[0], fields.shape[-2], fields.device)
    left, across = _between(size[1], fields.shape[-1], fields.device)
    rows, columns = is_edge[top][:, left].nonzero(as_tuple=True)
    if not len(rows):
        return enlarged
    colours = frame[0][:, rows, columns]
    around = [(below, right) for below in (0, 1) for right in (0, 1)]
    places = [(top[rows] + below, left[columns] + right) for below, right in around]
    shares = torch.stack([
        (down[rows] if below else 1 - down[rows]) * (across[columns] if right else 1 - across[columns]) for below, right in around
    ])
    off = torch.stack([(guide[0][:, y, x] - colours).square().sum(dim=0) for y, x in places]) / config.unlike**2
    weights = (shares + config.farther) * (off.amin(dim=0) - off).exp()
    weights /= weights.sum(dim=0)
    enlarged[0][:, rows, columns] = sum(w * fields[0][:, y, x] for w, (y, x) in zip(weights, places, strict=True))
    return enlarged


def _between(size: int, small: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """For each pixel of ``size``, the first of the two of ``small`` that it lies between, and how far beyond it, 0..1."""
    at = ((torch.arange(size, device=device, dtype=torch.float32) + 0.5) * (small / size) - 0.5).clamp(0, small - 1)
    first = at.long().clamp(max=max(small - 2, 0))
    return first, at - first


def _side(name: str) -> int:
    """Whose field it is: frame 0's or frame 1's."""
    return int(name.endswith(("_10", "_1")))


def _in_pixels_of(name: str, field: Tensor, size: tuple[int, int]) -> Tensor:
    """The field, its values in pixels of ``size`` if they are pixels."""
    if not name.startswith(_MOTIONS):
        return field
    return field * field.new_tensor([size[1] / field.shape[-1], size[0] / field.shape[-2]]).reshape(1, 2, 1, 1)
