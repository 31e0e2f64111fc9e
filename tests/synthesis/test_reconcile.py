"""Two in-betweens of cut-outs made one: exact where that can be trusted, whole everywhere."""

from dataclasses import replace

import pytest
import torch
from torch.nn.functional import pad

import animeinterp as ai
from animeinterp.datasets.clips import public_clips
from animeinterp.errors import AnimeInterpError
from animeinterp.evaluation.metrics import psnr_moving, to_8bit
from animeinterp.flow import Flow
from animeinterp.frames import FramePair
from animeinterp.stages import Stages
from animeinterp.synthesis.blend import FrameWarper
from animeinterp.synthesis.reconcile import Doubts, Reconciled, follow_exact, reconcile

TORN = slice(30, 60), slice(40, 80)


@pytest.fixture(scope="module")
def model():
    return ai.load_model()


def picture(seed: int = 0, shift: int = 0) -> torch.Tensor:
    blocks = torch.rand(1, 3, 12, 20, generator=torch.Generator().manual_seed(seed))
    return blocks.repeat_interleave(8, 2).repeat_interleave(8, 3).roll(shift, 3)


def torn(frame: torch.Tensor) -> torch.Tensor:
    frame = frame.clone()
    frame[..., TORN[0], TORN[1]] = 1 - frame[..., TORN[0], TORN[1]]
    return frame


def doubts(unmatched: float = 0.0, off=(0.0, 0.0), strange=(0.0, 0.0), loose: float = 0.0) -> Doubts:
    """The same all over."""
    unmatched, loose, *maps = (torch.full((1, 1, 96, 160), float(x)) for x in (unmatched, loose, *off, *strange))
    return Doubts(unmatched, (maps[0], maps[1]), (maps[2], maps[3]), loose)


UNSURE = doubts(1.0)


def test_where_both_show_the_same_nearly_at_the_same_place_the_exact_one_is_taken():
    exact, whole = picture(), picture(shift=1)
    made = reconcile(exact, whole, UNSURE)
    assert torch.equal(made[..., 12:-12], exact[..., 12:-12])
    assert not torch.equal(reconcile(exact, picture(shift=4), UNSURE)[..., 12:-12], exact[..., 12:-12])


def test_what_is_torn_is_whole_and_all_around_it_exact():
    whole = picture()
    sharp = whole + 0.004  # less than what makes them differ
    made = reconcile(torn(sharp), whole, UNSURE)
    assert torch.allclose(made[..., TORN[0], TORN[1]], whole[..., TORN[0], TORN[1]], atol=1e-6)
    assert torch.allclose(made[..., :30], sharp.clamp(0, 1)[..., :30], atol=1e-6)
    assert torch.allclose(made[..., 90:], sharp.clamp(0, 1)[..., 90:], atol=1e-6)


NO_MATTER = {"off": (0.1, 0.15), "strange": (0.05, 0.05)}  # neither is plainly better


@pytest.mark.parametrize(
    "maps, of_exact",
    [
        (doubts(0.1, **NO_MATTER), False),
        (doubts(0.1, (0.1, 0.3), (0.05, 0.05)), True),
        (doubts(0.5, (0.1, 0.3), (0.05, 0.05)), False),
        (doubts(0.1, (0.1, 0.15), (0.03, 0.05)), True),
        (doubts(0.5, (0.1, 0.15), (0.03, 0.05)), False),
        (doubts(0.9, (0.1, 0.15), (0.02, 0.05)), True),
        (doubts(0.9, (0.1, 0.15), (0.0, 0.004)), False),
        (doubts(0.1, (0.02, 0.0), (0.04, 0.0)), True),
        (doubts(0.5, (0.02, 0.0), (0.04, 0.0)), False),
        (doubts(0.1, (0.04, 0.0), (0.04, 0.0)), False),
        (doubts(0.1, (0.02, 0.0), (0.04, 0.02)), False),
        (doubts(0.1, **NO_MATTER, loose=0.3), True),
        (doubts(0.5, **NO_MATTER, loose=0.3), False),
    ],
    ids=[
        "neither is better", "the drawings are far more alike along its motion", "they are, but it was not matched",
        "it looks more like what was drawn", "it does, but was not matched", "it does so plainly that it is taken all the same",
        "both look like what was drawn",
        "a large thing that the other lacks", "that was not matched", "that is not alike in both drawings",
        "the other shows something", "a thing by itself", "half of one",
    ],
)  # fmt: skip
def test_where_they_differ_the_exact_one_is_taken_only_where_it_is_to_be_trusted(maps, of_exact):
    exact, whole = picture(), torn(picture())
    made = reconcile(exact, whole, maps)[..., TORN[0], TORN[1]]
    assert torch.equal(made, (exact if of_exact else whole)[..., TORN[0], TORN[1]])


def test_a_scrap_that_the_whole_one_lacks_is_none():
    """As a large thing that it lacks, above."""
    whole, place = picture(), (slice(40, 43), slice(60, 63))
    exact = whole.clone()
    exact[..., place[0], place[1]] = 1 - exact[..., place[0], place[1]]
    made = reconcile(exact, whole, doubts(0.1, (0.02, 0.0), (0.04, 0.0)))
    assert torch.equal(made[..., place[0], place[1]], whole[..., place[0], place[1]])


def test_places_are_decided_one_by_one():
    whole, place = picture(), (slice(30, 60), slice(110, 140))
    exact, maps = torn(whole), doubts()
    exact[..., place[0], place[1]] = 0.5
    maps.unmatched[..., :90] = 1.0
    made = reconcile(exact, whole, maps)
    assert torch.equal(made[..., :90], whole[..., :90])
    assert torch.equal(made[..., place[0], place[1]], exact[..., place[0], place[1]])


def test_colours_of_what_cannot_be_seen_do_not_count():
    """What differs is hidden: the exact one is taken all around it, and would not be if it were seen."""
    sharp, whole, hides = torn(picture()) + 0.004, picture(), torch.ones(1, 1, 96, 160)
    hides[..., TORN[0], TORN[1]] = 0
    for alpha, hidden in ((hides, True), (torch.ones_like(hides), False)):
        exact, other = torch.cat([sharp.clamp(0, 1), alpha], 1), torch.cat([whole, alpha], 1)
        made = reconcile(exact, other, UNSURE)
        assert made.shape == exact.shape and torch.allclose(made[:, 3:], alpha)
        beside = made[:, :3, TORN[0], 38:40] - exact[:, :3, TORN[0], 38:40]
        assert (float(beside.abs().max()) < 1e-6) == hidden


def test_of_holes_nothing_is_known_and_of_the_rest_what_its_drawings_know(model):
    """A picture that moves by four pixels, a thing by itself in it, and a hole where nothing lands of either drawing."""
    frames = [Stages(model).load(picture(shift=by)) for by in (0, 4)]
    right, thing = torch.zeros(1, 2, 96, 160), torch.zeros(1, 1, 96, 160)
    right[:, 0], thing[..., 20:40, 60:80] = 4, 1.0
    flow = Flow(right, -right, loose_0=thing, loose_1=thing.roll(4, 3), cutouts=[True])
    drawing = Stages(model).cutouts.synthesizer.prepare(FramePair(*frames), flow)
    warped = FrameWarper(*FramePair(*frames).rgb, flow).at(0.5)
    hole = torch.zeros(1, 1, 96, 160, dtype=torch.bool)
    hole[..., 60:80, 60:80] = True
    noted = drawing._note(replace(warped, masses=tuple(mass.masked_fill(hole, 0) for mass in warped.masses)))
    assert torch.equal(noted.hole, hole) and (noted.neither[hole] == 1).all() and (noted.off[hole] == 1).all()
    inner = ~hole
    inner[..., :8], inner[..., -8:] = False, False
    assert float(noted.neither[inner].max()) < 0.1 and float(noted.off[inner].max()) < 0.02
    assert (noted.loose[..., 22:38, 64:80] == 1).all() and float(noted.loose.mean()) < 0.03
    assert torch.allclose(noted.ways[0][..., 8:-8].mean(dim=(2, 3)), torch.tensor([[-2.0, 0.0]]), atol=0.1)
    made = picture(shift=2)
    maps = drawing._doubts(noted, made, made, torch.zeros_like(noted.off))
    assert (maps.strange[0][hole] == 1).all() and float(maps.strange[1][hole].max()) < 0.05
    assert float(maps.strange[0][inner].max()) < 0.05


def test_an_exact_motion_is_followed_where_the_drawings_agree_along_it():
    scene = pad(picture(), (16, 16, 0, 0), mode="replicate")
    frame0, frame1 = scene[..., 16:-16], scene[..., :-32]  # 16 pixels to the right
    right = torch.zeros(1, 2, 96, 160)
    right[:, 0] = 16
    found = torch.zeros(1, 4, 24, 40)
    followed = follow_exact(found, frame0, frame1, Flow(right, -right, cutouts=[True]))
    inner = followed[..., 4:-4, 8:-8]
    assert (inner[:, 0] + 2).abs().mean() < 0.2 and (inner[:, 2] - 2).abs().mean() < 0.2
    away = follow_exact(found, frame0, frame0, Flow(right, -right, cutouts=[True]))
    assert away.abs().mean() < 0.2  # nothing moved: it is not followed


def test_in_one_small_picture_the_search_begins_there(model):
    frame0, frame1 = picture(), picture(shift=24)
    right = torch.zeros(1, 2, 96, 160)
    right[:, 0] = 24
    drawn = [
        model.synthesis.refine(FramePair(*(Stages(model).load(frame) for frame in (frame0, frame1))), flow)
        for flow in (Flow(right, -right, cutouts=[True]), Flow(right, -right), None)
    ]
    assert torch.equal(drawn[0].flow_01, drawn[1].flow_01) and not torch.equal(drawn[0].flow_01, drawn[2].flow_01)


def test_cutouts_are_drawn_by_both_and_torn_by_neither(model):
    """A figure that goes far, in one of whose drawings pieces are not matched."""
    clip = next(clip for clip in public_clips(times=(0.5,)) if clip.name == "fast_301").sample
    stages = Stages(model)
    assert isinstance(stages.cutouts.synthesizer, Reconciled)
    prepared = stages.pair(stages.load(clip.frame0), stages.load(clip.frame1))
    assert prepared.flow.cutouts == [True]
    pair = FramePair(stages.load(clip.frame0), stages.load(clip.frame1))
    alone = model.cutouts.synthesis.prepare(pair, prepared.flow).at([0.5])
    drawn = prepared.at([0.5]), alone.clamp(0, 1)
    made, exact = (psnr_moving(to_8bit(x), clip.mids[0], clip.frame0, clip.frame1) for x in drawn)
    assert made > exact + 0.5


def test_it_needs_a_flow(model):
    stages = Stages(model)
    frame = stages.load(picture())
    with pytest.raises(AnimeInterpError, match="needs a flow"):
        stages.cutouts.synthesizer.prepare(FramePair(frame, frame), None)
