"""A clip drawn by a plan, the weights-free way: what is shown is what the plan says."""

from fractions import Fraction

import pytest
import torch

import animeinterp as ai
from animeinterp.datasets.cadence import Shot, draw_shot
from animeinterp.errors import AnimeInterpError
from animeinterp.retiming import plan_clip, retime
from animeinterp.sequence import ClipFlow
from animeinterp.sequence.timing import Timing


def drawing(x, hue=0.9):
    """A square with a mark at column ``x``, before a plain ground."""
    frame = torch.full((1, 3, 72, 128), 0.75)
    frame[..., 24:48, x : x + 24] = torch.tensor([hue, 0.2, 0.3]).view(1, 3, 1, 1)
    frame[..., 32:40, x + 8 : x + 16] = torch.tensor([0.1, 0.1, 0.4]).view(1, 3, 1, 1)
    return frame


@pytest.fixture
def clip():
    return torch.cat([drawing(x) for x in (10, 22, 34, 46)])


@pytest.fixture
def twos():
    return torch.cat([drawing(x) for x in (10, 10, 34, 34, 58, 58)])


def draw(frames, timing, **options):
    return ai.interpolate_timed(frames, timing, model=None, **options)


def place(frame):
    """The column at which the drawing is."""
    ink = (frame - 0.75).abs().amax(dim=0).sum(dim=0)
    return float((ink * torch.arange(128)).sum() / ink.sum()) - 11.5


def test_a_multiplier_is_what_interpolate_does(clip):
    frames, plan = draw(clip, Timing(3))
    assert torch.equal(frames, ai.interpolate(clip, 3, model=None))
    assert plan.rate == 72


def test_given_frames_are_as_they_were_and_others_lie_where_they_should(clip):
    frames, plan = draw(clip, Timing(target_fps=Fraction(60)))
    assert len(frames) == 10
    assert torch.equal(frames[0], clip[0]) and torch.equal(frames[5], clip[2]) and torch.equal(frames[-1], clip[-1])
    for frame, step in zip(frames, plan.steps, strict=True):
        assert place(frame) == pytest.approx(min(10 + 12 * float(step.time * 24), 46), abs=0.7)


def test_drawings_on_twos_go_on_evenly(twos):
    frames, _ = draw(twos, Timing(2))
    assert [round(place(frame)) for frame in frames] == [10, 16, 22, 28, 34, 40, 46, 52, 58, 58, 58]
    kept, _ = draw(twos, Timing(2, holds="keep"))
    assert [round(place(frame)) for frame in kept[:5]] == [10, 10, 10, 22, 34]
    dropped, plan = draw(twos, Timing(2, holds="drop"))
    assert [round(place(frame)) for frame in dropped] == [10, 22, 34, 46, 58]
    assert [step.time * 24 for step in plan.steps] == [0, 1, 2, 3, 4]


def test_nothing_is_drawn_across_a_cut(clip):
    other = 1 - clip.flip(0)
    film = torch.cat([clip, other])
    frames, plan = draw(film, Timing(2))
    assert plan.cuts == (4,)
    assert torch.equal(frames[6], clip[3]) and torch.equal(frames[7], other[0]) and torch.equal(frames[8], other[0])


def test_a_loop_closes(clip):
    around = torch.cat([clip, clip[1:-1].flip(0)])
    frames, _ = draw(around, Timing(2, loop=True))
    assert len(frames) == 12
    assert [round(place(frame)) for frame in frames[-3:]] == [28, 22, 16]


def test_parts_are_what_the_whole_is(clip):
    plan = plan_clip(lambda: clip.split(1), Timing(2, loop=True), [Fraction(k, 24) for k in range(4)])
    whole = list(retime(clip.split(1), plan, model=None))
    first = list(retime(clip.split(1), plan, steps=plan.steps[:3], model=None))
    later = list(retime(clip[1:].split(1), plan, steps=plan.steps[3:6], first=1, model=None))
    assert all(torch.equal(a, b) for a, b in zip(whole, first + later, strict=False))


@pytest.mark.parametrize("side", [72, 20])
def test_a_loop_closes_in_a_part_of_its_own(clip, side):
    small = clip[..., 24 : 24 + min(side, 48), 8 : 8 + side].clone()
    plan = plan_clip(lambda: small.split(1), Timing(2, loop=True, cuts="off"), [Fraction(k, 24) for k in range(4)])
    whole = list(retime(small.split(1), plan, model=None))
    last = list(retime(small[1:].split(1), plan, steps=plan.steps[6:], first=1, opening=small[:1], model=None))
    assert len(last) == 2 and all(torch.equal(a, b) for a, b in zip(whole[6:], last, strict=True))


def test_progress_counts_output_frames(clip):
    heard = []
    draw(clip, Timing(3), progress=lambda done, total: heard.append((done, total)))
    assert heard == sorted(heard) and heard[-1] == (10, 10)


def test_flows_that_are_given(clip):
    flows = ClipFlow([ai.coarse_flow(a, b) for a, b in zip(clip.split(1), clip[1:].split(1), strict=False)])
    frames, _ = draw(clip, Timing(2), flows=flows)
    assert place(frames[1]) == pytest.approx(16, abs=0.7)
    with pytest.raises(AnimeInterpError, match="the motion from the last frame to the first"):
        draw(clip, Timing(2, loop=True), flows=flows)


def test_frames_that_end_too_soon(clip):
    plan = plan_clip(lambda: clip.split(1), Timing(2), [Fraction(k, 24) for k in range(4)])
    with pytest.raises(AnimeInterpError, match="end before number 2"):
        list(retime(clip[:2].split(1), plan, model=None))
    with pytest.raises(AnimeInterpError, match="There are 4 frames and 3 times"):
        plan_clip(lambda: clip.split(1), Timing(2), [Fraction(k, 24) for k in range(3)])


def test_a_motion_that_gains_speed_goes_on_evenly_at_a_continuous_pace():
    places = [6, 8, 14, 24, 38, 56]
    clip = torch.cat([drawing(x) for x in places])
    errors = {}
    for pace in ("even", "continuous"):
        frames, plan = draw(clip, Timing(2, pace=pace, holds="keep", cuts="off"))
        truth = [6 + 2 * (k * 24) ** 2 for k in (float(step.time) for step in plan.steps)]
        errors[pace] = sum(abs(place(frame) - x) for frame, x in zip(frames, truth, strict=True))
    assert errors["continuous"] < 0.5 * errors["even"]


def figure_errors(seed, *, stiff):
    """By pace: how far a figure that gains speed is from its way at the moments that are drawn, in pixels, on the mean."""
    frames, fine, speeding = 7, 4, 6.0
    shot = Shot(seed, frames, ((1,),), travel=0.03, speeding=speeding, stiff=stiff)
    clip, errors = draw_shot(shot, (120, 208)).frames.split(1), {}
    share = torch.linspace(0, 1, (frames - 1) * fine + 1)
    truth = shot.travel * 208 * (frames - 1) * (share + (speeding - 1) / 2 * share**2) / (1 + (speeding - 1) / 2)
    for pace in ("even", "continuous"):
        plan = plan_clip(lambda: clip, Timing(fine, pace=pace, cuts="off"), [Fraction(k, 24) for k in range(frames)])
        ways = [(truth[step.first * fine], truth[step.second * fine], step.t) for step in plan.steps]
        errors[pace] = float(torch.stack([(a + (b - a) * t) for a, b, t in ways]).sub(truth).abs().mean())
    return errors


@pytest.mark.parametrize("seed", [434, 438, 442])
def test_a_drawn_figure_that_gains_speed_goes_on_evenly_at_a_continuous_pace(seed):
    errors = figure_errors(seed, stiff=True)
    assert errors["continuous"] < 0.5 * errors["even"]


def test_limbs_that_swing_do_not_tell_how_fast_a_figure_goes():
    errors = figure_errors(438, stiff=False)
    assert errors["continuous"] < 1.05 * errors["even"]
