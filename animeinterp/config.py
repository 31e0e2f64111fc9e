"""Every knob of the method, as frozen dataclasses with the paper's symbols in their comments."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

from .errors import shown


@dataclass(frozen=True)
class SegmentConfig:
    """How a frame is cut into colour pieces (paper 3.1, "Color Piece Segmentation").

    ``style`` picks the bilateral filter: "japanese" for flat cels, "disney" for softly shaded ones. ``ball_radius`` is
    the largest trapped ball, in pixels: gaps in a line narrower than the ball do not leak. Pieces under ``min_piece``
    pixels (of a frame of ``reference_area`` pixels, scaled with the frame's area) join the neighbour most like them.
    """

    style: str = "japanese"
    ball_radius: int = 3
    min_piece: int = 500
    reference_area: int = 960 * 540


@dataclass(frozen=True)
class MatchConfig:
    """How pieces of two frames are matched and moved (paper 3.1, "Color Piece Matching", "Flow Generation")."""

    distance_weight: float = 0.2  # lambda_dist
    size_weight: float = 0.05  # lambda_size
    free_distance: float = 0.15  # of the diagonal: displacements under it cost nothing
    deformation: bool = True  # variational flow on top of a piece's shift


@dataclass(frozen=True)
class RefineConfig:
    """How the coarse flow is refined (paper 3.2). The defaults are what the published checkpoint was trained as.

    ``network``: "recurrent", the paper's RFR, or another of ``registry.REFINERS``.
    """

    iterations: int = 12
    doubled_start: bool = True  # the coarse flow is added twice before the first look-up
    masked_start: bool = False  # the paper's exp(-g^2) f, computed and not used by the published network
    network: str = "recurrent"


@dataclass(frozen=True)
class SynthesisConfig:
    """How frames and features are splatted and painted (paper 3.3). The defaults are the published checkpoint's.

    ``network``: "grid", the paper's, which paints from splatted features; "painter", the light one, which corrects the
    weights-free blend (``synthesis/painter.py``) and of the rest here uses ``channels`` alone; or another of
    ``registry.SYNTHESIZERS``.
    """

    network: str = "grid"
    splatting: str = "average"  # or "softmax", the paper's
    alpha: float = 20.0  # of Z = -alpha |I0 - backwarp(I1, f01)|, for "softmax"
    hole_mask: bool = False  # whether the synthesis network is told where nothing landed
    channels: tuple[int, ...] = (48, 72, 96, 128)  # of the painter, at 1/2, 1/4, 1/8, 1/16 of the size


# Of the numbers in a configuration that comes out of a file, or from a user: what makes sense of each.
_BOUNDS = {
    "ball_radius": (0, 64), "min_piece": (1, 10**9), "reference_area": (1, 10**9),
    "distance_weight": (0, 1000), "size_weight": (0, 1000), "free_distance": (0, 10),
    "iterations": (0, 1000), "alpha": (0, 10_000), "channels": (1, 1024),
}  # fmt: skip
_MOST_LEVELS = 8  # of a network: its channels are a number for each
_CHOICES = {"splatting": ("average", "softmax")}


def check_config(config: Any) -> None:
    """ValueError where a field of a configuration (None: there is none) is of another type, or of no sensible value."""
    for field in fields(config) if config is not None else ():
        value, usual = getattr(config, field.name), field.default
        values = value if isinstance(usual, tuple) else (value,)
        kind = type(usual[0]) if isinstance(usual, tuple) else type(usual)
        kinds = (int, float) if kind is float else (kind,)
        if not isinstance(values, tuple) or not all(type(v) in kinds for v in values):
            raise ValueError(f"{field.name} is {shown(value)}; it should be like {usual!r}")
        if not 1 <= len(values) <= _MOST_LEVELS:
            raise ValueError(f"{field.name} holds {len(values)} numbers; it should hold 1 to {_MOST_LEVELS}")
        least, most = _BOUNDS.get(field.name, (-math.inf, math.inf))
        if kind in (int, float) and not all(math.isfinite(v) and least <= v <= most for v in values):
            raise ValueError(f"{field.name} is {shown(value)}; it should be from {least:g} to {most:g}")
        if value not in _CHOICES.get(field.name, (value,)):
            raise ValueError(f"{field.name} is {shown(value)}; it should be one of {', '.join(_CHOICES[field.name])}")
