"""The contestants of a run: this library by model or without weights, its ablation, the yardsticks, the peers.

A Method is made once and called with one Triplet after the other; it returns the frame at t = 0.5, (1, 3, H, W).
"""

from __future__ import annotations

import hashlib
import importlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from ..datasets.triplets import Triplet
from ..errors import AnimeInterpError
from ..flow import CoarseFlow, Flow
from ..frames import FramePair
from ..stages import Stages
from ..synthesis.splatting import splat
from ..weights import bundled_models, load_model
from . import baselines
from .peers import load_peer

Draw = Callable[[Triplet], Tensor]

PEERS = ("overlay", "nearest", "dis", "rife", "gmfss", "gmfss-union")
_NEEDS_MODEL = "Pre-computed SGM flows are refined by a model; name one with --model, or compute the flows."
_OWN = {"overlay": baselines.overlay, "nearest": baselines.nearest, "dis": baselines.whole_frame_flow}


@dataclass(frozen=True)
class Method:
    """``name`` as shown; ``signature`` says what was measured, so that results of something else are not taken for
    it; ``make`` loads what it needs and returns the drawing function."""

    name: str
    signature: str
    make: Callable[[], Draw]


def peer(name: str, *, folder: Path | None = None, device: str | torch.device = "cpu") -> Method:
    """One of PEERS. Raises AnimeInterpError for another name; for a package that is not there, when it is made."""
    if name not in PEERS:
        raise AnimeInterpError(f"The peer {name!r} is not known; it should be one of {', '.join(PEERS)}.")

    def make() -> Draw:
        interpolate = _OWN.get(name) or load_peer(name, folder=folder, device=device)
        return lambda triplet: interpolate(triplet.frame0.to(device), triplet.frame1.to(device), 0.5)

    return Method(name, name, make)


def ours(
    model: str = "auto", *, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32,
    published_flows: bool = False,
) -> Method:
    """This library: ``model`` is "auto" (bundled weights, or none where none ship), "none", or a weight file.

    ``dtype`` is that of the networks; the frames stay float32. ``published_flows`` starts the refinement from the
    triplets' own coarse flows (ATD-12K's pre-computed SGM flows) rather than from ours: the whole network as published,
    nothing held still. It needs a model.
    """
    path = _weights(model)
    signature = _signature(path, dtype, published_flows)
    if published_flows and path is None:
        raise AnimeInterpError(_NEEDS_MODEL)

    def make() -> Draw:
        loaded = _load(path, device, dtype)
        if published_flows:
            return _stages(loaded, device, coarse=_published, refined=True, painted=True)
        library = _library()

        def draw(triplet: Triplet) -> Tensor:
            frames = torch.cat([triplet.frame0, triplet.frame1]).to(device)
            return library.interpolate(frames, times=[0.5], model=loaded)[1:2]

        return draw

    return Method(_name(path), signature, make)


def ablation(
    model: str = "auto", *, device: str | torch.device = "cpu", dtype: torch.dtype = torch.float32,
    published_flows: bool = False,
) -> list[Method]:
    """The paper's rows (section 5.3), each stage with and without the others, named "<model> <row>".

    - without SGM: the refinement starts at zero;
    - without RFR: the coarse flow goes into the synthesis as it is;
    - coarse flow alone: both frames carried along the coarse flow and averaged, no network;
    - full: coarse flow, refinement, synthesis.

    Where there is no refinement network, "RFR" is what stands in its place: the completion of a coarse flow, and with no
    coarse flow, dense optical flow (DIS). The weights-free way is that of pieces, whose synthesis is the blend.
    """
    path = _weights(model)
    if published_flows and path is None:
        raise AnimeInterpError(_NEEDS_MODEL)
    coarse = _published if published_flows else _computed
    rows = {
        "without SGM": {"coarse": None, "refined": True, "painted": True},
        "without RFR": {"coarse": coarse, "refined": False, "painted": True},
        "coarse flow alone": {"coarse": coarse, "refined": False, "painted": False},
        "full": {"coarse": coarse, "refined": True, "painted": True},
    }
    signature = _signature(path, dtype, published_flows)

    def maker(stages: dict) -> Callable[[], Draw]:
        return lambda: _stages(_load(path, device, dtype), device, **stages)

    return [Method(f"{_name(path)} {name}", signature, maker(stages)) for name, stages in rows.items()]


def _stages(model, device, *, coarse, refined: bool, painted: bool) -> Draw:
    stages = Stages(refiner="completion", synthesizer="blend") if model is None else Stages(model)

    @torch.inference_mode()
    def draw(triplet: Triplet) -> Tensor:
        pair = FramePair(*(stages.load(frame, device) for frame in (triplet.frame0, triplet.frame1)))
        flow = None if coarse is None else coarse(triplet, *pair.rgb, model)
        if refined:
            flow = stages.refine(pair, flow)
        elif isinstance(flow, CoarseFlow):
            flow = flow.as_flow()
        if not painted:
            return _splatted(*pair.rgb, flow.flow_01, flow.flow_10)
        return stages.synthesizer.prepare(pair, flow).at([0.5])

    return draw


def _splatted(frame0: Tensor, frame1: Tensor, flow_01: Tensor, flow_10: Tensor) -> Tensor:
    """The mean of all that lands half-way from either frame; their overlay where nothing does."""
    landed = [splat(frame0, 0.5 * flow_01), splat(frame1, 0.5 * flow_10)]
    total, mass = landed[0][0] + landed[1][0], landed[0][1] + landed[1][1]
    filled = mass > 1e-6
    return torch.where(filled, total / torch.where(filled, mass, 1.0), 0.5 * (frame0 + frame1))


def _computed(triplet: Triplet, frame0: Tensor, frame1: Tensor, model) -> CoarseFlow:
    return _library().coarse_flow(frame0, frame1, model=model)


def _published(triplet: Triplet, frame0: Tensor, frame1: Tensor, model) -> Flow:
    if triplet.flow_01 is None or triplet.flow_10 is None:
        raise AnimeInterpError(f"The triplet {triplet.name} has no SGM flows beside it; take ATD-12K or compute them.")
    return Flow(triplet.flow_01.to(frame0), triplet.flow_10.to(frame0))


def _weights(model: str) -> Path | None:
    """The weight file behind a name; None for the weights-free way."""
    if model == "none":
        return None
    if model == "auto":
        return next(iter(bundled_models()), None)
    path = Path(model)
    if not path.is_file():
        raise AnimeInterpError(f"{path} is not there; --model should be auto, none or a weight file. Check the path.")
    return path


def _load(path: Path | None, device, dtype):
    return None if path is None else load_model(path, device=device, dtype=dtype)


def _name(path: Path | None) -> str:
    return "weights-free" if path is None else path.stem


def _signature(path: Path | None, dtype: torch.dtype, published_flows: bool) -> str:
    weights = "weights-free" if path is None else hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    return f"{_library().__version__} {weights} {dtype}{' published flows' if published_flows else ''}"


def _library():
    """The library's face, asked for late: the whole pipeline, which reading results does not need."""
    return importlib.import_module("..", __package__)
