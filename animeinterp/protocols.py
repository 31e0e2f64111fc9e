"""What the pipeline asks of a stage: ``Refiner`` (frames and a start -> flow) and ``Synthesizer`` (frames and flow -> frames).

Whatever meets one of them can be registered (``registry``) and is then used like those that ship. Inherit from them to have
what is optional by default. See docs/architecture.md.
"""

from __future__ import annotations

from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor

from .flow import Flow, PieceMatches
from .frames import FramePair
from .runtime import Runtime


@runtime_checkable
class Refiner(Protocol):
    """Finds the motion between two frames, from a start or from nothing (paper 3.2)."""

    # What the pipeline finds first for it to start from: ``PieceMatches`` (whose pieces matched whose), ``CoarseFlow`` (and
    # how they moved), or None: nothing, and then frames are not even segmented.
    starts_from: ClassVar[type[PieceMatches] | None] = None
    # Pixels of the longer side of the frames that it is handed at most: larger ones are made smaller for it, and what it finds
    # is enlarged (``upsampling``). Only where nothing is given to start from. None: as large as they are.
    largest: int | None = None
    seconds: ClassVar[float] = 2.0  # about, for a pair of 960x540: its share of the progress
    describes_pieces: ClassVar[bool] = False  # whether it has ``piece_features``

    def refine(
        self,
        pair: FramePair,
        start: PieceMatches | Flow | None = None,
        *,
        iterations: int | None = None,
        runtime: Runtime | None = None,
    ) -> Flow:
        """The flow between the two frames, both ways.

        :param start: where to begin: as ``starts_from`` says, or a flow that anybody found; None: at no motion.
        :param iterations: for those that iterate; None: as many as they are configured to.
        :param runtime: where to report progress, cancel, and ask for memory.
        """
        ...

    def piece_features(self, padded: Tensor) -> list[Tensor]:
        """Where it ``describes_pieces``: maps of frames (N, 3, H, W) in -1..1, sides multiples of 8, to match pieces by."""
        return []

    def memory_used(self, size: tuple[int, int], dtype: torch.dtype, device: torch.device | None) -> float:
        """Bytes that a pair of ``size`` (H, W) needs beyond the weights, without gradients."""
        return 0


@runtime_checkable
class CutoutRefiner(Refiner, Protocol):
    """One that is asked of cut-outs alone, whose pieces lie in both drawings as they are, and tells which pairs those are.

    What it finds of others, a Flow whose ``cutouts`` says that they are none, is nothing to draw along.
    """

    def preview_side(self, size: tuple[int, int]) -> int | None:
        """Pixels of the longer side of smaller pictures in which ``surely_no_cutouts`` tells of frames of ``size`` (H, W); None:
        it is not to be asked."""
        ...

    def surely_no_cutouts(self, pair: FramePair, start: PieceMatches, *, runtime: Runtime | None = None) -> bool:
        """Whether it is plain in such a pair of small pictures, and what matches in them, that these are no cut-outs."""
        ...


class Drawing(Protocol):
    """A pair made ready (``Synthesizer.prepare``): what does not depend on the time is known."""

    def at(self, times: list[float], *, tile: int | None = None, runtime: Runtime | None = None) -> Tensor:
        """The frames at ``times`` (each 0..1), raw: neither clamped nor held where nothing moves.

        :param tile: how many pixels may be drawn at once, for those that can; None: as many as there is room for.
        :return: (T, 3, H, W) where the pair is opaque, else (T, 4, H, W) with straight alpha.
        """
        ...


@runtime_checkable
class Synthesizer(Protocol):
    """Draws frames between two (paper 3.3)."""

    needs_flow: ClassVar[bool] = True  # False: finds the motion itself, and a flow is no more than where it begins
    draws_coarse: ClassVar[bool] = False  # whether it can do with a coarse flow, zero wherever no piece matched
    draws_tiles: ClassVar[bool] = False  # whether it can draw fewer pixels at once, see ``Drawing.at``
    seconds: ClassVar[float] = 1.0  # about, a frame of 960x540: its share of the progress
    describes_pieces: ClassVar[bool] = False  # whether it has ``piece_features``

    def prepare(self, pair: FramePair, flow: Flow | None) -> Drawing:
        """Make ready to draw frames of ``pair`` along ``flow``. Nothing long is done yet."""
        ...

    def piece_features(self, padded: Tensor) -> list[Tensor]:
        """As a Refiner's."""
        return []

    def memory_used(self, size: tuple[int, int], dtype: torch.dtype, device: torch.device | None) -> float:
        """Bytes that a frame of ``size`` (H, W) needs beyond the weights, without gradients."""
        return 0
