"""Pieces with times of their own: found in shots whose cadence is known, and drawn nearer to the truth on ones."""

import math
from fractions import Fraction

import numpy as np
import pytest
import torch

import animeinterp as ai
from animeinterp.datasets.cadence import Shot, draw_shot, recompress
from animeinterp.images import to_image
from animeinterp.retiming import retime
from animeinterp.sequence.piece_timing import Similarity, camera_motion, find_change, find_patches
from animeinterp.sequence.plan import make_plan
from animeinterp.sequence.timing import Timing

SIZE = (128, 224)


def shot(**options):
    return draw_shot(Shot(**{"seed": 403, "frames": 9, "pan": (0.02, 0.0), **options}), SIZE)


@pytest.fixture(scope="module")
def clips():
    return {
        "world": shot(),
        "screen": shot(pegged="screen"),
        "threes": shot(cadences=((3,),)),
        "zoom": shot(pan=(0.0, 0.0), zoom=0.006),
        "ones": shot(cadences=((1,),)),
        "ones on the screen": shot(cadences=((1,),), pegged="screen"),
        "both": draw_shot(Shot(407, 9, ((2,), (3,)), (0.012, 0.0)), SIZE),
    }


def patches(clip, now, mode="auto"):
    images = [to_image(frame) for frame in clip.frames]
    changes = [find_change(one, other) for one, other in zip(images, images[1:], strict=False)]
    return find_patches(changes, now, mode)


@pytest.mark.parametrize(
    "name, now, wanted",
    [
        ("world", 2, [(2, 4, False)]),
        ("world", 3, [(2, 4, False)]),
        ("screen", 2, [(2, 4, True)]),
        ("screen", 5, [(4, 6, True)]),
        ("zoom", 3, [(2, 4, False)]),
        ("threes", 4, [(3, 6, False)]),
        ("threes", 5, [(3, 6, False)]),
        ("ones", 3, []),
        ("ones on the screen", 3, []),
        ("both", 3, [(2, 4, False), (3, 6, False)]),
    ],
)
def test_each_piece_has_its_own_drawings(clips, name, now, wanted):
    found = [p for p in patches(clips[name], now) if p.mask.mean() > 0.05]  # a part of a figure may rest a while
    assert sorted((p.first, p.last, p.on_screen) for p in found) == wanted


@pytest.mark.parametrize("name", ["world", "screen", "zoom"])
def test_a_patch_is_where_the_figure_is(clips, name):
    clip = clips[name]
    mask = torch.from_numpy(np.any([p.mask for p in patches(clip, 3)], axis=0))
    wrong = (clip.frames[3] - clip.truth[3]).abs().amax(dim=0) > 0.1
    assert (wrong & mask).sum() > 0.7 * wrong.sum(), "most of what is not as it would be on ones is in it"
    assert mask.float().mean() < 0.6


def test_the_camera_is_found(clips):
    for name, wanted in (("world", (-0.02 * SIZE[1], 0)), ("screen", (-0.02 * SIZE[1], 0))):
        one, other = (to_image(frame) for frame in clips[name].frames[:2])
        found = camera_motion(one, other)
        assert found.b == pytest.approx(complex(*wanted), abs=0.15) and found.a == pytest.approx(1, abs=2e-3)
    one, other = (to_image(frame) for frame in clips["zoom"].frames[:2])
    assert abs(camera_motion(one, other).a) == pytest.approx(math.exp(0.006), abs=1e-3)
    assert camera_motion(one, one) == Similarity()


def test_the_camera_is_found_behind_a_figure_that_is_most_of_the_picture():
    close = recompress(shot(frames=13, pan=(0.016, 0.0), pegged="screen"), 18)
    images = [to_image(frame) for frame in close.frames]
    for one, other in zip(images, images[1:], strict=False):
        assert camera_motion(one, other).b.real == pytest.approx(-0.016 * SIZE[1], abs=0.5)


def test_the_camera_stands_still_behind_a_figure_that_goes_by():
    goes = draw_shot(Shot(403, 5, ((1,),), travel=0.03, stiff=True), SIZE)
    for one, other in zip(goes.frames, goes.frames[1:], strict=False):
        assert camera_motion(to_image(one), to_image(other)) == Similarity()


def test_parts_of_a_similarity():
    whole = Similarity(complex(1.02, 0.03), complex(5, -2))
    half = whole.part(0.5)
    twice = half @ half
    assert twice.a == pytest.approx(whole.a) and twice.b == pytest.approx(whole.b)
    back = whole.inverse @ whole
    assert back.a == pytest.approx(1) and abs(back.b) < 1e-9
    # A pixel's place in a picture twice as large, by its centre.
    large = whole.scaled(2)
    z = complex(7, 3)
    middle = complex(0.5, 0.5)
    assert large.a * (2 * z + middle) + large.b == pytest.approx(2 * (whole.a * z + whole.b) + middle)


def timed(clip, **timing):
    plan = make_plan([Fraction(k, 24) for k in range(len(clip.frames))], Timing(1, cuts="off", **timing))
    return torch.cat(list(retime(clip.frames.split(1), plan)))


def decibel(one, other):
    return -10 * math.log10(float((one - other).square().mean()))


@pytest.mark.parametrize("name", ["world", "screen"])
def test_a_figure_on_twos_before_a_camera_on_ones(clips, name):
    """The rate is left as it is: what stood for two frames moves in each. By 2 dB and more nearer to the truth on ones."""
    clip = clips[name]
    found = timed(clip)
    assert decibel(found, clip.truth) > decibel(timed(clip, per_piece="off"), clip.truth) + 2
    for k in (0, 2, 4, 6, 8):
        assert (found[k] - clip.frames[k]).abs().mean() < 2e-3, "at its drawings, the film is as it was, but for what rested"


@pytest.mark.parametrize("name", ["ones", "ones on the screen"])
def test_on_ones_nothing_changes(clips, name):
    assert torch.equal(timed(clips[name]), clips[name].frames)


def test_it_is_off_where_holds_are_kept(clips):
    assert torch.equal(timed(clips["world"], holds="keep"), clips["world"].frames)
    assert not torch.equal(timed(clips["world"], holds="keep", per_piece="on"), clips["world"].frames)


def test_no_patch_reaches_over_a_cut(clips):
    clip = clips["world"]
    film = torch.cat([clip.frames[:3], clips["ones"].frames[:3]])
    plan = ai.Timing(1, cuts="3")
    times = [Fraction(k, 24) for k in range(6)]
    found = torch.cat(list(retime(film.split(1), make_plan(times, plan))))
    assert torch.equal(found[2:], film[2:])
