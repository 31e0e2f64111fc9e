"""Colour piece segmentation (paper 3.1): contours, trapped-ball fill, merging. One label map a frame."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from ..arguments import check_settings_of
from ..config import SegmentConfig
from ..errors import AnimeInterpError, check_frames, check_values
from ..images import to_image
from .contours import STYLES, find_contours
from .merging import merge_small
from .trapped_ball import grow, trapped_ball_fill

__all__ = ["find_contours", "grow", "merge_small", "segment", "segment_image", "trapped_ball_fill"]


def segment(frames: Tensor, config: SegmentConfig | None = None) -> Tensor:
    """Cut each frame into colour pieces (paper 3.1).

    :param frames: (N, 3 or 4, H, W) float in 0..1, any device; alpha, where there is one, cuts too.
    :param config: a SegmentConfig; ``ball_radius`` in pixels.
    :return: (N, H, W) int32 on the CPU, labels 0..K-1 without gaps in each frame, every pixel in a piece.
    :raises AnimeInterpError: for a wrong shape or type, or a configuration that makes no sense.
    """
    check_settings_of("config", config, SegmentConfig)
    config = config or SegmentConfig()
    check_frames("frames", frames)
    check_values("frames", frames)
    _check(config)
    # OpenCV and most of numpy let go of the interpreter: frames are cut side by side.
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1, max(1, len(frames)))) as threads:
        labels = list(threads.map(lambda frame: segment_image(to_image(frame), config), frames))
    return torch.from_numpy(np.stack(labels)) if labels else torch.zeros(0, *frames.shape[-2:], dtype=torch.int32)


def segment_image(image: np.ndarray, config: SegmentConfig) -> np.ndarray:
    """Cut one frame, (H, W, 3) uint8, into pieces: (H, W) int32, 0..K-1. See ``segment``."""
    lines = find_contours(image, config.style)
    least = max(1, round(config.min_piece * image.shape[0] * image.shape[1] / config.reference_area))
    regions = trapped_ball_fill(lines, config.ball_radius, least)
    if not regions.any():  # nothing but line: one piece
        return np.zeros(regions.shape, np.int32)
    regions = grow(regions)
    return merge_small(regions, image, least)


def _check(config: SegmentConfig) -> None:
    if config.style not in STYLES:
        raise AnimeInterpError(f"style is {config.style!r}; it should be one of {', '.join(sorted(STYLES))}.")
    if not 0 <= config.ball_radius <= 64:
        raise AnimeInterpError(f"ball_radius is {config.ball_radius}; it should be from 0 to 64 pixels.")
    if config.min_piece < 1:
        raise AnimeInterpError(f"min_piece is {config.min_piece}; it should be at least 1 pixel.")
