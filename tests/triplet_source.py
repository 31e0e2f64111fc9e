"""Triplets that the evaluation's tests measure."""

import cv2
import numpy as np
import torch

from animeinterp.datasets.triplets import Triplet


def textured(seed, height=72, width=96):
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, height // 6, width // 6, generator=generator)
    return torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")


class Source:
    """Triplets that shift by 4 px in all, under the names a, b, c, ..."""

    root = "here"

    def __init__(self, count, *, tags=None, roi=None):
        self.names = [chr(ord("a") + i) for i in range(count)]
        self.tags, self.roi, self.read, self.broken = tags or {}, roi, [], []

    def __len__(self):
        return len(self.names)

    def get(self, name):
        self.read.append(name)
        sheet = textured(ord(name), width=108)
        frames = [sheet[..., x : x + 96] for x in (8, 6, 4)]
        return Triplet(name, *frames, tags=self.tags.get(name, {}), roi=self.roi)


def draw_square(size, corner, seed):
    """A patterned square on a plain ground: (H, W, 3) uint8, BGR."""
    width, height = size
    picture = np.full((height, width, 3), (180, 200, 90), np.uint8)
    side = height // 3
    blocks = np.random.default_rng(seed).integers(0, 255, (6, 6, 3), np.uint8)
    pattern = cv2.resize(blocks, (side, side), interpolation=cv2.INTER_NEAREST)
    x, y = corner
    picture[y : y + side, x : x + side] = pattern
    return picture


def write_triplet(folder, size, motion, seed, suffix=".png"):
    """frame1, frame2, frame3 with the square moving by ``motion`` in all, an even number of pixels."""
    folder.mkdir(parents=True)
    x, y = size[0] // 3, size[1] // 3
    for number in (0, 1, 2):
        corner = (x + motion[0] * number // 2, y + motion[1] * number // 2)
        cv2.imwrite(str(folder / f"frame{number + 1}{suffix}"), draw_square(size, corner, seed))
