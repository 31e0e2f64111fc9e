"""Frames in, frames with others between them out: the stages of the method in their order, for a pair and for a clip.

A frame is looked at once (pieces, features) and kept for its next pair only; a pair's flow is found once, whatever the
number of times. So a clip of any length costs the memory of a few frames, and its result. Where memory runs out all the
same, the work is split into smaller parts and goes on (``runtime.out_of_memory``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .config import MatchConfig, SegmentConfig
from .errors import AnimeInterpError, check_flow, check_frames, check_times
from .flow import FIELDS, Flow
from .model import AnimeInterp
from .padding import cut_back, flow_at_least
from .runtime.prefetch import Frame, prefetch_frames
from .sequence.unrelated import nothing_in_common
from .sequence.values import ValueRange
from .stages import Seen, Stages
from .weights import bundled_models, load_model

AT_ONCE = 4  # times that are painted in one go: more share no more work, and take memory


def interpolate(
    frames: Tensor,
    multiplier: int = 2,
    *,
    times: list[float] | None = None,
    model: AnimeInterp | str | None = "auto",
    flows: Any = None,
    features: Any = None,
    segment_config: SegmentConfig | None = None,
    match_config: MatchConfig | None = None,
    device: str | torch.device | None = None,
    progress: Callable[[float, float], None] | None = None,
    cancel: Callable[[], None] | None = None,
) -> Tensor:
    """A clip with new frames between every two of its frames.

    :param frames: (N, 3 or 4, H, W) in 0..1, N from 1, of any size from 1x1; alpha is straight. Values over 1 are kept.
    :param multiplier: m puts m - 1 frames between two, evenly: (N - 1) m + 1 in all. Not used where there are times.
    :param times: instead: where to draw between each two frames, each in 0..1 (0 and 1 are the frames themselves), in
        the order that they shall come in: (N - 1)(T + 1) + 1 frames in all, the given ones among them.
    :param model: an AnimeInterp; "auto", the bundled one where one ships, else none; None, the weights-free way.
    :param flows: the motion of the N - 1 pairs where it is known already: a ClipFlow, or a Flow of so many pairs. It is
        taken as it is, but for a coarse one (with matches, and no depth) without a model, which is completed. A model that
        finds its own motion begins there.
    :param features: VGG-19 (``load_features``), to match pieces by; the model's own networks do without it, or pixels.
    :param device: where to work; default: the model's, else the frames'.
    :param progress: called with (done, total), in pairs and fractions of them, several times a second.
    :param cancel: called as often; what it raises ends the work and is raised here.
    :return: (M, C, H, W), the input's dtype and device. The given frames are in it as they were; those between are in
        0..1, or as far as the two go. What is the same in two frames is the same between them, unless something passes over it.
    :raises AnimeInterpError: for frames, times, a multiplier, flows or a model that are not as above.
    """
    check_frames("frames", frames)
    if frames.shape[0] == 0:
        raise AnimeInterpError("frames holds no frames; it should hold two or more, to find others between them.")
    pairs = frames.shape[0] - 1
    per_pair = len(_times(multiplier, times)) + 1
    if flows is not None and _count(flows) != pairs:
        raise AnimeInterpError(f"flows is of {_count(flows)} pairs; {frames.shape[0]} frames are {pairs} pairs.")

    def told(done: float) -> None:
        progress(min(done, pairs), pairs)

    stream = interpolate_stream(
        frames.split(1),
        multiplier,
        times=times,
        model=model,
        flows=flows,
        features=features,
        segment_config=segment_config,
        match_config=match_config,
        device=device,
        progress=told if progress is not None and pairs else None,
        cancel=cancel,
    )
    result = torch.empty(pairs * per_pair + 1, *frames.shape[1:], dtype=frames.dtype, device=frames.device)
    for index, frame in enumerate(stream):
        result[index] = frame[0].detach()
    if progress is not None and not pairs:
        progress(1, 1)
    return result


def interpolate_stream(
    frames: Iterable[Tensor],
    multiplier: int = 2,
    *,
    times: list[float] | None = None,
    model: AnimeInterp | str | None = "auto",
    flows: Any = None,
    features: Any = None,
    segment_config: SegmentConfig | None = None,
    match_config: MatchConfig | None = None,
    device: str | torch.device | None = None,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], None] | None = None,
    ahead: int | None = None,
) -> Iterator[Tensor]:
    """As ``interpolate``, a frame at a time: takes frames (1, C, H, W) one by one, gives each as soon as it is there.

    ``progress`` is called with the number of pairs done, and fractions of them: a stream does not know its end. Nothing
    is asked of ``frames`` before the first frame is asked of this. No frames in, none out.

    ``ahead``: how many frames are asked for early, and cut into pieces by threads meanwhile. Default: 2 where another device
    works on the pairs, none on a CPU, where a frame is asked for when it is needed. What comes out is the same.
    """
    moments = _times(multiplier, times)
    stages, settle = make_stages(model, device, features, segment_config, match_config)
    cut = flows is None and _draws(moments) and not stages.finds
    sight = prefetch_frames(frames, stages, device, settle=settle, cut=cut, depth=ahead)
    return _stream(sight, moments, stages, flows, listener(progress, cancel))


def make_stages(
    model: AnimeInterp | str | None,
    device: str | torch.device | None = None,
    features: Any = None,
    segment_config: SegmentConfig | None = None,
    match_config: MatchConfig | None = None,
) -> tuple[Stages, Callable[[Tensor], None]]:
    """The stages for a clip, and what to call with its first frame before any is looked at; arguments as ``interpolate``."""
    bundled = isinstance(model, str) and model == "auto"
    if bundled:
        model = load_model(device="cpu" if device is None else device) if bundled_models() else None
    if model is not None and not (hasattr(model, "refine") and hasattr(model, "synthesize")):
        raise AnimeInterpError(
            f"model is {model!r:.80}; it should be an AnimeInterp (load_model(path)), \"auto\", or None for none."
        )
    stages = Stages(model, features, segment_config, match_config)

    def settle(first: Tensor) -> None:
        if bundled and device is None and stages.model is not None:
            stages.model.to(first.device)

    return stages, settle


def _stream(sight, moments, stages, flows, listen) -> Iterator[Tensor]:
    """The generator behind ``interpolate_stream``, its arguments checked."""
    last: Frame | None = None
    with closing(sight):  # at once, whatever ends this: it has threads
        for index, frame in enumerate(sight):
            if last is not None:
                flow = None if flows is None else flow_of_pair(flows, index - 1, frame.seen.frame)
                told = None if listen is None else partial(_after, listen, index - 1)
                for mids in draw_between(stages, last.seen, frame.seen, frame.moves, flow, moments, told):
                    for mid in mids.split(1):
                        yield mid.to(frame.given.device, frame.given.dtype)
            yield frame.given
            last = frame


def _after(listen: Callable[[float], None], before: int, share: float) -> None:
    listen(before + share)


def draw_between(
    stages: Stages,
    seen0: Seen,
    seen1: Seen,
    moves: bool,
    flow: Flow | None,
    times: list[float],
    told: Callable[[float], None] | None,
) -> Iterator[Tensor]:
    """The frames between two, (T, C, H, W) in parts, in the order of ``times``. ``moves``: whether the two differ by more than
    nobody sees. ``told`` hears the share of them that is done."""
    if not times:
        return
    # What needs no motion: the frames themselves, and two that are the same but for less than can be seen.
    if not _draws(times) or not moves:
        for t in times:
            if told is not None:
                told(0.0)
            yield cut_back(torch.lerp(seen0.frame, seen1.frame, t), seen0.size)
        if told is not None:
            told(1.0)
        return
    if flow is None and nothing_in_common(seen0.colour, seen1.colour):
        for t in times:  # any mixture of the two would be neither: the nearer one is held
            yield cut_back((seen0 if t < 0.5 else seen1).frame, seen0.size)
    else:
        values = seen0.values | seen1.values
        if values.wide:  # a rare case: what was found of either frame alone is found again
            seen0, seen1 = (_pressed(seen, values) for seen in (seen0, seen1))
        if flow is not None:
            given = cut_back(seen0.frame, seen0.size)
            check_flow("flow_01", flow.flow_01, given)
            check_flow("flow_10", flow.flow_10, given)
            flow = flow_at_least(flow)
        pair = stages.pair(seen0, seen1, flow, told, len(times))
        for start in range(0, len(times), AT_ONCE):
            drawn = cut_back(pair.at(times[start : start + AT_ONCE]), seen0.size)
            yield values.release(drawn) if values.wide else drawn
    if told is not None:
        told(1.0)


def _pressed(seen: Seen, values: ValueRange) -> Seen:
    """A frame with the colours of the pair pressed into 0..1, where the networks know their way."""
    pressed = Seen(values.press(seen.frame))
    pressed.size = seen.size
    return pressed


def _draws(times: list[float]) -> bool:
    """Whether any of them is between the frames."""
    return any(t not in (0, 1) for t in times)


def _times(multiplier: int, times: list[float] | None) -> list[float]:
    if times is not None:
        return check_times(times)
    if isinstance(multiplier, bool) or not isinstance(multiplier, int) or multiplier < 1:
        raise AnimeInterpError(
            f"multiplier is {multiplier!r}; it should be a whole number from 1, 2 for one frame between."
        )
    return [k / multiplier for k in range(1, multiplier)]


def listener(
    progress: Callable[[float], None] | None, cancel: Callable[[], None] | None
) -> Callable[[float], None] | None:
    """Both callbacks as one; progress only ever grows."""
    if progress is None and cancel is None:
        return None
    furthest = 0.0

    def listen(done: float) -> None:
        nonlocal furthest
        if cancel is not None:
            cancel()
        furthest = max(furthest, done)
        if progress is not None:
            progress(furthest)

    return listen


def _count(flows: Any) -> int:
    return flows.flow_01.shape[0] if hasattr(flows, "flow_01") else len(flows)


def flow_of_pair(flows: Any, index: int, frame: Tensor) -> Flow:
    """The flow of one pair, out of a ClipFlow or of a Flow of several, on the device of ``frame``."""
    if hasattr(flows, "pair"):
        return flows.pair(index, frame.device)

    def one(field: Tensor | None) -> Tensor | None:
        return None if field is None else field[index : index + 1].to(frame.device)

    return Flow(
        one(flows.flow_01),
        one(flows.flow_10),
        labels=None if flows.labels is None else flows.labels[index : index + 2],
        matches=None if flows.matches is None else flows.matches[index : index + 1],
        motion=None if flows.motion is None else flows.motion[index : index + 1],
        **{name: one(getattr(flows, name)) for name in FIELDS[2:]},
    )
