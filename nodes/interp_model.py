"""ComfyUI's own socket for frame interpolation models, INTERP_MODEL, both ways: ours for its nodes, others' for ours.

What the socket asks of a model is written at ``FrameInterpolate`` in ComfyUI's comfy_extras/nodes_frame_interpolation.py.
"""

from __future__ import annotations

from typing import Any

import torch
from comfy_api.latest import io
from torch import Tensor
from torch.nn import functional as F

from ..animeinterp import SegmentConfig
from ..animeinterp.alpha import from_grey
from ..animeinterp.clip import ClipFrame, read_clip
from ..animeinterp.frames import FramePair
from ..animeinterp.model import build
from ..animeinterp.pipeline import draw_between
from ..animeinterp.protocols import Synthesizer
from ..animeinterp.runtime import Runtime
from ..animeinterp.runtime.progress import leaf_modules
from ..animeinterp.stages import Stages
from ..animeinterp.synthesis.still import still_pixels
from . import base, bridge, types
from .interpolate import METHODS
from .segment import STYLE_TOOLTIP, STYLES

InterpModel = io.Custom("INTERP_MODEL")


class AnimeInterpAsInterpModel(base.Node):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return base.schema(
            node_id="AnimeInterpAsInterpModel",
            display_name="AnimeInterp as Frame Interpolation Model",
            search_aliases=["frame interpolation model", "INTERP_MODEL", "run frame interpolation model"],
            description="Hands AnimeInterp to ComfyUI's own Run Frame Interpolation Model, in place of RIFE or FILM, and to "
            "whatever else takes such a model.",
            inputs=[
                types.Model.Input("model", optional=True, tooltip="Other weights than the bundled ones."),
                io.Combo.Input(
                    "method",
                    options=METHODS,
                    default="auto",
                    tooltip="auto: with the connected model, else with the bundled one. weights-free: without any model.",
                ),
                io.Combo.Input("style", options=STYLES, default="japanese", tooltip=STYLE_TOOLTIP, **base.FOLDED),
            ],
            outputs=[
                InterpModel.Output(
                    "interp_model", display_name="interp_model", tooltip="For Run Frame Interpolation Model (ComfyUI 0.20 on)."
                )
            ],
        )

    @classmethod
    def execute(cls, method: str, style: str, model=None) -> io.NodeOutput:
        net, name = None, "weights-free"
        if method != "weights-free" and (model is not None or bridge.bundled_ships()):
            given = model or bridge.load_model(bridge.BUNDLED)
            # A copy: two patchers around one network would each believe that they know where it is.
            net, name = build(given.model.config, bridge.operations()), given.model.shown_as
            net.to(given.model.get_dtype()).load_state_dict(given.model.state_dict())
        return io.NodeOutput(bridge.in_patcher(ServedModel(net, SegmentConfig(style=style)), name))


class ServedModel(torch.nn.Module):
    """The library's way, as INTERP_MODEL's network: a pair is drawn as by our own nodes."""

    pad_align = 1

    def __init__(self, net: torch.nn.Module | None, config: SegmentConfig) -> None:
        super().__init__()
        self.net = net
        self._stages = Stages(net, segment_config=config)

    def get_dtype(self) -> torch.dtype:
        return torch.float32  # of the frames; the network casts them to its own

    def memory_used_forward(self, shape: tuple[int, ...], dtype: torch.dtype) -> int:
        """``shape`` (N, H, W, C) of all images: a pair at a time is at work."""
        height, width = shape[1:3]
        if self.net is None:
            return 0  # on the CPU
        return self.net.memory_used_forward((1, 3, height, width), self.net.get_dtype())

    def extract_features(self, image: Tensor) -> ClipFrame:
        return next(read_clip([image[:, :3]], self._stages, image.device, segments=False))

    def forward(
        self, image0: Tensor, image1: Tensor, timestep: Tensor | float = 0.5, cache: dict[str, ClipFrame] | None = None
    ) -> Tensor:
        """(b, 3, H, W) at ``timestep`` (b, 1, H, W), or one for all; with a cache, b times of one pair."""
        times = timestep.flatten(1)[:, 0].tolist() if isinstance(timestep, Tensor) else [timestep] * image0.shape[0]
        if cache:
            return self.forward_multi_timestep(image0[:1], image1[:1], times, cache)
        pairs = zip(image0.split(1), image1.split(1), times, strict=True)
        return torch.cat([self.forward_multi_timestep(one, other, [t]) for one, other, t in pairs])

    def forward_multi_timestep(
        self, image0: Tensor, image1: Tensor, times: list[float], cache: dict[str, ClipFrame] | None = None
    ) -> Tensor:
        cache = cache or {}
        one, other = (
            (cache.get(name) or self.extract_features(image)).encoded for name, image in (("img0", image0), ("img1", image1))
        )
        moves = not bool(still_pixels(one.frame, other.frame).all())
        runtime = self._stages.runtime(cancel=bridge.Progress.check)
        return torch.cat(list(draw_between(self._stages, one, other, moves, None, times, runtime))).to(image0.dtype)


class AnimeInterpFromInterpModel(base.Node):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return base.schema(
            node_id="AnimeInterpFromInterpModel",
            display_name="Frame Interpolation Model as AnimeInterp Model",
            search_aliases=["RIFE", "FILM", "frame interpolation model", "INTERP_MODEL"],
            description="Hands RIFE, FILM or another of ComfyUI's frame interpolation models to AnimeInterp's nodes, so that "
            "target rates, held drawings, cuts, any times, alpha and masks serve it too.",
            inputs=[InterpModel.Input("interp_model", tooltip="From Load Frame Interpolation Model (ComfyUI 0.20 on).")],
            outputs=[
                types.Model.Output("model", display_name="model", tooltip="For every node that takes an AnimeInterp model.")
            ],
        )

    @classmethod
    def execute(cls, interp_model) -> io.NodeOutput:
        return io.NodeOutput(Borrowed(interp_model))


class Borrowed:
    """What our nodes ask of a patcher, around another's: ``loads`` is what ComfyUI brings to the device."""

    def __init__(self, patcher: Any) -> None:
        self.loads = patcher
        self.load_device = patcher.load_device
        self.model = BorrowedModel(patcher.model)


class BorrowedModel(torch.nn.Module):
    """Another's network where the library expects a model: one that draws, and refines nothing."""

    refinement = piece_describer = None

    def __init__(self, net: torch.nn.Module) -> None:
        super().__init__()
        self.synthesis = BorrowedSynthesis(net)
        self.shown_as = type(net).__name__

    def get_dtype(self) -> torch.dtype:
        return self.synthesis.net.get_dtype()

    def memory_used_forward(self, shape: tuple[int, ...], dtype: torch.dtype, device: Any = None) -> int:
        return self.synthesis.net.memory_used_forward((1, *shape[-2:], 3), dtype)

    def refine(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError("there is no refinement: the stages do not ask")

    def synthesize(self, *_: Any, **__: Any) -> None:
        raise NotImplementedError("the stages ask the synthesis itself")


class BorrowedSynthesis(torch.nn.Module, Synthesizer):
    """An INTERP_MODEL's network as the library's synthesizer. It finds its motion itself; alpha it draws as a grey picture."""

    needs_flow = False

    def __init__(self, net: torch.nn.Module) -> None:
        super().__init__()
        self.net = net

    def prepare(self, pair: FramePair, flow: Any) -> BorrowedDrawing:
        return BorrowedDrawing(self, pair)

    def encode(self, frame: Tensor) -> tuple[Tensor, Any]:
        """A frame (1, 3, H, W) padded as the network wants it, and what the network sees in it."""
        align = getattr(self.net, "pad_align", 1)
        height, width = frame.shape[-2:]
        below, right = -height % align, -width % align
        mode = "reflect" if below < height and right < width else "replicate"
        padded = F.pad(frame.to(self.net.get_dtype()), (0, right, 0, below), mode=mode)
        return padded, self.net.extract_features(padded)

    def forward(self, one: tuple[Tensor, Any], other: tuple[Tensor, Any], times: list[float]) -> Tensor:
        """The frames (T, 3, H, W) between two that were encoded, as large as they were padded."""
        cache = {"img0": one[1], "img1": other[1]}
        many = getattr(self.net, "forward_multi_timestep", None)
        if many is not None:
            return many(one[0], other[0], times, cache=cache)
        maps = [one[0].new_full((1, 1, *one[0].shape[-2:]), t) for t in times]
        return torch.cat([self.net(one[0], other[0], timestep=t, cache=cache) for t in maps])


class BorrowedDrawing:
    """See ``protocols.Drawing``."""

    def __init__(self, synthesis: BorrowedSynthesis, pair: FramePair) -> None:
        self._synthesis, self._pair = synthesis, pair

    def at(self, times: list[float], *, tile: int | None = None, runtime: Runtime | None = None) -> Tensor:
        synthesis, pair = self._synthesis, self._pair
        runtime = Runtime() if runtime is None else runtime
        height, width = pair.size
        with runtime.layers(synthesis.net, len(leaf_modules(synthesis.net)) * (2 + len(times))):
            drawn = synthesis(*pair.features(synthesis), times).to(pair.rgb[0])[..., :height, :width]
            if pair.opaque:
                return drawn
            grey = [synthesis.encode(frame[:, 3:].expand(-1, 3, -1, -1)) for frame in pair.frames]
            alpha = synthesis(*grey, times).mean(1, keepdim=True).to(drawn)[..., :height, :width]
        return from_grey(drawn, alpha.clamp(0, 1))
