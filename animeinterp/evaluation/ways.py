"""What is timed: the ways of working, and the two drawn frames that they work on."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from ..datasets.cartoon import CartoonConfig, draw
from ..datasets.turning import draw_figure
from ..model import AnimeInterp, ModelConfig, build
from ..weights import load_model

WAYS = ("weights-free", "bundled", "published")
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
SEED = 201  # of the frames, and of random weights
TIME = 0.5  # where single in-betweens are painted
DRAWINGS = ("anew", "cutouts")  # a figure that turns, drawn anew in each frame; figures whose pieces move as they are

_FRAMES = CartoonConfig(motion=(0.015, 0.05), figures=(1, 2), hold=0.0, line_art=0.0, plain=0.0, inverted=0.0, subsamples=4)


_FIGURE, _MOMENTS, _LARGEST = 6, (3, 6), 1080  # the seed of a figure, two of its nine moments, pixels it is drawn at at most


def draw_pair(size: tuple[int, int], drawings: str = "cutouts") -> Tensor:
    """Two frames (2, 3, H, W) of a drawn shot at ``size`` (H, W), the same everywhere. ``drawings``: of DRAWINGS."""
    sample = draw(SEED, size=size, times=(TIME,), config=_FRAMES)
    if drawings == "cutouts":
        return torch.cat([sample.frame0, sample.frame1])
    side = min(size)
    figure = torch.from_numpy(draw_figure(_FIGURE, min(side, _LARGEST))[list(_MOMENTS)]).permute(0, 3, 1, 2) / 255
    figure[:, :3] *= figure[:, 3:]
    figure = F.interpolate(figure, (side, side), mode="bilinear", align_corners=False)
    frames, left, top = sample.frame0.repeat(2, 1, 1, 1), (size[1] - side) // 2, (size[0] - side) // 2
    place = frames[:, :, top : top + side, left : left + side]
    place.mul_(1 - figure[:, 3:]).add_(figure[:, :3])
    return frames.clamp(0, 1)


def load_way(way: str, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32) -> AnimeInterp | None:
    """The model of a way: None for "weights-free"; "bundled"; "published", random weights of the published shape; or a
    weight file. AnimeInterpError where there is none."""
    if way == "weights-free":
        return None
    if way == "published":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(SEED)
            return build(ModelConfig()).to(device=device, dtype=dtype).eval()
    return load_model(None if way == "bundled" else way, device=device, dtype=dtype)
