"""Cel layers -> composed frames, each layer interpolated by itself."""

from __future__ import annotations

import torch
from comfy_api.latest import io
from torch import Tensor

from ..animeinterp import SegmentConfig
from ..animeinterp.cels import interpolate_layers, layers_from_masks
from ..animeinterp.errors import AnimeInterpError
from . import base, bridge, types
from .interpolate import METHODS
from .segment import STYLE_TOOLTIP, STYLES
from .synthesize import MULTIPLIER_TOOLTIP, TIMES_TOOLTIP, collect


class AnimeInterpCelLayers(base.Node):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return base.schema(
            node_id="AnimeInterpCelLayers",
            display_name="Interpolate Cel Layers",
            search_aliases=["cel", "layers", "multiplane", "composite", "interpolate", "in-between", "anime"],
            description="Interpolates the layers of a drawing one by one and lays them over each other, as cels are: what is "
            "hidden behind another layer is known, and nothing tears where they pass.",
            is_input_list=True,
            inputs=[
                io.Image.Input(
                    "layers",
                    tooltip="The layers, the one in front first, with alpha: a list of batches, a batch of drawings each; or one "
                    "batch, layer after layer. With masks: the flat drawings.",
                ),
                io.Int.Input(
                    "drawings",
                    default=2,
                    min=2,
                    max=10000,
                    tooltip="Where the layers come as one batch: how many drawings each layer has.",
                ),
                io.Mask.Input(
                    "masks",
                    optional=True,
                    tooltip="Cuts flat drawings into layers: a mask for each drawing, the layer in front first, as a list or one "
                    "after the other. What none covers is the ground.",
                ),
                types.Model.Input("model", optional=True, tooltip="Other weights than the bundled ones."),
                io.Combo.Input(
                    "method",
                    options=METHODS,
                    default="auto",
                    tooltip="auto: with the connected model, else with the bundled one. weights-free: without any model.",
                ),
                io.Int.Input("multiplier", default=2, min=1, max=64, tooltip=MULTIPLIER_TOOLTIP),
                io.Combo.Input("style", options=STYLES, default="japanese", tooltip=STYLE_TOOLTIP, **base.FOLDED),
                io.String.Input(
                    "times", optional=True, default="", placeholder="0.25, 0.5, 0.75", tooltip=TIMES_TOOLTIP, **base.FOLDED
                ),
            ],
            outputs=[
                io.Image.Output(
                    "frames",
                    display_name="images",
                    tooltip="The composed frames; with alpha where the layer at the back has some.",
                ),
            ],
        )

    @classmethod
    def execute(cls, layers, drawings, method, multiplier, style, masks=None, model=None, times=None) -> io.NodeOutput:
        cels = layers_of(layers, drawings[0], masks)
        patcher, moments = model[0] if model else None, bridge.parse_times(times[0] if times else "")
        if method[0] == "weights-free":
            patcher = None
        elif patcher is None and bridge.bundled_ships():
            patcher = bridge.load_model(bridge.BUNDLED)
        networks = {"model": None}
        if patcher is not None:
            networks = {"model": bridge.on_device(patcher, cels[0]), "device": patcher.load_device}
        pairs = (cels[0].shape[0] - 1) * len(cels)
        progress = bridge.Progress(lambda done, total: f"{len(cels)} layers, pair {min(int(done) + 1, pairs)} of {pairs}")
        stream = interpolate_layers(
            cels, multiplier[0], times=moments, segment_config=SegmentConfig(style=style[0]),
            progress=lambda done: progress(done, pairs), cancel=progress.check, **networks,
        )  # fmt: skip
        new = multiplier[0] - 1 if moments is None else len(moments)
        return io.NodeOutput(collect(stream, (cels[0].shape[0] - 1) * (new + 1) + 1))


def layers_of(given: list[Tensor], drawings: int, masks: list[Tensor] | None) -> list[Tensor]:
    """The layers as frames, the one in front first."""
    clips = [bridge.to_frames(images, least=1) for images in given]
    if masks:
        if len({clip.shape for clip in clips}) > 1:
            raise AnimeInterpError("layers holds drawings of more than one size; they should be of one. Resize them.")
        flat = torch.cat(clips)
        planes = torch.cat([mask.reshape(-1, *mask.shape[-2:]) for mask in masks])
        if planes.shape[0] % flat.shape[0]:
            raise AnimeInterpError(
                f"masks holds {planes.shape[0]} masks and layers {flat.shape[0]} drawings; there should be one for each "
                "drawing in each layer. Add empty masks where a layer is missing."
            )
        clips = layers_from_masks(flat, planes.split(flat.shape[0]))
    elif len(clips) == 1:
        if clips[0].shape[0] % drawings:
            raise AnimeInterpError(
                f"layers holds {clips[0].shape[0]} images, which is no multiple of drawings, {drawings}; it should be layer "
                "after layer, as many drawings each. Correct drawings, or add what is missing."
            )
        clips = list(clips[0].split(drawings))
    if clips[0].shape[0] < 2:
        raise AnimeInterpError("Each layer is one drawing; it should be two or more, to find others between them.")
    return clips
