"""Painterly grain: a few tiles of periodic noise, the same on every device, looked up by rest coordinates; and pictures."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

SIDE = 256
CLOUDY, BRUSHED, SPECKLED, BLOTCHED, GRASSY = range(5)


@lru_cache(maxsize=8)
def tiles(device: torch.device) -> Tensor:
    """(5, SIDE * SIDE) float32, each of mean 0 and within -1..1; brushed runs across and grassy upright."""
    rng = np.random.default_rng(20210405)
    fy = np.fft.fftfreq(SIDE)[:, None] * SIDE
    fx = np.fft.fftfreq(SIDE)[None] * SIDE
    spectra = [
        (1 + fx**2 + fy**2) ** -0.85 * np.exp(-(fx**2 + fy**2) / 50**2),
        np.exp(-((fx / 3.5) ** 2)) * (1 + np.abs(fy)) ** -0.6 * np.exp(-((fy / 45) ** 2)),
        np.exp(-((np.hypot(fx, fy) - 42) / 14) ** 2),
        np.exp(-((np.hypot(fx, fy) - 9) / 5) ** 2),
        np.exp(-((fy / 11) ** 2)) * (3 + np.abs(fx)) ** -0.25 * np.exp(-((fx / 38) ** 2)) * (np.hypot(fx, fy) > 2),
    ]
    out = []
    for kind, spectrum in enumerate(spectra):
        spectrum[0, 0] = 0
        noise = np.fft.ifft2(np.fft.fft2(rng.standard_normal((SIDE, SIDE))) * spectrum).real
        noise /= noise.std()
        if kind == BLOTCHED:
            noise = np.tanh(3 * (noise - 0.6)) + 0.5
        elif kind == SPECKLED:
            noise = np.maximum(noise - 1.2, 0) * 1.2 - 0.1
        out.append(np.clip(noise * 0.45, -1, 1))
    return torch.from_numpy(np.stack(out).reshape(GRASSY + 1, -1).astype(np.float32)).to(device)


def look_up(kind: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Tile ``kind`` (n,) at (u, v) (n,), in tiles, which repeat: bilinear, (n,)."""
    x, y = u * SIDE, v * SIDE
    x0, y0 = torch.floor(x), torch.floor(y)
    fx, fy = x - x0, y - y0
    x0, y0 = x0.long() % SIDE, y0.long() % SIDE
    x1, y1 = (x0 + 1) % SIDE, (y0 + 1) % SIDE
    flat = tiles(u.device).flatten()
    base = kind.long() * (SIDE * SIDE)
    top = torch.lerp(flat[base + y0 * SIDE + x0], flat[base + y0 * SIDE + x1], fx)
    low = torch.lerp(flat[base + y1 * SIDE + x0], flat[base + y1 * SIDE + x1], fx)
    return torch.lerp(top, low, fy)


def look_up_picture(texels: Tensor, table: Tensor, point: Tensor) -> Tensor:
    """Pictures at rest coordinates: bilinear, (n, 4) float32, colours multiplied with alpha.

    ``table`` (n, 7) is the picture's row of ``Packed.texture_table`` for each of ``point`` (n, 2).
    """
    x0, y0, wide, tall, first, rows, columns = table.unbind(1)
    u = ((point[:, 0] - x0) / wide * columns - 0.5).clamp(min=0).minimum(columns - 1)
    v = ((point[:, 1] - y0) / tall * rows - 0.5).clamp(min=0).minimum(rows - 1)
    left, top = u.floor(), v.floor()
    right, low = (left + 1).minimum(columns - 1), (top + 1).minimum(rows - 1)
    fx, fy = (u - left).float()[:, None], (v - top).float()[:, None]

    def at(row: Tensor, column: Tensor) -> Tensor:
        return texels[(first + row * columns + column).long()]

    return torch.lerp(torch.lerp(at(top, left), at(top, right), fx), torch.lerp(at(low, left), at(low, right), fx), fy)
