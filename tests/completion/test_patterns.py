"""What repeats looks as well a period farther on: of the shifts that do, a fence in a pan takes the one like the camera's."""

import cv2
import numpy as np
import pytest
import torch

import animeinterp as ai

WIDTH, HEIGHT = 320, 180


def street(seed: int, pan: float, near: float, period: int) -> np.ndarray:
    """A street that a camera pans over by ``pan``, and a fence nearer to it, that goes by ``near``. (H, W, 3) uint8."""
    rng = np.random.default_rng(seed)
    image = np.full((HEIGHT, WIDTH, 3), rng.integers(120, 200, 3), np.uint8)
    for x in range(-80, WIDTH + 160, 70):
        top, colour = int(rng.integers(20, 60)), rng.integers(90, 200, 3).tolist()
        left = round(x - pan)
        cv2.rectangle(image, (left, top), (left + 44, 90), colour, -1)
        cv2.rectangle(image, (left, top), (left + 44, 90), (20, 20, 30), 2)
        cv2.rectangle(image, (left + 8, top + 8), (left + 18, top + 18), (90, 190, 200), -1)
    cv2.rectangle(image, (0, 90), (WIDTH, HEIGHT), (115, 110, 120), -1)
    cv2.line(image, (0, 90), (WIDTH, 90), (20, 20, 30), 2)
    for x in range(-4 * period, WIDTH + 6 * period, period):
        left = round(x - near)
        cv2.rectangle(image, (left, 104), (left + 4, 164), (245, 245, 245), -1)
        cv2.rectangle(image, (left, 104), (left + 4, 164), (40, 40, 40), 1)
    for top in (110, 152):
        cv2.rectangle(image, (-2, top), (WIDTH + 2, top + 5), (245, 245, 245), -1)
        cv2.rectangle(image, (-2, top), (WIDTH + 2, top + 5), (40, 40, 40), 1)
    return image


@pytest.mark.parametrize("seed, pan, near, period", [(1, 16, 22, 20), (5, -14, -21, 18), (6, 12, 18, 16)])
def test_a_fence_goes_on_by_more_than_its_period(seed, pan, near, period):
    images = [street(seed, t * pan, t * near, period) for t in (0, 0.5, 1)]
    frames = [torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255 for image in images]
    drawn = ai.interpolate(torch.cat([frames[0], frames[2]]), times=[0.5], model=None)[1].mul(255).permute(1, 2, 0).numpy()
    rows, columns = slice(118, 150), slice(abs(near), WIDTH - abs(near))  # between the rails, what is in both frames
    off = np.square(drawn[rows, columns] - images[1][rows, columns].astype(np.float32)).mean()
    mixed = (images[0].astype(np.float32) + images[2]) / 2
    blend = np.square(mixed[rows, columns] - images[1][rows, columns]).mean()
    assert off < blend / 3
