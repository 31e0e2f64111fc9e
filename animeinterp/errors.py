"""The one error of the library, and the checks that raise it for wrong inputs."""

from __future__ import annotations

import math

import torch
from torch import Tensor

_FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
LARGEST = 65504.0  # the greatest number of half precision, which EXR holds: no light is brighter
FARTHEST = 1e5  # pixels that a flow may lead


class AnimeInterpError(Exception):
    """Something the caller can mend. The message names the input, what it was, what it should be, and what to do."""


def check_frames(name: str, frames: Tensor, *, channels: tuple[int, ...] = (3, 4), count: int | None = None) -> None:
    """Raise AnimeInterpError unless ``frames`` is a float tensor (N, C, H, W) with C in ``channels``.

    ``count`` asks for exactly that many frames. Values are looked at by ``check_values``: that waits for the device.
    """
    wanted = " or ".join(str(c) for c in channels)
    if not isinstance(frames, Tensor):
        raise AnimeInterpError(f"{name} is a {type(frames).__name__}; it should be a torch tensor (N, {wanted}, H, W).")
    if frames.dtype not in _FLOATS:
        raise AnimeInterpError(f"{name} holds {frames.dtype}; it should be floating point in 0..1. Divide 8-bit frames by 255.")
    if frames.ndim != 4 or frames.shape[1] not in channels:
        raise AnimeInterpError(
            f"{name} has shape {tuple(frames.shape)}; it should be (N, {wanted}, H, W), channels before height and width."
        )
    if frames.shape[-1] == 0 or frames.shape[-2] == 0:
        raise AnimeInterpError(f"{name} is {frames.shape[-1]}x{frames.shape[-2]}; it should have one pixel or more.")
    if count is not None and frames.shape[0] != count:
        raise AnimeInterpError(f"{name} holds {frames.shape[0]} frames; it should hold {count}. Pass frames[i:i + {count}].")


def check_values(name: str, frames: Tensor) -> tuple[float, float]:
    """The least and the greatest colour of ``frames`` (N, 3 or 4, H, W). AnimeInterpError where a value is no finite number,
    and where they look like levels of 8 bits; values beyond 0..1 are light that is brighter than white, and none."""
    if frames.numel() == 0:
        return 0.0, 1.0
    with torch.no_grad():
        least, greatest = (float(v) for v in torch.stack(frames[:, :3].aminmax()).float().tolist())
        alpha = (0.0, 1.0) if frames.shape[1] == 3 else torch.stack(frames[:, 3:].aminmax()).float().tolist()
    if not all(math.isfinite(v) for v in (least, greatest, *alpha)):
        raise AnimeInterpError(
            f"{name} holds values that are no finite numbers (NaN or infinite); all should be in 0..1. Mend what made them, or "
            "replace them: torch.nan_to_num(frames)."
        )
    if greatest > 8 and bool((frames == frames.round()).all()):
        raise AnimeInterpError(
            f"{name} holds whole numbers up to {greatest:g}, which look like levels; it should be in 0..1. Divide by 255."
        )
    if max(-least, greatest) > LARGEST:
        raise AnimeInterpError(
            f"{name} goes from {least:g} to {greatest:g}; it should be in 0..1, or light of up to {LARGEST:g}. Scale it."
        )
    return least, greatest


def check_pair(frame0: Tensor, frame1: Tensor, *, channels: tuple[int, ...] = (3, 4)) -> None:
    """Raise AnimeInterpError unless both are (1, C, H, W) frames of one size, dtype and device."""
    check_frames("frame0", frame0, channels=channels, count=1)
    check_frames("frame1", frame1, channels=channels, count=1)
    if frame0.shape != frame1.shape:
        raise AnimeInterpError(
            f"frame0 is {describe(frame0)} and frame1 is {describe(frame1)}; the two should be of one size. Resize one of them."
        )
    if frame0.dtype != frame1.dtype or frame0.device != frame1.device:
        raise AnimeInterpError(
            f"frame0 is {frame0.dtype} on {frame0.device} and frame1 {frame1.dtype} on {frame1.device}; "
            "they should agree. Move one of them with .to(...)."
        )


def check_flow(name: str, flow: Tensor, frame: Tensor) -> None:
    """Raise AnimeInterpError unless ``flow`` is (1, 2, H, W) of the size of ``frame``."""
    wanted = (frame.shape[0], 2, *frame.shape[-2:])
    if not isinstance(flow, Tensor) or tuple(flow.shape) != wanted:
        was = tuple(flow.shape) if isinstance(flow, Tensor) else type(flow).__name__
        raise AnimeInterpError(f"{name} is {was}; it should be {wanted}, dx then dy in pixels. Use animeinterp.flow.resize_flow.")
    if flow.dtype not in _FLOATS:
        raise AnimeInterpError(f"{name} holds {flow.dtype}; it should be floating point.")
    with torch.no_grad():
        farthest = float(flow.abs().amax()) if flow.numel() else 0.0
    if not farthest <= FARTHEST:  # NaN is not, either
        raise AnimeInterpError(
            f"{name} leads {farthest:g} pixels far; all of it should be finite and under {FARTHEST:g}. Mend what made it."
        )


def check_times(times: list[float]) -> list[float]:
    """``times`` as floats; AnimeInterpError unless there is at least one and all lie in 0..1."""
    try:
        values = [float(t) for t in times]
    except Exception:  # whatever makes its way to float may raise what it likes
        raise AnimeInterpError(
            f"times is {shown(times)}; it should be a list of numbers from 0 to 1, such as [0.25, 0.5]."
        ) from None
    if not values or not all(0.0 <= t <= 1.0 for t in values):
        raise AnimeInterpError(f"times is {shown(times)}; it should hold at least one number, each from 0 to 1.")
    return values


def describe(frames: Tensor) -> str:
    """Size and channels as people say them: ``960x540, 3 channels``."""
    return f"{frames.shape[-1]}x{frames.shape[-2]}, {frames.shape[-3]} channels"


def shown(value: object) -> str:
    """A value as an error tells of it: short, and on one line."""
    return " ".join(f"{value!r:.200}".split())[:80]
