"""Collages: what is said of their motion is what their pictures show."""

import zipfile

import pytest
import torch
from collages import write_archive

from animeinterp.datasets.cartoon.sample import prepare
from animeinterp.datasets.collage import CollageConfig, draw, read_art
from animeinterp.datasets.collage.backdrop import SHOTS, SIZE, paint_backdrops
from animeinterp.datasets.collage.motion import Moves, backward, bends, forward, places
from animeinterp.errors import AnimeInterpError
from animeinterp.flow import backwarp

PLAIN = dict(soft=0.0, lossy=0.0, grainy=0.0, lit=0.0, snowing=0.0, redrawn=0.0)


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
