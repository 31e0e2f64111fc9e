"""Measuring in-betweens: the metrics, the yardsticks, and runs over triplets such as ATD-12K's.

- ``metrics``: PSNR, SSIM under two protocols, IE, chamfer line distance, PSNR over moving pixels, sharpness.
- ``baselines``: overlay, nearest frame and whole-frame optical flow, for side-by-side figures.
- ``triplets``: two frames with the true one between them, read from folders or from ATD-12K.
- ``runner``, ``tables``, ``pictures``: a run that can be stopped and gone on with, and what comes of it.
"""

from .metrics import (
    SSIM_PROTOCOLS,
    chamfer_line_distance,
    interpolation_error,
    line_map,
    moving_pixels,
    psnr,
    psnr_moving,
    score,
    sharpness,
    ssim,
    to_8bit,
)

__all__ = [
    "SSIM_PROTOCOLS",
    "chamfer_line_distance",
    "interpolation_error",
    "line_map",
    "moving_pixels",
    "psnr",
    "psnr_moving",
    "score",
    "sharpness",
    "ssim",
    "to_8bit",
]
