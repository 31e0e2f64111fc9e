"""The networks of a weight file as one module: what refines, if there is one, and what draws (the published checkpoint has both).

Siyao et al., "Deep Animation Video Interpolation in the Wild" (CVPR 2021), sections 3.2 and 3.3.
"""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from . import registry
from .config import RefineConfig, SynthesisConfig, check_config
from .errors import AnimeInterpError, check_flow, check_frames, check_pair, check_times, check_values, shown
from .flow import Flow
from .frames import FramePair
from .padding import at_least, cut_back, flow_at_least, pad_to_multiple
from .protocols import Refiner, Synthesizer
from .runtime import Runtime
from .runtime.progress import ProgressCallback


@dataclass(frozen=True)
class ModelConfig:
    """All that a model is beside its weights. The defaults are the published checkpoint's.

    ``refine`` None: a model without a refinement network: its synthesis finds its own motion, or draws along the completion's.
    ``cutouts``: of a second model within this one, which is used instead for drawings whose pieces move as they are
    (``completion/cutouts.py``).
    """

    refine: RefineConfig | None = field(default_factory=RefineConfig)
    synthesis: SynthesisConfig = field(default_factory=SynthesisConfig)
    cutouts: ModelConfig | None = None

    def to_json(self) -> str:
        """As a weight file's header has it."""
        return json.dumps(dataclasses.asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> ModelConfig:
        """The configuration that ``to_json`` wrote. AnimeInterpError where it holds what this version does not know."""
        try:
            parts = json.loads(text)
            cutouts = parts.pop("cutouts", None)
            refine, synthesis = parts.pop("refine", {}), parts.pop("synthesis", {})
            if "channels" in synthesis:
                synthesis["channels"] = tuple(synthesis["channels"])
            config = cls(
                None if refine is None else RefineConfig(**refine),
                SynthesisConfig(**synthesis),
                None if cutouts is None else cls.from_json(json.dumps(cutouts)),
                **parts,
            )
            check_config(config.refine)
            check_config(config.synthesis)
            return config
        except (ValueError, TypeError, AttributeError, RecursionError) as error:
            raise AnimeInterpError(
                f"The model's configuration is {text[:200]!r}; it should be JSON with ModelConfig's fields ({error}). "
                "It was written by another version, or by hand: update AnimeInterp, or convert the weights again."
            ) from error


class AnimeInterp(nn.Module):
    """The networks of the method, a refiner (or none) and a synthesizer. Made by ``build``; loaded by ``load_model``.

    Frames are (1, 3, H, W) in 0..1 of any size from 1x1, on the model's device; they are cast to the model's dtype
    inside. Flows are (1, 2, H, W) in pixels, returned in float32 (or float64 from a float64 model). Both ``refine`` and
    ``synthesize`` are differentiable; batches of pairs go through ``refinement`` and ``synthesis`` themselves.
    ``progress``, where taken, is called with the fraction done, several times a second, and may raise to stop.
    """

    def __init__(
        self, config: ModelConfig, *, refinement: Refiner | None, synthesis: Synthesizer, cutouts: AnimeInterp | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.refinement = refinement
        self.synthesis = synthesis
        self.cutouts = cutouts

    def get_dtype(self) -> torch.dtype:
        """The dtype of the weights, which frames are cast to."""
        return next(self.parameters()).dtype

    def refine(
        self,
        frame0: Tensor,
        frame1: Tensor,
        flow_01: Tensor | None = None,
        flow_10: Tensor | None = None,
        iterations: int | None = None,
        *,
        progress: ProgressCallback | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Fine flows ``(flow_01, flow_10)`` from coarse ones (paper 3.2); a start at zero where one is not given.

        ``iterations`` (>= 0): None is the configuration's own number. A model without a refinement network refines by the
        network that draws, if that finds its motion itself; else by dense optical flow begun at the coarse one.

        Raises:
            AnimeInterpError: frames that are not a pair of (1, 3, H, W), hold what is no number, or flows of
                another size than the frames'.
        """
        _check_frames(frame0, frame1)
        for name, flow in (("flow_01", flow_01), ("flow_10", flow_10)):
            if flow is not None:
                check_flow(name, flow, frame0)
        if iterations is not None and (not isinstance(iterations, int) or iterations < 0):
            raise AnimeInterpError(f"iterations is {shown(iterations)}; it should be a whole number from 0, or None.")
        start = None
        if flow_01 is not None or flow_10 is not None:
            still = torch.zeros_like(frame0[:, :2])
            start = flow_at_least(Flow(still if flow_01 is None else flow_01, still if flow_10 is None else flow_10))
        refiner = self.refinement or registry.default_refiner(self.synthesis)
        pair, size = FramePair.of(at_least(frame0), at_least(frame1)), frame0.shape[-2:]
        fine = refiner.refine(pair, start, iterations=iterations, runtime=Runtime(progress))
        return cut_back(fine.flow_01, size), cut_back(fine.flow_10, size)

    def synthesize(
        self,
        frame0: Tensor,
        frame1: Tensor,
        flow_01: Tensor | None,
        flow_10: Tensor | None,
        times: list[float],
        *,
        progress: ProgressCallback | None = None,
    ) -> Tensor:
        """The frames (T, 3, H, W) at ``times`` (each 0..1), raw, in the dtype of ``frame0`` (paper 3.3).

        ``flow_01`` and ``flow_10`` lead the whole way from each frame to the other; they are scaled by t here. A model that
        finds its motion itself needs no flow: None then.

        Raises:
            AnimeInterpError: frames that are not a pair of (1, 3, H, W), hold what is no number, flows of
                another size than the frames', no flow where one is needed, or times outside of 0..1.
        """
        _check_frames(frame0, frame1)
        flow = None
        if flow_01 is not None or flow_10 is not None or self.synthesis.needs_flow:
            flow = flow_at_least(_checked_flow(flow_01, flow_10, frame0))
        drawing = self.synthesis.prepare(FramePair.of(at_least(frame0), at_least(frame1)), flow)
        return cut_back(drawing.at(check_times(times), runtime=Runtime(progress)), frame0.shape[-2:])

    @property
    def piece_describer(self) -> AnimeInterp | None:
        """The model itself where pieces can be matched by its features; None where its networks have none for it."""
        parts = self.refinement, self.synthesis
        return self if all(part is not None and part.describes_pieces for part in parts) else None

    def piece_features(self, frame: Tensor) -> list[Tensor]:
        """Features to match pieces by: 32, 64, 96 and 256 channels at 1, 1/2, 1/4, 1/8 of a frame (N, 3, H, W).

        The synthesis' pyramid and the refinement's encoder, which have the scales of VGG-19's four. Level k is
        (N, C, ceil(H / 2^k), ceil(W / 2^k)), the size of ``labels[::2^k, ::2^k]``, in the model's dtype.
        AnimeInterpError where the model lacks one of the two (``piece_describer`` is None).
        """
        check_frames("frame", frame, channels=(3,))
        refinement = self.refinement
        if refinement is None or self.piece_describer is None:
            raise AnimeInterpError(
                "The model has no networks that describe pieces; it should have a refinement and a feature pyramid. Match "
                "by pixels, with no model, or by VGG-19."
            )
        height, width = frame.shape[-2:]
        padded = 2 * pad_to_multiple(frame.to(self.get_dtype()), 8) - 1
        maps = [*self.synthesis.piece_features(padded), *refinement.piece_features(padded)]
        return [m[..., : -(-height // 2**k), : -(-width // 2**k)] for k, m in enumerate(maps)]

    def memory_used_forward(
        self, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device | str | None = None
    ) -> int:
        """Bytes that refining and synthesizing one pair needs beyond the weights, without gradients.

        ``shape`` ends in (H, W) as a frame's (N, C, H, W) does, N being pairs; ``device``: where the work will be done
        (None: one of which nothing is known). One is done after the other: the greater counts.
        """
        pairs, size = (shape[0] if len(shape) > 3 else 1), (shape[-2], shape[-1])
        device = None if device is None else torch.device(device)
        parts = (part for part in (self.refinement, self.synthesis) if part is not None)
        return int(pairs * max(part.memory_used(size, dtype, device) for part in parts))


def build(config: ModelConfig | None = None, operations: Any = nn) -> AnimeInterp:
    """A model with fresh weights. ``operations``: a namespace whose Conv2d and PReLU take ``torch.nn``'s arguments."""
    config = ModelConfig() if config is None else config
    refine, synthesis = config.refine, config.synthesis
    return AnimeInterp(
        config,
        refinement=None if refine is None else registry.make(
            registry.REFINERS, refine.network, refine, operations=operations
        ),
        synthesis=registry.make(registry.SYNTHESIZERS, synthesis.network, synthesis, operations=operations),
        cutouts=None if config.cutouts is None else build(config.cutouts, operations),
    )


def _checked_flow(flow_01: Any, flow_10: Any, frame: Tensor) -> Flow:
    """Both fields as a Flow. AnimeInterpError where one is not there, or not of the frame's size."""
    for name, field_ in (("flow_01", flow_01), ("flow_10", flow_10)):
        check_flow(name, field_, frame)
    return Flow(flow_01, flow_10)


def _check_frames(frame0: Tensor, frame1: Tensor) -> None:
    check_pair(frame0, frame1, channels=(3,))
    for name, frame in (("frame0", frame0), ("frame1", frame1)):
        check_values(name, frame)
