"""Merging: small regions join the neighbour whose colour they share; line pixels join the nearest region (paper 3.1)."""

from __future__ import annotations

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
    colours = image.reshape(-1, image.shape[2]).astype(np.float64)
    limits = [limit for limit in (4, 16, 64, 256, 1024, 4096) if limit < least] + [least]
    for limit in limits:
        labels = _merge_under(labels, colours, limit)
    return labels


def compact(labels: np.ndarray) -> np.ndarray:
    """Renumber to 0..K-1 without gaps, keeping the order. (H, W) int32."""
    used = np.bincount(labels.ravel()) > 0
    return (np.cumsum(used) - 1).astype(np.int32)[labels]


def _merge_under(labels: np.ndarray, colours: np.ndarray, limit: int) -> np.ndarray:
    while True:
        flat = labels.ravel()
        area = np.bincount(flat)
        small = area < limit
        if not small.any():
            return labels
        mean = np.stack([np.bincount(flat, colours[:, c]) for c in range(colours.shape[1])], 1) / area[:, None]
        a, b, border = neighbours(labels)
        sources, targets = np.concatenate([a, b]), np.concatenate([b, a])
        border = np.concatenate([border, border])
        keep = small[sources]
        if not keep.any():
            return labels
        sources, targets, border = sources[keep], targets[keep], border[keep]
        difference = np.linalg.norm(mean[sources] - mean[targets], axis=1)
        # Among neighbours as alike as compression noise allows, the one that shares the longest border.
        cost = np.maximum(difference, 3.0) - 1e-6 * border
        order = np.lexsort((targets, cost, sources))
        first = order[np.unique(sources[order], return_index=True)[1]]
        parent = np.arange(area.size)
        parent[sources[first]] = targets[first]
        labels = compact(_roots(parent, area)[labels])


def neighbours(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Pairs of pieces that touch (4 neighbours), a < b, and the length of the border in pixels. Three (E,) arrays."""
    count = int(labels.max()) + 1
    keys = []
    for one, other in ((labels[:, :-1], labels[:, 1:]), (labels[:-1], labels[1:])):
        touch = one != other
        p, q = one[touch].astype(np.int64), other[touch].astype(np.int64)
        keys.append(np.minimum(p, q) * count + np.maximum(p, q))
    unique, border = np.unique(np.concatenate(keys), return_counts=True)
    return unique // count, unique % count, border


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
