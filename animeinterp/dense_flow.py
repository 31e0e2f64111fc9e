"""Dense optical flow without pieces or weights: OpenCV's DIS, and how far its way there and back misses.

Kroeger, Timofte, Dai and Van Gool, "Fast Optical Flow using Dense Inverse Search" (ECCV 2016). Whatever asks for dense flow
asks it here: the coarse flow for the deformation of a piece, the completion for a second opinion, and the refinement of a
flow that somebody else made.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from torch import Tensor

from .flow import Flow, PieceMatches
from .frames import FramePair
from .images import to_image, to_tensor
from .protocols import Refiner
from .runtime import Runtime

_ROW = 1024  # places read at a time, where they are single ones


def dis_solver() -> cv2.DISOpticalFlow:
    """OpenCV's solver with its medium preset; ``calc(grey0, grey1, start or None)`` on (H, W) uint8."""
    return cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)


def variational_solver(finest_scale: int = 0) -> cv2.DISOpticalFlow:
    """The solver as the paper's code sets it for the deformation of a piece, at 1/2^``finest_scale`` of the size."""
    solver = dis_solver()
    solver.setFinestScale(finest_scale)
    solver.setGradientDescentIterations(50)
    solver.setVariationalRefinementIterations(25)
    return solver


def dis_flow(image0: np.ndarray, image1: np.ndarray, start: np.ndarray | None = None) -> np.ndarray:
    """Dense flow from ``image0`` to ``image1``.

    :param image0: (H, W, 3) uint8; ``image1`` likewise.
    :param start: (H, W, 2) float32 in pixels to begin at; None begins at zero.
    :return: (H, W, 2) float32.
    """
    solver = dis_solver()
    gray0, gray1 = (cv2.cvtColor(i, cv2.COLOR_RGB2GRAY) for i in (image0, image1))
    if min(gray0.shape) < 32:  # too small for its pyramid
        return np.zeros((*gray0.shape, 2), np.float32) if start is None else start.copy()
    return solver.calc(gray0, gray1, None if start is None else start.copy())


def refine_dense(
    frame0: Tensor, frame1: Tensor, flow_01: Tensor | None = None, flow_10: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Dense flows both ways, begun at the given ones: frames (1, 3, H, W) in 0..1, flows (1, 2, H, W) in pixels.

    Found on the CPU; returned in float32 on the frames' device.
    """
    images = to_image(frame0[0]), to_image(frame1[0])
    found = []
    for k, start in enumerate((flow_01, flow_10)):
        begin = None if start is None else np.ascontiguousarray(start[0].permute(1, 2, 0).float().cpu().numpy())
        flow = dis_flow(images[k], images[1 - k], begin)
        found.append(to_tensor(flow, frame0.device))
    return found[0], found[1]


class DenseFlow(Refiner):
    """Dense flow of the whole frame as a refiner: begun at a flow that anybody found, or at no motion. It knows no pieces."""

    seconds = 0.3

    def __init__(self, config: Any = None, *, operations: Any = None) -> None:
        pass

    def refine(
        self,
        pair: FramePair,
        start: PieceMatches | Flow | None = None,
        *,
        iterations: int | None = None,
        runtime: Runtime | None = None,
    ) -> Flow:
        """See ``Refiner``; a start that knows no flow is none."""
        runtime = Runtime() if runtime is None else runtime
        fields = () if start is None else (start.flow_01, start.flow_10)
        return Flow(*runtime.in_thread(lambda report: self.fields(*pair.rgb, *fields)))

    def fields(self, frame0: Tensor, frame1: Tensor, *start: Tensor) -> tuple[Tensor, Tensor]:
        """Both fields, from those of a start or from none."""
        return refine_dense(frame0, frame1, *start)


def warp(image: np.ndarray, flow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read ``image`` at x + flow(x), bilinear. (H, W, C) and a (H, W) bool mask of what was inside it."""
    height, width = flow.shape[:2]
    x = flow[..., 0] + np.arange(width, dtype=np.float32)[None]
    y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return _read(image, x, y)


def read_at(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Read ``image`` (H, W, C) at single places ``x``, ``y`` (N,) in pixels, as ``warp`` does: (N, C) and (N,) bool."""
    rows = max(-(-len(x) // _ROW), 1)
    read, inside = _read(image, *(np.resize(places.astype(np.float32), (rows, _ROW)) for places in (x, y)))
    return read.reshape(rows * _ROW, -1)[: len(x)], inside.ravel()[: len(x)]


def _read(image: np.ndarray, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    height, width = image.shape[:2]
    inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    return cv2.remap(image, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), inside


def disagreement(flow: np.ndarray, back: np.ndarray) -> np.ndarray:
    """How far the way there and back ends from where it began, in pixels. (H, W) float32.

    :param flow: (H, W, 2) from this frame to the other; ``back`` (H, W, 2) from the other.
    """
    return lengths(flow + warp(back, flow)[0])


def lengths(field: np.ndarray) -> np.ndarray:
    """The length of each vector of a field (H, W, 2). (H, W)."""
    return np.sqrt(field[..., 0] ** 2 + field[..., 1] ** 2)  # cv2.magnitude is not the same twice, a sum over axes slower
