"""A plan as a picture: the frames that come in as thumbnails, and under them what comes out, where in time."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable

import cv2
import numpy as np
import torch
from torch import Tensor

from ..images import to_image
from ..sequence.plan import NEAR, Plan

PER_ROW, MOST, WIDTH = 12, 96, 112  # thumbnails in a row, in all, and their width in pixels
_GAP, _BAND = 6, 34  # between thumbnails; height of what stands under them
_GROUND, _INK, _GIVEN, _DRAWN, _CUT, _HELD = 250, (60, 60, 60), (30, 30, 30), (40, 110, 220), (220, 50, 40), (150, 150, 150)


def draw_strip(frames: Iterable[Tensor], plan: Plan) -> Tensor:
    """The plan of a clip as a picture (1, 3, H, W), 0..1.

    Each input frame is a thumbnail with its number; a frame that repeats the drawing before it is pale, a shot begins after a
    red bar. Below, on a line on which a thumbnail's width is the time that its frame is shown: a black mark for each given frame
    that comes out, a blue one for each that is drawn. ``frames`` (1, 3 or 4, H, W): as many are taken as are shown, 96 at most.
    """
    count = min(len(plan.times), MOST)
    rows = -(-count // PER_ROW)
    picture, height = None, 0
    for index, frame in zip(range(count), frames, strict=False):
        if picture is None:
            height = max(1, round(WIDTH * frame.shape[-2] / frame.shape[-1]))
            size = rows * (height + _BAND + _GAP) + _GAP, min(count, PER_ROW) * (WIDTH + _GAP) + _GAP
            picture = np.full((*size, 3), _GROUND, np.uint8)
        x, y = _corner(index, height)
        small = cv2.resize(to_image(frame[0]), (WIDTH, height), interpolation=cv2.INTER_AREA)
        if index in plan.held:
            small = (small // 3 + 165).astype(np.uint8)
        picture[y : y + height, x : x + WIDTH] = small
        _label(picture, f"{index}{'=' if index in plan.held else ''}", (x, y + height + _BAND - 6), _INK)
        if index in plan.cuts:
            picture[y - 2 : y + height + _BAND - 14, x - _GAP + 1 : x - 1] = _CUT
    if picture is None:
        return torch.full((1, 3, 1, 1), _GROUND / 255)
    _mark(picture, plan, count, height)
    return torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255


def _mark(picture: np.ndarray, plan: Plan, count: int, height: int) -> None:
    """The marks of the output frames."""
    ends = [*plan.times[1:], max(plan.end, plan.times[-1])]
    near = NEAR * (ends[-1] - plan.times[0]) / len(plan.times)
    for index in range(count):
        x, y = _corner(index, height)
        y += height + 10
        picture[y : y + 1, x : x + WIDTH + _GAP] = _HELD
    for step in plan.steps:
        index = bisect_right(plan.times, step.time + near) - 1  # what a container's clock puts a little early is that frame
        if index >= count:
            break
        late = max(step.time - plan.times[index], 0)
        share = float(late / max(ends[index] - plan.times[index], late, 1e-9))
        x, y = _corner(index, height)
        x, y = x + round(share * (WIDTH + _GAP - 3)), y + height
        picture[y + 3 : y + 17, x : x + 2] = _GIVEN if step.given else _DRAWN


def _corner(index: int, height: int) -> tuple[int, int]:
    row, column = divmod(index, PER_ROW)
    return _GAP + column * (WIDTH + _GAP), _GAP + row * (height + _BAND + _GAP)


def _label(picture: np.ndarray, text: str, place: tuple[int, int], colour: tuple[int, int, int]) -> None:
    cv2.putText(picture, text, place, cv2.FONT_HERSHEY_SIMPLEX, 0.33, colour, 1, cv2.LINE_AA)
