"""The numbers of the flow of a piece, each with its unit, what it is for and where it comes from.

Those that say "published" are of the method's published code, where lengths are of a 960x540 frame. The rest was chosen by hand;
what for, ``tests/matching`` holds (shapes that move by known amounts) and the end-point errors of ``tests/test_quality_floors``
on clips whose motion is known. Levels are of 8-bit grey. What a user sets is ``animeinterp.config.MatchConfig``.
``python -m animeinterp.evaluation.ablate --rooms matching`` halves and doubles each of them on clips of your own.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class PieceFlowConfig:
    """See the module's docstring."""

    # Which matches move their piece.
    farthest: float = 250 / 1101.5  # of the diagonal, that a piece may go; published: 250 pixels
    area_ratio: float = 3.0  # that two pieces may differ in area by; published
    least_inside: float = 0.8  # of the carried piece has to end in its match; published
    backdrop: float = 0.12  # of the frame: the published code drops pieces so large; here their outlines do not count
    alike: float = 8.0  # levels: a smaller difference is none, and what ends there is where it belongs

    # Which motion it begins with.
    truncate: float = 40.0  # levels: a larger difference is another thing
    long: float = 0.5  # least relative difference of the axes' variances for a piece to have a direction

    # Alignment (Lucas and Kanade), and what is taken of it and of the deformation.
    edge: float = 4.0  # levels a pixel: less is no edge
    steps: int = 4
    ridge: float = 1e5  # (levels times pixels)^2 that a piece has to show before it shears
    gain: float = 0.9  # what is taken leaves less than this share of the difference

    # Deformation.
    least_area: int = 50  # pixels; smaller pieces move as a whole; published
    margin: int = 8  # pixels around a piece, for flow that leads out of it; published
    smallest_crop: int = 32  # pixels: DIS needs room for its pyramid
    large: tuple[int, int] = (20_000, 160_000)  # pixels of a crop: above each, the finest level of DIS is half as large


PIECE_FLOW = PieceFlowConfig()
