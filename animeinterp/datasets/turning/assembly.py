"""Things put together of balls and tubes that hang on joints."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .geometry import Piece, about, at_level_map, ball, chain, loft, moved, rotation
from .materials import Material, Palette
from .motion import Track, calmed, fine_times, lagging


@dataclass
class Part:
    """A grid at rest (N, R, C, 3), the joint it hangs on, and how loosely each of its rows follows (0 tight .. 1)."""

    grid: np.ndarray
    material: Material
    joint: str = "root"
    loose: np.ndarray | None = None
    two_sided: bool = False


class Tracks:
    """What the camera and the folds do."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.camera = [Track(rng, *(rng.normal(0, spread, 2))) for spread in (0.2, 0.15, 0.06)]
        self.zoom = Track(rng, 1.0, rng.choice([1.0, rng.uniform(0.8, 1.25)]))
        self.phase = Track(rng, 0.0, rng.normal(0, 3))


class Assembly:
    """Parts, their joints and how they move; used like ``figure.Figure``."""

    framing = "full"

    def __init__(self, rng: np.random.Generator, palette: Palette, frames: int) -> None:
        self.rng, self.palette, self.acting = rng, palette, Tracks(rng)
        self.parts: list[Part] = []
        self.joints: dict[str, tuple[str, np.ndarray, list[Track]]] = {}
        self.times = np.linspace(0, 1, frames)
        self.wave = 0.0
        self.colours = [palette.cloth() for _ in range(4)]
        start, by = rng.normal(0, 0.6), rng.choice([-1, 1]) * rng.uniform(0.3, 2.2)
        self.root = [Track(rng, start, start + by), Track(rng, *rng.normal(0, 0.25, 2)), Track(rng, *rng.normal(0, 0.25, 2))]
        drift = rng.normal(0, 0.5, 3)
        self.move, self.hop = Track(rng, -drift / 2, drift / 2), rng.choice([0.0, rng.uniform(0.1, 0.6)])

    def settle(self, frames: int) -> None:
        """Once every part is there: where everything is on each frame."""
        # Wheels share a track: each is to be calmed once.
        tracks = {id(track): track for _, _, turns in self.joints.values() for track in turns}.values()
        calmed(
            [*self.root, self.move, *self.acting.camera, self.acting.zoom, *tracks], float(self.rng.choice([0.15, 0.4, 0.7, 1.0]))
        )
        stiffness = np.array([40.0, 22.0, 13.0, 9.0]) * self.rng.uniform(0.8, 1.4)
        self.maps, fine = self._maps(self.times), self._maps(fine_times())
        loose = {part.joint for part in self.parts if part.loose is not None}
        self.lag = {name: lagging(fine[name], stiffness, 0.5, frames) for name in loose}

    def _maps(self, t: np.ndarray) -> dict[str, np.ndarray]:
        move = self.move(t)
        move[:, 1] += self.hop * np.abs(np.sin(np.pi * np.clip(t, 0, 1) * 1.5))
        maps = {"root": about(np.zeros(3), rotation(*(track(t) for track in self.root)), move)}
        for name, (parent, pivot, tracks) in self.joints.items():
            maps[name] = chain(maps[parent], about(pivot, rotation(*(track(t) for track in tracks))))
        return maps

    def joint(self, name: str, pivot: tuple, by: float = 0.5, parent: str = "root") -> str:
        """A joint at ``pivot`` that turns by about ``by`` radians; returns its name."""
        rng = self.rng
        self.joints[name] = (
            parent,
            np.array(pivot, float),
            [Track(rng, *rng.normal(0, by, 2), swing=0.1 * by) for _ in range(3)],
        )
        return name

    def ball(
        self, middle: tuple, radii: tuple, colour: np.ndarray, joint: str = "root", power: float = 1.0, **options: object
    ) -> None:
        """An ellipsoid, or with ``power`` below 1 a rounded box."""
        material = self.palette.material(np.asarray(colour, float), **options)
        size = (24, 40) if max(radii) > 0.3 else (14, 22)
        self.parts.append(Part(ball(np.array(middle), np.array(radii), *size, power), material, joint))

    def tube(
        self,
        line: np.ndarray,
        wide: np.ndarray,
        thick: np.ndarray,
        colour: np.ndarray,
        joint: str = "root",
        loose: np.ndarray | None = None,
        front: tuple = (0.1, 0.05, 1.0),
    ) -> None:
        """A tube along ``line`` (K, 3) with half widths (K,)."""
        grid = loft(line[None], wide[None], thick[None], np.array([front]), 12)
        self.parts.append(Part(grid, self.palette.material(colour), joint, loose))

    def eyes(self, x: float, y: float, z: float, size: float, joint: str) -> None:
        """Two round eyes that look along z."""
        for side in (-1, 1):
            self.ball((side * x, y, z), (size, size * 1.25, size * 0.5), np.array([0.98, 0.98, 1]), joint)
            self.ball(
                (side * x * 0.95, y - size * 0.05, z + size * 0.3),
                (size * 0.6, size * 0.85, size * 0.35),
                self.colours[3] * 0.3,
                joint,
                shininess=2.0,
            )

    def pieces(self, i: int) -> list[Piece]:
        """All surfaces at the i-th moment."""
        out = []
        for part in self.parts:
            grid = part.grid
            if self.wave:
                grid = grid.copy()
                grid[..., 2] += self.wave * (0.6 - grid[..., 0]).clip(0) * np.sin(2.5 * grid[..., 0] + 7.0 * self.times[i])
            if part.loose is None:
                points = moved(self.maps[part.joint][i], grid)
            else:
                maps = at_level_map(self.lag[part.joint][i], np.broadcast_to(part.loose[None, :, None], grid.shape[:3]))
                points = moved(maps, grid)
            out.append(Piece(points, part.grid, part.material, two_sided=part.two_sided))
        return out

    def focus(self) -> tuple[np.ndarray, float]:
        """What the camera looks at (3,), and 0: the view is fitted to the thing."""
        return self.maps["root"].mean(0)[:, 3], 0.0
