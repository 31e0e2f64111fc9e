"""Frames in which pieces have times of their own: what is on twos under a camera on ones is drawn from drawing to drawing.

Where a shot shows such patches (``sequence.piece_timing``), each is drawn between its own two drawings, brought to where they
stand at the moment in its own frame of reference, and laid over the frame that is drawn for all else.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .frames import EncodedFrame
from .images import to_image
from .padding import at_least, cut_back
from .pipeline import draw_between
from .runtime import Runtime
from .sequence.piece_timing import Change, Patch, Similarity, find_change, find_patches, onto_drawing
from .sequence.plan import Plan, Step
from .stages import Stages
from .value_range import ValueRange

REACH = 3  # drawings before and after a pair that are looked at: a window of eight, or of six changes in the middle of a shot
FAR = 12  # frames of the clip, and no drawing farther away is looked at: what stands longer keeps no cadence
FEATHER = 0.006  # of the width: how softly a patch ends


@dataclass(frozen=True)
class _Window:
    """What is seen around the moments between drawings ``now`` and ``now`` + 1; ``low``: the first drawing of the window, from
    which ``patches`` and ``onto`` (from each drawing to drawing ``now``) count. ``camera``: from ``now`` to the next."""

    now: int
    low: int
    patches: list[Patch]
    onto: list[Similarity]
    camera: Similarity


class PieceDrawer:
    """Lays patches with times of their own over the frames of a plan. ``frame`` gives a frame of the clip by its number, from
    ``first`` on."""

    def __init__(self, plan: Plan, stages: Stages, frame: Callable[[int], EncodedFrame], first: int = 0) -> None:
        self._plan, self._stages, self._frame, self._first = plan, stages, frame, first
        self._drawings = plan.drawings
        self._changes: dict[int, Change] = {}  # by the place of the first drawing
        self._window: _Window | None = None  # of the latest pair
        self._crops: dict[tuple[int, ...], EncodedFrame] = {}

    def over(self, step: Step, base: Tensor, runtime: Runtime) -> Tensor | None:
        """The frame (1, C, H, W) of a step with its patches, or None where it has none. ``base`` is the frame without."""
        now = bisect_right(self._drawings, step.first) - 1
        low, high = drawings_around(self._plan, step.first, self._first)
        if not low <= now < high or (step.given and step.first != self._drawings[now]):
            return None
        window = self._window_at(now, low, high)
        begin, end = (self._plan.times[self._drawings[k]] for k in (now, now + 1))
        share = (step.time - begin) / (end - begin)
        # At its own first drawing a patch is what it is.
        patches = [patch for patch in window.patches if share or patch.first + low != now]
        if not patches or not 0 <= share < 1:
            return None
        return self._laid(base, step.time, float(share), patches, window, runtime)

    def _window_at(self, now: int, low: int, high: int) -> _Window:
        if self._window is None or self._window.now != now:
            for k in [k for k in self._changes if k < low]:
                del self._changes[k]
            for k in range(low, high):
                if k not in self._changes:
                    frames = (self._frame(self._drawings[j]) for j in (k, k + 1))
                    images = (to_image(cut_back(frame.rgb, frame.size)[0]) for frame in frames)
                    self._changes[k] = find_change(*images)
            changes = [self._changes[k] for k in range(low, high)]
            patches = find_patches(changes, now - low, self._plan.per_piece)
            self._window = _Window(now, low, patches, onto_drawing(changes, now - low), changes[now - low].camera)
            self._crops.clear()
        return self._window

    def _laid(
        self, base: Tensor, time: Fraction, share: float, patches: list[Patch], window: _Window, runtime: Runtime
    ) -> Tensor:
        now, low = window.now, window.low
        height, width = base.shape[-2:]
        factor = width / patches[0].mask.shape[1]
        onward = window.camera.part(share)
        for patch in patches:
            begin, end = (self._plan.times[self._drawings[k + low]] for k in (patch.first, patch.last))
            t = float((time - begin) / (end - begin))
            carry = Similarity() if patch.on_screen else onward
            ways = [None if patch.on_screen else (onward @ window.onto[k]).scaled(factor) for k in (patch.first, patch.last)]
            cover = _cover(patch.mask, carry, (height, width), base)
            for k in (now, now + 1):
                protected = self._frame(self._drawings[k]).protected
                cover = cover if protected is None else cover * (protected == 0).to(cover)
            box = _box(cover)
            drawn = self._between(patch.first + low, patch.last + low, ways, base, box, t, runtime)
            base = base.clone()
            base[box] = torch.lerp(base[box], drawn.to(base.dtype), cover[box])
        return base

    def _between(
        self, first: int, last: int, ways: list[Similarity | None], base: Tensor, box: tuple[slice, ...], t: float,
        runtime: Runtime,
    ) -> Tensor:
        """What lies between two drawings within ``box``, each brought along its way first; ``base`` is what they do not show."""
        crops = []
        for k, way in zip((first, last), ways, strict=True):
            key = k, box[2].start, box[3].start
            if way is None and key in self._crops:  # the same at every moment
                crops.append(self._crops[key])
                continue
            whole = self._frame(self._drawings[k])
            frame = cut_back(whole.frame, whole.size)
            crop = (frame if way is None else _carried(frame, way, base))[box]
            encoded = EncodedFrame(at_least(crop))
            encoded.size, encoded.values = (crop.shape[-2], crop.shape[-1]), ValueRange() | whole.values
            crops.append(encoded)
            if way is None:
                self._crops[key] = encoded
        # Its part of the progress is not counted: the frame that it is laid over was.
        return torch.cat(list(draw_between(self._stages, *crops, True, None, [t], runtime.part(0, 0))))


def drawings_around(plan: Plan, frame: int, first: int = 0) -> tuple[int, int]:
    """The first and the last drawing, by their places among the plan's, that are looked at for a moment after ``frame``: those
    of its shot from frame ``first`` on that are near. Both are its own where it stands long, or none follows it."""
    drawings, shots = plan.drawings, plan.shots
    now = bisect_right(drawings, frame) - 1
    following = bisect_right(shots, drawings[now])
    end = shots[following] if following < len(shots) else len(plan.times)
    last = drawings[now + 1] - 1 if now + 1 < len(drawings) else len(plan.times) - 1  # frame that shows this drawing
    begin = max(shots[following - 1], last - FAR, first)
    if drawings[now] < begin or now + 1 == len(drawings) or drawings[now + 1] >= end:
        return now, now
    low, high = now, now + 1
    while low > now - REACH and low > 0 and drawings[low - 1] >= begin:
        low -= 1
    while high <= now + REACH and high + 1 < len(drawings) and drawings[high + 1] < min(end, last + 1 + FAR):
        high += 1
    return low, high


def _carried(frame: Tensor, way: Similarity, base: Tensor) -> Tensor:
    """A frame moved along a way; ``base`` where nothing of it is."""
    pixels = frame[0].permute(1, 2, 0).cpu().numpy()
    height, width = pixels.shape[:2]
    moved = cv2.warpAffine(pixels, way.matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    inside = cv2.warpAffine(np.ones((height, width), np.float32), way.matrix, (width, height), flags=cv2.INTER_LINEAR)
    inside = torch.from_numpy((inside > 0.999).astype(np.float32)).to(frame.device)
    moved = torch.from_numpy(np.ascontiguousarray(moved.reshape(height, width, -1))).permute(2, 0, 1)[None].to(frame)
    return torch.lerp(base.to(frame), moved.clamp(frame.min(), frame.max()), inside)


def _box(cover: Tensor) -> tuple[slice, ...]:
    """The part of a frame that holds a patch and what it may have come from: an index of (1, C, H, W)."""
    sides = []
    for axis in (2, 3):
        length = cover.shape[axis]
        there = cover.amax(dim=5 - axis)[0, 0].nonzero()
        low, high = (int(there.min()), int(there.max()) + 1) if len(there) else (0, length)
        around = max(32, (high - low) // 4)
        low, high = max(low - around, 0), min(high + around, length)
        sides.append(slice(low, high))
    return slice(None), slice(None), *sides


def _cover(mask: np.ndarray, carry: Similarity, size: tuple[int, int], like: Tensor) -> Tensor:
    """A patch's mask at a moment, with a soft rim inside: (1, 1, H, W)."""
    height, width = mask.shape
    moved = cv2.warpAffine(mask.astype(np.float32), carry.matrix, (width, height), flags=cv2.INTER_LINEAR,
                           borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
    cover = cv2.resize(moved, size[::-1], interpolation=cv2.INTER_LINEAR)
    soft = 2 * max(1, round(FEATHER * size[1])) + 1
    cover = torch.from_numpy(cover)[None, None].to(like)
    cover = -F.max_pool2d(-cover, soft, stride=1, padding=soft // 2)
    return F.avg_pool2d(F.pad(cover, (soft // 2,) * 4, mode="replicate"), soft, stride=1)
