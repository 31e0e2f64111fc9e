"""Every knob of the method, as frozen dataclasses with the paper's symbols in their comments."""

from __future__ import annotations

from dataclasses import dataclass


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
