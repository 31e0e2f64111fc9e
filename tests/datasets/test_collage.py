"""Collages: what is said of their motion is what their pictures show."""

import zipfile

import pytest
import torch
from collages import write_archive

from animeinterp.datasets.cartoon.sample import prepare
from animeinterp.datasets.collage import CollageConfig, draw, effects, read_art
from animeinterp.datasets.collage.backdrop import SHOTS, SIZE, paint_backdrops
from animeinterp.datasets.collage.motion import Moves, backward, bends, forward, places
from animeinterp.errors import AnimeInterpError
from animeinterp.flow import backwarp

PLAIN = dict(soft=0.0, lossy=0.0, grainy=0.0, lit=0.0, effects=0.0, lettered=0.0, redrawn=0.0)


@pytest.fixture(scope="module")
def material(tmp_path_factory):
    path = write_archive(tmp_path_factory.mktemp("art") / "art.zip")
    scenes = [prepare(k, SIZE, SHOTS) for k in range(2)]
    art = read_art(path)
    return art, paint_backdrops(0, 4, scenes, "cpu", art.backdrops)


def test_the_archive_is_read(material):
    art, backdrops = material
    assert art.kinds == ["still", "moving"] and art.count.tolist() == [1, 1, 1, 5]
    assert art.frames.shape == (8, 4, 256, 256) and art.backdrops.shape[0] == 1
    assert (art.frames[:, :3].int() <= art.frames[:, 3:].int() + 1).all()  # multiplied with alpha
    assert backdrops.stills.shape[0] == 5 and backdrops.shots.shape[:2] == (2, 3)


def test_what_is_no_archive_is_named(tmp_path):
    with pytest.raises(AnimeInterpError, match="no archive"):
        read_art(tmp_path / "missing.zip")
    path = tmp_path / "broken.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("index.json", '{"still": {"frames": 2}}')
        archive.writestr("still/0.webp", b"nothing")
    with pytest.raises(AnimeInterpError, match="still/0.webp"):
        read_art(path)


def test_motion_is_what_the_pictures_show(material):
    collage = draw(*material, 3, 6, CollageConfig(size=(128, 128), fastest=24.0, **PLAIN))
    for k, frame in ((0, collage.frame0), (1, collage.frame1)):
        seen = collage.known & ~collage.hidden[:, k : k + 1]
        assert seen.float().mean() > 0.4
        off = (backwarp(frame, collage.motion[:, 2 * k : 2 * k + 2]) - collage.between).abs().mean(dim=1, keepdim=True)
        still = (frame - collage.between).abs().mean(dim=1, keepdim=True)
        # Outlines differ by the parts of a pixel they cover, what is inside does not.
        assert off[seen].median() < 2e-3
        assert off[seen].mean() < 0.35 * still[seen].mean()


def test_the_same_seed_draws_the_same(material):
    config = CollageConfig(size=(64, 96))
    one, same, other = (draw(*material, seed, 3, config) for seed in (1, 1, 2))
    assert torch.equal(one.between, same.between) and torch.equal(one.motion, same.motion)
    assert not torch.equal(one.between, other.between)
    assert one.between.shape == (3, 3, 64, 96) and one.motion.shape == (3, 4, 64, 96)
    for frame in (one.frame0, one.between, one.frame1):
        assert frame.isfinite().all() and 0 <= frame.min() and frame.max() <= 1
    assert ((one.time > 0) & (one.time < 1)).all()


def test_without_speed_nothing_moves(material):
    still = draw(*material, 5, 4, CollageConfig(size=(64, 64), layers=2, slowest=1e-3, fastest=1.001e-3, shots=0.0, **PLAIN))
    assert still.motion.abs().max() < 0.01
    unmoved = still.known.expand(-1, 3, -1, -1)
    assert (still.frame0 - still.frame1)[unmoved].abs().median() < 1e-3


def test_backward_undoes_forward():
    chance, size = torch.Generator().manual_seed(0), (96, 128)
    count = 5
    moves = Moves(
        torch.rand(count, 2, generator=chance) * 96, 20 * torch.randn(count, 2, generator=chance),
        0.3 * torch.randn(count, generator=chance), 0.1 * torch.randn(count, generator=chance),
        bends(chance, torch.full((count,), 6.0), 5, size),
    )
    at, after = places(size, torch.device("cpu")).expand(count, -1, -1, -1), torch.full((count, 1, 1, 1), -0.6)
    found = backward(moves, forward(moves, at, after, size), after, size)
    assert (found - at).abs().quantile(0.99) < 0.05


def test_letters_stand_still_over_what_moves(material):
    plain, lettered = (
        draw(*material, 3, 4, CollageConfig(size=(128, 128), fastest=24.0, **{**PLAIN, "lettered": share}))
        for share in (0.0, 1.0)
    )
    over = (lettered.between != plain.between).any(dim=1, keepdim=True)
    assert 0.01 < over.float().mean() < 0.5
    for frame in (lettered.frame0, lettered.frame1):
        assert torch.equal(frame.where(over, 0), lettered.between.where(over, 0))
    assert not lettered.motion.where(over, 0).any() and lettered.known[over].all()
    assert not lettered.hidden.any(dim=1, keepdim=True)[over].any()
    # What the letters cover in a drawing is hidden there.
    assert lettered.hidden.sum() > plain.hidden[~over.expand_as(plain.hidden)].sum()


@pytest.mark.parametrize("effect", [effects.smoke, effects.glow, effects.rain, effects.snow])
def test_effects_move_with_time_and_let_through(effect):
    def shown(times, seed=0):
        frames = [torch.full((2, 3, 96, 128), 0.4) for _ in times]
        return effect(torch.Generator().manual_seed(seed), frames, [torch.full((2, 1, 1, 1), time) for time in times])

    start, middle, end = shown((0.0, 0.5, 1.0))
    assert all(0 <= one.min() and one.max() <= 1 for one in (start, middle, end))
    assert (middle - 0.4).abs().mean() > 1e-3
    near = shown((0.0, 0.5, 0.52))[2]
    assert 0 < (near - middle).abs().mean() < 0.5 * (end - middle).abs().mean()
    assert torch.equal(shown((0.0, 0.5, 1.0))[1], middle) and not torch.equal(shown((0.0, 0.5, 1.0), seed=1)[1], middle)


def test_effects_come_over_a_share_of_the_pictures():
    frames = [torch.full((64, 3, 16, 16), 0.4)] * 3
    times = [torch.full((64, 1, 1, 1), time) for time in (0.0, 0.5, 1.0)]
    made = effects.through(torch.Generator().manual_seed(0), frames, times, 0.1)
    changed = [(one != 0.4).flatten(1).any(dim=1) for one in made]
    assert 6 < changed[1].sum() < 44 and torch.equal(changed[0] | changed[2], changed[1] | changed[0] | changed[2])
