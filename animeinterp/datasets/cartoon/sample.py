"""The generator's face: ``draw`` and ``draw_batch`` make cartoon clips of which everything is known.

A *CartoonSample* holds two frames, frames at requested times drawn at those very times, exact flows, occlusion, pieces
and their true matches, and what is in front. It depends on the seed,
the size and the configuration alone: the same on any
device, up to rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields

import torch
from torch import Tensor

from ...errors import AnimeInterpError, check_times
from .compose import compose
from .config import CartoonConfig
from .pack import FlatScene, flatten, pack
from .post import degrade
from .render import render
from .truth import flow_between, hidden, label


@dataclass
class CartoonSample:
    """B clips with T times between; for ``draw`` B is 1. Frames are 0..1, flows are dx, dy in pixels.

    - ``frame0``, ``frame1`` (B, 3, H, W); ``mids`` (B, T, 3, H, W) at ``times``.
    - ``flow_01``, ``flow_10`` (B, 2, H, W) float32: where each pixel's drawing is at the other time, also if it is
    hidden
      there. ``flow_t0``, ``flow_t1`` (B, T, 2, H, W) from each time between to the ends.
    - ``occlusion_0`` (B, 1, H, W) bool: pixels of frame 0 not to be seen in frame 1, for being covered or outside it;
      ``occlusion_1`` likewise.
    - ``labels_0``, ``labels_1`` (B, H, W) int32: pieces, 0..K-1 without gaps in each clip; a line belongs to its piece.
    - ``matches``: for each clip (M, 2) int64, labels in frame 0 and frame 1 of the pieces that both show.
    - ``depth_0``, ``depth_1`` (B, 1, H, W) float32: the greater is in front; comparable within a clip.
    """

    frame0: Tensor
    frame1: Tensor
    mids: Tensor
    times: list[float]
    flow_01: Tensor
    flow_10: Tensor
    flow_t0: Tensor
    flow_t1: Tensor
    occlusion_0: Tensor
    occlusion_1: Tensor
    labels_0: Tensor
    labels_1: Tensor
    depth_0: Tensor
    depth_1: Tensor
    seeds: list[int]
    matches: list[Tensor] = field(default_factory=list)

    def to(self, device: torch.device | str) -> CartoonSample:
        """The same sample with its pictures on ``device``; ``matches`` stay on the CPU."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return CartoonSample(**{k: v.to(device) if isinstance(v, Tensor) else v for k, v in values.items()})


def draw(seed: int, *, size: tuple[int, int] = (256, 384), times: Sequence[float] = (0.5,),
         device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32,
         config: CartoonConfig | None = None) -> CartoonSample:
    """One clip, a batch of 1; see ``draw_batch``."""
    return draw_batch([seed], size=size, times=times, device=device, dtype=dtype, config=config)


def draw_batch(seeds: Sequence[int], *, size: tuple[int, int] = (256, 384), times: Sequence[float] = (0.5,),
               device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32,
               config: CartoonConfig | None = None) -> CartoonSample:
    """Draw a clip for each seed (a non-negative integer), of ``size`` (H, W), on ``device``.

    ``dtype`` is that of the frames. Raises AnimeInterpError for a size under 32 pixels, no seeds or times outside 0..1.
    """
    config = config or CartoonConfig()
    seeds, times, size = _checked(seeds, times, size)
    # Geometry is in float64, which Apple's GPUs do not have: for them the CPU draws.
    on = torch.device("cpu") if torch.device(device).type == "mps" else torch.device(device)
    # A CPU is fastest with what fits its caches, one clip at a time; a GPU with everything at once.
    group = 1 if on.type == "cpu" else len(seeds)
    parts = []
    for i in range(0, len(seeds), group):
        some = seeds[i : i + group]
        scenes = [prepare(seed, size, config) for seed in some]
        parts.append(draw_scenes(scenes, size=size, times=times, device=on, dtype=dtype, config=config, seeds=some))
    return (parts[0] if len(parts) == 1 else _joined(parts)).to(device)


def prepare(seed: int, size: tuple[int, int], config: CartoonConfig) -> FlatScene:
    """The part of drawing that is plain Python, about 10 ms a clip, and can be pickled: work for a loader's processes.

    ``draw_scenes`` does the rest, for a batch at once, on any device.
    """
    return flatten(compose(seed, size, config))


def draw_scenes(scenes: Sequence[FlatScene], *, size: tuple[int, int], times: Sequence[float] = (0.5,),
                device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32,
                config: CartoonConfig | None = None, seeds: Sequence[int] | None = None) -> CartoonSample:
    """Draw scenes that are composed already (``prepare``), of this ``size``, in one batch.

    ``seeds`` drive nothing but what ``config`` degrades; they are 0, 1, 2, ... by default.
    """
    config = config or CartoonConfig()
    seeds, times, size = _checked(range(len(scenes)) if seeds is None else seeds, times, size)
    packed = pack(scenes, device)
    steps = torch.tensor([0.0, 1.0, *times], dtype=torch.float64, device=device)
    pictures = render(packed, steps, size, [scene.blur * size[0] / 360 for scene in scenes], config.subsamples)
    frames = degrade(pictures.frames, seeds, config).to(dtype)
    flow_01, flow_10 = flow_between(pictures, 0, 1), flow_between(pictures, 1, 0)
    between = range(2, len(steps))
    labels, matches = label(packed, pictures)
    depth = packed.rank.float()[pictures.shown[:, :2]]
    return CartoonSample(
        frame0=frames[:, 0], frame1=frames[:, 1], mids=frames[:, 2:], times=times, flow_01=flow_01, flow_10=flow_10,
        flow_t0=torch.stack([flow_between(pictures, k, 0) for k in between], 1),
        flow_t1=torch.stack([flow_between(pictures, k, 1) for k in between], 1),
        occlusion_0=hidden(pictures, 0, 1, flow_01, flow_10), occlusion_1=hidden(pictures, 1, 0, flow_10, flow_01),
        labels_0=labels[:, 0], labels_1=labels[:, 1], depth_0=depth[:, :1], depth_1=depth[:, 1:], seeds=seeds,
        matches=matches,
    )


def _joined(parts: list[CartoonSample]) -> CartoonSample:
    """Batches one after another."""
    joined = {f.name: getattr(parts[0], f.name) for f in fields(CartoonSample)}
    for name, value in joined.items():
        if isinstance(value, Tensor):
            joined[name] = torch.cat([getattr(p, name) for p in parts])
        elif name in ("seeds", "matches"):
            joined[name] = [item for p in parts for item in getattr(p, name)]
    return CartoonSample(**joined)


def _checked(seeds: Sequence[int], times: Sequence[float], size: tuple[int, int]) -> tuple[list[int], list[float],
                                                                                           tuple]:
    """The arguments as plain lists and numbers, or an AnimeInterpError."""
    seeds = [int(s) for s in seeds]
    if not seeds or min(seeds) < 0:
        raise AnimeInterpError(f"seeds is {seeds}; it should hold at least one integer, none of them negative.")
    height, width = (int(n) for n in size)
    if min(height, width) < 32:
        raise AnimeInterpError(f"size is {(height, width)}; it should be (H, W), each at least 32. Crop a larger one.")
    return seeds, check_times(list(times)), (height, width)
