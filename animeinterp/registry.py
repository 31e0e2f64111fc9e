"""What can refine and what can draw, by name: one line each. ``model.build`` makes the networks, ``Stages`` the rest.

An entry is a class that meets ``protocols.Refiner`` or ``protocols.Synthesizer`` and is called as ``cls(config,
operations=operations)``, with a RefineConfig or SynthesisConfig (or None) and a namespace of layers such as ``torch.nn``.
The names of networks stand in weight files: they are for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .completion import Completion
from .dense_flow import DenseFlow
from .errors import AnimeInterpError, shown
from .panning import PannedFlow
from .protocols import Refiner, Synthesizer
from .refinement import RefineNetwork
from .synthesis.between import BilateralSynthesis
from .synthesis.blend import Blend
from .synthesis.network import SynthesisNetwork
from .synthesis.painter import PaintedBlend
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


def refiner_beside(synthesizer: Synthesizer) -> Refiner:
    """What refines for a synthesizer where a model has no network for that, and nobody says what else should.

    The synthesizer itself, if it finds its motion; else the completion, which goes on by dense flow from whatever knows no
    pieces.
    """
    return synthesizer if isinstance(synthesizer, Refiner) and not synthesizer.needs_flow else Completion()


def make(registry: dict[str, Callable[..., Any]], name: str, config: Any = None, **options: Any) -> Any:
    """The entry called ``name``. AnimeInterpError where there is none."""
    if name not in registry:
        raise AnimeInterpError(f"network is {shown(name)}; it should be one of {', '.join(registry)}.")
    return registry[name](config, **options)
