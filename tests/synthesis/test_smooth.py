"""The smooth blend: what is drawn anew is whole in between, and stands where it should."""

import torch
from figures import SIZE, bent, drawing

import animeinterp as ai
from animeinterp.flow import Flow
from animeinterp.frames import FramePair
from animeinterp.synthesis.smooth import SmoothBlend, _filled


def test_a_known_shift_is_half_way():
    frames = drawing(0), drawing(12)
    field = torch.zeros(1, 2, *SIZE)
    field[:, 0], field[:, 1] = 12, 3
    moved = SmoothBlend().prepare(FramePair.of(*frames), Flow(field, -field)).at([0.5])
    figure = (..., slice(20, 200), slice(60, 240))
    truth, held = drawing(6), frames[0]
    assert (moved - truth)[figure].abs().mean() < 0.25 * (held - truth)[figure].abs().mean()


def test_no_motion_is_the_identity():
    frame = bent(drawing(0), 3)
    still = torch.zeros(1, 2, *SIZE)
    drawn = SmoothBlend().prepare(FramePair.of(frame, frame), Flow(still, still)).at([0.3, 0.5])
    assert (drawn - frame).abs().max() < 1e-3


def test_holes_are_filled_from_around():
    x = torch.arange(64.0).reshape(1, 1, 1, 64).expand(1, 1, 32, 64).contiguous()
    known = torch.ones(1, 1, 32, 64)
    known[..., 20:30] = 0
    filled = _filled(x * known, known)
    assert torch.equal(filled[known > 0], x[known > 0])
    assert (filled[..., 20:30] > 10).all() and (filled[..., 20:30] < 40).all()


def test_it_is_chosen_by_name():
    film = torch.cat([bent(drawing(0), 1), bent(drawing(9), 2)])
    clip = ai.interpolate(film, times=[0.25, 0.5], model=None, refiner="panned", synthesizer="smooth")
    assert clip.shape == (4, 3, *SIZE) and not torch.equal(clip[1], clip[2])
    alpha = torch.ones(2, 1, *SIZE)
    clear = ai.interpolate(torch.cat([film, alpha], 1), 2, model=None, refiner="panned", synthesizer="smooth")
    assert clear.shape == (3, 4, *SIZE)
