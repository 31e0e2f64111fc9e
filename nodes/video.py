"""A video in, a video out, as a stream."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import folder_paths
import torch
from comfy_api.latest import InputImpl, io

from ..animeinterp import SegmentConfig
from ..animeinterp.errors import AnimeInterpError
from ..animeinterp.film import Clip, Segment, draw_segments
from ..animeinterp.media import MediaInfo, TimedFrame, Timeline, Tracks, VideoWriter, open_film
from ..animeinterp.sequence.timing import Timing
from . import base, bridge, types
from .interpolate import METHODS
from .segment import STYLE_TOOLTIP, STYLES
from .synthesize import TIMING_TOOLTIP

# What a codec is written as: the ending of the name, and bits a channel (None: as the video has them).
CODECS = {"auto": (".mp4", None), "h264": (".mp4", 8), "h265": (".mp4", 10), "vp9": (".webm", 8)}


class AnimeInterpVideo(base.Node):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return base.schema(
            node_id="AnimeInterpVideo",
            display_name="Interpolate Video (AnimeInterp)",
            search_aliases=["video interpolation", "frame interpolation", "fps", "60 fps", "smooth video", "slow motion", "RIFE",
                            "FILM", "VFI", "anime"],
            description="Frame interpolation for a whole video of anime, cartoons or other drawings: a video in, a video with "
            "new frames and the same sound out.",
            inputs=[
                io.Video.Input("video", tooltip="From Load Video, or any node that gives a VIDEO."),
                types.Model.Input(
                    "model", optional=True, tooltip="Other weights than the bundled ones, from Load AnimeInterp Model."
                ),
                io.Combo.Input(
                    "method", options=METHODS, default="auto",
                    tooltip="auto: with the connected model, else with the bundled one where it ships, else without. "
                    "weights-free: without any model, by colour pieces and their motion alone.",
                ),
                io.Int.Input(
                    "multiplier", default=2, min=1, max=64,
                    tooltip="So many frames for one: 2 makes 24 frames a second 48. Its length stays. Timing, where connected, "
                    "takes its place.",
                ),
                io.Combo.Input("style", options=STYLES, default="japanese", tooltip=STYLE_TOOLTIP, **base.FOLDED),
                io.Combo.Input(
                    "codec", options=list(CODECS), default="auto",
                    tooltip="How the new video is coded. auto: h264, or h265 where the video has 10 bits, or vp9 where it is "
                    "transparent. h265: in 10 bits.",
                    **base.FOLDED,
                ),
                types.Timing.Input("timing", optional=True, tooltip=TIMING_TOOLTIP),
            ],
            outputs=[
                io.Video.Output(
                    "video_out", display_name="video", tooltip="The video with the new frames, for Save Video. Its sound is kept."
                )
            ],
        )  # fmt: skip

    @classmethod
    def execute(
        cls, video, method: str, multiplier: int, style: str, codec: str, model=None, timing=None
    ) -> io.NodeOutput:
        if codec not in CODECS:
            raise AnimeInterpError(f'codec is "{codec}"; it should be one of {", ".join(CODECS)}.')
        timing = Timing(multiplier) if timing is None else timing
        temp = Path(folder_paths.get_temp_directory())
        temp.mkdir(parents=True, exist_ok=True)
        copy = temp / f"animeinterp_{uuid.uuid4().hex}.source.mp4"
        try:
            reader, path = _opened(video, copy)
            target = _drawn(reader, path, _window(video), temp, timing, method, style, codec, model)
        finally:
            copy.unlink(missing_ok=True)
        return io.NodeOutput(InputImpl.VideoFromFile(str(target)))


def _drawn(reader, path, window, temp: Path, timing: Timing, method: str, style: str, codec: str, model: Any) -> Path:
    clip = Clip(reader, *window)
    info = clip.info
    suffix, depth = CODECS[codec]
    if codec == "auto" and info.alpha:
        suffix = ".webm"
    target = temp / f"animeinterp_{uuid.uuid4().hex}{suffix}"
    looking = bridge.Progress(lambda done, total: f"looking for cuts and held drawings: {int(done)} of {total}")
    plan = clip.plan(timing, lambda seen: looking(seen, len(clip.times)))
    networks: dict[str, Any] = {"model": None}
    if method != "weights-free" and (model is not None or bridge.bundled_ships()):
        model = bridge.load_model(bridge.BUNDLED) if model is None else model
        networks = {"model": bridge.on_device(model, torch.empty(0, 3, *info.size)), "device": model.load_device}
    total = len(plan.steps)
    progress = bridge.Progress(lambda done, of: f"frame {int(done)} of {of}")
    tracks = None if path is None else Tracks(path, start=clip.start, end=window[1], tell=bridge.say)
    rate = plan.rate or timing.target_fps or info.rate * timing.multiplier

    def write(segment: Segment, frames: Iterator) -> None:
        how = {"like": info, "bit_depth": depth, "tracks": tracks, "uneven": plan.uneven}
        with VideoWriter(target, rate, **how, overwrite=False) as writer:
            for step, duration, frame in frames:
                writer.write(frame, step.time - clip.start, duration)

    draw_segments(
        clip, plan, [Segment(0, 0, total)], write, progress=lambda done: progress(done, total), cancel=progress.check,
        segment_config=SegmentConfig(style=style), **networks,
    )  # fmt: skip
    bridge.say(
        f"{total} frames from {len(plan.times)}, {plan.drawn} drawn, {len(plan.cuts)} cuts, {len(plan.held)} held; "
        f"{bridge.seconds(time.monotonic() - progress.began)}"
    )
    return target


def _opened(video: Any, copy: Path) -> tuple[Any, Path | None]:
    """A reader for the frames of a VIDEO, and the file that its sound is in (None: it has none)."""
    if isinstance(video, InputImpl.VideoFromComponents):  # its frames are in memory, and no coding of them is as good
        components = video.get_components()
        sound = components.audio is not None
        if sound:
            video.save_to(str(copy))
        return _Images(components.images, Fraction(components.frame_rate)), copy if sound else None
    source = video.get_stream_source()
    if isinstance(source, (str, os.PathLike)):
        return open_film(source), Path(source)
    source.seek(0)
    with open(copy, "wb") as file:
        shutil.copyfileobj(source, file)
    return open_film(copy), copy


def _window(video: Any) -> tuple[Fraction | None, Fraction | None]:
    """From when to when of its source a VIDEO goes, in seconds; newer versions of ComfyUI can trim it."""
    if not hasattr(video, "get_active_trim_window"):
        return None, None
    start, length = (Fraction(value).limit_denominator(1_000_000) for value in video.get_active_trim_window())
    return start or None, start + length if length else None


class _Images:
    """A VIDEO's images (N, H, W, C) as a reader of a film."""

    def __init__(self, images: torch.Tensor, rate: Fraction) -> None:
        frames = bridge.to_frames(images)
        self._frames, self._rate = frames, rate
        size = (frames.shape[-2], frames.shape[-1])
        self.info = MediaInfo(size, rate, frames.shape[0], alpha=frames.shape[1] == 4)
        self.path = "video"

    def frames(self, first: int = 0) -> Iterator[TimedFrame]:
        for index, frame in enumerate(self._frames[first:].split(1), first):
            yield TimedFrame(frame, index / self._rate, 1 / self._rate)

    def timeline(self) -> Timeline:
        count = self._frames.shape[0]
        return Timeline(tuple(index / self._rate for index in range(count)), count / self._rate)
