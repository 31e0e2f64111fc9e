"""What a film or a row of pictures is, beside its pixels: when frames are shown, how pixels are shaped, what colours mean."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from torch import Tensor

# As ITU-T H.273 (and FFmpeg with it) numbers them: primaries, transfer curves and matrices have one number here.
RGB, BT709, UNSPECIFIED, FCC, BT470BG, SMPTE170M, SMPTE240M, BT2020 = 0, 1, 2, 4, 5, 6, 7, 9
SRGB_TRANSFER, BT2020_TRANSFER = 13, 14
_READABLE_MATRICES = (BT709, FCC, BT470BG, SMPTE170M, SMPTE240M, BT2020)
_HD_LINES = 720  # from here on, what does not say otherwise is BT.709; below it is BT.601
_PAL_LINES = (288, 576)


@dataclass(frozen=True)
class Colour:
    """What the numbers of a pixel mean: ``primaries``, ``transfer`` and ``matrix`` as H.273 numbers them.

    Pixels are read out of the matrix and written into it again; primaries and transfer curve are left as they are, and told
    on.
    """

    primaries: int = BT709
    transfer: int = BT709
    matrix: int = BT709

    @staticmethod
    def of(lines: int, primaries: int = UNSPECIFIED, transfer: int = UNSPECIFIED, matrix: int = UNSPECIFIED) -> Colour:
        """The tags of a YUV film of so many coded lines; what it does not tell is what players take it for."""
        if matrix in (RGB, UNSPECIFIED, 3):  # RGB is no matrix that YUV can have
            wide = primaries == BT2020
            matrix = BT2020 if wide else BT709 if lines >= _HD_LINES else BT470BG if lines in _PAL_LINES else SMPTE170M
        if primaries in (0, UNSPECIFIED, 3):
            primaries = matrix if matrix in (BT709, BT470BG, SMPTE170M, SMPTE240M, BT2020) else BT709
        if transfer in (0, UNSPECIFIED, 3):
            usual = {BT2020: BT2020_TRANSFER, SMPTE240M: SMPTE240M, BT470BG: SMPTE170M, SMPTE170M: SMPTE170M}
            transfer = usual.get(matrix, BT709)
        return Colour(primaries, transfer, matrix)

    @property
    def readable(self) -> bool:
        """Whether the matrix is one that pixels can be read out of."""
        return self.matrix in _READABLE_MATRICES


@dataclass(frozen=True)
class TimedFrame:
    """A frame (1, 3 or 4, H, W), 0..1, with the ``time`` from which it is shown and for how long, in exact seconds."""

    pixels: Tensor
    time: Fraction
    duration: Fraction

    @property
    def end(self) -> Fraction:
        """When it is over, in seconds."""
        return self.time + self.duration


@dataclass(frozen=True)
class MediaInfo:
    """What a reader tells of its frames, and a writer needs to make a file of the same kind.

    ``size``: (H, W), as shown: rotation and mirroring are done already. ``rate``: frames a second, nominally. ``count``: what
    the file claims, 0 where it tells nothing. ``pixel_aspect``: width of a pixel to its height. ``bit_depth``: 8 to 16; 32
    is floating point. ``alpha``: frames have four channels. ``loops``: how often it plays, 0 for ever, None where that is not
    said. ``pictures``: separate pictures, which have no times of their own. ``deinterlaced``: the film's frames were
    half-pictures of two moments, and are made whole.
    """

    size: tuple[int, int]
    rate: Fraction
    count: int = 0
    pixel_aspect: Fraction = Fraction(1)
    colour: Colour = Colour()
    bit_depth: int = 8
    alpha: bool = False
    loops: int | None = None
    pictures: bool = False
    deinterlaced: bool = False


@dataclass(frozen=True)
class Timeline:
    """When each frame of a film is shown, known without decoding it: ``times`` ascending, and the ``end`` of the last."""

    times: tuple[Fraction, ...]
    end: Fraction

    @property
    def durations(self) -> tuple[Fraction, ...]:
        """How long each is shown: until the next, the last until the end."""
        return tuple(b - a for a, b in zip(self.times, (*self.times[1:], self.end), strict=True))
