"""A figure drawn for tests: shifted, or drawn anew."""

import cv2
import numpy as np
import torch

SIZE = (216, 384)


def drawing(shift: float) -> torch.Tensor:
    """A figure of five outlined pieces over a backdrop, ``shift`` along."""
    image = np.full((*SIZE, 3), (200, 220, 235), np.uint8)
    for k in range(6):
        cv2.rectangle(image, (20 + 60 * k, 120 - 11 * k), (60 + 60 * k, 215), (90 + 20 * k, 140, 180 - 20 * k), -1)
    figure = [
        (np.array([[-45, -10], [45, -10], [60, 90], [-60, 90]]), (60, 80, 200)),
        (np.array([[-30, -70], [30, -70], [38, -35], [22, -8], [-22, -8], [-38, -35]]), (240, 210, 190)),
        (np.array([[-34, -52], [-10, -84], [20, -82], [36, -50], [0, -60]]), (150, 40, 60)),
        (np.array([[40, -5], [90, -50], [98, -40], [52, 14]]), (240, 200, 180)),
        (np.array([[-40, -5], [-95, 20], [-92, 34], [-50, 14]]), (240, 200, 180)),
    ]
    for corners, colour in figure:
        corners = corners * 0.9 + (140 + shift, 110 + shift / 4)
        fixed = np.round(corners * 16).astype(np.int32)
        cv2.fillPoly(image, [fixed], colour, cv2.LINE_AA, 4)
        cv2.polylines(image, [fixed], True, (20, 15, 25), 2, cv2.LINE_AA, 4)
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255


def bent(frame: torch.Tensor, seed: int) -> torch.Tensor:
    """The same drawn by another hand: every line up to some pixels beside where it was, smoothly along it."""
    chance = np.random.default_rng(seed)
    image = (frame[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    height, width = SIZE
    beside = [
        cv2.resize(chance.standard_normal((7, 11)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
        for _ in range(2)
    ]
    y, x = np.mgrid[:height, :width].astype(np.float32)
    image = cv2.remap(image, x + beside[0], y + beside[1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
