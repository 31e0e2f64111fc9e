"""Frames in, frames with others between them out: the stages of the method in their order, for a pair and for a clip.

What is known of a frame alone (pieces, features) is found once and kept for its next pair only; a pair's flow is found once,
whatever the number of times. So a clip of any length costs the memory of a few frames, and its result. Where memory runs
out all the same, the work is split into smaller parts and goes on (``runtime.out_of_memory``).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing
from functools import partial
from typing import Any

import torch
from torch import Tensor

from .arguments import check_at_once, check_flows, check_model, check_motion, check_settings
from .clip import ClipFrame, read_clip
from .config import MatchConfig, SegmentConfig
from .errors import AnimeInterpError, check_frames, check_times, shown
from .flow import CoarseFlow, Flow
from .frames import EncodedFrame
from .light import Leveled, find_light
from .model import AnimeInterp
from .padding import cut_back, flow_at_least
from .protocols import Refiner, Synthesizer
from .runtime import Runtime
from .runtime.overlap import Overlap, pairs_at_once
from .runtime.prefetch import prefetch
from .sequence.unrelated import nothing_in_common
from .shade import Unshaded
from .stages import Stages
from .synthesis.protection import keep_protected
from .weights import bundled_models, load_model

TIMES_PER_BATCH = 4  # times that are painted in one go: more share no more work, and take memory


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
    protect: Tensor | None = None,
    device: str | torch.device | None = None,
    refiner: Refiner | str | None = None,
    synthesizer: Synthesizer | str | None = None,
    progress: Callable[[float, float], None] | None = None,
    cancel: Callable[[], None] | None = None,
) -> Tensor:
    """A clip with new frames between every two of its frames.

    :param frames: (N, 3 or 4, H, W) in 0..1, N from 1, of any size from 1x1; alpha is straight. Values over 1 are kept.
    :param multiplier: m puts m - 1 frames between two, evenly: (N - 1) m + 1 in all. Not used where there are times.
    :param times: instead: where to draw between each two frames, each in 0..1 (0 and 1 are the frames themselves), in
        the order that they shall come in: (N - 1)(T + 1) + 1 frames in all, the given ones among them.
    :param model: an AnimeInterp; "auto", the bundled one where one ships, else none; None, the weights-free way.
    :param flows: the motion of the N - 1 pairs where it is known already: a ClipFlow, or a Flow or CoarseFlow of so many
        pairs. It is taken as it is, but for a coarse one that the synthesizer cannot draw along, which is completed. A model
        that finds its own motion begins there.
    :param features: VGG-19 (``load_features``), to match pieces by; the model's own networks do without it, or pixels.
    :param protect: masks (1 or N, H, W), 1 where nothing is interpolated (subtitles, a logo): the nearer frame shows there.
    :param device: where to work; default: the model's, else the frames'.
    :param refiner: what finds the flow instead of the model's network: a name in ``registry.REFINERS``, or your own.
    :param synthesizer: what draws instead of the model's: a name in ``registry.SYNTHESIZERS``, or your own.
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
    check_flows(flows, pairs)
    check_settings(progress=progress)

    def report(done: float) -> None:
        assert progress is not None
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
        protect=protect,
        device=device,
        refiner=refiner,
        synthesizer=synthesizer,
        progress=report if progress is not None and pairs else None,
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
    protect: Tensor | None = None,
    device: str | torch.device | None = None,
    refiner: Refiner | str | None = None,
    synthesizer: Synthesizer | str | None = None,
    progress: Callable[[float], None] | None = None,
    cancel: Callable[[], None] | None = None,
    ahead: int | None = None,
    at_once: int | None = None,
) -> Iterator[Tensor]:
    """As ``interpolate``, a frame at a time: takes frames (1, C, H, W) one by one, gives each as soon as it is there.

    ``progress`` is called with the number of pairs done, and fractions of them: a stream does not know its end. Nothing
    is asked of ``frames`` before the first frame is asked of this. No frames in, none out.

    ``ahead``: how many frames are asked for early, and segmented by threads meanwhile. Default: 2 where another device
    works on the pairs, none on a CPU, where a frame is asked for when it is needed. ``at_once``: how many pairs are worked on
    side by side, for each of which but the first a frame more is asked for early. Default: as many as the device and its
    memory suit, three at most. What comes out is the same.
    """
    moments = _times(multiplier, times)
    check_settings(progress=progress, cancel=cancel)
    check_at_once(at_once)
    stages, bring_model = make_stages(
        model, device, features, segment_config, match_config, protect, refiner=refiner, synthesizer=synthesizer
    )
    segments = flows is None and _draws(moments) and stages.segments
    clip = read_clip(frames, stages, device, on_first=bring_model, segments=segments, depth=ahead)
    return _stream(clip, moments, stages, flows, stages.runtime(progress, cancel), at_once)


def make_stages(
    model: AnimeInterp | str | None,
    device: str | torch.device | None = None,
    features: Any = None,
    segment_config: SegmentConfig | None = None,
    match_config: MatchConfig | None = None,
    protect: Tensor | None = None,
    *,
    refiner: Refiner | str | None = None,
    synthesizer: Synthesizer | str | None = None,
) -> tuple[Stages, Callable[[Tensor], None]]:
    """The stages for a clip, and what to call with its first frame before any is loaded; arguments as ``interpolate``."""
    check_settings(
        segment_config=segment_config, match_config=match_config, features=features, device=device, refiner=refiner,
        synthesizer=synthesizer,
    )
    bundled = isinstance(model, str) and model == "auto"
    if bundled:
        model = load_model(device="cpu" if device is None else device) if bundled_models() else None
    check_model(model)
    assert not isinstance(model, str)
    stages = Stages(model, features, segment_config, match_config, protect, refiner=refiner, synthesizer=synthesizer)

    def bring_model(first: Tensor) -> None:
        if bundled and device is None and stages.model is not None:
            stages.model.to(first.device)

    return stages, bring_model


def _stream(
    clip: Generator[ClipFrame, None, None], moments: list[float], stages: Stages, flows: Any, runtime: Runtime,
    at_once: int | None,
) -> Iterator[Tensor]:
    """The generator behind ``interpolate_stream``, its arguments checked. ``runtime`` counts in pairs."""
    overlap: Overlap | None = None

    def begin(pair: tuple[int, ClipFrame | None, ClipFrame]) -> tuple[ClipFrame, Iterator[Tensor]]:
        nonlocal at_once, overlap
        index, last, frame = pair
        if last is None:
            at_once = pairs_at_once(frame.encoded.frame) if at_once is None else at_once
            return frame, iter(())
        flow = None if flows is None else flows.pair(index - 1, frame.encoded.frame.device)
        draw = partial(draw_between, stages, last.encoded, frame.encoded, frame.moves, flow, moments)
        part = runtime.part(index - 1, index)
        if at_once == 1:
            return frame, draw(part)
        overlap = overlap or Overlap(at_once or 1)
        return frame, overlap.begin(draw, part)

    def more() -> int:
        """How many pairs are begun before the last one is done: none where one alone is too much already."""
        return 0 if stages.memory.short else (at_once or 1) - 1

    with closing(clip):  # at once, whatever ends this: it has threads
        try:
            with closing(prefetch(_pairs(clip), begin, more)) as begun:
                for frame, drawn in begun:
                    for mids in drawn:
                        for mid in mids.split(1):
                            yield mid.to(frame.original.device, frame.original.dtype)
                    yield frame.original
        finally:
            if overlap is not None:
                overlap.close()


def _pairs(clip: Iterable[ClipFrame]) -> Iterator[tuple[int, ClipFrame | None, ClipFrame]]:
    """Each frame with its number and the one before it."""
    last: ClipFrame | None = None
    for index, frame in enumerate(clip):
        yield index, last, frame
        last = frame


def draw_between(
    stages: Stages,
    frame0: EncodedFrame,
    frame1: EncodedFrame,
    moves: bool,
    flow: Flow | CoarseFlow | None,
    times: list[float],
    runtime: Runtime,
) -> Iterator[Tensor]:
    """The frames between two, (T, C, H, W) in parts, in the order of ``times``. ``moves``: whether the two differ by more than
    nobody sees."""
    if not times:
        return
    # What needs no motion: the frames themselves, and two that are the same but for less than can be seen.
    if not _draws(times) or not moves:
        for t in times:
            runtime.report(0.0)
            yield cut_back(torch.lerp(frame0.frame, frame1.frame, t), frame0.size)
        runtime.report(1.0)
        return
    original, values = (frame0, frame1), frame0.values | frame1.values
    if values.wide:  # a rare case: what was found of either frame alone is found again
        frame0, frame1 = (_as(frame, values.press(frame.frame)) for frame in original)
    light = find_light(frame0.rgb, frame1.rgb)
    leveled: Leveled | Unshaded | None = None
    if light is None:
        leveled = Unshaded.of(frame0.frame, frame1.frame)
    elif not light.fades:
        leveled = Leveled(light, frame0.frame, frame1.frame)
    if leveled is not None:
        frame0, frame1 = map(_as, original, leveled.frames)

    def finished(drawn: Tensor, at: list[float]) -> Tensor:
        """As frames of the clip: in the light of their times, with the clip's own values and size."""
        if leveled is not None:
            drawn = leveled.at(drawn, at)
        drawn = cut_back(values.release(drawn) if values.wide else drawn, frame0.size)
        given = [cut_back(frame.frame, frame.size) for frame in original]
        drawn = torch.cat([given[int(t)] if t in (0, 1) else one for t, one in zip(at, drawn.split(1), strict=True)])
        return _protected(drawn, at, *original)

    if light is not None and (light.fades or torch.equal(frame0.frame, frame1.frame)):  # nothing but light
        for t in times:
            yield finished(torch.lerp(frame0.frame, frame1.frame, t), [t])
    elif flow is None and nothing_in_common(frame0.rgb, frame1.rgb):
        for t in times:  # any mixture of the two would be neither: the nearer one is held
            yield finished(original[0 if t < 0.5 else 1].frame, [0 if t < 0.5 else 1])
    else:
        if flow is not None:
            check_motion(flow, cut_back(frame0.frame, frame0.size))
            flow = flow_at_least(flow)
        between = stages.pair(frame0, frame1, flow, runtime, len(times))
        for start in range(0, len(times), TIMES_PER_BATCH):
            at = times[start : start + TIMES_PER_BATCH]
            yield finished(between.at(at), at)
    runtime.report(1.0)


def _protected(drawn: Tensor, times: list[float], frame0: EncodedFrame, frame1: EncodedFrame) -> Tensor:
    """Frames (T, C, H, W) with the nearer given frame wherever one of the two is protected."""
    if frame0.protected is None or frame1.protected is None:
        return drawn
    frames, masks = [cut_back(frame.frame, frame.size) for frame in (frame0, frame1)], (frame0.protected, frame1.protected)
    return torch.cat([keep_protected(one, t, frames, masks) for one, t in zip(drawn.split(1), times, strict=True)])


def _as(frame: EncodedFrame, colours: Tensor) -> EncodedFrame:
    """A frame with other colours, of the same size before it was padded."""
    other = EncodedFrame(colours)
    other.size = frame.size
    return other


def _draws(times: list[float]) -> bool:
    """Whether any of them is between the frames."""
    return any(t not in (0, 1) for t in times)


def _times(multiplier: int, times: list[float] | None) -> list[float]:
    if times is not None:
        return check_times(times)
    if isinstance(multiplier, bool) or not isinstance(multiplier, int) or multiplier < 1:
        raise AnimeInterpError(
            f"multiplier is {shown(multiplier)}; it should be a whole number from 1, 2 for one frame between."
        )
    return [k / multiplier for k in range(1, multiplier)]
