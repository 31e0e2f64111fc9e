"""How things move over a clip: eased tracks, and springs for what lags behind."""

from __future__ import annotations

import numpy as np


def eased(t: np.ndarray, kind: int) -> np.ndarray:
    """0..1 to 0..1: 0 even, 1 slow at both ends, 2 slow at the start, 3 slow at the end, 4 beyond the end and back."""
    t = np.clip(t, 0, 1)
    if kind == 1:
        return t * t * (3 - 2 * t)
    if kind == 2:
        return t**1.8
    if kind == 3:
        return 1 - (1 - t) ** 1.8
    if kind == 4:
        s = t * t * (3 - 2 * t)
        return s + 0.35 * np.sin(np.pi * s) * s * (1 - s) * 2
    return t


class Track:
    """A value over the clip's time 0..1: from ``start`` to ``end``, with a wave of ``swing`` on top."""

    def __init__(
        self,
        rng: np.random.Generator,
        start: float | np.ndarray,
        end: float | np.ndarray,
        *,
        swing: float = 0.0,
        beats: float = 1.0,
    ) -> None:
        self.start, self.end = np.asarray(start, float), np.asarray(end, float)
        self.kind = int(rng.choice(5, p=[0.2, 0.38, 0.14, 0.18, 0.1]))
        self.begin = float(rng.choice([0.0, rng.uniform(0, 0.2)]))
        self.length = float(rng.uniform(0.75, 1.0)) * (1 - self.begin)
        self.swing, self.beats, self.phase = swing, beats, float(rng.uniform(0, 2 * np.pi))

    def __call__(self, t: np.ndarray) -> np.ndarray:
        """Values (T, ...) at times (T,); before 0 the start holds."""
        t = np.asarray(t, float)
        share = eased((t - self.begin) / self.length, self.kind).reshape(t.shape + (1,) * self.start.ndim)
        wave = self.swing * np.sin(self.phase + 2 * np.pi * self.beats * t)
        return self.start + (self.end - self.start) * share + wave.reshape(share.shape)


def calmed(tracks: list[Track], share: float) -> None:
    """Let each of ``tracks`` go only this share of its way, about the middle of it."""
    for track in tracks:
        middle, half = (track.start + track.end) / 2, (track.end - track.start) / 2
        track.start, track.end, track.swing = middle - half * share, middle + half * share, track.swing * share


SETTLE = 0.4  # clip times before 0 in which springs come to rest
STEPS = 160


def fine_times() -> np.ndarray:
    """The times at which springs are followed."""
    return np.linspace(-SETTLE, 1.0, STEPS)


def lagging(maps: np.ndarray, stiffness: np.ndarray, damping: float, frames: int) -> np.ndarray:
    """Maps that follow ``maps`` on springs.

    ``maps`` (STEPS, 3, 4) at ``fine_times``; ``stiffness`` (L,) radians per clip, rising = closer to the body.
    Returns (frames, L + 1, 3, 4): level 0 is the map itself, the last hangs the loosest.
    """
    times = fine_times()
    dt = times[1] - times[0]
    place = np.repeat(maps[:1], len(stiffness), 0)
    speed = np.zeros_like(place)
    out = np.empty((STEPS, len(stiffness) + 1, 3, 4))
    k = stiffness[:, None, None]
    for i, target in enumerate(maps):
        speed = (speed + dt * k * k * (target - place)) / (1 + 2 * damping * k * dt)
        place = place + dt * speed
        out[i, 0], out[i, 1:] = target, place
    at = np.interp(np.linspace(0, 1, frames), times, np.arange(STEPS))
    low = np.minimum(at.astype(int), STEPS - 2)
    share = (at - low)[:, None, None, None]
    return out[low] * (1 - share) + out[low + 1] * share
