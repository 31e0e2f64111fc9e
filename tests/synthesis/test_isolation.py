"""The motion of figures by themselves: taken where it is better, and only there."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from animeinterp.frames import FramePair
from animeinterp.runtime.progress import leaf_modules
from animeinterp.synthesis.backdrop import Backdrop, Camera
from animeinterp.synthesis.between import BilateralSynthesis
from animeinterp.synthesis.config import IsolationConfig
from animeinterp.synthesis.isolation import Isolation, _cleaned, _matched, find_isolated
from tests.synthesis.test_backdrop import HEIGHT, MOVED, WIDTH, at, dragging, figure, painting, scene

QUARTER = (HEIGHT // 4, WIDTH // 4)


def pictures(frame):
    """A frame at half the size and as it is."""
    return [F.avg_pool2d(frame, 2), frame]


def pair(far=MOVED, start=100):
    art = painting()
    return scene(at(art), start), scene(at(art), start + far)


def even(far=MOVED):
    """The motion half-way of what goes to the right by ``far`` pixels everywhere, (1, 4, H/4, W/4)."""
    motion = torch.zeros(1, 4, *QUARTER)
    motion[:, 0], motion[:, 2] = -far / 8, far / 8
    return motion


def half_figure(far=MOVED, start=100):
    return F.avg_pool2d(figure(start + far / 2)[1].float(), 4) == 1


def lagging(far=MOVED):
    """As ``dragging``, and the figure's left half stays behind with the backdrop."""
    motion = dragging(100 + far / 2, float(far))
    left = torch.arange(0, WIDTH, 4) + 1.5 < 100 + far / 2
    return torch.where(left, 0.4 * motion, motion)


def test_what_stays_behind_with_the_backdrop_goes_with_its_figure():
    frame0, frame1 = pair()
    motion = find_isolated(pictures(frame0), pictures(frame1), lagging(), lambda *_: even())
    inside = half_figure().expand(1, 4, *QUARTER)
    assert (lagging() - even()).abs()[inside].mean() > 0.5, "the scene is too easy"
    assert (motion - even()).abs()[inside].mean() < 0.15 * (lagging() - even()).abs()[inside].mean()
    # Far from the figure nothing is taken from where all is of one colour.
    far = F.max_pool2d(half_figure().float(), 31, stride=1, padding=15).expand(1, 4, *QUARTER) == 0
    assert far.sum() > 1000 and (motion - lagging()).abs()[far].max() < 1e-4


def test_what_was_found_as_well_before_stays_as_it_was():
    frame0, frame1 = pair()
    found, looks = even() + 0.02, []
    motion = find_isolated(pictures(frame0), pictures(frame1), even(), lambda *alone: looks.append(alone) or found)
    assert torch.equal(motion, even()) and len(looks) == 1  # another would see the same


def test_what_is_found_worse_is_not_taken():
    frame0, frame1 = pair()
    motion = find_isolated(pictures(frame0), pictures(frame1), even(), lambda *_: even(0.4 * MOVED))
    assert torch.equal(motion, even())


def test_it_is_looked_for_in_pictures_of_every_size_with_nothing_behind_the_figures():
    frame0, frame1 = pair()
    seen = []

    def search(first, last):
        seen.append((first, last))
        return even()

    find_isolated(pictures(frame0), pictures(frame1), lagging(), search, IsolationConfig(rounds=2))
    assert len(seen) == 2
    for shown, x in zip(seen[0], (100, 100 + MOVED), strict=True):
        assert [tuple(picture.shape[-2:]) for picture in shown] == [(HEIGHT // 2, WIDTH // 2), (HEIGHT, WIDTH)]
        inside, around = figure(x, 30)[1], ~figure(x, 48)[1]
        original = frame0 if x == 100 else frame1
        assert (shown[1] - original).abs().mean(dim=1, keepdim=True)[inside].max() < 0.02
        behind = shown[1].permute(0, 2, 3, 1)[around[:, 0]]
        assert (behind - behind.median(dim=0).values).abs().max() < 0.02, "one colour"
        smaller = F.avg_pool2d(shown[1], 2)
        assert (shown[0] - smaller).abs().mean() < 0.01, "the same at half the size"


def test_one_that_leaves_the_frame_goes_where_it_went():
    frame0, frame1 = pair(80, WIDTH - 80)  # a part of it is outside in the second drawing
    motion = dragging(WIDTH - 40, 80.0)
    wrong = motion * torch.tensor([1.0, 1.0, 0.2, 0.2]).reshape(1, 4, 1, 1)
    columns = torch.arange(0, WIDTH, 4) + 1.5
    leaves = columns + 40 >= WIDTH + 6
    joined = find_isolated(pictures(frame0), pictures(frame1), motion, lambda *_: wrong)
    assert leaves.sum() >= 5 and torch.equal(joined[..., leaves], motion[..., leaves])


def test_one_that_sinks_by_a_pixel_at_the_frame_s_lower_edge_is_still_within():
    """Its lowest rows lead out of the frame by less than half a position, and are looked for like the rest."""
    art = painting()
    frames = []
    for x in (100, 100 + MOVED):
        frame = scene(at(art), x)
        frame[..., 100:, x - 30 : x + 30] = figure(x, 400)[0][..., 100:, x - 30 : x + 30]  # it stands on the edge
        frames.append(frame)
    sinks = torch.tensor([0.0, 0.3, 0.0, 0.3]).reshape(1, 4, 1, 1)
    before, right = lagging() + sinks, even() + sinks
    joined = find_isolated(*(pictures(frame) for frame in frames), before, lambda *_: right)
    columns = slice(round(100 + MOVED / 2 - 24) // 4, round(100 + MOVED / 2 - 8) // 4)
    lowest = (..., slice(-2, None), columns)
    assert (before - right)[lowest].abs().mean() > 0.5
    assert (joined - right)[lowest].abs().mean() < 0.2 * (before - right)[lowest].abs().mean()


@pytest.mark.parametrize("seed", [0, 1])
def test_without_a_backdrop_nothing_is_looked_for(seed):
    frames = [torch.rand(1, 3, HEIGHT, WIDTH, generator=torch.Generator().manual_seed(2 * seed + k)) for k in (0, 1)]

    def search(*_):
        raise AssertionError("there is nothing to isolate")

    assert torch.equal(find_isolated(*(pictures(frame) for frame in frames), even(), search), even())


def test_of_figures_that_fill_both_frames_the_colour_behind_is_some_colour():
    whole = torch.ones(1, 1, 64, 64)
    frame = torch.rand(1, 3, 64, 64)
    backdrop = Backdrop((whole, whole), camera=None)
    isolation = Isolation.of(frame, frame, backdrop, torch.zeros(1, 4, 16, 16))
    assert torch.isfinite(isolation.colour).all() and torch.equal(isolation.alone(0, [frame])[0], frame)


def met(first, last):
    """What is kept of rectangles, where the motion leads 20 pixels to the right in the upper half and nowhere below."""
    figures = [torch.zeros(1, 1, 128, 192) for _ in range(2)]
    for shown, boxes in zip(figures, (first, last), strict=True):
        for top, bottom, left, right in boxes:
            shown[..., top:bottom, left:right] = 1.0
    motion = torch.zeros(1, 4, 32, 48)
    motion[:, 0, :16], motion[:, 2, :16] = -2.5, 2.5
    kept = _matched(figures, motion, IsolationConfig())
    return [[box for box in boxes if one[..., box[0] : box[1], box[2] : box[3]].min() == 1]
            for one, boxes in zip(kept, (first, last), strict=True)]  # fmt: skip


def test_what_is_a_figure_in_one_drawing_alone_is_none():
    """Somebody whom the other drawing has for backdrop goes, what is led to its like stays."""
    led, somebody = ((20, 60, 20, 60), (20, 60, 40, 80)), (90, 110, 100, 112)
    assert met([led[0], somebody], [led[1]]) == [[led[0]], [led[1]]]
    assert met([led[0]], [led[1], somebody]) == [[led[0]], [led[1]]]
    assert met([led[0], somebody], [(66, 90, 130, 150)]) == [[], []]


def test_gaps_and_holes_are_the_figure_s_and_crumbs_are_none():
    shape = np.zeros((120, 160), np.float32)
    shape[20:100, 30:70] = 1
    shape[20:100, 73:110] = 1  # a gap of three pixels
    shape[40:48, 80:90] = 0  # a hole
    shape[50:90, 40:65] = 0  # ... too large for one
    shape[5:11, 140:150] = 1  # a crumb
    config = IsolationConfig(gap=2 / 160, hole=0.02, crumb=0.005)
    whole = _cleaned(torch.from_numpy(shape)[None, None], config)[0, 0].numpy()
    assert whole[30:90, 70:73].min() == 1 and whole[40:48, 80:90].min() == 1
    assert whole[55:85, 45:60].max() == 0 and whole[5:11, 140:150].max() == 0
    assert whole[20:100, 30].min() == 1 and whole[:, :28].max() == 0, "its outline is where it was"


@torch.no_grad()
def test_as_many_layers_run_as_are_told(monkeypatch):
    """With a backdrop all of them, so that the progress is not at its end before the work is."""
    synthesis = BilateralSynthesis().eval()
    for network in (synthesis.network.encoder, synthesis.network.decoders):
        for layer in leaf_modules(network):
            layer.register_forward_hook(lambda *_: ran.append(None))
    known = torch.zeros(1, 1, 96, 256)
    known[..., 64:128] = 1
    monkeypatch.setattr(Isolation, "join", lambda self, motion, *_: motion + 0.1)  # each time something is found
    frames = torch.rand(2, 3, 180, 500, generator=torch.Generator().manual_seed(0)).split(1)
    for found in (Backdrop((known, known), Camera()), None):
        monkeypatch.setattr(Backdrop, "find", lambda *_, found=found, **__: found)
        ran: list[None] = []
        synthesis.refine(FramePair.of(*frames))
        told = synthesis.count_layers(frames[0], encoded=False, fuses=False)
        assert len(ran) == told if found else 0.3 * told < len(ran) < told


@torch.no_grad()
def test_what_is_drawn_behind_is_looked_for_where_something_is_drawn(monkeypatch):
    """And not where motion alone is asked for: figures by themselves are, tightly, for both."""
    synthesis, looks = BilateralSynthesis().eval(), []
    synthesis.network.begin()
    monkeypatch.setattr(Backdrop, "find", lambda *_, tight=False: looks.append(tight))
    pair = FramePair.of(*torch.rand(2, 3, 180, 500, generator=torch.Generator().manual_seed(0)).split(1))
    synthesis.refine(pair)
    assert looks == [True]
    synthesis(*pair.rgb, None, [0.3, 0.5])
    assert looks == [True, True, False]
