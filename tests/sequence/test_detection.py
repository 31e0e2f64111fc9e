"""What is found in clips of our own whose timing is known: cuts, and drawings that are held."""

import numpy as np
import pytest
import torch

from animeinterp.datasets.cadence import Shot, draw_shot, grain, join, recompress
from animeinterp.datasets.cartoon import CartoonConfig, draw
from animeinterp.sequence.detection import find_speeds, watch

SIZE = (120, 208)


@pytest.fixture(scope="module")
def shots():
    """On twos; on threes while the camera pans; on ones; two figures of unlike cadence: all stands for moments of their own."""
    return [
        draw_shot(shot, SIZE)
        for shot in (
            Shot(100, frames=9, cadences=((2,),)),
            Shot(105, frames=9, cadences=((3,),), pan=(0.02, 0.0)),
            Shot(110, frames=9, cadences=((1,),)),
            Shot(104, frames=9, cadences=((2,), (4,))),
        )
    ]


def found(clip):
    return watch(clip.frames.split(1))


def test_cuts_and_held_drawings(shots):
    film = join(shots)
    sighting = found(film)
    assert sighting.cuts == film.cuts == (9, 18, 27)
    assert sighting.held == tuple(np.flatnonzero(film.held)), "before a pan nothing is held, and with two figures what both hold"
    assert sighting.count == len(film.frames)


@pytest.mark.parametrize("spoil", [lambda film: grain(film, 3), lambda film: grain(film, 7), lambda film: recompress(film, 26)],
                         ids=["grain", "more grain", "compressed"])  # fmt: skip
def test_noise_is_no_motion(shots, spoil):
    film = spoil(join([shots[0], shots[2], shots[3]]))
    sighting = found(film)
    assert sighting.cuts == film.cuts
    held, truth = np.zeros(len(film.held), bool), film.held
    held[list(sighting.held)] = True
    assert (held & truth).sum() >= 0.9 * truth.sum()
    assert (held & ~truth).sum() <= 1


@pytest.mark.parametrize("joined", [dict(dissolve=7), dict(fade=5)], ids=["dissolve", "fade"])
def test_what_changes_gradually_is_no_cut(shots, joined):
    assert found(join(shots[:3], **joined)).cuts == ()


@pytest.mark.parametrize("at", [(3,), (3, 4), (20,)])
def test_a_flash_is_no_cut(shots, at):
    film = join(shots[:3], flash=at)
    assert found(film).cuts == film.cuts


@pytest.mark.parametrize("light", [0.45, 0.85, 1.6, (0.7, 0.75, 0.95), (1.0, 0.9, 0.72)])
@pytest.mark.parametrize("backwards", [False, True])
def test_light_that_changes_at_once_is_no_cut(shots, light, backwards):
    """Neither of two pictures by themselves, still or moving, nor in a film."""
    light = torch.tensor(light).view(-1, 1, 1)
    brightest = max(float(light.max()), 1)
    frames = shots[2].frames[[0, 2]] / brightest
    for before, after in ((frames[:1], frames[:1]), (frames[:1], frames[1:])):
        pair = torch.cat([before, after * light])
        assert watch((pair.flip(0) if backwards else pair).split(1)).cuts == ()
    film = join(shots[:3])
    film.frames /= brightest
    film.frames[4:] *= light
    assert found(film).cuts == film.cuts


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_picture_fades_to_a_blank_one_and_is_cut_to_one_that_stands(shots, level):
    picture = shots[0].frames[:1]
    blank = torch.full_like(picture, level)
    assert watch([picture, blank]).cuts == watch([blank, picture]).cuts == ()
    assert watch([picture, picture, blank, blank, blank]).cuts == (2,)


def test_thresholds(shots):
    film = join(shots)
    assert watch(film.frames.split(1), threshold=2.9).cuts == ()


def test_a_loop_that_does_not_close_is_a_cut(shots):
    film = join(shots[:2])
    assert 0 in watch(film.frames.split(1), loop=True).cuts
    assert 0 not in watch(shots[0].frames.split(1), loop=True).cuts


def test_one_frame_and_none():
    assert watch([]).cuts == ()
    assert watch(torch.rand(1, 3, 64, 64).split(1)).held == ()


def test_the_speed_of_neighbouring_motions():
    """A drawing that is thrown: its ways are 2, 4, 6, 8 pixels."""
    torch.manual_seed(0)
    ground = torch.nn.functional.interpolate(torch.rand(1, 3, 12, 20), (120, 200), mode="nearest") * 0.3
    frames, x = [], 20
    for way in (0, 2, 4, 6, 8):
        x += way
        frame = ground.clone()
        frame[..., 40:80, x : x + 40] = torch.tensor([0.9, 0.8, 0.2]).view(1, 3, 1, 1)
        frame[..., 50:70, x + 10 : x + 30] = torch.tensor([0.2, 0.3, 0.9]).view(1, 3, 1, 1)
        frames.append(frame)
    speeds = find_speeds(frames)
    assert speeds[2][0] == pytest.approx(1 / 2, abs=0.12) and speeds[2][1] == pytest.approx(3 / 2, abs=0.25)
    assert speeds[3][0] == pytest.approx(2 / 3, abs=0.12) and speeds[3][1] == pytest.approx(4 / 3, abs=0.25)
    assert speeds[1][0] is None and speeds[4][1] is None
    assert 3 not in find_speeds(frames, cuts=(3,))


@pytest.mark.parametrize(("seed", "gain"), [(401, 4.0), (407, 0.25)])
def test_the_speed_of_limbs_that_swing(seed, gain):
    """Cut-outs whose parts turn about one another, all of which gains speed, or loses it."""
    share = np.linspace(0, 1, 7)
    gone = (share + (gain - 1) / 2 * share**2) / (1 + (gain - 1) / 2)
    config = CartoonConfig(motion=(0.25, 0.6), figures=(1, 2), hold=0, line_art=0, plain=0, inverted=0, subsamples=4)
    frames = draw(seed, size=(180, 320), times=[float(moment) for moment in gone], config=config).mids[0]
    ways = np.diff(gone)
    for end, (before, after) in find_speeds(frames.split(1)).items():
        assert before == (None if end == 1 else pytest.approx(ways[end - 2] / ways[end - 1], rel=0.15))
        assert after == (None if end == 6 else pytest.approx(ways[end] / ways[end - 1], rel=0.15))
