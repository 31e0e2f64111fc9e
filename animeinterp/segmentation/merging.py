"""Merging: small regions join the neighbour whose colour they share; line pixels join the nearest region (paper 3.1).

The pixels are read once, for the pieces' areas, colours and borders, and written once, at the end; all rounds between
work on the graph of the pieces.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np


def merge_small(labels: np.ndarray, image: np.ndarray, least: int) -> np.ndarray:
    """Join each piece under ``least`` pixels to the neighbour it resembles in mean colour.

    The smallest go first, in rounds of growing size, so that crumbs gather before what they gather into is judged. A piece
    without a neighbour (a frame of one piece) stays.

    :param labels: (H, W) int32, every pixel in a piece, numbers with or without gaps.
    :param image: (H, W, 3) uint8, the frame's colours.
    :param least: in pixels.
    :return: (H, W) int32, labels 0..K-1 without gaps, in the order in which ``labels`` numbers them.
    """
    labels = compact(labels)
    graph = _Graph.of(labels, image)
    limits = [limit for limit in (4, 16, 64, 256, 1024, 4096) if limit < least] + [least]
    piece = np.arange(graph.area.size)  # where each of ``labels`` has ended up
    for limit in limits:
        while (parent := _choose(graph, limit)) is not None:
            new = compact(_roots(parent, graph.area))
            graph, piece = graph.joined(new), new[piece]
    return piece.astype(np.int32).take(labels)


def compact(labels: np.ndarray) -> np.ndarray:
    """Renumber whole numbers of any shape to 0..K-1 without gaps, keeping the order. int32."""
    used = np.bincount(labels.ravel()) > 0
    if used.all():
        return labels.astype(np.int32, copy=False)
    return (np.cumsum(used) - 1).astype(np.int32).take(labels)


@dataclass(frozen=True)
class _Graph:
    """Pieces by what merging asks of them: ``area`` (K,) in pixels and ``colour`` (K, C), the sums over their pixels;
    and the pairs that touch, ``a`` < ``b`` (E,), with the length of their ``border`` (E,). Sums of whole numbers, so
    that joining pieces loses nothing."""

    area: np.ndarray
    colour: np.ndarray
    a: np.ndarray
    b: np.ndarray
    border: np.ndarray

    @staticmethod
    def of(labels: np.ndarray, image: np.ndarray) -> _Graph:
        flat = labels.ravel()
        # By runs of one piece, of which there are a few per cent as many as pixels.
        first = np.concatenate([[0], np.flatnonzero(flat[1:] != flat[:-1]) + 1])
        piece, length = flat[first], np.diff(first, append=flat.size)
        runs = [np.add.reduceat(channel.ravel(), first, dtype=np.int64) for channel in cv2.split(image)]
        area = np.bincount(piece, length).astype(np.int64)
        return _Graph(area, np.stack([np.bincount(piece, run) for run in runs], 1), *neighbours(labels))

    def joined(self, new: np.ndarray) -> _Graph:
        """The graph whose piece ``new[i]`` this one's piece i is part of. ``new`` (K,) has no gaps."""
        area = np.bincount(new, self.area).astype(np.int64)
        colour = np.stack([np.bincount(new, column) for column in self.colour.T], 1)
        p, q = new[self.a], new[self.b]
        apart = p != q
        return _Graph(area, colour, *_pairs(p[apart], q[apart], area.size, self.border[apart]))


def _choose(graph: _Graph, limit: int) -> np.ndarray | None:
    """(K,) the neighbour that each piece under ``limit`` joins, itself for the others; None if there is none to join."""
    small = graph.area < limit
    if not small.any():
        return None
    mean = graph.colour / graph.area[:, None]
    sources, targets = np.concatenate([graph.a, graph.b]), np.concatenate([graph.b, graph.a])
    keep = small[sources]
    if not keep.any():
        return None
    sources, targets, border = sources[keep], targets[keep], np.concatenate([graph.border] * 2)[keep]
    difference = np.linalg.norm(mean[sources] - mean[targets], axis=1)
    # Among neighbours as alike as compression noise allows, the one that shares the longest border.
    cost = np.maximum(difference, 3.0) - 1e-6 * border
    order = np.lexsort((targets, cost, sources))[::-1]
    parent = np.arange(graph.area.size)
    parent[sources[order]] = targets[order]  # the last of a source, its best, stands
    return parent


def neighbours(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of pieces that touch (4 neighbours), a < b, and the length of the border in pixels. Three (E,) arrays."""
    width, flat = labels.shape[1], labels.ravel()
    beside = np.flatnonzero(flat[1:] != flat[:-1])
    beside = beside[(beside + 1) % width != 0]  # a row's end does not touch the next row's beginning
    above = np.flatnonzero(flat[width:] != flat[:-width])
    p = np.concatenate([flat[beside], flat[above]])
    q = np.concatenate([flat[beside + 1], flat[above + width]])
    return _pairs(p.astype(np.int64), q.astype(np.int64), int(flat.max()) + 1, None)


def _pairs(p: np.ndarray, q: np.ndarray, count: int, border: np.ndarray | None) -> tuple[np.ndarray, ...]:
    """The different pairs among (p, q), the smaller first, and the sum of ``border`` over each, or how many there are."""
    key = np.minimum(p, q) * count + np.maximum(p, q)
    if border is None:
        key, border = np.unique(key, return_counts=True)
    else:
        key, index = np.unique(key, return_inverse=True)
        border = np.bincount(index, border, key.size).astype(np.int64)
    return key // count, key % count, border


def _roots(parent: np.ndarray, area: np.ndarray) -> np.ndarray:
    """The piece that each ends up in. Two that chose each other would be a cycle: the larger one stays."""
    index = np.arange(parent.size)
    for _ in range(64):
        grand = parent[parent]
        mutual = (grand == index) & (parent != index)
        stays = mutual & ((area > area[parent]) | ((area == area[parent]) & (index < parent)))
        parent = np.where(stays, index, parent)
        grand = parent[parent]
        if np.array_equal(grand, parent):
            return parent
        parent = grand
    # Longer cycles are rings of equal costs: cut each at its smallest number.
    lowest = index
    for _ in range(64):
        lowest = np.minimum(lowest, lowest[parent])
        parent = parent[parent]
    return lowest
