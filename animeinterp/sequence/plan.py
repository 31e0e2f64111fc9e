"""Which output frame lies where: the plan of a clip, made before any pixel is drawn.

Frames come with their true times; what is asked for is a *Timing*. The plan is a list of steps, each the time of an output
frame and what it shows: a given frame, or the moment t between two that follow one another. Everything is a rational number,
so that nothing drifts, whatever the length. A drawing that stands for several frames is one drawing for so long: what moves on
to the next drawing begins at its first frame and ends at the next drawing's; it is drawn from its last frame, which shows the
same and is the next one's neighbour.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from statistics import median

from ..errors import AnimeInterpError
from .pace import eased, paced
from .schedule import EASES, Span, parse_schedule
from .timing import Timing

_UNEVEN = Fraction(3, 2)  # times as long: more than what rounding to milliseconds does
NEAR = Fraction(1, 20)  # of the time between two frames: nearer to one than this, that frame itself is shown


@dataclass(frozen=True, slots=True)
class Step:
    """One output frame: at ``time`` (seconds) it shows the moment ``t`` between frames ``first`` and ``second``. Where a given
    frame is shown, both are that frame, and t is 0."""

    time: Fraction
    first: int
    second: int
    t: float

    @property
    def given(self) -> bool:
        """Whether it is one of the frames that came in."""
        return self.first == self.second


@dataclass(frozen=True)
class _Way:
    """From ``start`` on: frame ``shown`` stands (None: the latest given one), or, with ``second``, a motion to that until
    ``end``. ``nodes`` and ``ease`` tell its pace."""

    start: Fraction
    end: Fraction
    shown: int | None = None
    second: int | None = None
    ease: str = "linear"
    nodes: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True)
class Plan:
    """The steps of a clip whose frames are at ``times``; the last step ends at ``end``. ``cuts`` are the frames that begin a
    shot, but for the first (0: the loop does not close), ``held`` those that repeat the drawing before them, ``speeds`` what a
    continuous pace goes by, ``per_piece`` whether pieces have times of their own."""

    steps: list[Step]
    end: Fraction
    times: Sequence[Fraction]
    cuts: tuple[int, ...] = ()
    held: tuple[int, ...] = ()
    speeds: Mapping[int, tuple[float | None, float | None]] = field(default_factory=dict)
    per_piece: str = "off"

    @cached_property
    def drawings(self) -> list[int]:
        """The frames that do not repeat a drawing."""
        held = set(self.held)
        return [index for index in range(len(self.times)) if index not in held]

    @cached_property
    def shots(self) -> list[int]:
        """The frames that begin a shot."""
        return sorted({0, *self.cuts})

    @cached_property
    def rate(self) -> Fraction | None:
        """Frames a second, where all steps are equally far apart."""
        gaps = {b.time - a.time for a, b in zip(self.steps, self.steps[1:], strict=False)} or {self.end - self.steps[0].time}
        return 1 / gaps.pop() if len(gaps) == 1 else None

    @property
    def uneven(self) -> bool:
        """Whether some steps are shown for much longer than others."""
        gaps = [b.time - a.time for a, b in zip(self.steps, self.steps[1:], strict=False)]
        return bool(gaps) and max(gaps) > _UNEVEN * min(gaps)

    @property
    def drawn(self) -> int:
        """How many steps have to be drawn."""
        return sum(not step.given for step in self.steps)


def make_plan(
    times: Sequence[Fraction],
    timing: Timing,
    *,
    end: Fraction | None = None,
    cuts: Collection[int] = (),
    held: Collection[int] = (),
    speeds: Mapping[int, tuple[float | None, float | None]] | None = None,
) -> Plan:
    """The plan for frames at ``times`` (seconds, rising).

    :param end: when the last frame ends; default: it lasts as long as frames do.
    :param cuts: frames that begin a shot, found in the pictures (0: the last frame of a loop does not lead to the first); not
        used where ``timing`` lists them.
    :param held: frames that show the drawing of the frame before them.
    :param speeds: for a motion that ends at this frame: how far the motions before and after it go, as shares of its own way
        (None: unknown), for a continuous pace.
    :raises AnimeInterpError: for times that do not rise, and for a timing that does not fit them.
    """
    times = [Fraction(time) for time in times]
    if len(times) < 2 or any(b <= a for a, b in zip(times, times[1:], strict=False)):
        raise AnimeInterpError(
            f"times holds {len(times)} times; there should be two frames or more, each later than the one before it."
        )
    period = median(b - a for a, b in zip(times, times[1:], strict=False))
    end = times[-1] + period if end is None else max(Fraction(end), times[-1] + period / 100)
    cuts = sorted(set(timing.given_cuts(times) if not timing.finds_cuts else cuts))
    held = sorted(set(held) - set(cuts) - {0})
    spans = parse_schedule(timing.schedule, times)
    if timing.target_fps is not None and any(span.multiplier or span.moments for span in spans):
        raise AnimeInterpError(
            "The schedule tells multipliers or moments, and there is a target rate too; with a rate, a schedule should hold "
            "or ease alone. Leave one of the two."
        )
    clip = _Clip(times, end, period, timing, set(cuts), set(held), spans, speeds or {})
    steps = [clip.step(time) for time in clip.moments()]
    return Plan(steps, clip.output_end(steps), times, tuple(cuts), tuple(held), speeds or {}, timing.pieces)


class _Clip:
    """What a plan is made of: the ways of the drawings, and the times at which to look."""

    def __init__(self, times, end, period, timing, cuts, held, spans, speeds) -> None:
        self.times, self.end, self.period, self.timing = times, end, period, timing
        self.cuts, self.held, self.speeds = cuts, held, speeds
        self.by_hand: dict[int, Span] = {pair: span for span in spans for pair in range(span.first, span.last)}
        self.longest = timing.longest_span * period
        self.ways = list(self._ways())
        self._starts = [way.start for way in self.ways]

    def step(self, time: Fraction) -> Step:
        """What is shown at a time."""
        way = self.ways[bisect_right(self._starts, time) - 1]
        latest = bisect_right(self.times, time + NEAR * self.period) - 1
        if way.second is None:
            shown = latest if way.shown is None else way.shown
            return Step(time, shown, shown, 0.0)
        t = (time - way.start) / (way.end - way.start)
        margin = NEAR * self.period / (way.end - way.start)
        if t <= margin or t >= 1 - margin:
            frame = latest if t <= margin else way.second
            return Step(time, frame, frame, 0.0)
        first = way.second - 1 if way.second else len(self.times) - 1
        t = paced(float(t), way.nodes) if way.nodes else eased(float(t), way.ease)
        return Step(time, first, way.second, t)

    def moments(self) -> Iterator[Fraction]:
        """The times of the output frames."""
        timing, times = self.timing, self.times
        if timing.target_fps is not None:
            # The last frame lasts as long as the others: so many whole output frames as begin before it ends.
            count = max(1, -int(-((self.end - times[0]) * timing.target_fps - Fraction(1, 10)) // 1))
            yield from (times[0] + index / timing.target_fps for index in range(count))
            return
        ends = [*times[1:], self.end] if timing.loop else times[1:]
        start = times[0]
        for pair, end in enumerate(ends):
            second = pair + 1
            if timing.holds == "drop" and second in self.held and pair not in self.by_hand:
                continue  # the motion goes on from where the drawing began
            yield start
            yield from (start + (end - start) * share for share in self._shares(pair, start, end))
            start = end
        if not timing.loop:
            yield start

    def output_end(self, steps: list[Step]) -> Fraction:
        """When the last output frame ends."""
        return self.end if self.timing.target_fps is None else steps[-1].time + 1 / self.timing.target_fps

    def _shares(self, pair: int, start: Fraction, end: Fraction) -> list[Fraction]:
        span = self.by_hand.get(pair)
        if span is not None and span.moments:
            return list(span.moments)
        count = self.timing.multiplier if span is None or span.multiplier is None else span.multiplier
        shares = [Fraction(k, count) for k in range(1, count)]
        # What is drawn for one long frame is drawn where it moves.
        rest = Fraction(0) if span is not None else self._rest((pair + 1) % len(self.times), start, end)
        return [rest + (1 - rest) * share for share in shares]

    def _ways(self) -> Iterator[_Way]:
        timing, times, last = self.timing, self.times, len(self.times) - 1
        start = 0
        for frame in range(1, last + 1):
            by_hand = frame in self.by_hand or frame - 1 in self.by_hand
            if timing.holds != "keep" and frame in self.held and not by_hand:
                continue  # the drawing before goes on
            yield from self._way(start, frame, times[frame])
            start = frame
        if timing.loop and 0 not in self.cuts:
            yield from self._way(start, 0, self.end)
        else:
            yield _Way(times[start], self.end)

    def _way(self, start: int, second: int, end: Fraction) -> Iterator[_Way]:
        """From the drawing that begins at frame ``start`` to the one that begins at ``second`` (0: the loop's)."""
        times, timing = self.times, self.timing
        pair = (second or len(times)) - 1
        span = self.by_hand.get(pair)
        if pair in timing.skip or (span is not None and span.hold):
            yield _Way(times[start], end)
            return
        if second and second in self.cuts:
            yield from self._across_cut(start, second)
            return
        begin, rest = times[start], Fraction(0)
        if span is None and (rest := self._rest(second, begin, end)):
            yield _Way(begin, begin + (end - begin) * rest)
            begin += (end - begin) * rest
        ease = (span.ease if span is not None else None) or (timing.pace if timing.pace in EASES else "linear")
        nodes = ()
        if timing.pace == "continuous" and not rest and (span is None or span.ease is None) and second in self.speeds:
            nodes = self._around(begin, end, start, second)
        yield _Way(begin, end, second=second, ease=ease, nodes=nodes)

    def _rest(self, second: int, begin: Fraction, end: Fraction) -> Fraction:
        """For which share of its time a drawing stands before it moves on: none unless it stands very long."""
        if end - begin <= self.longest:
            return Fraction(0)
        following = self._following(second)
        until = self.times[following] if following < len(self.times) else self.end
        lasts = until - self.times[second]
        moves = lasts if lasts <= self.longest and self.timing.holds != "keep" else self.period
        return 1 - min(moves, self.longest) / (end - begin)

    def _across_cut(self, start: int, second: int) -> Iterator[_Way]:
        times, side = self.times, self.timing.cut_side
        gap = times[second] - times[second - 1]
        share = {"right": NEAR * self.period / gap, "split": Fraction(1, 2), "left": 1}[side]
        turn = times[second - 1] + gap * min(share, 1)
        yield _Way(times[start], turn)
        if turn < times[second]:
            yield _Way(turn, times[second], second)

    def _around(self, begin: Fraction, end: Fraction, start: int, second: int) -> tuple[tuple[float, float], ...]:
        """The places, in units of this motion's time and way, of the drawings before and after."""
        before, after = self.speeds[second]
        length = end - begin
        earlier = start - 1
        while earlier > 0 and earlier in self.held:
            earlier -= 1
        later = self._following(second)
        nodes = []
        if before is not None and 0 <= earlier and start not in self.cuts:
            nodes.append((float((self.times[earlier] - begin) / length), -before))
        if after is not None and second and later < len(self.times) and later not in self.cuts:
            nodes.append((float((self.times[later] - begin) / length), 1 + after))
        return tuple(nodes)

    def _following(self, drawing: int) -> int:
        """The frame at which the drawing after this one begins."""
        frame = drawing + 1
        while frame in self.held:
            frame += 1
        return frame
