"""Where background painters put things: planes by depth, paint with gradient and grain."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .palette import Colour, Style
from .scene import Scene
from .shapes import box, contour

OUT = 260.0  # how far beyond the picture things reach


class Place:
    """What a background painter works with: planes by depth, paint with gradient and grain, outlines where inked."""

    def __init__(self, scene: Scene, rng: np.random.Generator, style: Style, wide: float,
                 plane: Callable[[float], int]) -> None:
        self.scene, self.rng, self.style, self.wide, self.plane = scene, rng, style, wide, plane
        self.inked = style.ground is not None or rng.random() < 0.35
        self.hue = float(rng.random())

    def put(self, outline: object, depth: float, colour: Colour, *, slope: tuple | None = None,
            grain: tuple | None = None,
            inked: bool | None = None, clip: int = -1) -> int:
        """One painted thing. ``slope``: (y0, y1, colour at y1), a gradient down the picture; ``grain``: (tile, tiles to
        the picture's height, stretch along y, strength)."""
        paint = [0.0] * 13
        painted = self.style.ground is None
        if slope is not None and painted:
            y0, y1, other = slope
            paint[:7] = [0, y0, 0, 1 / (y1 - y0), *(b - a for a, b in zip(colour, other, strict=True))]
        if grain is not None and painted:
            tile, often, stretch, strength = grain
            paint[7:] = [tile, often / 360, stretch, *(strength * (0.35 + 0.65 * c) for c in colour)]
        inked = self.inked if inked is None else inked and self.style.ground is not None
        line = self.style.ink(colour) if inked else None
        return self.scene.part(outline, self.plane(depth), self.style.fill(colour), line, self.style.width * 0.8,
                               paint=tuple(paint), clip=clip)

    def wash(self, depth: float, top: Colour, low: Colour, grain: tuple | None = None, y: tuple = (0.0, 360.0)) -> int:
        """Paint all over: a gradient from ``top`` to ``low`` between the two heights."""
        return self.put(box(-OUT * 2, -OUT * 2, self.wide + OUT * 2, 360 + OUT * 2), depth, top, slope=(*y, low),
                        grain=grain,
                        inked=False)

    def across(self, y: float, rough: float, count: int, low: float = 360 + OUT) -> np.ndarray:
        """A band from side to side whose top edge, about ``y``, rises and falls by ``rough``."""
        xs = np.linspace(-OUT * 1.5, self.wide + OUT * 1.5, count)
        top = [(float(x), y + rough * float(self.rng.uniform(-1, 1)), 0.0) for x in xs]
        top[0], top[-1] = (*top[0][:2], 1.0), (*top[-1][:2], 1.0)
        return contour([*top, (xs[-1], low, 1.0), (xs[0], low, 1.0)])
