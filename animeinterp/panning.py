"""How far the picture as a whole has shifted: what a camera that pans does, by more than dense flow can follow.

Kuglin and Hines, "The Phase Correlation Image Alignment Method" (1975): the shift is a peak of the two frames' normalised
cross-correlation, found for all shifts at once. What moves by itself in front makes peaks of its own, so several are tried.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from torch import Tensor

from .dense_flow import DenseFlow, dis_flow, warp
from .images import difference, to_image, to_tensor
from .runtime.sides import both


@dataclass(frozen=True)
class PanningConfig:
    """The numbers, chosen by hand on pans of this project's own drawn clips at 640x360. Colour differences are of 8-bit levels,
    summed over the three channels."""

    width: int = 240  # about, of the copies that are compared, in pixels
    peaks: int = 4  # that are tried
    peaks_apart: int = 3  # pixels of the copies between them
    farthest: float = 0.45  # of the width and of the height
    least: float = 0.08  # of the width: what dense flow follows by itself
    truncate: float = 60.0  # of the colour difference
    better: float = 0.8  # of the difference without a shift: what one has to come under
    window: int = 9  # pixels, over which two flows are compared
    margin: float = 4.0  # levels by which what is still has to look better


PANNING = PanningConfig()


class PannedFlow(DenseFlow):
    """Dense flow of the whole frame that knows of pans; where it begins at somebody's flow, as ``DenseFlow``."""

    seconds = 0.5

    def fields(self, frame0: Tensor, frame1: Tensor, *start: Tensor) -> tuple[Tensor, Tensor]:
        """See ``DenseFlow``."""
        if start:
            return super().fields(frame0, frame1, *start)
        there, back = panned_flows((to_image(frame0[0]), to_image(frame1[0])))
        return to_tensor(there, frame0.device), to_tensor(back, frame0.device)


def panned_flows(
    images: Sequence[np.ndarray], config: PanningConfig = PANNING
) -> tuple[np.ndarray, np.ndarray]:
    """Dense flow (H, W, 2) from either image to the other, begun at the shift of the frame, if it has shifted as a whole."""
    shift = frame_shift(images[0], images[1], config)
    shifts = shift, None if shift is None else -shift
    return both(lambda k: panned_flow(images[k], images[1 - k], shifts[k], config))


def frame_shift(image0: np.ndarray, image1: np.ndarray, config: PanningConfig = PANNING) -> np.ndarray | None:
    """The shift (x, y) in pixels, (2,) float32, that brings most of ``image0`` to where it is in ``image1``.

    :param image0: (H, W, 3) uint8; ``image1`` likewise.
    :return: None where no shift of more than ``least`` explains the frame clearly better than none.
    """
    height, width = image0.shape[:2]
    step = max(1, round(width / config.width))
    size = width // step, height // step
    small = [cv2.resize(image, size, interpolation=cv2.INTER_AREA) for image in (image0, image1)]
    best, least = None, config.better * _difference(small, 0, 0, config.truncate)
    for x, y in _peaks(*small, config):
        if abs(x) * step < config.least * width and abs(y) * step < config.least * width:
            continue
        unlike = _difference(small, x, y, config.truncate)
        if unlike < least:
            best, least = (x, y), unlike
    return None if best is None else np.float32([best[0] * width / size[0], best[1] * height / size[1]])


def panned_flow(
    image0: np.ndarray, image1: np.ndarray, shift: np.ndarray | None, config: PanningConfig = PANNING
) -> np.ndarray:
    """Whole-frame dense flow (H, W, 2) from ``image0`` to ``image1``, where the picture as a whole shifts by ``shift``.

    Begun at the shift, and at none for what the camera goes along with; around each pixel, that which looks more alike.
    """
    still = dis_flow(image0, image1)
    if shift is None:
        return still
    panned = dis_flow(image0, image1, np.broadcast_to(shift, still.shape).astype(np.float32))
    here, there = image0.astype(np.float32), image1.astype(np.float32)
    costs = []
    for flow in (panned, still):
        warped, inside = warp(there, flow)
        apart = np.minimum(difference(warped, here), config.truncate)
        # What leaves the frame goes with the camera: nothing is there to tell otherwise.
        costs.append(cv2.blur(np.where(inside, apart, 0), (config.window, config.window)))
    return np.where((costs[1] < costs[0] - config.margin)[..., None], still, panned)


def _peaks(one: np.ndarray, other: np.ndarray, config: PanningConfig) -> list[tuple[int, int]]:
    """The shifts, in whole pixels, from ``one`` to ``other`` at which their edges correlate best."""
    height, width = one.shape[:2]
    size = cv2.getOptimalDFTSize(2 * height), cv2.getOptimalDFTSize(2 * width)  # no wrapping round
    spectra = []
    for image in (one, other):
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
        edges = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
        spectra.append(np.fft.rfft2(edges - edges.mean(), size))
    cross = np.conj(spectra[0]) * spectra[1]
    # Half whitened: wholly, noise counts as much as the drawing; not at all, peaks are as wide as what they are of.
    surface = np.fft.irfft2(cross / np.sqrt(np.abs(cross) + 1e-6), size).astype(np.float32)
    far_y, far_x = int(config.farthest * height), int(config.farthest * width)
    surface = np.roll(surface, (far_y, far_x), (0, 1))[: 2 * far_y + 1, : 2 * far_x + 1].copy()
    peaks = []
    for _ in range(config.peaks):
        _, _, _, (x, y) = cv2.minMaxLoc(surface)
        peaks.append((x - far_x, y - far_y))
        rows, columns = (slice(max(0, at - config.peaks_apart), at + config.peaks_apart + 1) for at in (y, x))
        surface[rows, columns] = -np.inf
    return peaks


def _difference(images: list[np.ndarray], x: int, y: int, truncate: float) -> float:
    """Mean truncated colour difference where both are, ``images[0]`` shifted by (x, y)."""
    height, width = images[0].shape[:2]
    here = images[0][max(0, -y) : height - max(0, y), max(0, -x) : width - max(0, x)]
    there = images[1][max(0, y) : height - max(0, -y), max(0, x) : width - max(0, -x)]
    apart = cv2.absdiff(here, there).astype(np.float32).sum(axis=2)
    return float(np.minimum(apart, truncate).mean())
