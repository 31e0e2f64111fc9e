"""The edge of a shadow that moves is no motion: it is on its way between, and what moves under it is drawn as without."""

import math

import numpy as np
import pytest
import torch
from figures import SIZE, drawing

import animeinterp as ai
from animeinterp.shade import Unshaded, find_shade

DARK = torch.tensor([0.6, 0.65, 0.7]).reshape(1, 3, 1, 1)


def _soft(distance: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.clip(distance / 4 + 0.5, 0, 1).astype(np.float32))[None, None]


def side(at: float, turn: float = 0.0) -> torch.Tensor:
    """A shadow (1, 1, H, W) in 0..1 over all left of a straight edge at ``at``, turned by ``turn`` radians."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return _soft(at - (x - SIZE[1] / 2) * math.cos(turn) - (y - SIZE[0] / 2) * math.sin(turn) - SIZE[1] / 2)


def cloud(at: float) -> torch.Tensor:
    """A round shadow about x = ``at``."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    return _soft(70 - np.hypot(x - at, y - 110))


def shaded(frame: torch.Tensor, shadow: torch.Tensor) -> torch.Tensor:
    """As a file of 8 bits holds it."""
    return (frame * (1 + shadow * (DARK - 1)) * 255).round() / 255


def decibels(one: torch.Tensor, other: torch.Tensor) -> float:
    return -10 * math.log10(max(float((one - other).square().mean()), 1e-12))


@pytest.mark.parametrize("turn", [0.0, 0.5, -1.2])
@pytest.mark.parametrize("backwards", [False, True])
def test_over_what_stands_still(turn, backwards):
    at = [-40, 30] if not backwards else [30, -40]
    frames = torch.cat([shaded(drawing(0), side(SIZE[1] / 2 + x, turn)) for x in at])
    times = [0.25, 0.5, 0.75]
    made = ai.interpolate(frames, times=[0.0, *times, 1.0], model=None)
    assert torch.equal(made[[1, -2]], frames)
    for t, one in zip(times, made[2:5], strict=True):
        truth = shaded(drawing(0), side(SIZE[1] / 2 + at[0] + t * (at[1] - at[0]), turn))
        assert decibels(one[None], truth) > 34
        assert decibels(one[None], truth) > decibels(torch.lerp(frames[:1], frames[1:], t), truth) + 8


def test_over_what_moves():
    frames = torch.cat([shaded(drawing(0), side(60)), shaded(drawing(12), side(150))])
    made = ai.interpolate(frames, 2, model=None)[1:2]
    plain = ai.interpolate(torch.cat([drawing(0), drawing(12)]), 2, model=None)[1:2]
    assert decibels(made, shaded(drawing(6), side(105))) > min(decibels(plain, drawing(6)), 30) - 3


def test_a_shadow_that_passes():
    """It comes on one side and goes on the other."""
    frames = torch.cat([shaded(drawing(0), cloud(130)), shaded(drawing(0), cloud(190))])
    truth = shaded(drawing(0), cloud(160))
    made = ai.interpolate(frames, 2, model=None)[1:2]
    assert decibels(made, truth) > 26 and decibels(made, truth) > decibels(frames.mean(dim=0, keepdim=True), truth) + 5


@pytest.mark.parametrize("frames", [
    (drawing(0), drawing(14)), (drawing(0), drawing(60)), (drawing(0), drawing(0)), (drawing(0), drawing(0) * 0.7),
    (drawing(0), 1 - drawing(0)),
], ids=["moves", "far", "same", "fades", "inverted"])
def test_what_is_no_shadow_is_left_alone(frames):
    assert find_shade(*frames) is None and Unshaded.of(*frames) is None


def test_an_object_over_a_flat_ground_is_none():
    """It makes the ground darker by one factor too, but a ground of one colour."""
    one, other = torch.full((2, 1, 3, *SIZE), 0.8)
    one[..., 60:150, 40:120], other[..., 60:150, 100:180] = 0.5, 0.5
    assert find_shade(one, other) is None


def test_alpha_is_left_as_it_is():
    frames = [shaded(drawing(0), side(x)) for x in (120, 190)]
    alpha = torch.rand(1, 1, *SIZE)
    unshaded = Unshaded.of(*(torch.cat([frame, alpha], dim=1) for frame in frames))
    assert all(torch.equal(frame[:, 3:], alpha) for frame in unshaded.frames)
    drawn = unshaded.at(unshaded.frames[0], [0.5])
    assert drawn.shape[1] == 4 and torch.equal(drawn[:, 3:], alpha)
