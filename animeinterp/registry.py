"""What can refine and what can draw, by name: one line each. ``model.build`` makes the networks, ``Stages`` the rest.

An entry is a class that meets ``protocols.Refiner`` or ``protocols.Synthesizer`` and is called as ``cls(config,
operations=operations)``, with a RefineConfig or SynthesisConfig (or None) and a namespace of layers such as ``torch.nn``.
The names of networks stand in weight files: they are for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .completion import Completion, CutoutCompletion
from .dense_flow import DenseFlow
from .errors import AnimeInterpError, shown
from .panning import PannedFlow
from .protocols import Refiner, Synthesizer
from .refinement import RefineNetwork
from .synthesis.between import BilateralSynthesis
from .synthesis.blend import Blend
from .synthesis.network import SynthesisNetwork
from .synthesis.painter import PaintedBlend
from .synthesis.reconcile import Reconciled
from .synthesis.smooth import SmoothBlend

REFINERS: dict[str, Callable[..., Refiner]] = {
    "recurrent": RefineNetwork,  # RFR, the paper's
    "completion": Completion,
    "dense": DenseFlow,
    "panned": PannedFlow,
}

SYNTHESIZERS: dict[str, Callable[..., Synthesizer]] = {
    "grid": SynthesisNetwork,  # the paper's
    "painter": PaintedBlend,
    "bilateral": BilateralSynthesis,
    "blend": Blend,
    "smooth": SmoothBlend,
}


def default_refiner(synthesizer: Synthesizer) -> Refiner:
    """What refines for a synthesizer where a model has no network for that, and nobody says what else should.

    The synthesizer itself, if it finds its motion; else the completion, which goes on by dense flow from whatever knows no
    pieces.
    """
    return synthesizer if isinstance(synthesizer, Refiner) and not synthesizer.needs_flow else Completion()


def default_ways(model: Any) -> tuple[str | None, str | None, dict[str, Any] | None]:
    """The refiner and the synthesizer (None: the model's own) where nobody says what is to refine or to draw, and what ``Stages``
    of cut-outs are made with: each pair is drawn by the way that suits it, cut-outs by both where the model's own is the network
    at t. None: cut-outs are drawn as all others.

    :param model: an AnimeInterp, or None: the weights-free ways, pieces that move as pieces completed and blended, what is drawn
        anew read along smooth flow.
    """
    if model is None:
        return "panned", "smooth", {"refiner": CutoutCompletion(), "synthesizer": "blend"}
    light = getattr(model, "cutouts", None)
    if light is None:
        return None, None, None
    both = isinstance(model.synthesis, BilateralSynthesis)
    synthesizer = Reconciled(light.synthesis, model.synthesis) if both else None
    refiner = CutoutCompletion() if light.refinement is None else None
    return None, None, {"model": light, "refiner": refiner, "synthesizer": synthesizer}


def make(registry: dict[str, Callable[..., Any]], name: str, config: Any = None, **options: Any) -> Any:
    """The entry called ``name``. AnimeInterpError where there is none."""
    if name not in registry:
        kind = "refiner" if registry is REFINERS else "synthesizer" if registry is SYNTHESIZERS else "network"
        raise AnimeInterpError(f"{kind} is {shown(name)}; it should be one of {', '.join(registry)}.")
    return registry[name](config, **options)
