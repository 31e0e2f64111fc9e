"""What surfaces are made of, and the colours of a clip."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

# A pattern paints points: rest points (P, 3), normals in the view (P, 3), base colours (P, 3)
# -> colours (P, 3), regions (P,) small integers; a thin line is drawn where regions meet.
Pattern = Callable[[np.ndarray, np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]


@dataclass(eq=False)
class Material:
    """Colour (3,) RGB 0..1 in the light; ``shade`` what it is multiplied by in shadow; ``line`` the colour of its outline."""

    colour: np.ndarray
    shade: np.ndarray
    line: np.ndarray
    pattern: Pattern | None = None
    folds: float = 0.0  # how far folds bend the shading
    soft: float = 0.0  # the jump in depth that it takes to draw a line within this material
    lit: float = 0.0  # how much later its own shadow begins
    casts: bool = True  # throws a shadow on what lies behind
    width: float = 1.0  # of its outline, times the clip's
    shininess: float = 0.0  # share of a small highlight


HAIR = [
    (0.07, 0.55, 0.22),
    (0.06, 0.5, 0.38),
    (0.09, 0.55, 0.62),
    (0.12, 0.5, 0.88),
    (0.13, 0.3, 0.93),
    (0.62, 0.35, 0.2),
    (0.0, 0.0, 0.16),
    (0.6, 0.06, 0.85),
    (0.95, 0.35, 0.9),
    (0.58, 0.5, 0.75),
    (0.75, 0.35, 0.6),
    (0.02, 0.7, 0.65),
    (0.45, 0.4, 0.6),
    (0.33, 0.4, 0.55),
    (0.78, 0.3, 0.28),
    (0.05, 0.65, 0.3),
]
SKIN = [(0.07, 0.16, 0.99), (0.07, 0.2, 0.98), (0.065, 0.26, 0.96), (0.06, 0.12, 1.0), (0.06, 0.36, 0.85), (0.06, 0.5, 0.62)]
MOODS = [
    ((1, 1, 1), 0.0),
    ((1, 0.97, 0.93), 0.0),
    ((0.93, 0.97, 1.0), 0.03),
    ((0.42, 0.5, 0.78), 0.0),
    ((1.0, 0.74, 0.56), 0.02),
    ((0.7, 0.72, 0.8), 0.0),
    ((1, 1, 1), 0.22),
    ((0.75, 0.92, 0.86), 0.04),
]


def hsv(h: float, s: float, v: float) -> np.ndarray:
    """RGB 0..1 from hue, saturation and value."""
    return np.array(colorsys.hsv_to_rgb(h % 1.0, float(np.clip(s, 0, 1)), float(np.clip(v, 0, 1))))


class Palette:
    """One clip's colours: hues, how deep its shadows are, how dark its lines, what light it stands in."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        tint, self.pale = MOODS[rng.choice(len(MOODS), p=[0.4, 0.1, 0.12, 0.1, 0.09, 0.07, 0.07, 0.05])]
        self.tint = np.array(tint) * rng.uniform(0.9, 1.0)
        self.depth = rng.uniform(0.62, 0.82)
        self.cold = rng.uniform(-0.03, 0.1)
        self.black_lines = rng.random() < 0.35
        self.line_value = rng.uniform(0.12, 0.5)

    def _graded(self, colour: np.ndarray) -> np.ndarray:
        return colour * self.tint * (1 - self.pale) + self.pale

    def jitter(self, colour: tuple, by: float = 1.0) -> np.ndarray:
        """A colour near (h, s, v)."""
        h, s, v = np.array(colour) + self.rng.normal(0, 1, 3) * np.array([0.012, 0.05, 0.04]) * by
        return hsv(h, s, v)

    def skin(self) -> np.ndarray:
        """A skin's colour."""
        return self.jitter(SKIN[self.rng.choice(len(SKIN), p=[0.33, 0.28, 0.2, 0.12, 0.05, 0.02])], 0.3)

    def hair(self) -> np.ndarray:
        """A colour of hair; now and then any at all."""
        if self.rng.random() < 0.1:
            return hsv(self.rng.random(), self.rng.uniform(0.2, 0.7), self.rng.uniform(0.3, 0.9))
        return self.jitter(HAIR[self.rng.integers(len(HAIR))])

    def cloth(self) -> np.ndarray:
        """A colour of clothes: white, dark or any hue."""
        kind, rng = self.rng.random(), self.rng
        if kind < 0.22:
            return hsv(rng.random(), rng.uniform(0, 0.07), rng.uniform(0.9, 1.0))
        if kind < 0.45:
            return hsv(rng.choice([0.62, 0.66, 0.0, 0.08, 0.75]), rng.uniform(0.1, 0.5), rng.uniform(0.17, 0.4))
        return hsv(rng.random(), rng.uniform(0.25, 0.8), rng.uniform(0.45, 0.95))

    def material(self, colour: np.ndarray, *, warm: bool = False, **options: object) -> Material:
        """A material of the clip's style; ``warm``: skin, whose shadows turn red rather than dark."""
        depth = self.depth + (1 - self.depth) * 0.35 if warm else self.depth
        shade = depth * (
            np.array([1.03, 0.88, 0.86]) if warm else np.array([1 - self.cold, 1 - self.cold * 0.5, 1 + self.cold * 1.6])
        )
        if self.black_lines:
            line = np.array([0.09, 0.07, 0.09]) * self.rng.uniform(0.4, 1.5)
        else:
            line = colour * self.line_value * np.array([1.0, 0.8, 0.85]) * (0.8 if warm else 1.0)
        return Material(self._graded(colour), shade, self._graded(line), **options)

    def graded(self, colour: np.ndarray) -> np.ndarray:
        """A colour of a pattern, in the clip's light."""
        return self._graded(np.asarray(colour, float))
