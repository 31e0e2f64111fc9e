"""What people report of tools like this one, drawn by the weights that ship: better than a mark for each kind.

Marks are PSNR over the pixels that move; a plain blend has 7 to 16 dB in these.
"""

import pytest
import reported
import torch

import animeinterp as ai
from animeinterp.completion.cutouts import may_be_cutouts


@pytest.fixture(scope="module")
def model():
    return ai.load_model()


def drawn(model, frame0, frame1):
    return ai.interpolate(torch.cat([frame0, frame1]), 2, model=model)[1:2]


def decibels(model, scene, spoil=lambda picture: picture):
    frame0, truth, frame1 = reported.triplet(scene, spoil)
    return reported.moving_decibels(drawn(model, frame0, frame1), frame0, truth, frame1)


@pytest.mark.parametrize(
    "seed, textured, ground",
    [(0, False, False), (3, False, True), (4, False, False), (3, True, False), (0, True, True), (4, True, True)],
)
def test_a_ball_that_crosses_a_quarter_of_the_width_is_there(model, seed, textured, ground):
    """Plain or ``textured``, on a plain ``ground`` or a drawn one."""
    frame0, truth, frame1 = reported.triplet(reported.ball(seed, textured=textured, drawn=ground))
    assert may_be_cutouts(frame0, frame1)
    made = drawn(model, frame0, frame1)
    assert reported.moving_decibels(made, frame0, truth, frame1) > 18
    ball = torch.minimum((truth - frame0).abs().amax(1), (truth - frame1).abs().amax(1)) > 0.1
    assert float(((made - truth).abs().amax(1) < 0.15)[ball].float().mean()) > 0.75


@pytest.mark.parametrize("seed", [0, 2, 4, 6])
def test_a_fence_goes_by_with_the_camera(model, seed):
    assert decibels(model, reported.fence(seed)) > 16


@pytest.mark.parametrize("seed", [4, 5, 6])
def test_arms_of_line_art_turn(model, seed):
    assert decibels(model, reported.line_art(seed)) > 17.5


@pytest.mark.parametrize("seed", [0, 1, 3, 5])
def test_a_wheel_and_a_hand_turn(model, seed):
    assert decibels(model, reported.wheel(seed)) > 16


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_an_arm_is_whole_under_a_display_in_a_lossy_file(model, seed):
    # What the figure uncovers is the network's: an edge bends, a window is lost in one of them (20.2).
    assert decibels(model, reported.display(seed), reported.jpeg(75 + 5 * (seed % 3))) > 20


@pytest.mark.parametrize("seed", [0, 1, 3, 5, 9])
def test_arms_turn_about_shoulders_that_walk(model, seed):
    assert decibels(model, reported.walking(seed)) > 18


@pytest.mark.parametrize("seed", [0, 1, 5, 7])
def test_a_wheel_turns_as_far_as_what_lies_between_its_spokes_tells(model, seed):
    scene, (x, y), radius = reported.marked_wheel(seed)
    frame0, truth, frame1 = reported.triplet(scene)
    made = drawn(model, frame0, frame1)
    assert reported.moving_decibels(made, frame0, truth, frame1) > 25
    across, down = torch.meshgrid(torch.arange(made.shape[3]), torch.arange(made.shape[2]), indexing="xy")
    ball = (across - x) ** 2 + (down - y) ** 2 < (0.7 * radius) ** 2
    assert float(((made - truth).abs().amax(1)[0] < 0.15)[ball].float().mean()) > 0.9


@pytest.mark.parametrize("seed", [0, 1, 3])
def test_a_blade_turns_far(model, seed):
    assert decibels(model, reported.blade(seed, 35)) > 15
