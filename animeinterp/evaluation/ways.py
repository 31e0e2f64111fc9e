"""What is timed: the ways of working, and the two drawn frames that they work on."""

from __future__ import annotations

import torch
from torch import Tensor

from ..datasets.cartoon import CartoonConfig, draw
from ..model import AnimeInterp, ModelConfig, build
from ..weights import load_model

WAYS = ("weights-free", "bundled", "published")
DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
SEED = 201  # of the frames, and of random weights
TIME = 0.5  # where single in-betweens are painted

_FRAMES = CartoonConfig(motion=(0.015, 0.05), figures=(1, 2), hold=0.0, line_art=0.0, plain=0.0, inverted=0.0, subsamples=4)


def draw_pair(size: tuple[int, int]) -> Tensor:
    """Two frames (2, 3, H, W) of a drawn shot at ``size`` (H, W), the same everywhere."""
    sample = draw(SEED, size=size, times=(TIME,), config=_FRAMES)
    return torch.cat([sample.frame0, sample.frame1])


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
