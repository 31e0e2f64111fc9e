"""Frames as OpenCV has them, and back: rows of pixels in 8 bits, and planes of numbers."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

ROUNDING = 2.5 / 255  # of 0..1, what rounding to 8 bits, twice, and a fit may be off where two frames are brought to one light


def to_image(frame: Tensor) -> np.ndarray:
    """(3 or 4, H, W) float in 0..1 to (H, W, 3) uint8, transparent parts over mid-grey so that they are a piece."""
    frame = frame.detach().to("cpu", torch.float32)
    if frame.shape[0] == 4:
        frame = frame[:3] * frame[3:] + 0.5 * (1 - frame[3:])
    pixels = frame.mul(255).round_().clamp_(0, 255).nan_to_num_(0.0).to(torch.uint8)
    image = pixels.permute(1, 2, 0).numpy()
    # What came as (H, W, 3) lies so already; planes of their own are woven together several times as fast by OpenCV.
    return image if image.flags.c_contiguous else cv2.merge([np.ascontiguousarray(plane) for plane in pixels.numpy()])


def to_tensor(array: np.ndarray, device: torch.device | str = "cpu") -> Tensor:
    """(H, W) or (H, W, C) as OpenCV has it to (1, C, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(np.atleast_3d(array).transpose(2, 0, 1)[None])).to(device)


def area_average(frame: Tensor, size: tuple[int, int]) -> Tensor:
    """``frame`` (N, C, H, W), floating point, at ``size`` (h, w), no larger: each pixel the mean of what it covers."""
    if frame.device.type == "mps" and (frame.shape[-2] % size[0] or frame.shape[-1] % size[1]):
        return area_average(frame.cpu(), size).to(frame.device)  # whose pooling knows only sizes that divide
    return F.interpolate(frame, size, mode="area")


def levels_at_most(frame: Tensor, side: int) -> np.ndarray:
    """A frame (1, 3, H, W) in 0..1 as (h, w, 3) float32 in levels of 0..255, its longer side ``side`` pixels at most, each side 8
    at least; the smaller picture is made where the frame is."""
    height, width = frame.shape[-2:]
    scale = min(1.0, side / max(height, width))
    size = max(round(height * scale), 8), max(round(width * scale), 8)
    small = area_average(frame.detach().float(), size)[0]
    return np.ascontiguousarray((255 * small.clamp(0, 1)).permute(1, 2, 0).cpu().numpy())


def close_gaps(mask: np.ndarray, reach: int) -> np.ndarray:
    """A ``mask`` (H, W), bool or 0 and 1, with its gaps of up to twice ``reach`` pixels closed (a disc); as bool. At the frame's
    edge it goes on beyond."""
    around = cv2.copyMakeBorder(mask.astype(np.uint8), *(reach,) * 4, cv2.BORDER_REPLICATE)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1,) * 2)
    return cv2.morphologyEx(around, cv2.MORPH_CLOSE, disc)[reach:-reach, reach:-reach] > 0


def without_holes(mask: np.ndarray) -> np.ndarray:
    """A bool ``mask`` (H, W) without the holes in its components: float32 0 or 1."""
    outlines, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(np.zeros(mask.shape, np.float32), outlines, -1, 1, cv2.FILLED)


def difference(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Summed absolute colour difference of (H, W, 3) float32 images, (H, W) float32."""
    return cv2.transform(cv2.absdiff(one, other), np.ones((1, one.shape[2]), np.float32))


def steepness(image: np.ndarray) -> np.ndarray:
    """The steepest channel's gradient, levels a pixel: (H, W) float32."""
    gx, gy = gradients(image)
    # Not cv2.magnitude: its last bit depends on where in memory the arrays happen to lie.
    squares = gx * gx
    squares += gy * gy
    return np.sqrt(np.maximum.reduce(cv2.split(squares)))


def gradients(image: np.ndarray, scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Horizontal and vertical derivative, levels a pixel times ``scale``, of (H, W, C) float32."""
    return cv2.Sobel(image, cv2.CV_32F, 1, 0, scale=scale / 8), cv2.Sobel(image, cv2.CV_32F, 0, 1, scale=scale / 8)
