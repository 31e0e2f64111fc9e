"""Which pieces of a shot have key times of their own: a figure drawn on twos or threes under a camera that moves in every frame.

The camera between two drawings is the similarity that most of the picture follows. What it does not explain, and standing still
on the screen does not either, was drawn anew. Over a few drawings, what is drawn anew forms patches; a patch that is left alone
between two drawings stands still in its own frame of reference, with the world or on the screen, and its motion runs from one
drawing of its own to the next, while all else goes on in every frame.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ..dense_flow import dis_flow, disagreement
from ..panning import frame_shift
from .detection import USUAL, shrunk, unlikeness

WIDTH = 320  # pixels, about, of the copies that are compared
CAMERA_WIDTH = 640  # and of those that the camera is found in
STANDS = 0.15  # pixels of these: as little is no motion
RIM = 0.1  # of the width, all around: a figure leaves most of it to what is behind
SPECK = 5  # pixels of the copies: what is smaller was not drawn anew
JOINED = 0.03  # of the width: what is nearer to each other is one patch
LONGEST = 4  # drawings from one of a piece's own to the next: what stands longer rests
PART = 0.03  # of the most that a patch changes: as little is noise
COVER = 15  # pixels of the copies: as wide are plain places in what stays on the screen
HOLDS = {"auto": 0.3, "on": 0.1}  # of the pairs in a window: a patch that is left alone more seldom has no times of its own
CLEAR = {"auto": 3e-3, "on": 4e-4}  # of the frame: patches that change less have no times of their own


@dataclass(frozen=True)
class Similarity:
    """The map z -> a z + b of the plane, x + iy in pixels."""

    a: complex = 1
    b: complex = 0

    def __matmul__(self, first: Similarity) -> Similarity:
        return Similarity(self.a * first.a, self.a * first.b + self.b)

    @property
    def inverse(self) -> Similarity:
        """The similarity that leads back."""
        return Similarity(1 / self.a, -self.b / self.a)

    def part(self, share: float) -> Similarity:
        """That share of it: done n times with 1 / n, it is the whole."""
        power = self.a**share
        if abs(self.a - 1) < 1e-9:
            return Similarity(power, self.b * share)
        return Similarity(power, self.b * (power - 1) / (self.a - 1))

    def scaled(self, factor: float) -> Similarity:
        """The same map for a picture ``factor`` times as large; pixel centres are at whole numbers."""
        middle = (factor - 1) / 2 * (1 + 1j)
        return Similarity(self.a, self.b * factor + middle * (1 - self.a))

    @property
    def matrix(self) -> np.ndarray:
        """(2, 3), as OpenCV has it."""
        return np.float64([[self.a.real, -self.a.imag, self.b.real], [self.a.imag, self.a.real, self.b.imag]])

    def farthest(self, size: tuple[int, int]) -> float:
        """By how many pixels it moves a corner of a picture (H, W), at most."""
        corners = (complex(x, y) for x in (0, size[1]) for y in (0, size[0]))
        return max(abs(self.a * z + self.b - z) for z in corners)


@dataclass(frozen=True)
class Change:
    """From one drawing to the next, on the second's grid of small pixels: the ``camera``; where something ``unlike`` what the
    camera carries there is seen; of that, what is ``still`` on the screen, and what is ``anew`` for a figure that stays there.
    All (h, w) bool."""

    camera: Similarity
    unlike: np.ndarray
    still: np.ndarray
    anew: np.ndarray


@dataclass(frozen=True)
class Patch:
    """A part of the picture with times of its own: from drawing ``first`` to drawing ``last``, counted as the window is.
    ``mask`` (h, w) bool on the small grid of the drawing before the moment; ``on_screen``: it stands still there, and not with
    the camera."""

    first: int
    last: int
    mask: np.ndarray
    on_screen: bool


def find_change(one: np.ndarray, other: np.ndarray) -> Change:
    """What happened between two drawings (H, W, 3) uint8."""
    camera = camera_motion(one, other)
    small, other = shrunk(one, WIDTH), shrunk(other, WIDTH)
    height, width = small.shape[:2]
    at_size = camera.scaled(width / one.shape[1])
    inside = cv2.warpAffine(np.full((height, width), 255, np.uint8), at_size.matrix, (width, height)) == 255
    inside = cv2.erode(inside.astype(np.uint8), np.ones((5, 5))) > 0
    carried = cv2.warpAffine(small, at_size.matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    by_camera = (unlikeness(carried, other) > USUAL) & inside
    by_screen = (unlikeness(small, other) > USUAL) & inside if camera != Similarity() else by_camera
    unlike = _without_specks(by_camera)
    still, anew = by_camera & ~by_screen, unlike & by_screen
    if still.any():
        # Ground that comes out from behind a figure that stays on the screen is new, and nobody drew it anew.
        figure = cv2.morphologyEx(still.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((COVER, COVER), np.uint8))
        came_out = cv2.dilate(cv2.warpAffine(figure, at_size.matrix, (width, height)), np.ones((5, 5), np.uint8))
        anew = _without_specks(anew & (came_out == 0))
    return Change(at_size, unlike, still, anew)


def _without_specks(mask: np.ndarray) -> np.ndarray:
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0


def camera_motion(one: np.ndarray, other: np.ndarray) -> Similarity:
    """The similarity that most of the picture follows, in its own pixels; none where it stands still, or nothing is found."""
    scale = one.shape[1] / shrunk(one, CAMERA_WIDTH).shape[1]
    one, other = shrunk(one, CAMERA_WIDTH), shrunk(other, CAMERA_WIDTH)
    shift = frame_shift(one, other)
    start = None if shift is None else np.broadcast_to(shift, (*one.shape[:2], 2)).astype(np.float32)
    flow = dis_flow(one, other, start)
    back = dis_flow(other, one, None if start is None else -start)
    grey = cv2.cvtColor(one, cv2.COLOR_RGB2GRAY).astype(np.float32)
    edges = np.hypot(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    good = (disagreement(flow, back) < 0.3) & (edges > max(np.percentile(edges, 60), 8))
    found = _common_motion(good, flow)
    if found is not None and found.farthest(one.shape[:2]) <= STANDS:
        # A figure that stays on the screen may be most of the picture. What goes by behind it reaches the picture's rim.
        moves = np.hypot(*np.moveaxis(flow, 2, 0)) > 0.5
        rim = np.ones(good.shape, bool)
        depth = round(RIM * good.shape[1])
        rim[depth:-depth, depth:-depth] = False
        if (good & rim & moves).sum() > 0.5 * (good & rim).sum():
            found = _common_motion(good & moves, flow)
    return Similarity() if found is None or found.farthest(one.shape[:2]) <= STANDS else found.scaled(scale)


def _common_motion(there: np.ndarray, flow: np.ndarray) -> Similarity | None:
    """The similarity that most of the places ``there`` (H, W) follow by ``flow``; None where too few agree on one."""
    rows, columns = np.nonzero(there)
    if len(rows) < 50:
        return None
    chosen = np.linspace(0, len(rows) - 1, min(len(rows), 4000)).astype(int)
    rows, columns = rows[chosen], columns[chosen]
    here = np.stack([columns, rows], axis=1).astype(np.float32)
    onward = here + flow[rows, columns]
    matrix, inliers = cv2.estimateAffinePartial2D(here, onward, method=cv2.RANSAC, ransacReprojThreshold=0.5, maxIters=500)
    if matrix is None or inliers.mean() < 0.2:
        return None
    return Similarity(complex(matrix[0, 0], matrix[1, 0]), complex(matrix[0, 2], matrix[1, 2]))


def find_patches(changes: Sequence[Change], now: int, mode: str = "auto") -> list[Patch]:
    """The patches with times of their own at a moment between drawings ``now`` and ``now`` + 1.

    :param changes: those between the drawings 0, 1, ... of a window, one less than there are drawings.
    :param mode: "auto" asks for patches that are clearly seen, "on" for less.
    """
    if not changes:
        return []
    width = changes[0].unlike.shape[1]
    onto = onto_drawing(changes, now)
    unlike = [_moved(change.unlike, onto[j + 1]) for j, change in enumerate(changes)]
    reach = 2 * round(JOINED * width / 2) + 1
    every = cv2.dilate(np.any(unlike, axis=0).astype(np.uint8), np.ones((reach, reach)))
    outlines, _ = cv2.findContours(every, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    found = []
    for outline in outlines:
        mask = cv2.drawContours(np.zeros_like(every), [outline], -1, 1, cv2.FILLED) > 0
        for on_screen in (False, True):
            if (times := _own_times(changes, unlike, mask, now, on_screen, mode)) is not None:
                found.append(Patch(*times, mask, on_screen))
                break
    return _merged(found)


def _merged(patches: list[Patch]) -> list[Patch]:
    """Patches of the same times and the same frame of reference as one."""
    found: dict[tuple[int, int, bool], Patch] = {}
    for patch in patches:
        key = patch.first, patch.last, patch.on_screen
        same = found.get(key)
        found[key] = patch if same is None else Patch(*key[:2], patch.mask | same.mask, patch.on_screen)
    return list(found.values())


def _own_times(
    changes: Sequence[Change], unlike: list[np.ndarray], mask: np.ndarray, now: int, on_screen: bool, mode: str
) -> tuple[int, int] | None:
    """From which drawing to which a patch moves, if it is left alone often enough in that frame of reference."""
    if on_screen:
        areas = [int(change.anew[mask].sum()) for change in changes]
        seen = max(int(change.still[mask].sum()) for change in changes)
    else:
        areas = [int(one[mask].sum()) for one in unlike]
        seen = max(areas)
    if seen < CLEAR[mode] * mask.size or max(areas) < SPECK:
        return None
    changed = [area >= max(SPECK, PART * max(areas)) for area in areas]
    if changed.count(False) < HOLDS[mode] * len(changed):
        return None
    first = now
    while first > 0 and not changed[first - 1]:
        first -= 1
    last = next((j + 1 for j in range(now, len(changes)) if changed[j]), None)
    if last is None:
        return None
    # What stands longer than it does elsewhere in the window rested before it moved on.
    turns = [j for j, there in enumerate(changed) if there]
    usual = min((b - a for a, b in zip(turns, turns[1:], strict=False)), default=last - first)
    if last - first > usual + 1:
        first = last - usual
        if first > now:
            return None
    return (first, last) if 2 <= last - first <= LONGEST else None


def onto_drawing(changes: Sequence[Change], now: int) -> list[Similarity]:
    """From each drawing of a window to drawing ``now``, in small pixels."""
    onto = [Similarity()] * (len(changes) + 1)
    for j in range(now + 1, len(onto)):
        onto[j] = onto[j - 1] @ changes[j - 1].camera.inverse
    for j in range(now - 1, -1, -1):
        onto[j] = onto[j + 1] @ changes[j].camera
    return onto


def _moved(mask: np.ndarray, by: Similarity) -> np.ndarray:
    if by == Similarity():
        return mask
    return cv2.warpAffine(mask.astype(np.uint8), by.matrix, mask.shape[::-1], flags=cv2.INTER_NEAREST) > 0
