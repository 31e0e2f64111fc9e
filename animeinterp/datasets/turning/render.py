"""Pieces to a picture: projection, cel shading, shadows. Lines are in ``outlines``."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from .geometry import Piece, grid_normals, topology, unit
from .materials import Palette
from .outlines import draw_lines
from .raster import rasterise, weights

SUPERSAMPLING = 2


@dataclass
class Camera:
    """Weak perspective: ``turn`` (3, 3) world to view about ``target`` (3,), ``scale`` pixels a unit, ``distance`` units."""

    turn: np.ndarray
    target: np.ndarray
    scale: float
    middle: tuple[float, float]
    distance: float

    def view(self, points: np.ndarray) -> np.ndarray:
        """Points (..., 3) as the viewer sees them: x right, y up, z near."""
        return (points - self.target) @ self.turn.T

    def project(self, viewed: np.ndarray) -> np.ndarray:
        """Viewed points to pixels (..., 2), x right and y down."""
        near = self.distance / np.maximum(self.distance - viewed[..., 2], 0.4)
        flat = viewed[..., :2] * np.array([1.0, -1.0]) * (self.scale * near)[..., None]
        return flat + np.array(self.middle)


@dataclass
class Style:
    """How a clip is drawn. Lengths are in pixels of the finished picture."""

    palette: Palette
    light: np.ndarray  # (3,) towards the light, in the world
    line: float  # width of outlines; 0: none
    wobble: float  # how far redrawn lines wander
    edge: float  # where the light ends: the cosine at the border of the shadow
    deep: float  # where a third tone starts; below -1: two tones
    shadow: tuple[float, float]  # how far cast shadows reach, in units of the world, right and down
    rim: float  # a lit rim on the side of the light, 0: none


def _wobbled(xy: np.ndarray, rng: np.random.Generator, amount: float, size: int) -> np.ndarray:
    """Points moved by a smooth field, another one for each drawing."""
    if amount <= 0:
        return xy
    out = xy.copy()
    for _ in range(3):
        wave = rng.uniform(4, 16, 2) * rng.choice([-1, 1], 2) / size
        phase = xy[..., 0] * wave[0] + xy[..., 1] * wave[1] + rng.uniform(0, 7)
        out += np.sin(phase)[..., None] * rng.normal(0, amount * 0.6, 2)
    return out


def _gather(pieces: list[Piece], camera: Camera, rng: np.random.Generator, style: Style, size: int) -> dict[str, np.ndarray]:
    """All visible triangles: corners, depths, attributes (normal, rest) and which material and group they are of."""
    corners, depths, attributes, materials, groups, two_sided = [], [], [], [], [], []
    group = 0
    for index, piece in enumerate(pieces):
        n, rows, columns = piece.points.shape[:3]
        normals = grid_normals(piece.points, piece.wrap)
        if piece.round_normals:
            middle = piece.points.mean((1, 2), keepdims=True)
            normals = unit(normals * (1 - piece.round_normals) + unit(piece.points - middle) * piece.round_normals)
        viewed = camera.view(piece.points)
        facing = normals @ camera.turn.T
        xy = camera.project(viewed)
        xy = _wobbled(xy, rng, style.wobble, size) * SUPERSAMPLING
        tris = topology(rows, columns, piece.wrap)
        flat = np.concatenate([xy, -viewed[..., 2:], facing, piece.rest], -1).reshape(n, rows * columns, 9).astype(np.float32)
        of = np.broadcast_to(np.arange(n)[:, None], (n, len(tris)))
        values = flat[:, tris]  # (N, T, 3, 9)
        low, high = values[..., :2].min(2), values[..., :2].max(2)
        keep = (high > 0).all(-1) & (low < size * SUPERSAMPLING).all(-1) & (values[..., 2].min(2) > -camera.distance * 0.9)
        if not piece.two_sided:
            keep &= values[..., 5].max(2) > -0.02
        values, of = values[keep], of[keep]
        if piece.flat:
            e = values[:, 1:, :3] - values[:, :1, :3]
            e = e * np.array([1, -1, -camera.scale], np.float32)
            values[..., 3:6] = unit(np.cross(e[:, 0], e[:, 1]) * np.sign(np.cross(e[:, 0], e[:, 1])[:, 2:]))[:, None]
        corners.append(values[..., :2])
        depths.append(values[..., 2])
        attributes.append(values[..., 3:])
        materials.append(np.full(len(values), index, np.int32))
        groups.append(group + (of if piece.separate else of * 0))
        two_sided.append(np.full(len(values), piece.two_sided))
        group += n if piece.separate else 1
    return {
        name: np.concatenate(parts)
        for name, parts in (
            ("corners", corners),
            ("depth", depths),
            ("attributes", attributes),
            ("piece", materials),
            ("group", groups),
            ("two_sided", two_sided),
        )
    }


def _folded(normals: np.ndarray, rest: np.ndarray, amount: np.ndarray, phase: float) -> np.ndarray:
    """Normals bent by folds that lie across the cloth and open and close as ``phase`` goes on."""
    x, y, z = rest.T
    wave = np.cos(5.2 * y + 7.0 * x + 2.0 * np.sin(3.1 * x + phase) + phase) + 0.8 * np.cos(
        9.1 * y - 8.0 * x + 3 * z - 1.3 * phase
    )
    other = np.cos(8.5 * x + 2.3 * y + 1.5 * np.sin(4 * y - phase) + phase * 0.7)
    bend = np.stack([other, wave, np.zeros_like(x)], -1) * amount[:, None]
    return unit(normals + bend)


def render(pieces: list[Piece], camera: Camera, style: Style, size: int, rng: np.random.Generator, phase: float) -> np.ndarray:
    """One drawing, (size, size, 4) uint8 RGBA, straight alpha. ``phase`` (radians) moves the folds."""
    full = size * SUPERSAMPLING
    got = _gather(pieces, camera, rng, style, size)
    pixels, tri = rasterise(got["corners"], got["depth"], full, full)
    if not len(pixels):
        return np.zeros((size, size, 4), np.uint8)
    y, x = np.divmod(pixels, full)
    w = weights(got["corners"], tri, x + 0.5, y + 0.5)
    values = np.zeros((len(tri), 6), np.float32)
    depth = np.zeros(len(tri), np.float32)
    for corner in range(3):  # one corner at a time: several times quicker than a sum over an axis of three
        values += np.ascontiguousarray(got["attributes"][:, corner])[tri] * w[:, corner, None]
        depth += np.ascontiguousarray(got["depth"][:, corner])[tri] * w[:, corner]
    normals, rest = unit(values[:, :3]), values[:, 3:]
    inside = normals[:, 2] < 0
    normals[inside] *= -1
    inside &= got["two_sided"][tri]
    piece = got["piece"][tri]
    every = [p.material for p in pieces]

    def table(name: str) -> np.ndarray:
        return np.array([getattr(m, name) for m in every], np.float32)[piece]

    colour, region = table("colour"), np.zeros(len(pixels), np.int32)
    for index, material in enumerate(every):
        if material.pattern is not None:
            here = np.flatnonzero(piece == index)
            if len(here):
                colour[here], region[here] = material.pattern(rest[here], normals[here], colour[here])
    folds = table("folds")
    if folds.max() > 0:
        here = np.flatnonzero(folds > 0)
        lit = normals.copy()
        lit[here] = _folded(normals[here], rest[here], folds[here], phase)
    else:
        lit = normals
    light = camera.turn @ style.light
    shine = lit @ light.astype(np.float32)
    edge = style.edge - table("lit")
    dark = (shine < edge) | inside
    depth_map = np.full((full, full), 1e3, np.float32)
    depth_map.flat[pixels] = depth
    dark |= _cast(depth_map, pixels, depth, table("casts"), camera, style)
    shades = np.array([m.shade for m in every], np.float32)
    dark_ones = np.flatnonzero(dark)
    colour[dark_ones] *= shades[piece[dark_ones]]
    deep = (shine < np.minimum(style.deep, edge)) | (inside & (shine < edge))
    deep_ones = np.flatnonzero(deep)
    colour[deep_ones] *= shades[piece[deep_ones]] * 0.5 + 0.5
    shininess = table("shininess")
    glint = (shininess > 0) & ((lit @ unit(light + np.array([0, 0, 1.0])).astype(np.float32)) > 1 - 0.05 * shininess) & ~dark
    colour[glint] = colour[glint] * 0.35 + 0.65
    if style.rim:
        rim = (normals[:, 2] < style.rim) & (normals @ light > 0.25)
        colour[rim] = colour[rim] * 0.5 + 0.5
    picture = np.zeros((full, full, 4), np.float32)
    picture.reshape(-1, 4)[pixels] = np.concatenate([colour, np.ones((len(colour), 1), np.float32)], -1)
    if style.line > 0:
        # Only where there is something, and as far around it as its lines reach.
        reach = int(style.line * SUPERSAMPLING * 2) + 3
        cut = np.s_[max(y.min() - reach, 0) : y.max() + reach + 1, max(x.min() - reach, 0) : x.max() + reach + 1]
        group = np.full((full, full), -1, np.int32)
        group.flat[pixels] = got["group"][tri] * 16 + region
        owner = np.full((full, full), -1, np.int32)
        owner.flat[pixels] = piece
        width, unit_pixels = style.line * SUPERSAMPLING, camera.scale * SUPERSAMPLING
        draw_lines(picture[cut], depth_map[cut], group[cut], owner[cut], every, width, style.wobble, unit_pixels, rng)
    picture = cv2.resize(picture, (size, size), interpolation=cv2.INTER_AREA)
    alpha = picture[..., 3:]
    picture[..., :3] /= np.maximum(alpha, 1e-4)
    return (picture.clip(0, 1) * 255 + 0.5).astype(np.uint8)


def _cast(
    depth_map: np.ndarray, pixels: np.ndarray, depth: np.ndarray, casts: np.ndarray, camera: Camera, style: Style
) -> np.ndarray:
    """Shadows of what lies just in front, thrown a fixed way: how a fringe darkens a forehead in a drawing."""
    full = depth_map.shape[0]
    shift = np.round(np.array(style.shadow) * camera.scale * SUPERSAMPLING).astype(int)
    if not shift.any():
        return np.zeros(len(pixels), bool)
    throwers = np.full((full, full), 1e3, np.float32)
    throwers.flat[pixels] = np.where(casts, depth, 1e3)
    y, x = np.divmod(pixels, full)
    from_y, from_x = np.clip(y - shift[1], 0, full - 1), np.clip(x - shift[0], 0, full - 1)
    gap = depth - throwers[from_y, from_x]
    return (gap > 0.045) & (gap < 0.9)
