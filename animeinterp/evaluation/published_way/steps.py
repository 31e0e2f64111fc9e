"""The yardstick: the method in the plain, unshared way of working of the published code, to measure speed against.

Written from the method's description alone, and on purpose without this library's shortcuts: each region is flood-filled
from a seed of its own and each small one merged on its own, each over the whole frame; features are computed anew for each
direction; pairs of pieces are compared one by one; each piece's flow is found in turn. The networks are in
``networks``. What it computes is what the library computes, so that a ratio of seconds says something:
``tests/evaluation/test_published_way.py`` compares them. It is no faster and no slower than such code comes out when it is
written down; it is not the published code, whose own figures are in README.

Convention: images are (H, W, 3) uint8, labels (H, W) int32 from 0 without gaps, flow (H, W, 2) float32 in pixels.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ...dense_flow import variational_solver
from ...matching.affinity import TIE_BREAK

LEAST_PIECE, LEAST_MOVED = 500, 50  # pixels, of 960x540
LARGEST_MOVED = 0.12  # of the frame
FARTHEST = 250 / 1101.5  # of the diagonal
LEVELS = 4


# Segmentation -------------------------------------------------------------------------------------------------------


def segment(image: np.ndarray, radius: int = 3) -> np.ndarray:
    """The colour pieces of one frame: contours, trapped balls, what is left, lines to the nearest, small ones merged."""
    lines = find_lines(image)
    labels = np.zeros(lines.shape, np.int32)
    free = (~lines).astype(np.uint8)
    for ball in range(radius, 0, -1):
        kernel = _ball(ball)
        centres = cv2.erode(free, kernel)
        while centres.any():  # a seed, a fill and a look at the whole frame for each region
            region = _flood(centres, _first(centres))
            grown = cv2.dilate(region, kernel) & free
            labels[grown > 0] = labels.max() + 1
            free[grown > 0] = 0
            centres[region > 0] = 0
    while free.any():
        region = _flood(free, _first(free))
        labels[region > 0] = labels.max() + 1
        free[region > 0] = 0
    labels = _fill_lines(labels) if labels.any() else labels + 1
    least = max(1, round(LEAST_PIECE * labels.size / (960 * 540)))
    return _renumbered(_merge_small(labels, image, least))


def find_lines(image: np.ndarray) -> np.ndarray:
    """Bilateral filter, Laplacian of each channel stretched to 255, hysteresis from 2 to 20: (H, W) bool."""
    smooth = cv2.bilateralFilter(image, 10, 10.0, 10.0)
    response = np.stack([cv2.Laplacian(smooth[..., c], cv2.CV_32F, ksize=5) for c in range(3)]).max(axis=0)
    response = np.maximum(response, 0) * (255.0 / max(float(response.max()), 1e-6))
    count, parts = cv2.connectedComponents((response > 2).astype(np.uint8), connectivity=8)
    strong = np.zeros(count, bool)
    strong[np.unique(parts[response > 20])] = True
    strong[0] = False
    return strong[parts]


def _ball(radius: int) -> np.ndarray:
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return (x**2 + y**2 <= radius**2).astype(np.uint8)


def _first(mask: np.ndarray) -> tuple[int, int]:
    row, column = divmod(int(mask.argmax()), mask.shape[1])
    return column, row


def _flood(mask: np.ndarray, seed: tuple[int, int]) -> np.ndarray:
    """The pixels of ``mask`` (0 or 1) connected to ``seed``, as a mask of its own."""
    filled = mask.copy()
    cv2.floodFill(filled, None, seed, 2)
    return (filled == 2).astype(np.uint8)


def _fill_lines(labels: np.ndarray) -> np.ndarray:
    """Each unlabelled pixel takes a label that touches it, ring by ring."""
    labels = labels.astype(np.float32)  # what cv2 dilates
    kernel = np.ones((3, 3), np.uint8)
    while (labels == 0).any():
        labels = np.where(labels == 0, cv2.dilate(labels, kernel), labels)
    return labels.astype(np.int32)


def _merge_small(labels: np.ndarray, image: np.ndarray, least: int) -> np.ndarray:
    """The smallest piece joins the neighbour most like it in colour, until none is under ``least`` pixels."""
    kernel = np.ones((3, 3), np.uint8)
    areas = dict(zip(*np.unique(labels, return_counts=True), strict=True))
    colours = {label: image[labels == label].mean(axis=0) for label in areas}
    while len(areas) > 1 and min(areas.values()) < least:
        label = min(areas, key=areas.get)
        inside = labels == label
        ring = cv2.dilate(inside.astype(np.uint8), kernel).astype(bool) & ~inside
        near = np.unique(labels[ring])
        friend = min(near, key=lambda other: float(np.linalg.norm(colours[other] - colours[label])))
        labels[inside] = friend
        total = areas[friend] + areas[label]
        colours[friend] = (colours[friend] * areas[friend] + colours.pop(label) * areas.pop(label)) / total
        areas[friend] = total
    return labels


def _renumbered(labels: np.ndarray) -> np.ndarray:
    return np.unique(labels, return_inverse=True)[1].reshape(labels.shape).astype(np.int32)


# Matching -----------------------------------------------------------------------------------------------------------


@torch.no_grad()
def describe(vgg: torch.nn.Module, frame: Tensor, labels: np.ndarray) -> Tensor:
    """Each piece's features, (K, 960) of unit L1 norm: VGG-19's four maps, averaged over piece after piece.

    ``frame`` (1, 3, H, W) in 0..1.
    """
    height, width = labels.shape
    padded = F.pad(frame, (0, -width % 8, 0, -height % 8), mode="replicate")
    maps = [level[0] for level in vgg(padded)]
    vectors = []
    for piece in range(int(labels.max()) + 1):
        values = []
        for k, level in enumerate(maps):
            small = torch.from_numpy(labels[:: 2**k, :: 2**k] == piece)
            level = level[:, : small.shape[0], : small.shape[1]]
            if small.any():
                values.append(level[:, small].mean(dim=1))
            else:  # vanished from the subsampled map: the feature at its centre
                y, x = (int(v.mean()) >> k for v in np.nonzero(labels == piece))
                values.append(level[:, y, x])
        vector = torch.cat(values)
        vector = vector - vector.min()
        vectors.append(vector / vector.sum().clamp(min=1e-12))
    return torch.stack(vectors)


def match(
    vectors_0: Tensor, vectors_1: Tensor, labels_0: np.ndarray, labels_1: np.ndarray
) -> list[tuple[int, int]]:
    """Pieces that choose each other, by C = A - 0.2 L_dist - 0.05 L_size found for pair after pair."""
    height, width = labels_0.shape
    diagonal = float(np.hypot(height, width))
    centres_0, sizes_0 = _centres(labels_0)
    centres_1, sizes_1 = _centres(labels_1)
    scores = torch.zeros(len(vectors_0), len(vectors_1))
    for i in range(len(vectors_0)):
        for j in range(len(vectors_1)):
            alike = torch.minimum(vectors_0[i], vectors_1[j]).sum()
            distance = float(np.linalg.norm(centres_0[i] - centres_1[j])) / diagonal
            far = distance if distance > 0.15 else 0.0
            size = abs(sizes_0[i] - sizes_1[j]) / (height * width)
            scores[i, j] = alike - 0.2 * far - 0.05 * size - TIE_BREAK * 0.2 * distance
    forward, backward = scores.argmax(dim=1), scores.argmax(dim=0)
    return [(i, int(j)) for i, j in enumerate(forward) if int(backward[j]) == i]


def _centres(labels: np.ndarray) -> tuple[np.ndarray, list[int]]:
    centres, sizes = [], []
    for piece in range(int(labels.max()) + 1):
        y, x = np.nonzero(labels == piece)
        centres.append((x.mean(), y.mean()))
        sizes.append(len(x))
    return np.array(centres), sizes


def piece_flow(
    image_0: np.ndarray, image_1: np.ndarray, labels_0: np.ndarray, labels_1: np.ndarray, pairs: list[tuple[int, int]]
) -> np.ndarray:
    """The flow of each matched piece of frame 0, piece after piece: the centroids' shift and DIS flow on top of it."""
    height, width = labels_0.shape
    grey_0, grey_1 = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (image_0, image_1))
    solver = variational_solver()
    flow = np.zeros((height, width, 2), np.float32)
    for piece, other in pairs:
        mask_0, mask_1 = labels_0 == piece, labels_1 == other
        area_0, area_1 = int(mask_0.sum()), int(mask_1.sum())
        centre_0, centre_1 = (np.array([v.mean() for v in np.nonzero(m)[::-1]]) for m in (mask_0, mask_1))
        shift = centre_1 - centre_0
        small, large = min(area_0, area_1), max(area_0, area_1)
        if small < LEAST_MOVED or large > LARGEST_MOVED * mask_0.size or large > 3 * small:
            continue
        if np.hypot(*shift) > FARTHEST * np.hypot(height, width):
            continue
        whole = np.rint(shift)
        back = np.array([[1, 0, -whole[0]], [0, 1, -whole[1]]])  # the match, moved over the piece
        masked_0, masked_1 = np.where(mask_0, grey_0, 0), np.where(mask_1, grey_1, 0)
        moved = cv2.warpAffine(masked_1, back, (width, height))
        there = cv2.warpAffine(mask_1.astype(np.uint8), back, (width, height)) > 0
        window = _window(mask_0 | there)
        residual = solver.calc(np.ascontiguousarray(masked_0[window]), np.ascontiguousarray(moved[window]), None)
        inside = mask_0[window]
        found = (whole + residual[inside]).astype(np.float32)
        y, x = np.nonzero(mask_0)
        ends_x, ends_y = np.rint(x + found[:, 0]).astype(int), np.rint(y + found[:, 1]).astype(int)
        kept = (ends_x >= 0) & (ends_x < width) & (ends_y >= 0) & (ends_y < height)
        if kept.any() and mask_1[ends_y[kept], ends_x[kept]].mean() >= 0.8:
            flow[mask_0] = found
    return flow


def _window(mask: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns around ``mask``, 32 of each at least: the solver needs room for its pyramid."""
    window = []
    for axis, size in ((1, mask.shape[0]), (0, mask.shape[1])):
        used = np.flatnonzero(mask.any(axis=axis))
        first, last = max(int(used[0]) - 8, 0), min(int(used[-1]) + 9, size)
        missing = max(32 - (last - first), 0)
        first = max(first - missing, 0)
        window.append(slice(first, min(max(last, first + 32), size)))
    return tuple(window)
