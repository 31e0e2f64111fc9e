"""The loose things of a frame, cut from what is left over along the flow that is known without them. See ``loose``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch

from ..dense_flow import warp
from ..images import difference, steepness
from ..matching.features import piece_moments
from .config import CompletionConfig
from .motion import shrink

AROUND = np.ones((3, 3), np.uint8)


@dataclass
class Things:
    """The loose things of a frame, numbered from 1, K - 1 of them; row 0 of each array is all the rest.

    ``unlike`` (H, W), how unlike the frames look without them; ``labels`` (H, W) int32, soft rims included, and ``inner``
    (H, W) int32 without those; ``moments`` (K, 6), see ``piece_moments``; ``colours`` (K, 3); ``edges`` (K,), how many times
    as much edge is around each as without it; ``motion`` (K, 6), see ``PieceGrid.flow``, and ``moves`` (K,) bool, those for
    which one was found; ``explained`` (K,) bool, those that the known flow carries to what looks like them.
    """

    unlike: np.ndarray
    labels: np.ndarray
    inner: np.ndarray
    moments: np.ndarray
    colours: np.ndarray
    edges: np.ndarray
    motion: np.ndarray
    moves: np.ndarray
    explained: np.ndarray

    @property
    def centres(self) -> np.ndarray:
        return self.moments[:, 1:3].astype(np.float32)


def cut_things(images: Sequence[np.ndarray], k: int, field: np.ndarray, config: CompletionConfig) -> Things | None:
    """The loose things of image ``k``; None if there are none, or so much is left over that these are no things.

    :param images: both, (H, W, 3) uint8. ``field``: the flow (H, W, 2) from image ``k`` to the other without things.
    """
    here, there = (shrink(images[i], *images[i].shape[1::-1]) for i in (k, 1 - k))
    read, inside = warp(there, field)
    unlike = difference(read, here) * inside
    left = unlike > config.loose_unlike
    if not left.any() or left.mean() > config.loose_most:
        return None
    # What was there before the thing came, or is there when it has gone, continues what is around.
    hole = cv2.dilate(left.view(np.uint8), AROUND)
    ground = cv2.inpaint(images[k], hole, config.loose_around, cv2.INPAINT_TELEA).astype(np.float32)
    off_here, off_there = difference(here, ground), difference(read, ground)
    figure = left & (off_here > config.loose_unlike / 2) & (2 * off_here > off_there)
    # Of lines on the same ground, that one is of here which is here.
    size = np.ones((config.loose_pen, config.loose_pen), np.uint8)
    plain_here, plain_there = (cv2.morphologyEx(image, cv2.MORPH_CLOSE, size) for image in (here, read))
    ink = difference(plain_here, here) - difference(plain_there, read)
    figure |= left & (ink > config.loose_unlike)
    figure &= (ink > -config.loose_unlike) | (difference(here, plain_there) > config.loose_unlike / 2)
    whole = with_rim(figure, unlike, config)
    count, labels = cv2.connectedComponents(whole, connectivity=8)
    size = np.bincount(labels.ravel(), figure.ravel(), count)
    # A thing brings edges that are not there without it.
    figures = labels * cv2.dilate(figure.view(np.uint8), AROUND)
    edges, without = (np.bincount(figures.ravel(), steepness(image).ravel(), count) for image in (here, read))
    edges /= np.maximum(without, 1)
    kept = (edges > config.loose_edges) & (size >= config.loose_least)
    kept[0] = False
    if not kept.any() or kept.sum() > config.loose_count:
        return None
    number = np.zeros(count, np.int32)
    number[kept] = np.arange(1, kept.sum() + 1)
    labels = number[labels]
    count = int(kept.sum()) + 1
    weight = np.bincount(labels.ravel(), figure.ravel(), count)
    colours = np.stack([np.bincount(labels.ravel(), (here[..., c] * figure).ravel(), count) for c in range(3)], 1)
    moments = piece_moments(torch.from_numpy(labels), count).numpy()
    colours /= np.maximum(weight, 1)[:, None]
    none = np.zeros((count, 6), np.float32), np.zeros(count, bool), np.zeros(count, bool)
    return Things(unlike, labels, labels * figure, moments, colours, np.append(0, edges[kept]), *none)


def with_rim(figure: np.ndarray, unlike: np.ndarray, config: CompletionConfig) -> np.ndarray:
    """``figure`` (H, W) bool with its soft edges, (H, W) uint8."""
    whole = cv2.dilate(figure.view(np.uint8), AROUND)
    return whole | cv2.dilate(whole, AROUND) & (unlike > config.loose_faint).view(np.uint8)


def possible_pairs(one: Things, other: Things, config: CompletionConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Which things could be one: two (P,) arrays of their numbers, and how unlike they are (P,)."""
    area = np.abs(np.log(one.moments[1:, None, 0] / other.moments[None, 1:, 0]))
    colour = np.abs(one.colours[1:, None] - other.colours[None, 1:]).sum(2)
    far = np.linalg.norm(one.centres[1:, None] - other.centres[None, 1:], axis=2) / np.hypot(*one.labels.shape)
    could = (area < np.log(config.loose_areas)) & (colour < config.loose_colours) & (far < config.loose_farthest)
    a, b = np.nonzero(could)
    unlike = area + colour / config.loose_colours + far / config.loose_farthest
    return a + 1, b + 1, unlike[a, b]
