"""Timing by hand, as an animator's chart has it: spans of drawings, and what lies between those in each.

A schedule is a text, spans apart by ``;`` or lines, each ``FROM-TO: WHAT``. FROM and TO are frames of the clip counted from 0
(or seconds: ``1.5s``); the span is the pairs between them, and without TO it goes on to the end. WHAT is one or two of

- ``x3``: so many frames for one, two new ones between each two;
- ``0.25, 1/2``: new frames at these moments between each two;
- ``hold``: the earlier of each two stands until the later comes;
- ``ease-in``, ``ease-out``, ``ease``: the motion begins slowly, ends slowly, or both; ``linear`` is neither.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from ..errors import AnimeInterpError

EASES = ("linear", "ease-in", "ease-out", "ease")
_SHAPE = re.compile(r"\s*([\d.]+s?)\s*-\s*([\d.]+s?)?\s*:\s*(.+?)\s*", re.IGNORECASE)
_SHOULD = 'it should be spans such as "0-12: x3; 12-20: hold; 20-: 0.25, 0.5 ease-in"'


@dataclass(frozen=True)
class Span:
    """What a schedule says of the pairs ``first`` to ``last`` - 1, pair i being that of frames i and i + 1."""

    first: int
    last: int
    multiplier: int | None = None
    moments: tuple[Fraction, ...] = ()
    hold: bool = False
    ease: str | None = None


def parse_schedule(text: str, times: Sequence[Fraction]) -> list[Span]:
    """The spans of a schedule, in their order, for frames at ``times`` (seconds, rising).

    :raises AnimeInterpError: for a text that is no schedule, spans that overlap, and frames that there are not.
    """
    spans: list[Span] = []
    for words in re.split(r"[;\n]+", text):
        if words.strip():
            spans.append(_span(words, times))
    spans.sort(key=lambda span: span.first)
    for one, other in zip(spans, spans[1:], strict=False):
        if other.first < one.last:
            raise AnimeInterpError(
                f"The schedule's spans {one.first}-{one.last} and {other.first}-{other.last} overlap; each pair of frames "
                "should be in one of them. End the earlier where the later begins."
            )
    return spans


def parse_number(word: str) -> Fraction:
    """``24000/1001``, ``0.5`` or ``23.976`` as a number without error; a ValueError for anything else."""
    try:
        return Fraction(word.strip())
    except ZeroDivisionError:
        raise ValueError(word) from None


def frame_at(word: str, times: Sequence[Fraction]) -> int:
    """A frame's number from ``12``, or from ``1.5s`` the first frame at that time or later. ValueError for anything else."""
    if word.lower().endswith("s"):
        # A container's clock is not finer than a millisecond.
        return bisect_left(times, parse_number(word[:-1]) + times[0] - Fraction(1, 1000))
    return int(word)


def _span(words: str, times: Sequence[Fraction]) -> Span:
    shape = _SHAPE.fullmatch(words)
    if shape is None:
        raise AnimeInterpError(f'schedule holds "{words.strip()}"; {_SHOULD}.')
    try:
        first = frame_at(shape[1], times)
        last = len(times) - 1 if shape[2] is None else frame_at(shape[2], times)
    except ValueError:
        raise AnimeInterpError(f'schedule holds "{words.strip()}", which begins or ends nowhere; {_SHOULD}.') from None
    if shape[2] is not None and shape[2].lower().endswith("s"):
        last = min(last, len(times) - 1)
    if not 0 <= first < last <= len(times) - 1:
        raise AnimeInterpError(
            f'schedule holds "{words.strip()}", frames {first} to {last}; the clip has frames 0 to {len(times) - 1}, and a '
            "span should begin before it ends. Mend its numbers."
        )
    return Span(first, last, **_what(shape[3], words))


def _what(text: str, words: str) -> dict:
    found: dict = {}
    moments: list[Fraction] = []
    for word in re.split(r"[\s,]+", text.lower()):
        if word in EASES and "ease" not in found:
            found["ease"] = word
        elif word == "hold":
            found["hold"] = True
        elif re.fullmatch(r"x\d+", word) and "multiplier" not in found and int(word[1:]) >= 1:
            found["multiplier"] = int(word[1:])
        else:
            try:
                moments.append(parse_number(word))
            except ValueError:
                raise AnimeInterpError(f'schedule holds "{words.strip()}", where "{word}" is unknown; {_SHOULD}.') from None
    if moments:
        if not all(0 < moment < 1 for moment in moments):
            raise AnimeInterpError(f'schedule holds "{words.strip()}"; moments should be between 0 and 1.')
        found["moments"] = tuple(sorted(set(moments)))
    if sum(key in found for key in ("hold", "multiplier", "moments")) > 1:
        raise AnimeInterpError(f'schedule holds "{words.strip()}"; of x2, moments and hold a span should have one.')
    return found
