"""Clips with true in-betweens out of other people's drawings: ``python -m benchmarks.synfig_clips OUTPUT``.

For measuring only: the package's own generator drew none of it, nothing is trained or tuned on it, and the drawings
(Debian's ``synfig-examples``, GPL) leave no picture in this repository. It needs them and the program that renders
them: ``apt-get install synfig synfig-examples``.

Figures are cut-outs that swing about their joints, turn, shift and grow over backgrounds from the same drawings. Every
parameter is linear in time, every frame is drawn anew at its own t (4x4 samples a pixel), so that the frames between
are true ones. How a clip moves comes from its seed, fixed in ``synfig_shots``; how far, from its class:

- slow: no pixel moves by more than 1-2 % of the width; medium: 2-5 %; fast: 7-24 %.

Two clips are the drawings' own animation, rendered at its own times. A clip is a folder with frame1.png (t = 0),
frame2.png (t = 0.5), frame3.png (t = 1), t025.png, t075.png and meta.json: ATD-12K's names, so that
``python -m animeinterp evaluate`` takes the folder as it is.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path

import cv2
import numpy as np

from animeinterp.dense_flow import dis_flow

from .synfig_shots import BACKGROUNDS, CLIPS, OWN, SPEEDS, Clip, OwnAnimation, Stand
from .synfig_sprites import FIGURES, Drawings, Sprite

WIDTH, HEIGHT, SAMPLES = 640, 360, 4
TIMES = {"frame1": 0.0, "t025": 0.25, "frame2": 0.5, "t075": 0.75, "frame3": 1.0}


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.synfig_clips", description=__doc__.split("\n")[0])
    parser.add_argument("output", type=Path, help="folder for the clips")
    parser.add_argument("--cache", type=Path, help="folder for the rendered parts (default: OUTPUT/.cache)")
    parser.add_argument("--only", help="draw only the clips whose name holds this")
    options = parser.parse_args(arguments)
    drawings = Drawings(options.cache or options.output / ".cache")
    for clip in (*CLIPS, *OWN):
        if options.only and options.only not in clip.name:
            continue
        frames, meta = own_animation(clip, drawings) if isinstance(clip, OwnAnimation) else draw(clip, drawings)
        write(options.output / clip.name, frames, meta)
        print(f"{clip.name}: {100 * meta['max_displacement']:.1f} % of the width")  # noqa: T201


def write(folder: Path, frames: dict[str, np.ndarray], meta: dict) -> None:
    """Leave the frames (H, W, 3) RGB uint8 and what is known of them in ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, frame in frames.items():
        cv2.imwrite(str(folder / f"{name}.png"), frame[..., ::-1])
    (folder / "meta.json").write_text(json.dumps(meta, indent=1))


def draw(clip: Clip, drawings: Drawings) -> tuple[dict[str, np.ndarray], dict]:
    """The five frames of a cut-out clip, and its meta.json."""
    dice = np.random.default_rng(clip.seed)
    low, high = SPEEDS[clip.speed]
    target = math.exp(dice.uniform(math.log(low), math.log(high)))
    actors = [Actor(stand, drawings, dice) for stand in clip.stands]
    amount = _amount(actors, target * WIDTH)
    angle = dice.uniform(0, 2 * math.pi)
    pan = clip.pan * target * WIDTH * np.array([math.cos(angle), 0.4 * math.sin(angle)])
    scenery = _background(clip.background, drawings)
    frames = {}
    for name, t in TIMES.items():
        canvas = _pan(scenery, pan * (t - 0.5))
        for actor in actors:
            actor.paint(canvas, t, amount)
        frames[name] = _shrink(canvas)
    moved = max([actor.displacement(amount) for actor in actors] + [float(np.hypot(*pan))]) / WIDTH
    files = sorted({FIGURES[stand.figure].file for stand in clip.stands} | {BACKGROUNDS[clip.background][0]})
    return frames, {
        "name": clip.name, "speed": clip.speed, "seed": clip.seed, "max_displacement": round(moved, 5),
        "own_animation": False, "drawings": files,
    }


def own_animation(clip: OwnAnimation, drawings: Drawings) -> tuple[dict[str, np.ndarray], dict]:
    """The five frames of a drawing's own animation. Its largest displacement is not known, only an estimate of it."""
    frames = {}
    for name, t in TIMES.items():
        time = clip.start + t * (clip.end - clip.start)
        picture = drawings.picture(clip.file, 2 * WIDTH, 2 * HEIGHT, time=time)
        frames[name] = _shrink(picture[..., :3])
    flow = dis_flow(frames["frame1"], frames["frame3"])
    moved = float(np.percentile(np.hypot(flow[..., 0], flow[..., 1]), 99)) / WIDTH
    return frames, {
        "name": clip.name, "speed": clip.speed, "seed": None, "max_displacement": round(moved, 5),
        "own_animation": True, "drawings": [clip.file],
    }


class Actor:
    """A figure in a clip: its sprites, and how each part moves when ``amount`` is 1."""

    def __init__(self, stand: Stand, drawings: Drawings, dice: np.random.Generator):
        self.stand, self.figure = stand, FIGURES[stand.figure]
        self.sprites = [drawings.sprite(self.figure, part) for part in self.figure.parts]
        self.points = [_painted(sprite) for sprite in self.sprites]
        self.turns = {part.name: _swing(dice, part.swing) for part in self.figure.parts}
        angle, reach = dice.uniform(0, 2 * math.pi), 0.02 if stand.still else 0.16
        self.shift = reach * WIDTH * np.array([math.cos(angle), 0.6 * math.sin(angle)])
        self.lean = _swing(dice, 70 if stand.free else 0 if stand.still else 14)
        self.growth = 0.0 if stand.still else dice.uniform(-0.18, 0.18)
        root = next(s for p, s in zip(self.figure.parts, self.sprites, strict=True) if p.name == self.figure.root)
        self.middle = (root.x + root.image.shape[1] / 2, root.y + root.image.shape[0] / 2)

    def pose(self, t: float, amount: float) -> list[np.ndarray]:
        """For each part the 2x3 matrix from pixels of its drawing to pixels of the frame."""
        share = (t - 0.5) * amount
        placed = {self.figure.root: self._root(share)}
        parts = {part.name: part for part in self.figure.parts}

        def matrix(name: str) -> np.ndarray:
            if name not in placed:
                part = parts[name]
                x, y = part.joint[0] * self.figure.width, part.joint[1] * self.figure.height
                turn = (t - 0.5) * np.clip(amount, 0, 1) * self.turns[name]
                placed[name] = matrix(part.parent or self.figure.root) @ _about(x, y, turn)
            return placed[name]

        return [matrix(part.name)[:2] for part in self.figure.parts]

    def _root(self, share: float) -> np.ndarray:
        stand, size = self.stand, self.stand.height / self.figure.height
        place = np.array([[-size if stand.mirrored else size, 0, stand.x], [0, size, stand.y], [0, 0, 1]], dtype=float)
        centre = np.array([[1, 0, -self.figure.width / 2], [0, 1, -self.figure.height / 2], [0, 0, 1]], dtype=float)
        shift = np.array([[1, 0, share * self.shift[0]], [0, 1, share * self.shift[1]], [0, 0, 1]])
        limited = np.clip(share, -0.5, 0.5)
        return shift @ place @ centre @ _about(*self.middle, limited * self.lean, 1 + limited * self.growth)

    def displacement(self, amount: float) -> float:
        """The largest way in pixels that a painted point goes from t = 0 to t = 1, of those seen at one of the two."""
        largest = 0.0
        for points, first, last in zip(self.points, self.pose(0, amount), self.pose(1, amount), strict=True):
            start, end = points @ first.T, points @ last.T
            seen = _inside(start) | _inside(end)
            if seen.any():
                largest = max(largest, float(np.hypot(*(end - start)[seen].T).max()))
        return largest

    def paint(self, canvas: np.ndarray, t: float, amount: float) -> None:
        """Lay the figure over ``canvas``, (H, W, 3) float32 at SAMPLES times the frame's size."""
        for sprite, matrix in zip(self.sprites, self.pose(t, amount), strict=True):
            _lay(canvas, sprite, matrix)


def _swing(dice: np.random.Generator, limit: float) -> float:
    """A turn in radians of 45-100 % of ``limit`` degrees, either way: limbs that hardly move tell nothing."""
    return math.radians(limit) * dice.uniform(0.45, 1.0) * (1 if dice.uniform() < 0.5 else -1)


def _about(x: float, y: float, turn: float, size: float = 1.0) -> np.ndarray:
    c, s = size * math.cos(turn), size * math.sin(turn)
    return np.array([[c, -s, x - c * x + s * y], [s, c, y - s * x - c * y], [0, 0, 1]])


def _painted(sprite: Sprite) -> np.ndarray:
    rows, columns = np.nonzero(sprite.image[::4, ::4, 3] > 0.5)
    return np.stack([4.0 * columns + sprite.x, 4.0 * rows + sprite.y, np.ones(len(rows))], axis=1)


def _inside(points: np.ndarray) -> np.ndarray:
    return (points[:, 0] >= 0) & (points[:, 0] < WIDTH) & (points[:, 1] >= 0) & (points[:, 1] < HEIGHT)


def _amount(actors: list[Actor], target: float) -> float:
    """By how much the actors' motion must be multiplied for the largest displacement to be ``target`` pixels."""
    low, high = 0.0, 4.0
    for _ in range(30):
        middle = (low + high) / 2
        if max(actor.displacement(middle) for actor in actors) < target:
            low = middle
        else:
            high = middle
    return low


def _background(name: str, drawings: Drawings) -> np.ndarray:
    """The scenery with a margin for pans, (H, W, 3) float32 at SAMPLES times the frame's size times 1.25."""
    file, layers, (x0, y0, x1, y1) = BACKGROUNDS[name]
    width, height = round(1.25 * WIDTH * 2), round(1.25 * HEIGHT * 2)
    full_w, full_h = round(width / (x1 - x0)), round(height / (y1 - y0))
    picture = drawings.picture(file, full_w, full_h, layers)
    left, top = round(x0 * full_w), round(y0 * full_h)
    seen = picture[top : top + height, left : left + width]
    white = seen[..., :3] + (1 - seen[..., 3:])
    return cv2.resize(white, None, fx=SAMPLES / 2, fy=SAMPLES / 2, interpolation=cv2.INTER_CUBIC).clip(0, 1)


def _pan(scenery: np.ndarray, shift: np.ndarray) -> np.ndarray:
    width, height = WIDTH * SAMPLES, HEIGHT * SAMPLES
    x = (scenery.shape[1] - width) / 2 - SAMPLES * shift[0]
    y = (scenery.shape[0] - height) / 2 - SAMPLES * shift[1]
    matrix = np.array([[1, 0, -x], [0, 1, -y]])
    return cv2.warpAffine(scenery, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)


def _lay(canvas: np.ndarray, sprite: Sprite, matrix: np.ndarray) -> None:
    height, width = sprite.image.shape[:2]
    shift = np.array([[1, 0, sprite.x], [0, 1, sprite.y], [0, 0, 1]], dtype=float)
    # A pixel's centre in the frame is (SAMPLES - 1) / 2 samples into it.
    sampled = SAMPLES * (matrix @ shift)
    sampled[:, 2] += (SAMPLES - 1) / 2
    corners = sampled @ np.array([[-1, width, width, -1], [-1, -1, height, height], [1, 1, 1, 1]], dtype=float)
    x0, y0 = np.maximum(np.floor(corners.min(axis=1)).astype(int), 0)
    x1 = min(int(np.ceil(corners[0].max())) + 1, canvas.shape[1])
    y1 = min(int(np.ceil(corners[1].max())) + 1, canvas.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    sampled[:, 2] -= (x0, y0)
    warped = cv2.warpAffine(sprite.image, sampled, (x1 - x0, y1 - y0), flags=cv2.INTER_LINEAR)
    window = canvas[y0:y1, x0:x1]
    window *= 1 - warped[..., 3:]
    window += warped[..., :3]


def _shrink(canvas: np.ndarray) -> np.ndarray:
    frame = cv2.resize(canvas, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
    return np.rint(255 * frame.clip(0, 1)).astype(np.uint8)


if __name__ == "__main__":
    main()
