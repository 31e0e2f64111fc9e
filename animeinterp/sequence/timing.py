"""What a user may ask of the timing of a clip. ``sequence.plan`` makes a plan of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ..errors import AnimeInterpError
from .schedule import EASES, frame_at

HOLDS = ("smooth", "keep", "drop")
SIDES = ("right", "left", "split")
PER_PIECE = ("auto", "on", "off")
PACES = ("even", "continuous", *EASES[1:])


@dataclass(frozen=True)
class Timing:
    """What is asked for.

    - ``multiplier``: so many frames for one, evenly between each two; or ``target_fps``, frames a second of what comes out.
    - ``schedule``: by hand (``sequence.schedule``), for the pairs it names; all others are as the rest says.
    - ``cuts``: "auto", "off", or a list of the first frames of shots, such as "24, 130, 12.5s". Nothing is drawn across a cut;
      ``cut_side`` is shown in the gap. ``cut_threshold`` of "auto": over 1 finds fewer, under 1 more.
    - ``holds``, what becomes of a drawing that stands for several frames: "smooth" draws from drawing to drawing over its whole
      time; "keep" leaves it; "drop" leaves its repetitions out.
    - ``per_piece``: whether what moves on twos before a camera on ones has its own times ("auto": where that is clear).
    - ``pace``: "even"; "continuous", as the motion before and after goes; or each pair by itself "ease-in", "ease-out", "ease".
    - ``loop``: the last frame leads to the first.
    - ``longest_span``: of how many frames' time a motion may last. A drawing that stands longer rests before it moves on.
    - ``skip``: pairs (numbers of their first frames) that are left as they are.
    - ``source_fps``: of what comes in, where it has no times of its own.
    """

    multiplier: int = 2
    target_fps: Fraction | None = None
    schedule: str = ""
    cuts: str = "auto"
    cut_side: str = "right"
    cut_threshold: float = 1.0
    holds: str = "smooth"
    per_piece: str = "auto"
    pace: str = "even"
    loop: bool = False
    longest_span: Fraction = Fraction(4)
    skip: tuple[int, ...] = ()
    source_fps: Fraction = Fraction(24)

    def __post_init__(self) -> None:
        if isinstance(self.multiplier, bool) or not isinstance(self.multiplier, int) or self.multiplier < 1:
            raise AnimeInterpError(
                f"multiplier is {self.multiplier!r}; it should be a whole number from 1, 2 for one frame between."
            )
        if self.target_fps is not None and not Fraction(1, 100) <= self.target_fps <= 1000:
            raise AnimeInterpError(f"target_fps is {self.target_fps}; it should be 0.01 to 1000 frames a second.")
        if not self.source_fps > 0:
            raise AnimeInterpError(f"source_fps is {self.source_fps}; it should be a number of frames a second over 0.")
        for name, value, known in (
            ("holds", self.holds, HOLDS), ("cut_side", self.cut_side, SIDES), ("pace", self.pace, PACES),
            ("per_piece", self.per_piece, PER_PIECE),
        ):  # fmt: skip
            if value not in known:
                raise AnimeInterpError(f"{name} is {value!r}; it should be one of {', '.join(known)}.")
        if not self.longest_span > 0 or not self.cut_threshold > 0:
            raise AnimeInterpError(
                f"longest_span is {self.longest_span} and cut_threshold {self.cut_threshold}; both should be over 0."
            )

    @property
    def finds_cuts(self) -> bool:
        """Whether cuts are to be found in the pictures."""
        return self.cuts.strip().lower() == "auto"

    @property
    def pieces(self) -> str:
        """Whether pieces have times of their own: by itself only where drawings that stand for several frames are smoothed."""
        return "off" if self.per_piece == "auto" and self.holds != "smooth" else self.per_piece

    def given_cuts(self, times: Sequence[Fraction]) -> list[int]:
        """The cuts that are listed, as numbers of the frames that begin shots; none where they are found, or off."""
        text = self.cuts.strip().lower()
        if text in ("auto", "off", ""):
            return []
        try:
            cuts = sorted({frame_at(word, times) for word in text.replace(",", " ").split()})
        except ValueError:
            cuts = [-1]
        if cuts[0] < 1 or cuts[-1] >= len(times):
            raise AnimeInterpError(
                f'cuts is "{self.cuts}"; it should be auto, off, or frames from 1 to {len(times) - 1} (or times) at which shots '
                'begin, such as "24, 130, 12.5s".'
            )
        return cuts


def as_rate(value: float) -> Fraction:
    """Frames a second from a number that was written with few digits: 23.976 is 24000/1001, 29.97 is 30000/1001."""
    whole = round(value * 1.001)
    if whole and value != round(value) and abs(value - whole / 1.001) < 5e-4 * max(1.0, whole / 30):
        return Fraction(whole * 1000, 1001)
    return Fraction(value).limit_denominator(10_000)
