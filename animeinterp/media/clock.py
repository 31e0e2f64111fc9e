"""When frames are shown, in exact seconds, from the stamps that a file gives them."""

from __future__ import annotations

from fractions import Fraction


class Clock:
    """The times of frames, from what the file says of each; they always ascend, and where it says nothing the rate does."""

    def __init__(self, zero: Fraction, rate: Fraction):
        self._zero, self._step = zero, 1 / rate
        self._last: Fraction | None = None
        self.last_duration = self._step  # of the frame that was asked for last

    def __call__(self, stamp: Fraction | None, duration: Fraction | None) -> Fraction:
        """When the next frame is shown, of which the file says this."""
        usual = Fraction(0) if self._last is None else self._last + self.last_duration
        time = usual if stamp is None else stamp - self._zero
        if self._last is not None and time <= self._last:
            time = usual
        self.last_duration = duration or self._step
        self._last = time
        return time


def seconds_of(ticks: int | None, time_base: Fraction | None) -> Fraction | None:
    """A stamp in seconds; None where there is none."""
    return None if ticks is None or not time_base else ticks * Fraction(time_base)
