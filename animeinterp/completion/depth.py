"""Which piece is in front: an order from occlusion.

Where a piece's pixels land on another piece and do not look alike, the other has covered them: it is in front. Votes of
this kind, from both directions, are turned into a depth for each piece by least squares over the graph of pieces of both
frames, in which a piece and what it became are tied together.
"""

from __future__ import annotations

import numpy as np

from ..dense_flow import disagreement, warp
from ..images import difference
from .config import CompletionConfig
from .motion import PieceGrid


def piece_depths(
    grids: tuple[PieceGrid, PieceGrid], owners: tuple[np.ndarray, np.ndarray], flows: tuple[np.ndarray, np.ndarray]
) -> tuple[np.ndarray, np.ndarray]:
    """Depth of each piece, comparable between the two frames; greater is in front; a covered piece is about 1 behind.

    :param grids: the pieces of the two frames at full size.
    :param owners: (H, W) for each frame, the piece that each pixel moves with.
    :param flows: (H, W, 2) for each frame, to the other.
    :return: (K0,) and (K1,) float32.
    """
    config = grids[0].config
    offsets = (0, grids[0].count)
    total = grids[0].count + grids[1].count
    votes, ties = np.zeros((total, total)), np.zeros((total, total))
    for here, there in ((0, 1), (1, 0)):
        warped, inside = warp(grids[here].other, flows[here])
        unlike = difference(warped, grids[here].image)
        off = disagreement(flows[here], flows[there])
        lands_on = _read(owners[there], flows[here]) + offsets[there]
        source = owners[here] + offsets[here]
        covered = inside & (unlike > config.covering_difference) & (off > 2)
        same = inside & (unlike < config.covered_alike) & (off < 1)
        votes += _count(lands_on[covered], source[covered], total)
        ties += _count(lands_on[same], source[same], total)
    area = np.concatenate([np.bincount(o.ravel(), minlength=g.count) for o, g in zip(owners, grids, strict=True)])
    ties = (ties + ties.T) / np.minimum(area[:, None], area[None]).clip(1)
    depth = _solve(votes - votes.T, np.where(ties > 0.3, config.match_tie * ties, 0), config).astype(np.float32)
    return depth[: offsets[1]], depth[offsets[1] :]


def _solve(net: np.ndarray, ties: np.ndarray, config: CompletionConfig) -> np.ndarray:
    """min sum_votes w (z_front - z_behind - 1)^2 + sum_ties w (z_a - z_b)^2 + depth_pull |z|^2."""
    strength = net.clip(0, 400) / 50
    coupling = strength + strength.T + ties
    system = np.diag(coupling.sum(axis=1) + config.depth_pull) - coupling
    return np.linalg.solve(system, strength.sum(axis=1) - strength.sum(axis=0))


def _count(rows: np.ndarray, columns: np.ndarray, total: int) -> np.ndarray:
    return np.bincount(rows.astype(np.int64) * total + columns, minlength=total * total).reshape(total, total).astype(float)


def _read(labels: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """``labels`` at x + flow(x), nearest."""
    height, width = labels.shape
    x = np.rint(flow[..., 0] + np.arange(width)[None]).clip(0, width - 1).astype(np.int64)
    y = np.rint(flow[..., 1] + np.arange(height)[:, None]).clip(0, height - 1).astype(np.int64)
    return labels[y, x]
