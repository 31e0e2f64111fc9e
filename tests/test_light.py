"""Light that changes is no motion: what stands still fades, what moves is drawn in the light of its time."""

import math

import cv2
import numpy as np
import pytest
import torch
from figures import SIZE, drawing

import animeinterp as ai
from animeinterp.datasets.cadence import Shot, draw_shot
from animeinterp.light import find_light


def lit(frame: torch.Tensor, light: np.ndarray) -> torch.Tensor:
    """In another light (…, 3), a factor of each channel, as a file of 8 bits holds it."""
    factor = torch.from_numpy(np.broadcast_to(np.asarray(light, np.float32), (*SIZE, 3)).copy()).permute(2, 0, 1)[None]
    return (frame * factor * 255).round().clamp(0, 255) / 255


def decibels(one: torch.Tensor, other: torch.Tensor) -> float:
    return -10 * math.log10(max(float((one - other).square().mean()), 1e-12))


def spot(depth: float) -> np.ndarray:
    """Light that is stronger or weaker on one side of the frame, smoothly."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return (1 - depth * np.exp(-((x - 90) ** 2 + (y - 110) ** 2) / (2 * 60**2)))[..., None]


LIGHTS = {
    "fade": 0.85, "half": 0.5, "tint": (1.0, 0.9, 0.8), "evening": (0.7, 0.75, 0.95), "little": 0.95, "spot": spot(0.35),
}


@pytest.mark.parametrize("name", LIGHTS)
@pytest.mark.parametrize("backwards", [False, True])
def test_what_stands_still_fades(name, backwards):
    frames = [drawing(0), lit(drawing(0), LIGHTS[name])]
    frames = torch.cat(frames[::-1] if backwards else frames)
    clip = ai.interpolate(frames, times=[0.0, 0.25, 0.5, 1.0], model=None)
    assert torch.equal(clip[[1, 4]], frames)  # at their own times they are themselves
    clip = clip[[0, 2, 3, 5]]
    for t, made in zip((0.25, 0.5), clip[1:3], strict=True):
        truth = torch.lerp(frames[0], frames[1], t)
        assert decibels(made, truth) > 45, name
    assert torch.equal(clip[[0, 3]], frames)


@pytest.mark.parametrize("name", LIGHTS)
def test_what_moves_is_drawn_in_its_light(name):
    light, half = np.asarray(LIGHTS[name]), (1 + np.asarray(LIGHTS[name])) / 2
    plain = ai.interpolate(torch.cat([drawing(0), drawing(14)]), 2, model=None)[1:2]
    frames = torch.cat([drawing(0), lit(drawing(14), light)])
    made = ai.interpolate(frames, 2, model=None)[1:2]
    truth = lit(drawing(7), half)
    assert decibels(made, truth) > decibels(plain, drawing(7)) - 3
    assert abs(float((made - truth).mean())) < 1.5 / 255


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_black_or_white_frame_fades(level):
    frames = torch.cat([drawing(0), torch.full_like(drawing(0), level)])
    made = ai.interpolate(frames, 2, model=None)[1]
    assert torch.allclose(made, frames.mean(dim=0), atol=1e-6)


def test_of_scenes_that_have_nothing_in_common_none_fades():
    scenes = [draw_shot(Shot(seed, frames=2), (120, 208)).frames for seed in (100, 105, 110, 104)]
    for one in scenes:
        for other in scenes:
            light = find_light(one[:1], other[1:])
            assert light is None or not light.fades


def test_light_that_does_not_change_is_none():
    assert find_light(drawing(0), drawing(0)) is None
    assert find_light(drawing(0), drawing(14)) is None
    noise = torch.randn(drawing(0).shape, generator=torch.Generator().manual_seed(0)) * 3 / 255
    assert find_light(drawing(0), (drawing(14) + noise).clamp(0, 1)) is None
    image = (drawing(0)[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    turned = cv2.warpAffine(image, cv2.getRotationMatrix2D((140, 110), 9, 1.0), SIZE[::-1], borderMode=cv2.BORDER_REPLICATE)
    assert find_light(drawing(0), torch.from_numpy(turned).permute(2, 0, 1)[None].float() / 255) is None


def test_alpha_and_many_times_come_through():
    frames = torch.cat([drawing(0), lit(drawing(14), 0.7)])
    alpha = torch.ones(2, 1, *SIZE)
    alpha[..., :40] = 0
    clip = ai.interpolate(torch.cat([frames, alpha], dim=1), times=[0, 0.3, 0.6, 1], model=None)
    assert clip.shape == (6, 4, *SIZE) and torch.equal(clip[1], clip[0]) and torch.equal(clip[4], clip[5])
    levels = clip[:, :3, :, 60:].mean(dim=(1, 2, 3))
    assert (levels[1:4].diff() < 0).all()
