"""Triplets that the evaluation's tests measure."""

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
