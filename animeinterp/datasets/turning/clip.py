"""Clips from seeds."""

from __future__ import annotations

import numpy as np

from .figure import Figure, camera_turn
from .geometry import unit
from .materials import Palette
from .render import Camera, Style, render
from .things import Thing

THINGS = 0.1  # share of clips that show no person
FRAMINGS = ("head", "bust", "full", "hands")


def draw_style(rng: np.random.Generator, palette: Palette, size: int) -> Style:
    """How a clip is drawn."""
    light = unit(np.array([rng.uniform(-1, 1), rng.uniform(0.2, 1.0), rng.uniform(0.5, 1.1)]))
    line = 0.0 if rng.random() < 0.1 else rng.uniform(0.9, 2.1) * size / 320
    wobble = rng.uniform(0.3, 1.0) * size / 320 if rng.random() < 0.4 else 0.0
    edge = rng.uniform(-0.2, 0.25)
    deep = edge - rng.uniform(0.25, 0.5) if rng.random() < 0.35 else -2.0
    reach = rng.uniform(0.03, 0.1) if rng.random() < 0.85 else 0.0
    rim = rng.uniform(0.15, 0.3) if rng.random() < 0.1 else 0.0
    return Style(palette, light, line, wobble, edge, deep, (-np.sign(light[0]) * reach * 0.5, reach), rim)


def draw_figure(seed: int, size: int = 320, frames: int = 9) -> np.ndarray:
    """One random figure in one smooth random motion.

    Returns (frames, size, size, 4) uint8 RGBA, straight alpha: moments at equal distances over the motion. Heads and busts
    are cut by the lower border, as a shot would cut them. The same seed gives the same clip.
    """
    rng = np.random.default_rng([seed, 0x7261])
    palette = Palette(rng)
    style = draw_style(rng, palette, size)
    framing = str(rng.choice(FRAMINGS, p=[0.45, 0.28, 0.23, 0.04]))
    figure = Thing(rng, palette, frames) if rng.random() < THINGS else Figure(rng, palette, framing, frames)
    return _film(figure, style, size, frames, rng)


def _film(figure: Figure | Thing, style: Style, size: int, frames: int, rng: np.random.Generator) -> np.ndarray:
    target, tall = figure.focus()
    distance = float(rng.choice([7.0, 14.0, 30.0])) * (0.5 if figure.framing in ("head", "hands") else 1.0)
    turns = [camera_turn(figure.acting, float(t)) for t in figure.times]
    zooms = figure.acting.zoom(figure.times)
    middle = (size / 2, size / 2)
    if tall:
        scale = size / tall
    else:
        scale, middle = _fitted(figure, turns, zooms, target, distance, size)
    out = []
    for i in range(frames):
        camera = Camera(turns[i], target, scale * float(zooms[i]), middle, distance)
        phase = float(figure.acting.phase(figure.times[i : i + 1])[0])
        out.append(render(figure.pieces(i), camera, style, size, rng, phase))
    return np.stack(out)


def _fitted(
    figure: Figure | Thing, turns: list, zooms: np.ndarray, target: np.ndarray, distance: float, size: int
) -> tuple[float, tuple]:
    """Scale and middle at which the whole figure stays within the picture in all frames."""
    low, high = np.full(2, np.inf), np.full(2, -np.inf)
    for i in sorted({0, len(turns) // 3, len(turns) // 2, 2 * len(turns) // 3, len(turns) - 1}):
        camera = Camera(turns[i], target, float(zooms[i]), (0.0, 0.0), distance)
        for piece in figure.pieces(i):
            xy = camera.project(camera.view(piece.points.reshape(-1, 3)))
            low, high = np.minimum(low, xy.min(0)), np.maximum(high, xy.max(0))
    scale = 0.94 * size / (high - low).max()
    middle = size / 2 - (low + high) / 2 * scale
    return float(scale), (float(middle[0]), float(middle[1]))
