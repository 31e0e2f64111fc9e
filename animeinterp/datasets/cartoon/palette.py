"""Colours and ink of a clip: who is painted how, with what lines."""

from __future__ import annotations

import colorsys
from dataclasses import dataclass

import numpy as np

Colour = tuple[float, float, float]

SKIN = ((0.99, 0.90, 0.83), (0.98, 0.86, 0.77), (0.95, 0.79, 0.67), (0.86, 0.66, 0.52), (0.66, 0.46, 0.34),
        (0.48, 0.32, 0.24), (0.97, 0.91, 0.88))
HAIR = ((0.22, 0.16, 0.16), (0.38, 0.22, 0.15), (0.55, 0.33, 0.20), (0.86, 0.66, 0.36), (0.96, 0.85, 0.56),
        (0.15, 0.16, 0.22), (0.82, 0.63, 0.68), (0.55, 0.68, 0.85), (0.60, 0.75, 0.62), (0.62, 0.50, 0.76),
        (0.86, 0.33, 0.25), (0.86, 0.86, 0.90), (0.28, 0.34, 0.52), (0.93, 0.60, 0.42))


def hsv(h: float, s: float, v: float) -> Colour:
    """Hue, saturation, value, each 0..1 (hue wraps)."""
    return colorsys.hsv_to_rgb(h % 1.0, min(max(s, 0.0), 1.0), min(max(v, 0.0), 1.0))


def mix(a: Colour, b: Colour, t: float) -> Colour:
    """The colour a share ``t`` of the way from ``a`` to ``b``."""
    return tuple(x + (y - x) * t for x, y in zip(a, b, strict=True))


def darker(colour: Colour, by: float = 0.25) -> Colour:
    """Cel painters' shade: less light, a little more colour, hue drawn towards violet."""
    h, s, v = colorsys.rgb_to_hsv(*colour)
    target = 0.72 if 0.2 < h < 0.95 else -0.06
    return hsv(h + (target - h) * 0.06 * min(1.0, 2 * by), s + 0.35 * by * (1 - s) * (s > 0.02) + 0.05 * by,
               v * (1 - by))


def lighter(colour: Colour, by: float = 0.3) -> Colour:
    """Towards white."""
    return mix(colour, (1.0, 1.0, 1.0), by)


@dataclass(frozen=True)
class Style:
    """How a clip is inked and lit.

    ``line`` is None for outlines in a darker tone of what they bound. ``width`` is in points, 360 to the picture's
    height. ``ground``: None for full colour, else the one colour that all fills take (line art). ``light`` is where
    shade falls away from, a direction in the picture.
    """

    width: float
    line: Colour | None
    ground: Colour | None
    shades: bool
    shade_depth: float
    light: tuple[float, float]

    def fill(self, colour: Colour) -> Colour:
        """The paint for a thing of this colour."""
        return colour if self.ground is None else self.ground

    def ink(self, colour: Colour) -> Colour:
        """The line round a thing of this colour."""
        return darker(darker(colour, 0.45), 0.35) if self.line is None else self.line

    @staticmethod
    def pick(rng: np.random.Generator, kind: str) -> Style:
        """A style for a clip of ``kind``: "colour", "line art" (dark on light) or "inverted" (light on dark)."""
        width = float(np.exp(rng.uniform(np.log(1.1), np.log(2.6))))
        light = (float(rng.choice([-1, 1]) * rng.uniform(0.5, 1.0)), float(-rng.uniform(0.3, 0.8)))
        depth = float(rng.uniform(0.14, 0.34))
        if kind == "line art":
            paper = 1.0 if rng.random() < 0.6 else float(rng.uniform(0.88, 0.98))
            return Style(width, (0.0, 0.0, 0.0) if rng.random() < 0.5 else (0.13, 0.11, 0.14), (paper,) * 3, False, 0,
                         light)
        if kind == "inverted":
            dark = 0.0 if rng.random() < 0.5 else float(rng.uniform(0.03, 0.15))
            return Style(width, (1.0, 1.0, 1.0) if rng.random() < 0.6 else (0.8, 0.9, 1.0), (dark,) * 3, False, 0,
                         light)
        roll = rng.random()
        line = None if roll < 0.3 else (0.05, 0.04, 0.05) if roll < 0.6 else hsv(rng.random(), 0.4, rng.uniform(0.1,
                                                                                                                0.25))
        return Style(width, line, None, bool(rng.random() < 0.85), depth, light)


def garment(rng: np.random.Generator) -> Colour:
    """A colour for clothes: often muted, at times white, black or loud."""
    roll = rng.random()
    if roll < 0.14:
        return (0.97, 0.96, 0.95)
    if roll < 0.26:
        return hsv(rng.random(), 0.2, rng.uniform(0.14, 0.28))
    return hsv(rng.random(), rng.uniform(0.2, 0.75), rng.uniform(0.45, 0.97))


def pick(rng: np.random.Generator, colours: tuple[Colour, ...]) -> Colour:
    """One of ``colours``, slightly off."""
    base = colours[int(rng.integers(len(colours)))]
    h, s, v = colorsys.rgb_to_hsv(*base)
    return hsv(h + rng.uniform(-0.015, 0.015), s * rng.uniform(0.9, 1.1), v * rng.uniform(0.94, 1.04))
