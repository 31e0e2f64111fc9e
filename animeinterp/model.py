"""The refinement and the synthesis network as one module: what a checkpoint of AnimeInterp holds.

Siyao et al., "Deep Animation Video Interpolation in the Wild" (CVPR 2021), sections 3.2 and 3.3.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from .config import RefineConfig, SynthesisConfig
from .dense_flow import refine_dense
from .errors import AnimeInterpError, check_flow, check_frames, check_pair, check_times, check_values
from .flow import Flow
from .padding import at_least, cut_back, flow_at_least
from .refinement import RefineNetwork
from .refinement.correlation import SHARE, volume_bytes, volume_is_worth_it
from .runtime.memory import total_memory
from .runtime.progress import layer_progress
from .synthesis import SynthesisNetwork
from .synthesis.between import BilateralSynthesis
from .synthesis.network import pad_to_multiple
from .synthesis.painter import PaintedBlend


@dataclass(frozen=True)
class ModelConfig:
    """All that a model is beside its weights. The defaults are the published checkpoint's.

    ``refine`` None: a model without a refinement network, which paints along the weights-free way's flow.
    """

    refine: RefineConfig | None = field(default_factory=RefineConfig)
    synthesis: SynthesisConfig = field(default_factory=SynthesisConfig)

    def to_json(self) -> str:
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelConfig:
        """The configuration that ``to_json`` wrote. AnimeInterpError where it holds what this version does not know."""
        try:
            parts = json.loads(text)
            refine, synthesis = parts.pop("refine", {}), parts.pop("synthesis", {})
            if "channels" in synthesis:
                synthesis["channels"] = tuple(synthesis["channels"])
            return cls(None if refine is None else RefineConfig(**refine), SynthesisConfig(**synthesis), **parts)
        except (ValueError, TypeError, AttributeError) as error:
            raise AnimeInterpError(
                f"The model's configuration is {text[:200]!r}; it should be JSON with ModelConfig's fields ({error}). "
                "It was written by another version, or by hand: update AnimeInterp, or convert the weights again."
            ) from error


@dataclass(frozen=True)
class Encoded:
    """What the networks see in one frame alone (``AnimeInterp.encode``): worth keeping for a clip's next pair.

    ``matching`` (1, 256, h, w) of the refinement's encoder, ``pyramid`` what the synthesis sees (three levels; of one that
    finds its motion, levels of pictures of several sizes), each None where the model has no such network; ``size`` the
    frame's height and width.
    """

    matching: Tensor | None
    pyramid: list[Any] | None
    size: tuple[int, int]


class AnimeInterp(nn.Module):
    """The networks of the method. Made by ``build``; loaded by ``animeinterp.load_model``.

    Frames are (1, 3, H, W) in 0..1 of any size from 1x1, on the model's device; they are cast to the model's dtype
    inside. Flows are (1, 2, H, W) in pixels, returned in float32 (or float64 from a float64 model). Both ``refine`` and
    ``synthesize`` are differentiable; batches of pairs go through ``refinement`` and ``synthesis`` themselves.
    ``encoded``, where taken, is what ``encode`` made of each of the two frames; without it they are encoded anew.
    ``step``, where taken, is called with the fraction done, several times a second, and may raise to stop.
    """

    def __init__(
        self, config: ModelConfig, *, refinement: RefineNetwork | None, synthesis: SynthesisNetwork | PaintedBlend
    ) -> None:
        super().__init__()
        self.config = config
        self.refinement = refinement
        self.synthesis = synthesis

    @property
    def refines(self) -> bool:
        """Whether it has a refinement network; else its flows are the weights-free way's."""
        return self.refinement is not None

    @property
    def paints_features(self) -> bool:
        """Whether it paints from features, as the published method does, or mends the weights-free blend."""
        return self.config.synthesis.network == "grid"

    @property
    def finds_motion(self) -> bool:
        """Whether its synthesis finds the motion at t itself, and a flow is no more than where it begins."""
        return self.config.synthesis.network == "bilateral"

    @property
    def describes_pieces(self) -> bool:
        """Whether it has the networks that ``piece_features`` asks."""
        return self.refines and self.paints_features

    def get_dtype(self) -> torch.dtype:
        """The dtype of the weights, which frames are cast to."""
        return next(self.parameters()).dtype

    def encode(self, frame: Tensor) -> Encoded:
        """What ``refine`` and ``synthesize`` compute of ``frame`` (1, 3, H, W) whichever the other frame is."""
        check_frames("frame", frame, channels=(3,), count=1)
        check_values("frame", frame)
        size = (frame.shape[-2], frame.shape[-1])
        frame = at_least(frame.to(self.get_dtype()))
        return Encoded(
            self.refinement.encode(frame) if self.refines else None,
            self.synthesis.encode(frame) if self.paints_features or self.finds_motion else None,
            size,
        )

    def refine(
        self,
        frame0: Tensor,
        frame1: Tensor,
        flow_01: Tensor | None = None,
        flow_10: Tensor | None = None,
        iterations: int | None = None,
        *,
        encoded: tuple[Encoded, Encoded] | None = None,
        lean: bool | None = None,
        step: Callable[[float], None] | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Fine flows ``(flow_01, flow_10)`` from coarse ones (paper 3.2); a start at zero where one is not given.

        ``iterations`` (>= 0): None is the configuration's own number. ``lean``: whether to do without the correlation
        volume; None: where there is no room for it. A model without a refinement network refines by dense optical flow
        begun at the coarse one.

        Raises:
            AnimeInterpError: frames that are not a pair of (1, 3, H, W), hold what is no number, or flows of
                another size than the frames'.
        """
        _check_frames(frame0, frame1)
        for name, flow in (("flow_01", flow_01), ("flow_10", flow_10)):
            if flow is not None:
                check_flow(name, flow, frame0)
        if iterations is not None and (not isinstance(iterations, int) or iterations < 0):
            raise AnimeInterpError(f"iterations is {iterations!r}; it should be a whole number from 0, or None.")
        size, features = frame0.shape[-2:], None
        if self.refines and encoded is not None:
            features = tuple(e.matching for e in _check_encoded(encoded, frame0))
        frames = at_least(frame0), at_least(frame1)
        start = tuple(None if flow is None else at_least(flow) for flow in (flow_01, flow_10))
        if not self.refines:
            return tuple(cut_back(flow, size) for flow in refine_dense(*frames, *start))
        frames = tuple(frame.to(self.get_dtype()) for frame in frames)
        with layer_progress(self.refinement, step, self.refinement.parts(iterations, encoded=encoded is not None)):
            fine = self.refinement(*frames, *start, iterations, encoded=features, lean=lean)
        return cut_back(fine[0], size), cut_back(fine[1], size)

    def synthesize(
        self,
        frame0: Tensor,
        frame1: Tensor,
        flow_01: Tensor | None,
        flow_10: Tensor | None,
        times: list[float],
        *,
        known: Flow | None = None,
        encoded: tuple[Encoded, Encoded] | None = None,
        alphas: tuple[Tensor, Tensor] | None = None,
        tile: int | None = None,
        step: Callable[[float], None] | None = None,
    ) -> Tensor:
        """The frames (T, 3, H, W) at ``times`` (each 0..1), raw, in the dtype of ``frame0`` (paper 3.3).

        ``flow_01`` and ``flow_10`` lead the whole way from each frame to the other; they are scaled by t here.
        ``known``: what else is known of this pair's motion (depth, arcs), for a model that mends the blend. ``tile``: how
        many pixels the networks paint at once; None: as many as there is room for. The frame is the same. A model that
        finds its motion (``finds_motion``) needs no flow, None then; ``alphas`` (1, 1, H, W) of the frames it reads along:
        frames of four channels come out.

        Raises:
            AnimeInterpError: frames that are not a pair of (1, 3, H, W), hold what is no number, flows of
                another size than the frames', no flow where one is needed, or times outside of 0..1.
        """
        _check_frames(frame0, frame1)
        if flow_01 is not None or flow_10 is not None or not self.finds_motion:
            check_flow("flow_01", flow_01, frame0)
            check_flow("flow_10", flow_10, frame0)
        times = check_times(times)
        size, frames = frame0.shape[-2:], (at_least(frame0), at_least(frame1))
        flow = None
        if flow_01 is not None:
            flow = flow_at_least(dataclasses.replace(known or Flow(flow_01, flow_10), flow_01=flow_01, flow_10=flow_10))
        seen = None if encoded is None else tuple(e.pyramid for e in _check_encoded(encoded, frame0))
        if self.finds_motion:
            alphas = None if alphas is None else tuple(at_least(alpha) for alpha in alphas)
            made = self.synthesis(*frames, flow, times, encoded=seen, alphas=alphas, tile=tile, step=step)
        elif not self.paints_features:
            made = self.synthesis(*frames, flow, times, tile=tile, step=step)
        else:
            frames = tuple(frame.to(self.get_dtype()) for frame in frames)
            parts = self.synthesis.parts(len(times), frames[0], encoded=encoded is not None, tile=tile)
            with layer_progress(self.synthesis, step, parts):
                made = self.synthesis(*frames, flow.flow_01, flow.flow_10, times, encoded=seen, tile=tile)[:, 0]
        return cut_back(made, size).to(frame0.dtype)

    def piece_features(self, frame: Tensor) -> list[Tensor]:
        """Features to match pieces by: 32, 64, 96 and 256 channels at 1, 1/2, 1/4, 1/8 of a frame (N, 3, H, W).

        The synthesis' pyramid and the refinement's encoder, which have the scales of VGG-19's four. Level k is
        (N, C, ceil(H / 2^k), ceil(W / 2^k)), the size of ``labels[::2^k, ::2^k]``, in the model's dtype.
        AnimeInterpError where the model lacks one of the two (``describes_pieces``).
        """
        check_frames("frame", frame, channels=(3,))
        if not self.describes_pieces:
            raise AnimeInterpError(
                "The model has no networks that describe pieces; it should have a refinement and a feature pyramid. Match "
                "by pixels, with no model, or by VGG-19."
            )
        height, width = frame.shape[-2:]
        padded = 2 * pad_to_multiple(frame.to(self.get_dtype()), 8) - 1
        maps = [*self.synthesis.pyramid(padded), self.refinement.encoder(padded)]
        return [m[..., : -(-height // 2**k), : -(-width // 2**k)] for k, m in enumerate(maps)]

    def memory_used_forward(
        self, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device | str | None = None
    ) -> int:
        """Bytes that refining and synthesizing one pair needs beyond the weights, without gradients.

        ``shape`` ends in (H, W) as a frame's (N, C, H, W) does, N being pairs. The refinement is dominated by the
        correlation volume, float32 always and growing with the square of the pixels, up to a size where it is better
        done without: that depends on ``device``, where the work will be done (None: one of which nothing is known). The
        synthesis, by full-size maps, up to a size where it is better done in tiles. With less than this, both choose the
        lean way earlier.
        """
        pairs, (height, width) = (shape[0] if len(shape) > 3 else 1), shape[-2:]
        pixels = height * width
        painting = pixels * (4 * _CARRY_CHANNELS + dtype.itemsize * _MEND_CHANNELS)
        if self.finds_motion:
            painting = pixels * (4 * _READ_CHANNELS + dtype.itemsize * _FIND_CHANNELS)
        if self.paints_features:
            painting = dtype.itemsize * (pixels * _CARRIED_CHANNELS + min(pixels, _PAINTED_AT_ONCE) * _PAINT_CHANNELS)
        if not self.refines:
            return int(pairs * painting)
        refining = pixels * (4 * _LOOK_UP_CHANNELS + dtype.itemsize * _REFINE_CHANNELS)
        volume = volume_bytes(1, height // 8, width // 8)
        device = None if device is None else torch.device(device)
        # The volume is made where it takes no more than its share of what is free: so much is asked for, or nothing.
        with_volume = refining + volume / SHARE
        if volume_is_worth_it(volume, device) and with_volume <= (math.inf if device is None else total_memory(device)):
            refining = with_volume
        return int(pairs * max(refining, painting))


# Full-size channels at the peak, what is known of both frames included: measured on a CPU from 480x270 to 1920x1080, in
# float32 and float16.
_LOOK_UP_CHANNELS, _REFINE_CHANNELS = 155, 150  # float32 always, and the network's own
_CARRIED_CHANNELS, _PAINT_CHANNELS = 300, 380  # what is splatted, and what the grid network adds
_PAINTED_AT_ONCE = 2**20  # pixels
# Of the network at t: float32, and its own; from the peaks of an earlier form on a GPU, 540p to 4K.
_READ_CHANNELS, _FIND_CHANNELS = 45, 170
_CARRY_CHANNELS, _MEND_CHANNELS = 100, 120  # of the painter: float32, and the network's own


_SYNTHESES = {"grid": SynthesisNetwork, "painter": PaintedBlend, "bilateral": BilateralSynthesis}


def build(config: ModelConfig | None = None, operations: Any = nn) -> AnimeInterp:
    """A model with fresh weights. ``operations``: a namespace whose Conv2d and PReLU take ``torch.nn``'s arguments."""
    config = ModelConfig() if config is None else config
    if config.synthesis.network not in _SYNTHESES:
        raise AnimeInterpError(f"network is {config.synthesis.network!r}; it should be one of {', '.join(_SYNTHESES)}.")
    return AnimeInterp(
        config,
        refinement=None if config.refine is None else RefineNetwork(config.refine, operations=operations),
        synthesis=_SYNTHESES[config.synthesis.network](config.synthesis, operations=operations),
    )


def _check_frames(frame0: Tensor, frame1: Tensor) -> None:
    check_pair(frame0, frame1, channels=(3,))
    for name, frame in (("frame0", frame0), ("frame1", frame1)):
        check_values(name, frame)


def _check_encoded(encoded: tuple[Encoded, Encoded], frame: Tensor) -> tuple[Encoded, Encoded]:
    wanted = (frame.shape[-2], frame.shape[-1])
    if len(encoded) != 2 or any(one.size != wanted for one in encoded):
        raise AnimeInterpError(
            f"encoded holds frames of {', '.join(f'{e.size[1]}x{e.size[0]}' for e in encoded)}; it should hold two of "
            f"{wanted[1]}x{wanted[0]}, the pair's own. Pass (model.encode(frame0), model.encode(frame1))."
        )
    return encoded
