"""Coarse flow made whole without a network: every pixel a motion, every piece a depth.

SGM leaves zero where no piece matched and gives each piece a plain shift; this is what takes the place of the refinement
network where there is none. The parts: one affine motion a piece (``candidates``), lines given to the piece that they
bound (``ownership``), an order in depth from occlusion (``depth``), deformation and dense flow (``deformation``).
"""

from __future__ import annotations

import dataclasses

import numpy as np
import torch
from torch import Tensor

from ..errors import AnimeInterpError, check_pair
from ..flow import Flow
from ..segmentation import find_contours, to_image
from .candidates import Side, find_motions
from .deformation import add_residual, choose_flow
from .dense import dis_flow, disagreement
from .depth import piece_depths
from .features import piece_moments
from .ownership import line_owners


def complete(frame0: Tensor, frame1: Tensor, flow: Flow) -> Flow:
    """Fill and better a coarse flow by what the pixels show.

    :param frame0: (1, 3 or 4, H, W) in 0..1, any device; ``frame1`` likewise. The work is done on the CPU.
    :param flow: of this pair, with ``labels`` and ``matches``.
    :return: a Flow with both fields dense (float32, on the frames' device), and ``depth_0/1``, ``confidence_01/10``.
    :raises AnimeInterpError: when ``flow`` carries no labels or matches: then it is not a coarse flow of ours.
    """
    check_pair(frame0, frame1)
    if flow.labels is None or flow.matches is None:
        raise AnimeInterpError("flow has no labels or no matches; complete() takes what coarse_flow() returns.")
    images = to_image(frame0[0]), to_image(frame1[0])
    labels = tuple(label.cpu().numpy() for label in flow.labels)
    sides = _sides(images, labels)
    match = flow.matches[0]
    find_motions(sides, match.pieces_0.numpy(), match.pieces_1.numpy())
    owners, depths = _order(sides, images)
    fields = _fields(sides, images, owners)
    device = frame0.device

    def tensor(array: np.ndarray) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(array, np.float32)).to(device)

    confidence = [1 / (1 + disagreement(fields[k], fields[1 - k]) ** 2) for k in (0, 1)]
    return dataclasses.replace(
        flow,
        flow_01=tensor(fields[0].transpose(2, 0, 1))[None],
        flow_10=tensor(fields[1].transpose(2, 0, 1))[None],
        depth_0=tensor(depths[0][owners[0]])[None, None],
        depth_1=tensor(depths[1][owners[1]])[None, None],
        confidence_01=tensor(confidence[0])[None, None],
        confidence_10=tensor(confidence[1])[None, None],
    )


def _sides(images, labels) -> tuple[Side, Side]:
    dense = dis_flow(*images), dis_flow(*images[::-1])
    moments = [piece_moments(torch.from_numpy(one), int(one.max()) + 1).numpy() for one in labels]
    return tuple(Side(images[k], images[1 - k], labels[k], moments[k], dense[k], dense[1 - k]) for k in (0, 1))


def _order(sides, images) -> tuple[tuple, tuple]:
    """The owner of each pixel and the depth of each piece; lines that either side could own wait for a first order."""
    lines = [find_contours(image) for image in images]
    grids = sides[0].fine, sides[1].fine
    depths = None
    for _ in range(2):
        owners = tuple(
            line_owners(grids[k], sides[k].motion, lines[k], None if depths is None else depths[k]) for k in (0, 1)
        )
        flows = tuple(grids[k].flow_of(sides[k].motion, owners[k]) for k in (0, 1))
        depths = piece_depths(grids, owners, flows)
    return owners, depths


def _fields(sides, images, owners) -> list[np.ndarray]:
    grids = sides[0].fine, sides[1].fine
    own = [
        add_residual(grids[k], images[k], images[1 - k], owners[k], grids[k].flow_of(sides[k].motion, owners[k]))
        for k in (0, 1)
    ]
    guided = [dis_flow(images[k], images[1 - k], own[k]) for k in (0, 1)]
    return [
        choose_flow(
            grids[k],
            owners[k],
            [own[k], guided[k], sides[k].dense],
            [own[1 - k], guided[1 - k], sides[1 - k].dense],
        )
        for k in (0, 1)
    ]
