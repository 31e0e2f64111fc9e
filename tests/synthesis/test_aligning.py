"""One in-between moved onto another that shows the same beside it."""

import torch
from torch.nn import functional as F

import animeinterp as ai
from animeinterp.flow import backwarp
from animeinterp.frames import FramePair
from animeinterp.stages import Stages
from animeinterp.synthesis.aligning import find_shift, moved_on
from animeinterp.synthesis.sampling import upsample_motion


def scene(seed: int = 0) -> torch.Tensor:
    blocks = torch.rand(1, 3, 12, 20, generator=torch.Generator().manual_seed(seed))
    return F.avg_pool2d(F.pad(blocks.repeat_interleave(8, 2).repeat_interleave(8, 3), (2, 2, 2, 2), mode="replicate"), 5, 1)


def test_what_lies_beside_is_found():
    onto = scene()
    frame = onto.roll(1, 3)
    shift = upsample_motion(find_shift(onto, frame), 4)
    assert torch.allclose(shift[:, 0, 16:-16, 16:-16].mean(), torch.tensor(1.0), atol=0.15)
    before, after = ((onto - x)[..., 16:-16, 16:-16].abs().mean() for x in (frame, backwarp(frame, shift)))
    assert after < 0.35 * before


def test_what_is_another_picture_or_the_same_is_left_where_it_is():
    onto = scene()
    assert find_shift(onto, scene(1)).abs().max() < 0.1
    assert find_shift(onto, onto.clone()).abs().max() < 0.02


def test_what_is_moved_twice_lies_where_both_lead():
    """A second shift, found in what the first has moved: read along both as one, it is the same."""
    frame, first = scene(), torch.zeros(1, 2, 24, 40)
    first[:, 0, :, 20:] = 0.5
    further = torch.zeros_like(first)
    further[:, 0] = 2.0
    once = F.avg_pool2d(frame, 4)
    both = moved_on(first, further)
    assert torch.allclose(both[:, 0, :, :17], torch.tensor(2.0)) and torch.allclose(both[:, 0, :, 19:], torch.tensor(2.5))
    assert torch.allclose(backwarp(once, both)[..., 19:36], backwarp(backwarp(once, first), further)[..., 19:36], atol=1e-6)


def test_colours_of_what_cannot_be_seen_do_not_count():
    onto, hidden = scene(), torch.zeros(1, 1, 96, 160)
    assert find_shift(torch.cat([onto, hidden], 1), torch.cat([onto.roll(1, 3), hidden], 1)).abs().max() == 0


def test_the_network_draws_it_there():
    """A picture that moves by eight pixels, drawn half-way, and moved by one more."""
    model = ai.load_model()
    stages = Stages(model)
    frames = [stages.load(scene().roll(by, 3)) for by in (0, 8)]
    drawing = model.synthesis.prepare(FramePair(*frames), None)
    own = drawing.at([0.5])
    there, unlike = drawing.onto(own.roll(1, 3), 0.5)
    off = [(x - own.roll(1, 3))[..., 16:-16, 24:-24].abs().mean() for x in (own, there)]
    assert off[1] < 0.6 * off[0] and unlike.shape == (1, 1, 96, 160)
    assert torch.allclose(drawing.onto(own, 0.5)[0], own, atol=0.02)
