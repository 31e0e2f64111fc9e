"""How near an in-between comes to the true one: PSNR, SSIM (two protocols), IE, chamfer line distance; and how
sharp it is.

Convention: every measure takes an ``image`` and its ``reference``, (1, 3, H, W) float tensors in 0..1 on any device,
and returns a Python float. Nothing is rounded or clamped here: round to 8 bits first (``to_8bit``) to measure what a
picture file would hold. ``mask`` (1, 1, H, W), where taken, restricts a measure to the pixels where it is over 0.5; a
mask that holds no pixel gives NaN, for there is nothing to average.

1. Siyao et al., "Deep Animation Video Interpolation in the Wild", CVPR 2021: PSNR, SSIM and IE on ATD-12K.
2. Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity", TIP 2004: SSIM.
3. Baker et al., "A Database and Evaluation Methodology for Optical Flow", IJCV 2011: IE, the interpolation error.
4. Chen and Zwicker, "Improving the Perceptual Quality of 2D Animation Interpolation", ECCV 2022: the chamfer distance
   of line maps as what the eye sees of cartoons.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import torch
from torch import Tensor

from ..errors import AnimeInterpError, check_frames, describe

SSIM_PROTOCOLS = ("standard", "paper")

_CHAMFER_CAP = 50.0  # pixels: a line that has no partner costs this much and not more
_MOVING_STEP = 8  # 8-bit steps between the two inputs over which a pixel counts as moving
_MOVING_REACH = 3  # pixels by which the moving pixels are widened each way


def psnr(image: Tensor, reference: Tensor, *, mask: Tensor | None = None) -> float:
    """Peak signal-to-noise ratio in dB: -10 log10 of the mean squared error over pixels and channels, data range 1.

    Infinite where the two are equal. The published ATD-12K figures are means of this over the frames [1].
    Raises AnimeInterpError for anything but two (1, 3, H, W) frames of one size.
    """
    ours, true = _pair(image, reference)
    error = _masked((ours - true) ** 2, mask)
    if error.size == 0:
        return math.nan
    mean = float(error.mean())
    return -10.0 * math.log10(mean) if mean > 0.0 else math.inf


def interpolation_error(image: Tensor, reference: Tensor, *, mask: Tensor | None = None) -> float:
    """IE: the mean over pixels of the L2 norm of the colour error, colours in 0..255 [1, after 3].

    0 where the two are equal, at most 255 sqrt(3). Raises AnimeInterpError as ``psnr`` does.
    """
    ours, true = _pair(image, reference)
    norm = 255.0 * np.sqrt(((ours - true) ** 2).sum(axis=2))
    norm = _masked(norm, mask)
    return float(norm.mean()) if norm.size else math.nan


def ssim(image: Tensor, reference: Tensor, *, protocol: str = "standard", mask: Tensor | None = None) -> float:
    """Structural similarity [2], the mean over channels and over the pixels whose whole window lies in the frame.

    Two protocols are in use for animation and differ in the third digit, so name the one you quote:

    - ``"standard"``: Gaussian window of sigma 1.5 (11x11), data range 1, as Wang et al. define it.
    - ``"paper"``: the one behind the published ATD-12K figures [1]: a uniform 7x7 window with the sample covariance
      (over n - 1) and, frames being floats, a data range of 2, which lifts every figure.

    Raises AnimeInterpError as ``psnr`` does, for another protocol, and for frames smaller than the window.
    """
    if protocol not in SSIM_PROTOCOLS:
        raise AnimeInterpError(f"protocol is {protocol!r}; it should be one of {', '.join(SSIM_PROTOCOLS)}.")
    ours, true = _pair(image, reference)
    window = 11 if protocol == "standard" else 7
    if min(ours.shape[:2]) < window:
        raise AnimeInterpError(
            f"image is {describe(image)}; SSIM ({protocol}) needs at least {window}x{window}. Use a larger crop."
        )
    inner = _masked(_ssim_map(ours, true, protocol), mask, margin=window // 2)
    return float(inner.mean()) if inner.size else math.nan


def moving_pixels(frame0: Tensor, frame1: Tensor) -> Tensor:
    """Where something moves between two frames: (1, 1, H, W) bool, on the frames' device.

    A pixel moves where the two frames, rounded to 8 bits, differ by more than 8 in any channel; the set is widened by
    3 pixels each way (a 7x7 square). It speaks of the inputs alone, so every method is measured on the same pixels.
    """
    first, second = _pair(frame0, frame1, names=("frame0", "frame1"))
    steps = np.abs(np.rint(first * 255.0) - np.rint(second * 255.0)).max(axis=2)
    size = 2 * _MOVING_REACH + 1
    wide = cv2.dilate((steps > _MOVING_STEP).astype(np.uint8), np.ones((size, size), np.uint8))
    return torch.from_numpy(wide > 0)[None, None].to(frame0.device)


def psnr_moving(image: Tensor, reference: Tensor, frame0: Tensor, frame1: Tensor) -> float:
    """PSNR in dB over ``moving_pixels(frame0, frame1)``: a still background no longer drowns what was drawn anew.

    NaN where nothing moves. Raises AnimeInterpError as ``psnr`` does.
    """
    return psnr(image, reference, mask=moving_pixels(frame0, frame1))


def sharpness(image: Tensor, frame0: Tensor, frame1: Tensor) -> float:
    """How strong the edges and lines are where something moves: the mean absolute Laplacian of the grey ``image`` over
    ``moving_pixels(frame0, frame1)``, divided by that of the two frames there, in the mean of both.

    1 is as sharp as drawn; reading between pixels and laying two readings over one another make it less. It knows nothing
    of the true frame, and something torn is sharp: it stands beside the other measures, not for them. NaN where nothing moves
    or nothing is drawn. Raises AnimeInterpError as ``psnr`` does.
    """
    inside = moving_pixels(frame0, frame1)
    ours, first = _pair(image, frame0, names=("image", "frame0"))
    edges = [float(_masked(np.abs(_laplacian(pixels)), inside).sum()) for pixels in (ours, first, _pixels(frame1))]
    drawn = (edges[1] + edges[2]) / 2.0
    return edges[0] / drawn if drawn > 0.0 else math.nan


def line_map(frame: Tensor) -> Tensor:
    """The lines of a drawing: (1, 1, H, W) bool, where G(1.0) - G(1.6) < -0.02 on grey (luma) in 0..1.

    G is a Gaussian blur by its sigma in pixels: the difference is negative on what is darker than its surroundings and
    about as wide as a drawn line. Raises AnimeInterpError for anything but one (1, 3, H, W) frame.
    """
    check_frames("frame", frame, channels=(3,), count=1)
    return torch.from_numpy(_lines(_pixels(frame)))[None, None].to(frame.device)


def chamfer_line_distance(image: Tensor, reference: Tensor, *, mask: Tensor | None = None) -> float:
    """Chamfer distance of the two line maps, in thousandths of the frame's diagonal [after 4].

    The mean distance of each map's line pixels to the other map's nearest, each capped at 50 px, averaged over the two
    ways. 0 where the lines agree, or where neither frame has any; a frame with lines against one with none costs the
    cap. A ``mask`` says which line pixels are counted, not which they may be near to.
    Raises AnimeInterpError as ``psnr`` does.
    """
    ours, true = (_lines(pixels) for pixels in _pair(image, reference))
    inside = _mask_array(mask, ours.shape)
    there, back = _distances(ours, true, inside), _distances(true, ours, inside)
    if there is None and back is None:
        return 0.0 if inside is None or inside.any() else math.nan
    mean = ((_CHAMFER_CAP if there is None else there) + (_CHAMFER_CAP if back is None else back)) / 2.0
    return 1000.0 * mean / math.hypot(*ours.shape)


def score(
    image: Tensor, reference: Tensor, *, frame0: Tensor | None = None, frame1: Tensor | None = None,
    mask: Tensor | None = None,
) -> dict[str, float]:
    """Every measure of one in-between by name: psnr, ssim, ssim_paper, ie, chamfer; given both inputs, psnr_moving and sharpness.

    ``mask`` restricts all but these two (whose pixels are their own). Raises AnimeInterpError as ``psnr`` does.
    """
    scores = {
        "psnr": psnr(image, reference, mask=mask),
        "ssim": ssim(image, reference, mask=mask),
        "ssim_paper": ssim(image, reference, protocol="paper", mask=mask),
        "ie": interpolation_error(image, reference, mask=mask),
        "chamfer": chamfer_line_distance(image, reference, mask=mask),
    }
    if frame0 is not None and frame1 is not None:
        scores["psnr_moving"] = psnr_moving(image, reference, frame0, frame1)
        scores["sharpness"] = sharpness(image, frame0, frame1)
    return scores


def to_8bit(frames: Tensor) -> Tensor:
    """``frames`` clamped to 0..1 and rounded to 256 steps, still floating point: what an 8-bit picture file holds."""
    return (frames.clamp(0.0, 1.0) * 255.0).round() / 255.0


def _ssim_map(ours: np.ndarray, true: np.ndarray, protocol: str) -> np.ndarray:
    """The SSIM of each window and channel, (H - w + 1, W - w + 1, 3) for a window of w."""
    if protocol == "standard":
        size, span, norm = 11, 1.0, 1.0
        kernel = cv2.getGaussianKernel(size, 1.5, cv2.CV_64F)
    else:
        size, span = 7, 2.0
        kernel = np.full((size, 1), 1.0 / size)
        norm = size * size / (size * size - 1.0)  # the sample covariance divides by n - 1
    edge = size // 2

    def blur(values: np.ndarray) -> np.ndarray:
        return cv2.sepFilter2D(values, cv2.CV_64F, kernel, kernel)[edge:-edge, edge:-edge]

    mean_0, mean_1 = blur(ours), blur(true)
    var_0 = norm * (blur(ours * ours) - mean_0 * mean_0)
    var_1 = norm * (blur(true * true) - mean_1 * mean_1)
    cov = norm * (blur(ours * true) - mean_0 * mean_1)
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2  # K1, K2 of [2]
    top = (2.0 * mean_0 * mean_1 + c1) * (2.0 * cov + c2)
    return top / ((mean_0**2 + mean_1**2 + c1) * (var_0 + var_1 + c2))


def _grey(pixels: np.ndarray) -> np.ndarray:
    return cv2.cvtColor(pixels.astype(np.float32), cv2.COLOR_RGB2GRAY)


def _laplacian(pixels: np.ndarray) -> np.ndarray:
    return cv2.Laplacian(_grey(pixels), cv2.CV_32F)


def _lines(pixels: np.ndarray) -> np.ndarray:
    grey = _grey(pixels)
    return cv2.GaussianBlur(grey, (0, 0), 1.0) - cv2.GaussianBlur(grey, (0, 0), 1.6) < -0.02


def _distances(lines: np.ndarray, others: np.ndarray, inside: np.ndarray | None) -> float | None:
    """Mean capped distance of ``lines`` to the nearest of ``others``; None where there is no line to ask for."""
    asked = lines if inside is None else lines & inside
    if not asked.any():
        return None
    if not others.any():
        return _CHAMFER_CAP
    distance = cv2.distanceTransform((~others).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return float(np.minimum(distance[asked], _CHAMFER_CAP).mean())


def _pair(image: Tensor, reference: Tensor, names: tuple[str, str] = ("image", "reference")) -> tuple[np.ndarray, ...]:
    """Both as (H, W, 3) float64 arrays, checked."""
    for name, frame in zip(names, (image, reference), strict=True):
        check_frames(name, frame, channels=(3,), count=1)
    if image.shape != reference.shape:
        raise AnimeInterpError(
            f"{names[0]} is {describe(image)} and {names[1]} is {describe(reference)}; they should be of one size. "
            "Resize one of them."
        )
    return _pixels(image), _pixels(reference)


def _pixels(frame: Tensor) -> np.ndarray:
    return np.ascontiguousarray(frame.detach()[0].permute(1, 2, 0).to("cpu", torch.float64).numpy())


def _mask_array(mask: Tensor | None, size: tuple[int, ...]) -> np.ndarray | None:
    if mask is None:
        return None
    if not isinstance(mask, Tensor) or tuple(mask.shape) != (1, 1, *size[:2]):
        was = tuple(mask.shape) if isinstance(mask, Tensor) else type(mask).__name__
        raise AnimeInterpError(f"mask is {was}; it should be {(1, 1, *size[:2])}, as high and wide as the image.")
    return (mask[0, 0] > 0.5).cpu().numpy()


def _masked(values: np.ndarray, mask: Tensor | None, *, margin: int = 0) -> np.ndarray:
    """``values`` of the pixels in the mask; ``margin`` is what ``values`` lacks of the frame on each side."""
    inside = _mask_array(mask, (values.shape[0] + 2 * margin, values.shape[1] + 2 * margin))
    if inside is None:
        return values
    height, width = values.shape[:2]
    return values[inside[margin : margin + height, margin : margin + width]]
