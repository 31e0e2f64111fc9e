"""The face's drawing: eyes, brows, mouth and blush on a flat sheet that is laid over the head from the front."""

from __future__ import annotations

import cv2
import numpy as np

from .materials import Palette, hsv

PIXELS = 720  # of the sheet per unit
LEFT, TOP = -0.5, 0.42  # the sheet's corner on the head; y goes up there and down here
SHIFT = 4


class FaceDesign:
    """What one face looks like. Lengths in heads."""

    def __init__(self, rng: np.random.Generator, palette: Palette, hair: np.ndarray, *, male: bool) -> None:
        self.palette = palette
        self.eye_x = rng.uniform(0.175, 0.205)
        self.eye_y = rng.uniform(-0.15, -0.08)
        self.half_width = rng.uniform(0.085, 0.115) * (0.92 if male else 1.0)
        self.height = rng.uniform(0.16, 0.26) * (0.68 if male else 1.0)
        self.slant = rng.uniform(-0.02, 0.035)
        self.lash = rng.uniform(0.016, 0.034) * (0.75 if male else 1.0)
        self.wing = rng.uniform(0.0, 0.03)
        self.iris = hsv(
            rng.random() if rng.random() < 0.6 else rng.choice([0.07, 0.58, 0.35]), rng.uniform(0.4, 0.9), rng.uniform(0.5, 0.95)
        )
        self.iris_width = rng.uniform(0.56, 0.76) * self.half_width
        self.lash_colour = (
            palette.graded(hair * 0.2 + 0.03) if rng.random() < 0.6 else palette.graded(np.array([0.1, 0.06, 0.08]))
        )
        self.brow_colour = palette.graded(hair * 0.55)
        self.brow = rng.uniform(0.010, 0.026) * (1.4 if male else 1.0)
        self.mouth_y = rng.uniform(-0.41, -0.375)
        self.mouth_width = rng.uniform(0.05, 0.1)
        self.mouth_line = palette.graded(np.array([0.35, 0.13, 0.12]))
        self.mouth_fill = palette.graded(hsv(rng.uniform(0.97, 1.02), rng.uniform(0.5, 0.7), rng.uniform(0.55, 0.8)))
        self.tongue = palette.graded(hsv(0.98, 0.45, 0.95))
        self.blush = rng.choice([0.0, rng.uniform(0.15, 0.5)])
        self.nose_mark = rng.integers(3)
        self.lower_lash = rng.random() < 0.7
        self.glow = rng.random() < 0.7
        self.style = int(rng.integers(3))
        self.white = palette.graded(np.array([0.98, 0.98, 1.0]))


def _pixels(points: np.ndarray) -> np.ndarray:
    p = np.asarray(points, float)
    flat = np.stack([(p[:, 0] - LEFT) * PIXELS, (TOP - p[:, 1]) * PIXELS], -1)
    return np.round(flat * (1 << SHIFT)).astype(np.int32)


def _colour(rgb: np.ndarray) -> tuple:
    return (*[float(v) * 255 for v in rgb], 255.0)


def _fill(sheet: np.ndarray, points: np.ndarray, rgb: np.ndarray) -> None:
    cv2.fillPoly(sheet, [_pixels(points)], _colour(rgb), cv2.LINE_AA, SHIFT)


def _band(line: np.ndarray, width: np.ndarray) -> np.ndarray:
    """The outline of a stroke along ``line`` (K, 2) with widths (K,), all of it above the line."""
    d = np.gradient(line, axis=0)
    n = np.stack([-d[:, 1], d[:, 0]], -1) / np.maximum(np.hypot(d[:, 0], d[:, 1]), 1e-9)[:, None]
    n *= np.sign(n[:, 1:] + 1e-9)
    return np.concatenate([line + n * width[:, None], (line - n * width[:, None] * 0.25)[::-1]])


def _ellipse(middle: tuple, radii: tuple, count: int = 28) -> np.ndarray:
    a = np.arange(count) * (2 * np.pi / count)
    return np.stack([middle[0] + radii[0] * np.cos(a), middle[1] + radii[1] * np.sin(a)], -1)


def _eye(sheet: np.ndarray, d: FaceDesign, side: int, pose: dict) -> None:
    u = np.linspace(-1, 1, 22)  # -1 the inner corner, 1 the outer
    opening = float(np.clip(pose["open"], 0, 1.15))
    middle = np.array([d.eye_x, d.eye_y])
    rise = (1 - np.abs(u) ** (2.4 if d.style != 1 else 3.2)) + 0.12 * (1 - u * u) * u
    upper = rise * d.height * (0.55 * opening - 0.17 * (1 - min(opening, 1.0)))
    lower = -(1 - np.abs(u * 0.98) ** 2.6) * d.height * (0.42 * min(opening, 1.0) ** 0.7 + 0.17 * (1 - min(opening, 1.0)))
    if pose["smile"] > 0.5 and opening < 0.35:  # eyes shut in a laugh are arcs upwards
        upper, lower = rise * d.height * 0.25, rise * d.height * 0.25 - 0.001
    x = middle[0] + u * d.half_width
    tilt = d.slant * u + d.slant
    top = np.stack([side * x, middle[1] + upper + tilt], -1)
    bottom = np.stack([side * x, middle[1] + np.minimum(lower, upper - 0.0005) + tilt], -1)
    if opening > 0.12:
        outline = np.concatenate([top, bottom[::-1]])
        x0, y0 = _pixels(outline).min(0) // (1 << SHIFT) - 2
        x1, y1 = _pixels(outline).max(0) // (1 << SHIFT) + 3
        mask = np.zeros(sheet.shape[:2], np.uint8)
        cv2.fillPoly(mask, [_pixels(outline)], 255, cv2.LINE_AA, SHIFT)
        inner = np.zeros_like(sheet)
        inner[y0:y1, x0:x1] = _colour(d.white)
        cx = side * middle[0] + pose["gaze"][0] * 0.045 - side * 0.006
        cy = middle[1] + d.height * 0.06 + pose["gaze"][1] * 0.03 + d.slant * 0.9
        rx, ry = d.iris_width, d.height * 0.52
        graded = d.palette.graded
        _fill(inner, _ellipse((cx, cy), (rx, ry)), graded(d.iris * 0.32))
        _fill(inner, _ellipse((cx, cy), (rx * 0.86, ry * 0.88)), graded(d.iris * 0.72))
        if d.glow:
            _fill(inner, _ellipse((cx, cy - ry * 0.42), (rx * 0.7, ry * 0.42)), graded(d.iris * 0.6 + 0.4))
        _fill(inner, _ellipse((cx, cy + ry * 0.12), (rx * 0.42, ry * 0.42)), graded(d.iris * 0.14))
        # The lid's shadow on the eyeball, then the lights, which stay above it.
        _fill_shadow(inner, top, d.height * 0.13)
        _fill(inner, _ellipse((cx - rx * 0.35, cy + ry * 0.42), (rx * 0.32, ry * 0.25)), graded(np.ones(3)))
        _fill(inner, _ellipse((cx + rx * 0.4, cy - ry * 0.45), (rx * 0.17, ry * 0.13)), graded(np.ones(3)))
        cut = np.s_[y0:y1, x0:x1]
        sheet[cut] = np.where(mask[cut][..., None] > 127, inner[cut], sheet[cut])
    width = d.lash * (0.35 + 0.65 * np.sin(np.pi * (0.12 + 0.78 * (u + 1) / 2)) ** 0.8) * (1 if opening > 0.15 else 0.6)
    width[:3] *= [0.15, 0.45, 0.8]
    winged = np.concatenate([top, top[-1:] + np.array([[side * (0.012 + d.wing), -0.008 + d.wing * 0.35]])])
    _fill(sheet, _band(winged, np.append(width, 0.002)), d.lash_colour)
    if opening > 0.25:
        crease = top[4:-4] + np.array([0, d.lash * 1.5 + 0.016])
        _fill(sheet, _band(crease, np.full(len(crease), 0.003)), d.lash_colour * 0.6 + 0.3)
        if d.lower_lash:
            _fill(sheet, _band(bottom[9:-1], np.linspace(0.002, 0.006, len(bottom[9:-1]))), d.lash_colour)
    b = np.linspace(-1, 1, 14)
    by = (
        middle[1]
        + d.height * 0.5
        + 0.085
        + pose["brow"] * 0.035
        + 0.022 * (1 - b * b)
        + b * (0.012 + d.slant * 0.6 - pose["frown"] * 0.05) * -1
    )
    brow = np.stack([side * (middle[0] + 0.005 + b * d.half_width * 1.05), by], -1)
    _fill(sheet, _band(brow, d.brow * (0.35 + 0.65 * (1 - b) / 2)), d.brow_colour)


def _fill_shadow(inner: np.ndarray, top: np.ndarray, depth: float) -> None:
    shape = np.concatenate([top + np.array([0, 0.02]), (top - np.array([0, depth]))[::-1]])
    x0, y0 = np.maximum(_pixels(shape).min(0) // (1 << SHIFT) - 1, 0)
    x1, y1 = _pixels(shape).max(0) // (1 << SHIFT) + 2
    mask = np.zeros((y1 - y0, x1 - x0), np.uint8)
    cv2.fillPoly(mask, [_pixels(shape) - np.array([x0, y0]) * (1 << SHIFT)], 255, cv2.LINE_8, SHIFT)
    cut = inner[y0:y1, x0:x1]
    cut[mask > 0, :3] = (cut[mask > 0, :3] * 0.72).astype(np.uint8)


def _mouth(sheet: np.ndarray, d: FaceDesign, pose: dict) -> None:
    u = np.linspace(-1, 1, 18)
    wide = d.mouth_width * (1 + 0.35 * pose["smile"] - 0.35 * pose["round"] * pose["mouth"])
    gap = max(float(pose["mouth"]), 0.0) * 0.13
    corner = 0.022 * pose["smile"] * u * u
    upper = np.stack([u * wide, d.mouth_y + corner + gap * 0.18 * (1 - u**4)], -1)
    lower = np.stack([u * wide * 0.97, d.mouth_y + corner - gap * (1 - np.abs(u) ** (1.7 + pose["round"])) ** 0.8], -1)
    if gap > 0.01:
        _fill(sheet, np.concatenate([upper, lower[::-1]]), d.mouth_fill)
        tongue = lower + np.array([0, gap * 0.42])
        tongue[:, 1] = np.minimum(tongue[:, 1], upper[:, 1])
        if gap > 0.035:
            _fill(sheet, np.concatenate([tongue[4:-4], lower[4:-4][::-1]]), d.tongue)
        _fill(sheet, _band(lower, 0.002 + 0.004 * (1 - u * u)), d.mouth_line)
    _fill(sheet, _band(upper, 0.003 + 0.005 * (1 - u * u)), d.mouth_line)


def draw_face(design: FaceDesign, pose: dict, skin: np.ndarray) -> np.ndarray:
    """The sheet (H, W, 4) uint8: colours and, as the fourth channel, how much they cover.

    ``pose``: open (0..1), gaze (2,) -1..1, mouth (0..1), smile (-1..1), round (0..1), brow (-1..1), frown (-1..1).
    ``skin`` RGB 0..1, that edges fade into.
    """
    sheet = np.zeros((int(0.98 * PIXELS), PIXELS, 4), np.uint8)
    sheet[..., :3] = np.round(skin * 255)
    if design.blush:
        for side in (-1, 1):
            shade = np.array([1.0, 0.55, 0.55]) * design.blush + np.array([1, 1, 1]) * (1 - design.blush)
            _fill(sheet, _ellipse((side * 0.25, design.eye_y - design.height * 0.5 - 0.045), (0.065, 0.03)), skin * shade)
    if design.nose_mark:
        tip = (
            np.array([[0.004, -0.2], [0.012, -0.245], [-0.006, -0.258]])
            if design.nose_mark == 1
            else np.array([[0.0, -0.225], [0.02, -0.25], [0.0, -0.257]])
        )
        _fill(sheet, tip, skin * np.array([0.72, 0.56, 0.55]))
    for side in (-1, 1):
        _eye(sheet, design, side, pose)
    _mouth(sheet, design, pose)
    return sheet


def lay(sheet: np.ndarray, rest: np.ndarray, base: np.ndarray) -> np.ndarray:
    """Colours (P, 3) of head points ``rest`` (P, 3): the sheet from the front, ``base`` at the back."""
    count = len(rest)
    columns = 1024
    padded = -(-count // columns) * columns
    x, y = np.full(padded, -10, np.float32), np.full(padded, -10, np.float32)
    x[:count] = (rest[:, 0] - LEFT) * PIXELS - 0.5
    y[:count] = np.where(rest[:, 2] > 0.02, (TOP - rest[:, 1]) * PIXELS - 0.5, -10)
    got = cv2.remap(sheet, x.reshape(-1, columns), y.reshape(-1, columns), cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    got = got.reshape(-1, 4)[:count].astype(np.float32) / 255
    return np.where(got[:, 3:] > 0, got[:, :3] / 1.0 * got[:, 3:] + base * (1 - got[:, 3:]), base)
