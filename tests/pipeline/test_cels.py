"""Cel layers: what passes in front hides what is behind, exactly, and flat drawings are taken apart by masks."""

import pytest
import torch

import animeinterp as ai
from animeinterp.cels import compose, interpolate_layers, layers_from_masks
from animeinterp.errors import AnimeInterpError

HEIGHT, WIDTH = 64, 96
RED, BLUE, GROUND = (torch.tensor(colour).view(3, 1, 1) for colour in ([0.8, 0.2, 0.2], [0.2, 0.3, 0.8], [0.9, 0.9, 0.7]))


def box(x: int, y: int, colour) -> torch.Tensor:
    layer = torch.zeros(4, HEIGHT, WIDTH)
    layer[:3], layer[3, y : y + 24, x : x + 24] = colour, 1
    layer[:3] *= layer[3:]
    return layer


def layers():
    """A red box that goes to the right before a blue one that goes to the left."""
    front = torch.stack([box(16, 20, RED), box(32, 20, RED)])
    back = torch.stack([box(48, 20, BLUE), box(32, 20, BLUE)])
    return [front, back, GROUND.expand(2, 3, HEIGHT, WIDTH).contiguous()]


def test_the_ground_is_seen_through_nothing():
    frame = compose([layer[:1] for layer in layers()])[0]
    assert torch.allclose(frame[:, 30, 20], RED.flatten()) and torch.allclose(frame[:, 30, 60], BLUE.flatten())
    assert torch.allclose(frame[:, 5, 5], GROUND.flatten())
    half = torch.cat([RED.expand(3, 2, 2), torch.full((1, 2, 2), 0.5)])[None]
    assert torch.allclose(compose([half, GROUND.expand(1, 3, 2, 2)])[0, :, 0, 0], (RED.flatten() + GROUND.flatten()) / 2)
    assert torch.allclose(compose([half, half])[0, :, 0, 0], torch.cat([RED.flatten(), torch.tensor([0.75])]))


@pytest.mark.parametrize("model", [None, "auto"], ids=["weights-free", "bundled"])
def test_what_is_in_front_stays_in_front(model):
    found = list(interpolate_layers(layers(), 2, model=model))
    assert len(found) == 3 and found[1].shape == (1, 3, HEIGHT, WIDTH)
    wanted = compose([box(24, 20, RED)[None], box(40, 20, BLUE)[None], layers()[2][:1]])
    flat = ai.interpolate(torch.cat([compose([layer[i : i + 1] for layer in layers()]) for i in range(2)]), 2, model=model)[1:2]
    error, flat_error = ((frame - wanted).abs().mean() for frame in (found[1], flat))
    assert error < 0.005 and error < 0.5 * flat_error


def test_progress_counts_all_layers():
    told = []
    list(interpolate_layers(layers(), 2, model=None, progress=told.append))
    assert told == sorted(told) and told[-1] == 3


def test_masks_take_a_flat_drawing_apart():
    cels = layers()
    flat = torch.cat([compose([layer[i : i + 1] for layer in cels]) for i in range(2)])
    masks = [cels[0][:, 3], cels[1][:, 3]]
    found = layers_from_masks(flat, masks)
    assert [layer.shape[1] for layer in found] == [4, 4, 3]
    assert torch.allclose(compose(found), flat, atol=1e-6)
    assert torch.allclose(found[2], cels[2], atol=1e-6), "each place of the ground is seen in one drawing, or filled"
    assert (found[1][:, 3] * masks[0]).max() == 0


def test_layers_that_do_not_fit_are_named():
    with pytest.raises(AnimeInterpError, match="Layer 1 is 1 drawings of 96x64"):
        list(interpolate_layers([layers()[0], layers()[1][:1]], 2, model=None))
    with pytest.raises(AnimeInterpError, match="A mask is 1 of 96x64; it should be one for each of the 2 drawings"):
        layers_from_masks(layers()[2], [torch.zeros(1, HEIGHT, WIDTH)])
