"""Cel layers: each is interpolated by itself and laid over those behind it, as cels are, so that what is hidden is known."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from .alpha import SEEN, premultiply, straighten
from .errors import AnimeInterpError, check_frames, describe
from .foreign.fields import fill_unknown
from .pipeline import interpolate_stream


def interpolate_layers(
    layers: Sequence[Tensor], multiplier: int = 2, *, progress: Callable[[float], None] | None = None, **options: Any
) -> Iterator[Tensor]:
    """The composed frames of layers, one by one: (1, 3, H, W) where the last layer is opaque, else (1, 4, H, W).

    :param layers: from the one in front to the one at the back, each (N, 3 or 4, H, W) in 0..1 with straight alpha, all of as
        many frames and of one size.
    :param progress: called with the number of pairs done, of all layers together.
    :param options: as ``pipeline.interpolate_stream`` has them.
    :raises AnimeInterpError: for layers that do not fit, and as there.
    """
    _check(layers)
    done = [0.0] * len(layers)

    def heard(index: int) -> Callable[[float], None] | None:
        if progress is None:
            return None

        def hear(pairs: float) -> None:
            done[index] = pairs
            progress(sum(done))

        return hear

    streams = [
        interpolate_stream(layer.split(1), multiplier, progress=heard(index), **options) for index, layer in enumerate(layers)
    ]
    for frames in zip(*streams, strict=True):
        yield compose(frames)


def compose(layers: Sequence[Tensor]) -> Tensor:
    """Layers (N, 3 or 4, H, W), the one in front first, laid over one another: (N, 3, H, W) if the last one is opaque, else
    (N, 4, H, W); straight alpha."""
    under = premultiply(layers[-1])
    for layer in reversed(layers[:-1]):
        over = premultiply(layer)
        if over.shape[1] == 3:
            under = over
            continue
        under = over[:, : under.shape[1]] + under * (1 - over[:, 3:])
    if under.shape[1] == 3:
        return under
    return straighten(under[:, :3], under[:, 3:])


def layers_from_masks(frames: Tensor, masks: Sequence[Tensor]) -> list[Tensor]:
    """Flat drawings taken apart: a layer (N, 4, H, W) for each mask (N, H, W), the one in front first, and the ground.

    Where masks overlap, the one in front has the pixel; the layer behind is not known there. The ground (N, 3, H, W) is what no
    mask covers, and behind them what another drawing shows in that place, or else the nearest known colour.
    """
    layers, free = [], torch.ones_like(frames[:, :1])
    for mask in masks:
        if tuple(mask.shape) != (frames.shape[0], *frames.shape[-2:]):
            raise AnimeInterpError(
                f"A mask is {mask.shape[0]} of {mask.shape[-1]}x{mask.shape[-2]}; it should be one for each of the "
                f"{frames.shape[0]} drawings, of {frames.shape[-1]}x{frames.shape[-2]}."
            )
        share = mask[:, None].to(frames).clamp(0, 1)
        layers.append(torch.cat([frames[:, :3], torch.minimum(share, free)], dim=1))
        free = (free - share).clamp(min=0)
    known = free >= 1 - SEEN
    ground = frames[:, :3].clone()
    for index in range(frames.shape[0]):
        others = sorted(range(frames.shape[0]), key=lambda other, index=index: abs(other - index))
        for other in others[1:]:
            missing = ~known[index] & known[other]
            ground[index] = torch.where(missing, frames[other, :3], ground[index])
            known[index] |= missing
    return [*layers, fill_unknown(ground, known)]


def _check(layers: Sequence[Tensor]) -> None:
    if not layers:
        raise AnimeInterpError("layers holds none; it should hold one or more, the one in front first.")
    for index, layer in enumerate(layers):
        check_frames(f"layer {index}", layer)
        if layer.shape[0] != layers[0].shape[0] or layer.shape[-2:] != layers[0].shape[-2:]:
            raise AnimeInterpError(
                f"Layer {index} is {layer.shape[0]} drawings of {describe(layer)} and the first is {layers[0].shape[0]} of "
                f"{describe(layers[0])}; all should be of as many drawings and of one size. Repeat one that stands still."
            )
