"""Coarse flow made whole without a network: every pixel a motion, every piece a depth.

SGM leaves zero where no piece matched and gives each piece a plain shift; this is what takes the place of the refinement
network where there is none. The parts: one affine motion a piece (``candidates``; one for all that repeat, ``patterns``,
``rings``), lines given to the piece that they bound (``ownership``), an order in depth from occlusion (``depth``), deformation
and dense flow (``deformation``), and things too thin or too small to be pieces (``loose``), and their lines (``strokes``).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import partial

import cv2
import numpy as np
import torch
from torch import Tensor

from ..dense_flow import dis_flow, disagreement, lengths, warp
from ..errors import AnimeInterpError, check_pair
from ..flow import Flow, PieceMatches
from ..images import difference, to_image, to_tensor
from ..matching.features import piece_moments
from ..panning import panned_flows
from ..runtime.sides import both
from ..segmentation import find_contours
from .candidates import find_motions
from .config import DEFAULT, CompletionConfig
from .cutouts import are_cutouts, are_drawn_anew
from .deformation import add_residual, choose_flow
from .depth import piece_depths
from .loose import are_all_that_moves, lay_over, lay_under, loose_things
from .motion import half_way
from .motion_search import MotionSearch
from .ownership import line_owners

Images = tuple[np.ndarray, np.ndarray]  # of both frames, (H, W, 3) uint8
Sides = tuple[MotionSearch, MotionSearch]  # from either frame to the other


def complete(
    frame0: Tensor, frame1: Tensor, found: PieceMatches, config: CompletionConfig | None = None, *, only_cutouts: bool = False
) -> Flow:
    """The flow of every pixel, from whose pieces are whose and what the pixels show.

    :param frame0: (1, 3 or 4, H, W) in 0..1, any device; ``frame1`` likewise. The work is done on the CPU.
    :param found: the pieces of this pair and their matches; a CoarseFlow is one.
    :param config: its numbers; None: as they were chosen.
    :param only_cutouts: go no further once it is plain that these are none: what is returned then is dense flow alone.
    :return: a Flow with both fields dense (float32, on the frames' device), and ``depth_0/1``, ``confidence_01/10``,
        ``bend_01/10``, ``dense_01/10``, ``loose_0/1`` where there are such things, and ``cutouts``.
    :raises AnimeInterpError: for frames that are no pair, or a flow that knows nothing of pieces.
    """
    config = DEFAULT if config is None else config
    images, sides, found_so_far = _begin(frame0, frame1, found, config)
    field = partial(to_tensor, device=frame0.device)
    least = (math.inf, config.cutout_half_way, config.cutout_anew)
    if only_cutouts and _are_drawn_anew(images, sides, found_so_far, least, config):
        return Flow(flow_01=field(sides[0].dense), flow_10=field(sides[1].dense), cutouts=[False])
    for _ in found_so_far:
        pass
    pieces = _moved(sides)
    owners, depths = _order(sides, images)
    fields = _fields(sides, images, owners)
    depth_maps = [cv2.medianBlur(depths[k][owners[k]], config.median) for k in (0, 1)]
    bends = [_bend(sides[k], owners[k], fields[k]) for k in (0, 1)]
    straight = [sides[k].fine.flow_of(sides[k].motion, owners[k]) for k in (0, 1)]
    cutouts = are_cutouts(images, pieces, straight, fields, config)
    grounds = [_ground(sides[k], owners[k], fields[k]) for k in (0, 1)]
    things, over = loose_things(images, fields, grounds, config), None
    if things is not None:
        over = both(lambda k: lay_over(things, k, images, grounds[k], fields[k], bends[k], config))
        front = max(depth.max() for depth in depth_maps)
        for k in (0, 1):
            straight[k][over[k]] = fields[k][over[k]]
            depth_maps[k][over[k]] = front
            lay_under(things, k, fields, bends, grounds[k], over[k], depth_maps[k], config)
        cutouts = cutouts or are_cutouts(images, pieces, straight, fields, config)
        cutouts = cutouts or are_all_that_moves(images, things, over, grounds, config)
    confidence = [1 / (1 + disagreement(fields[k], fields[1 - k]) ** 2) for k in (0, 1)]
    return Flow(
        flow_01=field(fields[0]),
        flow_10=field(fields[1]),
        depth_0=field(depth_maps[0]),
        depth_1=field(depth_maps[1]),
        confidence_01=field(confidence[0]),
        confidence_10=field(confidence[1]),
        bend_01=field(bends[0]),
        bend_10=field(bends[1]),
        dense_01=field(sides[0].dense),
        dense_10=field(sides[1].dense),
        loose_0=None if over is None else field(over[0].astype(np.float32)),
        loose_1=None if over is None else field(over[1].astype(np.float32)),
        cutouts=[cutouts],
    )


def are_drawn_anew_at_a_glance(frame0: Tensor, frame1: Tensor, found: PieceMatches, config: CompletionConfig = DEFAULT) -> bool:
    """Whether it is plain in small pictures, of ``cutout_side`` pixels, that ``complete`` of larger ones would find no cut-outs.
    Parameters and errors are as there."""
    images, sides, found_so_far = _begin(frame0, frame1, found, config)
    return _are_drawn_anew(images, sides, found_so_far, (config.cutout_first, config.cutout_glance), config)


def _begin(
    frame0: Tensor, frame1: Tensor, found: PieceMatches, config: CompletionConfig
) -> tuple[Images, Sides, Iterator[None]]:
    """Both images, what is known of either side, and the search for motions (``find_motions``)."""
    check_pair(frame0, frame1)
    if not isinstance(found, PieceMatches):
        raise AnimeInterpError(f"A {type(found).__name__} knows no pieces; complete() takes what coarse_flow() returns.")
    images = to_image(frame0[0]), to_image(frame1[0])
    sides = _sides(images, tuple(label.cpu().numpy() for label in found.labels), config)
    match = found.matches[0]
    return images, sides, find_motions(sides, match.pieces_0.cpu().numpy(), match.pieces_1.cpu().numpy())


def _are_drawn_anew(
    images: Images, sides: Sides, found: Iterator[None], least: Sequence[float], config: CompletionConfig
) -> bool:
    """Whether lines are off by as much as ``least`` says of each stop of ``found``, which goes on until they are."""
    for pixels in least:
        next(found, None)
        if pixels < math.inf and are_drawn_anew(images, _moved(sides), config, least=pixels):
            found.close()
            return True
    return False


def _moved(sides: Sides) -> tuple[np.ndarray, np.ndarray]:
    """The flow along which each pixel moves with its piece."""
    return both(lambda k: sides[k].fine.flow(sides[k].motion))


def _bend(side: MotionSearch, owner: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """How far half-way a pixel is off its straight line, by its piece's motion where it follows that. (H, W, 2)."""
    grid = side.fine
    straight = grid.flow_of(side.motion, owner)
    bend = grid.flow_of(half_way(side.motion, grid.centres, side.reach, grid.config), owner) - straight / 2
    follows = np.exp(-np.square(lengths(flow - straight) / grid.config.bend_follows))[..., None]
    return bend * follows


def _ground(side: MotionSearch, owner: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """``flow`` as if small pieces that it does not suit moved with the largest that they lie on or beside, and nothing bent
    far. (H, W, 2)."""
    grid, config, area = side.fine, side.config, side.moments[:, 0]
    unlike = np.minimum(difference(warp(grid.other, flow)[0], grid.image), config.truncate)
    size = np.bincount(owner.ravel(), minlength=side.count)
    cost = np.bincount(owner.ravel(), unlike.ravel(), side.count) / np.maximum(size, 1)
    little = area < config.loose_small * owner.size
    small = little & (cost > config.loose_doubted)
    below = np.arange(side.count)
    for _ in range(8):  # from what lies on what lies on ...
        around = np.concatenate([below[:, None], side.adjacent[below]], axis=1)
        largest = around[np.arange(side.count), area[around].argmax(axis=1)]
        below = np.where(small & little[below] & (area[largest] > area[below]), largest, below)
    plain = grid.flow_of(side.motion, below[owner])
    bent = lengths(flow - plain) > config.loose_bent
    return np.where((small[owner] | bent)[..., None], plain, flow)


def _sides(images, labels, config) -> Sides:
    dense = panned_flows(images)
    moments = [piece_moments(torch.from_numpy(one), int(one.max()) + 1).numpy() for one in labels]
    return both(lambda k: MotionSearch(images[k], images[1 - k], labels[k], moments[k], dense[k], dense[1 - k], config))


def _order(sides, images) -> tuple[tuple, tuple]:
    """The owner of each pixel and the depth of each piece."""
    grids = sides[0].fine, sides[1].fine
    owners = both(lambda k: line_owners(grids[k], sides[k].motion, find_contours(images[k])))
    return owners, piece_depths(grids, owners, both(lambda k: grids[k].flow_of(sides[k].motion, owners[k])))


def _fields(sides, images, owners) -> list[np.ndarray]:
    grids = sides[0].fine, sides[1].fine

    def own_flow(k: int) -> np.ndarray:
        start = grids[k].flow_of(sides[k].motion, owners[k])
        return add_residual(grids[k], images[k], images[1 - k], owners[k], start)

    own = both(own_flow)
    guided = both(lambda k: dis_flow(images[k], images[1 - k], own[k]))

    def chosen(k: int) -> np.ndarray:
        flows, backs = ([own[i], guided[i], sides[i].dense] for i in (k, 1 - k))
        flow = choose_flow(grids[k], owners[k], flows, backs)
        flow = np.where(sides[k].settled[owners[k]][..., None], own[k], flow)
        return np.dstack([cv2.medianBlur(np.ascontiguousarray(flow[..., axis]), grids[k].config.median) for axis in (0, 1)])

    return both(chosen)
