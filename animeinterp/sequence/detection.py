"""What a clip shows of its own timing: where shots are cut, and which frames only repeat the drawing before them.

A cut is where most of a frame is found nowhere in the frame before it, by dense flow at a small size and in one light, and
nothing like that around it: a dissolve goes over many frames, a flash comes back to what was there. To and from a frame that
shows nothing is a fade, unless that frame stands. A drawing is held where all that
differs is noise; how much that is differs from film to film, so the clip's own gap between the two is looked for.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from torch import Tensor

from ..dense_flow import dis_flow, disagreement
from ..images import to_image, to_tensor
from ..light import Leveled, find_light

CUT_WIDTH, HELD_WIDTH = 160, 320  # pixels, of the copies that are compared
UNLIKE = 20  # 8-bit levels from which a pixel is not the one that flow leads to
CUT_SHARE = 0.35  # of a frame that is found nowhere in the one before
PEAK = 0.5  # of a cut's share: as much beside it, and it is no cut
FLASH = 3  # frames that a flash may last

BLUR = 1.5  # pixels, of what is compared for held drawings
NOISE, LOUDEST = 3.0, 10.0  # times the median difference: what noise alone may come to; levels that it never passes
EDGE = 20.0  # levels added to a place's own contrast: codecs are noisiest at edges
SPECKS = 1 / 3000  # of the frame, which may differ by more
STILL, MOVED = 0.12, 0.45  # a drawing differs by less and by more than these, whatever the clip
USUAL = 0.3  # between the two, where the clip shows no gap
STRAIGHT, MOST = 0.8, 0.8  # cosine from which motion goes on as it did; share of all that has to do so
SPREAD, AGREE = 0.5, 1.3  # of the shares of places about their median; of a ratio and its inverse, each measured by itself
GAP = 1.25  # how many times as much the least motion has to be as the most noise


@dataclass(frozen=True)
class Sighting:
    """``count`` frames, the ``cuts`` (frames that begin a shot, but for the first; 0: a loop's end does not lead to its
    beginning) and the ``held`` frames. ``unmatched`` and ``differences`` are what they were found by, one number a frame, of it
    to the one before it."""

    count: int
    cuts: tuple[int, ...]
    held: tuple[int, ...]
    unmatched: tuple[float, ...]
    differences: tuple[float, ...]


def watch(
    frames: Iterable[Tensor], *, threshold: float = 1.0, loop: bool = False, progress: Callable[[int], None] | None = None
) -> Sighting:
    """Look through a clip, (1, 3 or 4, H, W) each, in one go with a few small copies in memory.

    :param threshold: for cuts; over 1 finds fewer, under 1 more.
    :param loop: whether to look at the way from the last frame to the first, too.
    :param progress: called with the number of frames that were looked at; may raise.
    """
    small: deque[np.ndarray] = deque(maxlen=FLASH + 2)
    last: np.ndarray | None = None
    shares, differences, returns, fades = [0.0], [0.0], [], []
    first, count = None, 0
    for frame in frames:
        image = to_image(frame[0])
        tiny, medium = shrunk(image, CUT_WIDTH), shrunk(image, HELD_WIDTH)
        if last is not None:
            # What is the same needs no flow.
            differences.append(difference(last, medium))
            share, fading = _unlike(small[-1], tiny, CUT_SHARE * threshold) if differences[-1] > STILL else (0.0, False)
            shares.append(share)
            fades += [count] * fading
        small.append(tiny)
        returns += _flashes(small, shares, threshold)
        first, last = tiny if first is None else first, medium
        count += 1
        if progress is not None:
            progress(count)
    cuts = [i for i in range(1, count) if _peaks(shares, i, CUT_SHARE * threshold) and i not in returns]
    stands = [any(d <= STILL for d in differences[max(i - 1, 1) : i] + differences[i + 1 : i + 2]) for i in range(count)]
    cuts = [i for i in cuts if i not in fades or stands[i]]
    if loop and count > 1 and _unlike(small[-1], first, CUT_SHARE * threshold)[0] > CUT_SHARE * threshold:
        cuts.insert(0, 0)
    limit = held_limit(np.array([d for i, d in enumerate(differences) if i and i not in cuts]))
    held = tuple(i for i in range(1, count) if differences[i] <= limit and i not in cuts)
    return Sighting(count, tuple(cuts), held, tuple(shares), tuple(differences))


def find_speeds(
    frames: Iterable[Tensor], held: Collection[int] = (), cuts: Collection[int] = ()
) -> Mapping[int, tuple[float | None, float | None]]:
    """For each motion, by the frame at which it ends: how far the one before and the one after it go, as shares of its way.

    Ways are compared along the motion, by what moves and comes back along the flow the other way; None where that is nothing.
    What ``plan.make_plan`` needs for a continuous pace.
    """
    held, cuts = set(held), set(cuts)
    last: np.ndarray | None = None
    flows: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    found: dict[int, tuple[float | None, float | None]] = {}
    order: deque[int] = deque(maxlen=3)  # the last drawings
    for index, frame in enumerate(frames):
        if index in held:
            continue
        image = shrunk(to_image(frame[0]), HELD_WIDTH)
        if last is not None and index not in cuts:
            flows[index] = dis_flow(last, image), dis_flow(image, last)
        last = image
        order.append(index)
        if len(order) == 3:
            # The motions to the last two drawings meet at the one before: each is measured by the other.
            earliest, before, now = order
            if now in flows and before in flows:
                back, after = flows[before][::-1], flows[now]
                ratio, inverse = _ratio(back, after), _ratio(after, back)
                if ratio is None or inverse is None or not 1 / AGREE < ratio * inverse < AGREE:
                    ratio = inverse = None  # one of the two is no motion that goes on
                found[now] = ratio, None
                found[before] = found.get(before, (None, None))[0], inverse
            flows.pop(earliest, None)
    return found


def _ratio(other: tuple[np.ndarray, np.ndarray], flow: tuple[np.ndarray, np.ndarray]) -> float | None:
    """How far ``other`` goes against ``flow``, as a share of its length; both are fields on the same drawing, with the ways back.

    By the median of what both know their way of, weighed by its length. None where that is little, or goes on in ways of its
    own: a limb that swings, a head that turns back.
    """
    (theirs, theirs_back), (ours, ours_back) = other, flow
    length = (ours**2).sum(axis=2)
    moves = (length > 0.25) & (disagreement(ours, ours_back) < 0.5) & (disagreement(theirs, theirs_back) < 0.5)
    if moves.mean() < 1e-3:
        return None
    weight, along = length[moves], -(theirs[moves] * ours[moves]).sum(axis=1)
    straight = along > STRAIGHT * np.sqrt((theirs[moves] ** 2).sum(axis=1) * weight)
    if weight[straight].sum() < MOST * weight.sum():
        return None
    shares = along / weight
    order = np.argsort(shares)
    summed = np.cumsum(weight[order])
    low, middle, high = (float(shares[order][np.searchsorted(summed, share * summed[-1])]) for share in (0.25, 0.5, 0.75))
    return middle if high - low < SPREAD * middle and 0 < middle < 4 else None


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """How much more than noise two pictures (H, W, 3) uint8 differ, where they differ most. Moving by a third of a pixel and
    more, what is drawn is over 0.3; noise and compression stay under that."""
    if np.array_equal(one, other):
        return 0.0
    shares = unlikeness(one, other)
    specks = max(1, round(SPECKS * shares.size))
    return float(np.partition(shares.ravel(), -specks)[-specks])


def unlikeness(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How much more than noise two pictures (H, W, 3) uint8 differ at each place, against what is drawn there: (H, W)."""
    one, other = one.astype(np.float32), other.astype(np.float32)
    apart = np.abs(cv2.GaussianBlur(one - other, (0, 0), BLUR)).max(axis=2)
    contrast = cv2.blur(np.maximum(_contrast(one), _contrast(other)), (5, 5))
    return np.maximum(apart - min(NOISE * np.median(apart), LOUDEST), 0) / (contrast + EDGE)


def held_limit(differences: np.ndarray) -> float:
    """Up to which difference a frame repeats the one before it: in the widest gap that the clip's own leave."""
    between = np.sort(differences[(differences > STILL) & (differences < MOVED)])
    marks = np.concatenate([[STILL], between, [MOVED]])
    ratios = marks[1:] / marks[:-1]
    widest = int(ratios.argmax())
    return float(np.sqrt(marks[widest] * marks[widest + 1])) if ratios[widest] >= GAP else USUAL


def unmatched(one: np.ndarray, other: np.ndarray) -> float:
    """Which share of a small picture (H, W, 3) uint8 is not found in the other."""
    flow = dis_flow(one, other)
    height, width = flow.shape[:2]
    x = flow[..., 0] + np.arange(width, dtype=np.float32)[None]
    y = flow[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    found = cv2.remap(other, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return float((cv2.absdiff(one, found).max(axis=2) > UNLIKE).mean())


def _unlike(one: np.ndarray, other: np.ndarray, limit: float) -> tuple[float, bool]:
    """Which share of a small picture is not found in the other, in one light where that is over ``limit``; and whether one of
    them shows nothing."""
    share = unmatched(one, other)
    if share <= limit:
        return share, False
    frames = to_tensor(one / np.float32(255)), to_tensor(other / np.float32(255))
    light = find_light(*frames)
    if light is None or light.fades:
        return share, light is not None
    return min(share, unmatched(*(to_image(frame[0]) for frame in Leveled(light, *frames).frames))), False


def shrunk(image: np.ndarray, width: int) -> np.ndarray:
    """A copy (H, W, 3) of at most that width."""
    if image.shape[1] <= width:
        return image
    size = width, max(1, round(image.shape[0] * width / image.shape[1]))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _flashes(small: deque[np.ndarray], shares: list[float], threshold: float) -> list[int]:
    """The last frames that look like cuts, and are not: what was there before comes back."""
    limit = CUT_SHARE * threshold
    found = []
    newest = len(shares) - 1
    for lasts in range(1, FLASH + 1):
        begins = newest - lasts
        if lasts + 1 >= len(small) or begins < 1 or shares[begins] <= limit or shares[newest] <= limit:
            continue
        if unmatched(small[-2 - lasts], small[-1]) <= limit:
            found += [begins, newest]
    return found


def _peaks(shares: list[float], index: int, limit: float) -> bool:
    beside = shares[max(index - 1, 1) : index] + shares[index + 1 : index + 2]
    return shares[index] > limit and all(share < PEAK * shares[index] for share in beside)


def _contrast(image: np.ndarray) -> np.ndarray:
    soft = cv2.GaussianBlur(image, (0, 0), 1.0)
    across, down = (cv2.Sobel(soft, cv2.CV_32F, *way) / 8 for way in ((1, 0), (0, 1)))
    return np.sqrt(across**2 + down**2).max(axis=2)
