"""The in-between without a network: softmax splatting of both frames, the one in front on top, holes filled.

Niklaus and Liu, "Softmax Splatting" (CVPR 2020), with a metric of two terms: how much alike a pixel and its target look
(the paper's Z), and, where it is known, which piece is in front. Colours are warped as positions: what is splatted
tells where a pixel comes from, and the frame is read there with a sharp filter, so that lines stay as they were drawn.
Where another flow of the same pair gives nearly the same in-between, the two are averaged: their errors are not the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..alpha import from_grey, premultiply, straighten
from ..errors import check_flow, check_pair, check_times
from ..flow import Flow, backwarp, displacement, pixel_grid
from ..frames import FramePair
from ..protocols import Synthesizer
from ..runtime import Runtime
from ..runtime.sides import for_both
from .bands import in_bands
from .config import BLEND, BlendConfig
from .sampling import sample_lanczos
from .splatting import splat

EMPTY = 1e-32  # the mass of a hole


@dataclass(frozen=True)
class WarpedFrames:
    """Two frames warped to a time between them, frame 0's part first in each pair. Float32.

    ``colours``: what landed of each frame (1, C, H, W), alpha premultiplied, 0 where nothing did. ``masses``
    (1, 1, H, W): what it counts. ``shifts`` (1, 2, H, W) in pixels: how far it has come. ``share`` (1, 1, H, W): how
    much of ``blended`` (1, C, H, W), the in-between that these make, is frame 1's.
    """

    colours: tuple[Tensor, Tensor]
    masses: tuple[Tensor, Tensor]
    shifts: tuple[Tensor, Tensor]
    share: Tensor
    blended: Tensor

    def rows(self, rows: slice) -> WarpedFrames:
        """Some rows of them."""

        def part(x: Tensor) -> Tensor:
            return x[..., rows, :]

        pairs = ((part(x[0]), part(x[1])) for x in (self.colours, self.masses, self.shifts))
        return WarpedFrames(*pairs, part(self.share), part(self.blended))

    @property
    def hole(self) -> Tensor:
        """Where nothing landed of either, (1, 1, H, W) bool."""
        return self.masses[0] + self.masses[1] <= EMPTY

    def read(self, maps: Sequence[Tensor]) -> Tensor:
        """``maps`` (1, C, H, W), one of each frame, as the in-between shows them: read where its colours come from and shared as
        these are. 0 in holes."""
        return torch.lerp(*self.read_each(maps), self.share)

    def read_each(self, maps: Sequence[Tensor]) -> list[Tensor]:
        """As ``read``, but not shared; 0 where nothing of a frame is."""
        return [
            torch.where(mass > EMPTY, backwarp(one, -shift), 0)
            for one, mass, shift in zip(maps, self.masses, self.shifts, strict=True)
        ]


class FrameWarper:
    """A pair of frames and the flow between them, ready to be warped to any time: what does not depend on it, once."""

    def __init__(self, frame0: Tensor, frame1: Tensor, flow: Flow, config: BlendConfig = BLEND) -> None:
        """Arguments and errors are those of ``blend``."""
        self._config = config
        check_pair(frame0, frame1)
        for name, field in (("flow_01", flow.flow_01), ("flow_10", flow.flow_10)):
            check_flow(name, field, frame0)
        self.frames = [premultiply(frame.float()) for frame in (frame0, frame1)]
        self._fields = [field.to(frame0.device, torch.float32) for field in (flow.flow_01, flow.flow_10)]
        self._bends = [
            None if bend is None else bend.to(frame0.device, torch.float32) for bend in (flow.bend_01, flow.bend_10)
        ]
        self._weights = _weights(self.frames, self._fields, flow, config)

    def at(self, time: float) -> WarpedFrames:
        """Both frames warped to ``time``, 0..1."""
        ways = zip(self._fields, self._bends, (time, 1 - time), strict=True)
        moved = [displacement(*way) for way in ways]

        def warped(k: int) -> tuple[Tensor, Tensor, Tensor]:
            field, size = moved[k], tuple(moved[k].shape[-2:])
            shifted, mass = splat(field, field, (time if k else 1 - time) * self._weights[k])
            (counts,) = in_bands(partial(self._counts, k, shifted / mass.clamp(min=EMPTY), field), size, field.device)
            landed = splat(torch.cat([self.frames[k], field], dim=1), field, counts)
            drawing = self.frames[k].contiguous(memory_format=torch.channels_last)  # as it is read without being copied
            return *in_bands(partial(self._read, drawing, *landed), size, field.device), mass

        colours, shifts, masses = zip(*for_both(warped, moved[0].device), strict=True)
        share = _evened_share(colours, masses, self._config)
        warped = WarpedFrames(colours, masses, shifts, share, torch.lerp(*colours, share).clamp(0, 1))
        return replace(warped, blended=fill_holes(warped.blended, warped.hole))

    def _counts(self, k: int, mean: Tensor, field: Tensor, rows: slice) -> tuple[Tensor]:
        """What pixels of frame k count where they land. What lands from afar among what it passes over, where the ``mean`` motion
        is another, is not to be mixed with it: the mean of two motions is neither's."""
        own, config = field[..., rows, :], self._config
        off = (own - backwarp(mean, own, top=rows.start)).square().sum(dim=1, keepdim=True).sqrt()
        agrees = (-(off - config.motion_mixed).clamp(min=0) / config.motion_strays).exp()
        return (self._weights[k][..., rows, :] * agrees.clamp(min=config.least_weight),)

    def _read(self, drawing: Tensor, landed: Tensor, counts: Tensor, rows: slice) -> tuple[Tensor, Tensor]:
        """The colours that landed, read in the ``drawing`` again, sharply, where that is the same; and how far they have come."""
        landed = landed[..., rows, :] / counts[..., rows, :].clamp(min=EMPTY)
        colour, shift = landed[:, :-2], landed[:, -2:]
        origin = pixel_grid(shift, rows.start) - shift
        sharp = sample_lanczos(drawing, origin[0, 0], origin[0, 1])
        believed = (-(((sharp - colour).abs().sum(dim=1, keepdim=True) / self._config.sharp) ** 2)).exp()
        return torch.lerp(colour, sharp, believed), shift


def blend(
    frame0: Tensor, frame1: Tensor, flow: Flow, times: list[float], *, config: BlendConfig = BLEND,
    progress: Callable[[float], None] | None = None,
) -> Tensor:
    """In-between frames from two frames and the flow between them, weights-free.

    :param frame0: (1, 3 or 4, H, W) in 0..1; ``frame1`` likewise. Alpha is straight, and splatted premultiplied.
    :param flow: the pair's; with ``depth_0/1`` pieces that overlap keep their order, without it likeness alone decides;
        with ``dense_01/10`` the in-between is averaged with that of the dense flow wherever they hardly differ.
    :param times: each in 0..1.
    :param config: its numbers.
    :param progress: called with the share done, 0..1, before each time; may raise to stop.
    :return: (T, C, H, W) float32 in 0..1 on the frames' device.
    :raises AnimeInterpError: for shapes that do not fit together.
    """
    times = check_times(times)
    warper = FrameWarper(frame0, frame1, flow, config)
    other = None
    if flow.dense_01 is not None and flow.dense_10 is not None:
        other = FrameWarper(frame0, frame1, Flow(flow.dense_01, flow.dense_10), config)
    result = warper.frames[0].new_empty(len(times), *warper.frames[0].shape[1:])
    for index, t in enumerate(times):
        if progress is not None:
            progress(index / len(times))
        warped = warper.at(t)
        result[index] = (warped.blended if other is None else averaged(warped, other.at(t), t, config))[0]
    return result if result.shape[1] == 3 else straighten(result[:, :3], result[:, 3:])


class Blend(Synthesizer):
    """The blend as a synthesizer: what draws where no network does."""

    seconds = 0.6

    def __init__(self, config: Any = None, *, operations: Any = None) -> None:
        """``config``: a BlendConfig; anything else stands for the numbers as they were chosen."""
        self.config = config if isinstance(config, BlendConfig) else BLEND

    def prepare(self, pair: FramePair, flow: Flow | None) -> BlendedDrawing:
        """See ``Synthesizer``."""
        return BlendedDrawing(pair, flow, self.config)


class BlendedDrawing:
    """See ``protocols.Drawing``."""

    def __init__(self, pair: FramePair, flow: Flow, config: BlendConfig) -> None:
        self._frames, self._flow, self._config = pair.rgb if pair.opaque else pair.frames, flow, config

    def at(self, times: list[float], *, tile: int | None = None, runtime: Runtime | None = None) -> Tensor:
        runtime = Runtime() if runtime is None else runtime
        return runtime.in_thread(lambda report: blend(*self._frames, self._flow, times, config=self._config, progress=report))


def with_blended_alpha(painted: Tensor, pair: FramePair, flow: Flow, times: list[float], runtime: Runtime) -> Tensor:
    """``painted`` (T, 3, H, W), colours over grey that a network drew, with the alpha that the blend draws."""
    return from_grey(painted, blend(*pair.frames, flow, times, progress=lambda _: runtime.report(1.0))[:, 3:])


def averaged(one: WarpedFrames, opinion: WarpedFrames, time: float, config: BlendConfig = BLEND) -> Tensor:
    """The in-between of ``one``, averaged with that of ``opinion`` where they are the same but for parts of a pixel.

    Where they differ by more, one of them is wrong, and a mean of both would be a ghost: there it is ``one``. Faint things
    differ little in colour wherever they are put, so motions must agree too. Both are of ``time``, 0..1; (1, C, H, W).
    """
    apart = (one.blended - opinion.blended).abs().sum(dim=1, keepdim=True)
    along = [
        (here - there).square().sum(dim=1, keepdim=True).sqrt() / max(way, config.least_weight)
        for here, there, way in zip(one.shifts, opinion.shifts, (time, 1 - time), strict=True)
    ]
    along = torch.lerp(*along, one.share).clamp(max=config.opinion_farthest)
    off, window = torch.cat([apart / config.opinion_colour, along / config.opinion_motion], dim=1), config.opinion_window
    doubt = F.avg_pool2d(F.pad(off, (window // 2,) * 4, mode="replicate"), window, stride=1).square().sum(dim=1, keepdim=True)
    return torch.lerp(one.blended, opinion.blended, 0.5 * (-doubt).exp())


def fill_holes(frame: Tensor, hole: Tensor) -> Tensor:
    """Continue the colours around holes into them.

    Telea, "An Image Inpainting Technique Based on the Fast Marching Method" (2004). ``frame`` (1, C, H, W) in 0..1,
    ``hole`` (1, 1, H, W) bool.
    """
    if not hole.any():
        return frame
    mask = hole[0, 0].cpu().numpy().astype(np.uint8)
    # Only the neighbourhood of the holes is worth the inpainting's time.
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    box = slice(max(0, rows[0] - 8), rows[-1] + 9), slice(max(0, columns[0] - 8), columns[-1] + 9)
    channels = frame[0, :, box[0], box[1]].cpu().clamp(0, 1).mul(255).round().to(torch.uint8).numpy()
    filled = np.stack([cv2.inpaint(np.ascontiguousarray(c), mask[box], 3, cv2.INPAINT_TELEA) for c in channels])
    result = frame.clone()
    patch = torch.from_numpy(filled).to(frame.device, frame.dtype)[None] / 255
    region = result[:, :, box[0], box[1]]
    region.copy_(torch.where(hole[:, :, box[0], box[1]], patch, region))
    return result


def _weights(frames: list[Tensor], fields: list[Tensor], flow: Flow, config: BlendConfig) -> list[Tensor]:
    """What each pixel of each frame counts where it lands, before time: exp of the metric. Two (1, 1, H, W)."""
    depths = [flow.depth_0, flow.depth_1]
    if depths[0] is None or depths[1] is None:
        order = [torch.zeros_like(field[:, :1]) for field in fields]
    else:
        depths = [
            _where_it_matters(depth.to(field.device, torch.float32), field, config)
            for depth, field in zip(depths, fields, strict=True)
        ]
        nearest = torch.maximum(depths[0].amax(), depths[1].amax())
        order = [(config.depth_gain * (depth - nearest)).clamp(min=-50) for depth in depths]

    def counts(k: int) -> Tensor:
        unlike = (frames[k] - backwarp(frames[1 - k], fields[k])).abs().sum(dim=1, keepdim=True)
        # Half of it from around: a pixel amid others that look like nothing is alike by chance.
        around = F.avg_pool2d(F.pad(unlike, (config.window // 2,) * 4, mode="replicate"), config.window, stride=1)
        # ... is a line that was left behind, and counts less than the plain colour which says that there is none.
        stray = torch.minimum(_standing_out(frames[k], config.surroundings), (unlike - config.stray).clamp(min=0))
        unlike = (unlike + around) / 2 + stray
        return order[k].exp() * (-unlike / config.unlike).exp().clamp(min=config.least_weight)

    return list(for_both(counts, fields[0].device))


def _where_it_matters(depth: Tensor, field: Tensor, config: BlendConfig) -> Tensor:
    """``depth`` (1, 1, H, W), evened out where all around moves alike.

    Nothing passes over another there, and a hard order would only have what is in front grow by the part of a pixel that
    it lands beside: lines thicken and their soft edges break.
    """
    size, step, reach = field.shape[-2:], 4, 5

    def pooled(pool: Callable, x: Tensor) -> Tensor:
        return pool(pool(x, step, ceil_mode=True), reach, stride=1, padding=reach // 2)

    # Asked 4 pixels at a time: where all around moves alike the answer is smooth.
    spread = (pooled(F.max_pool2d, field) + pooled(F.max_pool2d, -field)).amax(dim=1, keepdim=True)
    matters = ((spread - config.motion_alike) / (config.motion_apart - config.motion_alike)).clamp(0, 1)
    mean = F.avg_pool2d(F.avg_pool2d(depth, step, ceil_mode=True), reach, stride=1, padding=reach // 2, count_include_pad=False)
    matters, mean = (F.interpolate(x, size=size, mode="bilinear", align_corners=False) for x in (matters, mean))
    return torch.lerp(mean, depth, matters)


def _standing_out(frame: Tensor, surroundings: int) -> Tensor:
    """How far each pixel is from the median around it, summed over channels: lines stand out. (1, 1, H, W)."""
    levels = frame[0].permute(1, 2, 0).clamp(0, 1).mul(255).round().to("cpu", torch.uint8).numpy()
    apart = cv2.absdiff(levels, cv2.medianBlur(np.ascontiguousarray(levels), surroundings))
    return torch.from_numpy(apart.astype(np.float32).sum(axis=2) / 255)[None, None].to(frame.device)


def _evened_share(colours: Sequence[Tensor], masses: Sequence[Tensor], config: BlendConfig) -> Tensor:
    """Frame 1's share of each pixel. Where both frames see one and disagree, its median around: no salt and pepper."""
    share = masses[1] / (masses[0] + masses[1]).clamp(min=EMPTY)
    levels = share[0, 0].mul(255).round().to("cpu", torch.uint8).numpy()
    median = torch.from_numpy(cv2.medianBlur(levels, config.window)).to(share.device, share.dtype)[None, None] / 255
    disagree = (colours[0] - colours[1]).abs().sum(dim=1, keepdim=True) > config.contrast
    return torch.where(disagree & (masses[0] > EMPTY) & (masses[1] > EMPTY), median, share)
