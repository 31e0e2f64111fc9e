"""What stands still behind a figure that moves, and what a camera that moves goes past: it is drawn as it is.

Motion that is smooth drags along whatever is beside a figure. Over a flat colour nobody sees it; a painted backdrop smears,
and a straight line bends. But a backdrop is known: it is where both drawings, one of them moved as the camera moves, look
the same with all their texture. From there on each drawing is segmented into figure and backdrop by their colours and edges
(Rother et al., "GrabCut", SIGGRAPH 2004), so that what a figure covers in one drawing is taken from the other. A place at
time t whose colours come from a backdrop is not where the motion says, it is where the backdrop is.

Conventions: as in ``bilateral``. All is decided in a smaller picture, at ``most`` pixels of the longer side.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..flow import backwarp, mean_difference, pixel_grid, resize_flow
from ..images import area_average, to_image
from ..padding import enlarge_padded
from ..runtime.sides import both
from .components import component_means, connected_components
from .config import BACKDROP, BackdropConfig
from .sampling import backwarp_cubic
from .splatting import splat
from .windows import inside, window_deviation, window_max, window_mean, window_min


@dataclass(frozen=True)
class Camera:
    """How the backdrop moves from drawing 0 to drawing 1: x1 = ``turn`` x0 + ``shift``, about the frame's middle, in shares
    of its longer side. None of both: not at all."""

    turn: np.ndarray | None = None  # (2, 2)
    shift: np.ndarray | None = None  # (2,)

    def to(self, drawing: int, time: float, like: Tensor) -> Tensor | None:
        """The motion (1, 2, h, w) from each place of the backdrop at ``time`` to where it is in a drawing, in pixels of
        ``like`` (..., h, w); None: no motion at all."""
        if self.turn is None:
            return None
        height, width = like.shape[-2:]
        at = (1 - time) * np.eye(2) + time * self.turn
        matrix = np.linalg.inv(at) if drawing == 0 else self.turn @ np.linalg.inv(at)
        shift = (0 if drawing == 0 else self.shift) - matrix @ (time * self.shift)
        longer, middle = max(height, width), like.new_tensor([(width - 1) / 2, (height - 1) / 2]).reshape(1, 2, 1, 1)
        places = pixel_grid(like.new_zeros(1, 2, height, width)) - middle
        x, y = places.split(1, dim=1)
        (xx, xy), (yx, yy) = matrix - np.eye(2)
        turned = torch.cat([xx * x + xy * y, yx * x + yy * y], dim=1)
        return turned + longer * like.new_tensor(shift).reshape(1, 2, 1, 1)


@dataclass(frozen=True)
class Backdrop:
    """What was found of a pair: ``figures``, where each drawing has something in front, (1, 1, H, W) in 0..1, and how the
    backdrop moves; by the numbers of ``config``."""

    figures: tuple[Tensor, Tensor]
    camera: Camera
    config: BackdropConfig = BACKDROP

    @classmethod
    @torch.no_grad()
    def find(
        cls, frame0: Tensor, frame1: Tensor, motion: Tensor, config: BackdropConfig = BACKDROP, *, tight: bool = False
    ) -> Backdrop | None:
        """
        :param frame0: (1, C, H, W) in 0..1, both sides multiples of 16; ``frame1`` likewise.
        :param motion: (1, 4, H/4, W/4), half-way.
        :param tight: whether figures should rather lack a part than take some of what is behind them along.
        :return: None where no backdrop is known.
        """
        scale = min(1.0, config.most / max(frame0.shape[-2:]))
        size = (max(1, round(scale * frame0.shape[-2])), max(1, round(scale * frame0.shape[-1])))
        frames = [area_average(frame[:, :3].float(), size) for frame in (frame0, frame1)]
        ways = [resize_flow(way.float(), size) for way in motion.split(2, dim=1)]
        camera, still = _camera(*frames, ways, config)
        if still[0].mean() < config.least:
            return None
        moving = _moving(*frames, ways, still, camera, config, tight)
        known = [torch.cat([still[k], splat(moving, way)[0]], dim=1) for k, way in enumerate(ways)]
        figures = both(lambda k: _segment_figure(frames[k], known[k], config))
        if figures[0] is None or figures[1] is None:
            return None
        full = (frame0.shape[-2], frame0.shape[-1])
        # Grown, so that nothing of an outline is lost.
        grown = (F.max_pool2d(figure, 3, stride=1, padding=1) for figure in figures)
        first, last = (F.interpolate(figure, full, mode="bilinear", align_corners=False) for figure in grown)
        return cls((first, last), camera, config)

    def enlarged(self, ratio: float, size: tuple[int, int]) -> Backdrop:
        """The same for frames of ``size`` (H, W), ``ratio`` times as large."""
        first, last = (enlarge_padded(figure, ratio, size) for figure in self.figures)
        return replace(self, figures=(first, last))

    def read_figures(self, motion: Tensor) -> list[Tensor]:
        """Where either drawing, read along ``motion`` (1, 4, H, W), shows something in front: (1, 1, H, W) in 0..1 each."""
        return [backwarp(figure, to) for figure, to in zip(self.figures, motion.split(2, dim=1), strict=True)]

    def within(self, read: list[Tensor], to: Tensor) -> Tensor:
        """Where both do, of ``read_figures``, and not at its edge: (1, 1, H, W) in 0..1. ``to``: the half of the motion to one of
        the drawings, which has to be within its frame there."""
        inwards = max(1, round(max(to.shape[-2:]) * self.config.inwards))
        both = torch.minimum(*read) * inside(to)
        return window_mean(window_min(both, inwards), inwards // 2)

    def behind(
        self, drawn: Tensor, frame0: Tensor, frame1: Tensor, read: list[Tensor], mask: Tensor, time: float
    ) -> Tensor:
        """``drawn`` (1, C, H, W) at ``time``, with the drawings' own backdrop wherever it shows one.

        :param read: ``read_figures`` along the motion that it was drawn along.
        :param mask: (1, 1, H, W) in 0..1, drawing 0's share of it.
        """
        shown, seen = [], []
        for k, frame in enumerate((frame0, frame1)):
            figure = self.figures[k]
            way = self.camera.to(k, time, drawn)
            if way is not None:
                frame, figure = backwarp_cubic(frame.float(), way), 1 - backwarp(1 - figure, way) * inside(way)
            shown.append(frame.to(drawn.dtype))
            seen.append(1 - figure)
        in_front = torch.lerp(read[1], read[0], mask)
        weights = [1e-4 + (1 - time) * seen[0], 1e-4 + time * seen[1]]
        backdrop = (weights[0] * shown[0] + weights[1] * shown[1]) / (weights[0] + weights[1])
        # What both show, and not alike, is no backdrop: eyes that blink in a face that stands still.
        apart = window_mean(mean_difference(shown[0][:, :3], shown[1][:, :3]), 1)
        unlike = torch.minimum(*seen) * (apart / self.config.same - 1).clamp(0, 1)
        believed = (1 - in_front) * torch.maximum(*seen) * (1 - unlike)
        # Inwards from its edge, so that a figure's outline is not touched and no seam is to be seen.
        soft = max(1, round(max(drawn.shape[-2:]) * self.config.soft))
        believed = window_min((2 * believed - 1).clamp(0, 1), soft)
        believed = window_mean(believed, soft)
        return torch.lerp(drawn, backdrop, believed)


def _camera(
    frame0: Tensor, frame1: Tensor, ways: list[Tensor], config: BackdropConfig
) -> tuple[Camera, tuple[Tensor, Tensor]]:
    """The camera that explains most, and what stands still in either drawing, seen by it."""
    none = _still(frame0, frame1, config)
    best, still, most = Camera(), (none, none), float(none.mean()) + config.camera
    for begin in ("border", "all"):
        camera = _affine((ways[1] - ways[0])[0], ways[0][0], begin, config)
        if camera is None:
            continue
        found = []
        for k, (one, other) in enumerate(((frame0, frame1), (frame1, frame0))):
            way = camera.to(1 - k, float(k), one)
            found.append(_still(one, backwarp(other, way), config) * inside(way))
        if found[0].mean() > most:
            best, still, most = camera, (found[0], found[1]), float(found[0].mean())
    return best, still


def _affine(flow: Tensor, back: Tensor, begin: str, config: BackdropConfig = BACKDROP) -> Camera | None:
    """The affine motion that most places of ``flow`` (2, h, w), known half-way, have; ``back`` leads from there to drawing 0.

    Weighted least squares with Tukey's weights, begun at the median, of the whole frame or of its ``border``. None where it
    is no motion at all.
    """
    height, width = flow.shape[-2:]
    longer, step = max(height, width), max(1, max(height, width) // config.camera_samples)
    places = pixel_grid(flow[None])[0] + back
    rows, columns = np.mgrid[0:height:step, 0:width:step]
    moves = flow.cpu().double().numpy()[:, rows, columns].reshape(2, -1).T / longer
    x = places.cpu().double().numpy()[:, rows, columns].reshape(2, -1).T
    x = (x - [(width - 1) / 2, (height - 1) / 2]) / longer
    rim = np.zeros(rows.shape, bool)
    for at, side in ((rows, height), (columns, width)):
        rim |= np.minimum(at, side - 1 - at) < side * config.camera_rim
    chosen = rim.ravel() if begin == "border" else np.ones(len(x), bool)
    ones = np.concatenate([x, np.ones((len(x), 1))], axis=1)
    model = np.zeros((3, 2))
    model[2] = np.median(moves[chosen], axis=0)
    for width_of in config.camera_off:
        off = np.linalg.norm(ones @ model - moves, axis=1) / width_of
        weight = np.where(off < 1, 1 - off**2, 0.0)
        if (weight > 0).sum() < config.camera_agree * len(x):
            return None
        model, *_ = np.linalg.lstsq(ones * weight[:, None], moves * weight[:, None], rcond=None)
    if np.abs(ones @ model).max() * longer < config.camera_moves:
        return None
    if np.linalg.det(np.eye(2) + model[:2].T / 2) < 0.25:  # mirrored, turned about or shrunk to nothing: no camera does so
        return None
    return Camera(np.eye(2) + model[:2].T, model[2])


def _still(frame: Tensor, other: Tensor, config: BackdropConfig) -> Tensor:
    """Where two frames show the same, with texture enough to tell: (1, 1, h, w) in 0..1."""
    off = mean_difference(frame, other)
    texture = torch.minimum(*(window_deviation(x, config.around) for x in (frame, other)))
    alike = ((config.still * texture - window_mean(off, config.around)) / (config.doubted * texture + 1e-4)).clamp(0, 1)
    alike = alike * (texture / config.texture - 1).clamp(0, 1)
    # A place is still if any neighbourhood with it is: those at a figure's edge have the figure in some of them.
    alike = window_max(alike, config.around)
    return alike * (2 - off / config.same).clamp(0, 1)


def _moving(
    frame0: Tensor, frame1: Tensor, ways: list[Tensor], still: tuple[Tensor, Tensor], camera: Camera, config: BackdropConfig,
    tight: bool = False,
) -> Tensor:
    """Where what is read half-way is textured, the same in both drawings, and moves otherwise than the backdrop."""
    readings = [backwarp(frame, way) for frame, way in zip((frame0, frame1), ways, strict=True)]
    height, width = frame0.shape[-2:]
    padded = F.pad(readings[1], (config.slack,) * 4, mode="replicate")
    off = None
    for y in (0, config.slack, 2 * config.slack):
        for x in (0, config.slack, 2 * config.slack):
            apart = mean_difference(readings[0], padded[..., y : y + height, x : x + width])
            apart = window_mean(apart, config.around)
            off = apart if off is None else torch.minimum(off, apart)
    if tight:  # a reading is stretched beside a figure that draws its surroundings along, and has a texture from elsewhere
        textures = [backwarp(window_deviation(x, config.around), way) for x, way in zip((frame0, frame1), ways, strict=True)]
        texture = torch.minimum(*textures)
    else:
        texture = torch.maximum(*(window_deviation(reading, config.around) for reading in readings))
    fits = ((config.fits * texture + 2 * config.texture - off) / (config.doubted * texture + config.texture)).clamp(0, 1)
    moves = ways[1] - ways[0]
    if camera.turn is not None:
        moves = moves - (camera.to(1, 0.5, moves) - camera.to(0, 0.5, moves))
    longer = max(height, width)
    fits = fits * (moves.norm(dim=1, keepdim=True) / (config.moves * longer) - 1).clamp(0, 1)
    fits = fits * (texture / config.outlined - 1).clamp(0, 1)
    return fits * (1 - torch.maximum(*(backwarp(one, way) for one, way in zip(still, ways, strict=True))))


def _segment_figure(frame: Tensor, known: Tensor, config: BackdropConfig) -> Tensor | None:
    """Where the frame (1, 3, h, w) has a figure and no backdrop, (1, 1, h, w) of 0 and 1; None where either is missing.

    :param known: (1, 2, h, w), where it surely stands still, and where it surely moves.
    """
    still, moving = known[0].cpu().numpy()
    image = to_image(frame[0])
    behind = still > config.surely_still
    front = (moving > config.surely_moves) & ~behind
    if min(np.count_nonzero(behind), np.count_nonzero(front)) < config.fewest:
        return None
    # What is not sure is at first what its colour is more often.
    often = [_colours(image, sure, config.colours) for sure in (front, behind)]
    mask = np.where(often[0] >= often[1], cv2.GC_PR_FGD, cv2.GC_PR_BGD).astype(np.uint8)
    mask[front] = cv2.GC_FGD
    mask[behind] = cv2.GC_BGD
    cv2.setRNGSeed(0)  # this thread's: the clusters of colours begin at random
    cv2.grabCut(image, mask, None, np.zeros((1, 65)), np.zeros((1, 65)), config.rounds, cv2.GC_INIT_WITH_MASK)
    figure = (mask == cv2.GC_FGD) | (mask == cv2.GC_PR_FGD)
    labels, areas = connected_components(~figure, 4)
    # A flat place of a figure is no hole in it, nor is one where nothing stands still.
    figure |= ((areas < config.hole * mask.size) | (component_means(labels, behind, areas) < config.proven))[labels]
    return torch.from_numpy(figure.astype(np.float32))[None, None].to(frame.device)


def _colours(image: np.ndarray, sure: np.ndarray, levels: int) -> np.ndarray:
    """How often each pixel's colour is met where it is ``sure``, (H, W): the share of one in ``levels`` of each channel."""
    found = cv2.calcHist([image], [0, 1, 2], sure.astype(np.uint8), [levels] * 3, [0, 256] * 3)
    found = F.avg_pool3d(torch.from_numpy(found)[None, None], 3, stride=1, padding=1)[0, 0].numpy()
    red, green, blue = (image // (256 // levels)).transpose(2, 0, 1)
    return found[red, green, blue] / found.sum()
