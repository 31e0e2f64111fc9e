"""A film in which all happens that timing has to know of, and what became of it at 60 frames a second.

    python -m tools.made_film make FILM.mkv           about 2 s: varying rate, sound, three cuts, a pan with a figure on twos
    python -m tools.made_film look FILM.mkv OUT.mkv   figures of what came out, and OUT.mkv.png to look at

Its shots: a figure that goes back, at 12 frames a second; a figure on twos under a camera on ones, at 24; one on twos before a
still camera, at 24; the first figure again, which goes there, at 12: the film's last frame leads to its first. A click sounds at
the start and at each cut.
"""

from __future__ import annotations

import argparse
import sys
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import torch

from animeinterp.datasets.cadence import Shot, draw_shot
from animeinterp.dense_flow import dis_flow
from animeinterp.images import to_image
from animeinterp.media import TimedFrame, Tracks, VideoReader, VideoWriter, to_bytes, write_image

SIZE = (128, 224)
SOUND = 48000
SAME = 0.02  # of 1, on the mean: as near is the same picture, coded anew
LOOP = Shot(442, 5, ((1,),), travel=0.02, stiff=True)  # there and back; the film begins in the middle of it
PAN = Shot(403, 13, ((2,),), pan=(0.016, 0.0), pegged="screen")
FACE = slice(35, 85), slice(85, 125)  # of PAN's figure, in all its frames
STILL = Shot(421, 13, ((2,),))


def drawn() -> tuple[list[torch.Tensor], list[Fraction], list[int], Fraction]:
    """Frames (1, 3, H, W), their times in seconds, the first frames of shots, and when the last frame ends."""
    frames, times, starts, now = [], [], [], Fraction(0)
    there = draw_shot(LOOP, SIZE).frames
    back = there.flip(0)
    shots = ((back[:-1], 12), (draw_shot(PAN, SIZE).frames, 24), (draw_shot(STILL, SIZE).frames, 24), (there[:-1], 12))
    for clip, rate in shots:
        starts.append(len(frames))
        for frame in clip.split(1):
            frames.append(frame)
            times.append(now)
            now += Fraction(1, rate)
    return frames, times, starts, now


def make(path: Path) -> None:
    frames, times, starts, end = drawn()
    sound = np.zeros(round(end * SOUND), np.float32)
    for start in starts:
        at = round(times[start] * SOUND)
        sound[at : at + 480] = 0.8 * np.sin(np.arange(480) * 0.3)
    clicks = path.with_name(f"{path.stem}.clicks.mka")
    with av.open(str(clicks), "w", format="matroska") as out:
        track = out.add_stream("pcm_s16le", rate=SOUND, layout="mono")
        for start in range(0, len(sound), 1024):
            part = (sound[None, start : start + 1024] * 32767).astype(np.int16)
            chunk = av.AudioFrame.from_ndarray(part, format="s16", layout="mono")
            chunk.sample_rate, chunk.pts = SOUND, start
            out.mux(track.encode(chunk))
        out.mux(track.encode())
    with VideoWriter(path, 24, quality=10, tracks=Tracks(clicks)) as writer:
        for frame, time, until in zip(frames, times, [*times[1:], end], strict=True):
            writer.write(frame, time, until - time)
    clicks.unlink()


def heard(path: Path) -> list[float]:
    """When clicks begin, in seconds."""
    with av.open(str(path)) as container:
        track, rate = container.streams.audio[0], container.streams.audio[0].rate
        found = []
        for frame in container.decode(track):
            loud = np.flatnonzero(np.abs(frame.to_ndarray().astype(np.float32).ravel()) > 3000)
            found += [float(frame.pts * track.time_base) + at / rate for at in loud]
    return [float(t) for t, before in zip(found, [-1.0, *found], strict=False) if t - before > 0.1]


def measure(film: Path, made: Path) -> dict:
    """What became of the film: numbers of frames, seconds, clicks, rests of the pan's figure; how far pictures are from the given
    ones, as shares of 1."""
    _, times, starts, end = drawn()
    before, after = list(VideoReader(film).frames()), list(VideoReader(made).frames())
    shown = [frame.time for frame in after]
    gaps = [float(later - time) for time, later in zip(shown, shown[1:], strict=False)]
    apart, cuts = [], []
    for frame in before:
        near = min(range(len(after)), key=lambda k: abs(shown[k] - frame.time))
        if abs(shown[near] - frame.time) < Fraction(1, 600):
            apart.append(_apart(after[near], frame))
    for start in starts[1:]:
        at = next(k for k, time in enumerate(shown) if time >= times[start] - Fraction(1, 1000))
        first = at
        while first and _apart(after[first - 1], before[start]) < SAME:
            first -= 1  # what comes after a cut fills the gap
        cuts.append((float(times[start]), float(shown[first]), _apart(after[at], before[start])))
    return {
        "frames": (len(before), len(after)), "gaps": (min(gaps), max(gaps)),
        "end": (float(end), float(after[-1].time + after[-1].duration)),
        "clicks": ([float(times[k]) for k in starts], heard(made)), "given": apart, "cuts": cuts,
        "rests": _rests([a for a in after if times[starts[1]] <= a.time + Fraction(1, 1000) < times[starts[2] - 1]]),
        "seam": _apart(after[-1], after[0]) / (sum(_apart(a, b) for a, b in zip(after[:5], after[1:6], strict=True)) / 5),
    }  # fmt: skip


def _rests(pan: list[TimedFrame]) -> int:
    """In how many of the pan's frames its figure, which goes on all the time, stands where it was in the frame before."""
    images = [to_image(frame.pixels[0]) for frame in pan]
    ways = [np.median(dis_flow(a, b)[FACE].reshape(-1, 2), axis=0) for a, b in zip(images, images[1:], strict=False)]
    return sum(float(np.hypot(*way)) < 0.1 for way in ways)


def look(film: Path, made: Path) -> None:
    """Say what ``measure`` found, and write a sheet of the frames about cuts, and at both ends."""
    found, after = measure(film, made), list(VideoReader(made).frames())
    for name, value in found.items():
        report(f"{name}: {value}")
    marks = [k for k, frame in enumerate(after) for cut, _, _ in found["cuts"] if abs(float(frame.time) - cut) < 0.1]
    chosen = [*marks, *range(12), *range(len(after) - 12, len(after))]
    write_image(made.with_name(made.name + ".png"), sheet(after, chosen, 6))


def _apart(one: TimedFrame, other: TimedFrame) -> float:
    return float((one.pixels - other.pixels).abs().mean())


def sheet(frames: list, indices: list[int], across: int) -> torch.Tensor:
    """Frames with their numbers and times, in rows: (1, 3, H, W)."""
    tiles = []
    for k in indices:
        tile = np.ascontiguousarray(to_bytes(frames[k].pixels[0]))
        cv2.putText(tile, f"{k} {float(frames[k].time):.3f}", (3, 12), cv2.FONT_HERSHEY_SIMPLEX, 0.4, (255, 0, 0), 1)
        tiles.append(tile)
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % across)
    whole = np.vstack([np.hstack(tiles[k : k + across]) for k in range(0, len(tiles), across)])
    return torch.from_numpy(whole).permute(2, 0, 1)[None].float() / 255


def report(text: str) -> None:
    sys.stdout.write(text + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("make", "look"))
    parser.add_argument("film", type=Path)
    parser.add_argument("made", type=Path, nargs="?")
    options = parser.parse_args()
    if options.what == "make":
        make(options.film)
    elif options.made is None:
        parser.error("look needs the film that was made of it, too")
    else:
        look(options.film, options.made)


if __name__ == "__main__":
    main()
