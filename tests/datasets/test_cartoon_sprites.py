"""Drawings of a folder or zip in the generator's shots: exact flow, one piece each, and no use without a licence."""

import pickle
import zipfile

import cv2
import numpy as np
import pytest
import torch
from torch.nn import functional as F

from animeinterp.datasets.cartoon import CartoonConfig, draw, draw_scenes, prepare
from animeinterp.datasets.cartoon.sprites import SpriteSet
from animeinterp.errors import AnimeInterpError

SIZE = (128, 192)


def draw_sprite(seed):
    """A spotted egg on clear ground, BGRA."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((150, 120, 4), np.uint8)
    cv2.ellipse(picture, (60, 75), (50, 65), 0, 0, 360, (*rng.integers(60, 255, 3).tolist(), 255), -1, cv2.LINE_AA)
    for x, y in rng.integers(40, 90, (6, 2)).tolist():
        cv2.circle(picture, (x, y), 9, (*rng.integers(0, 255, 3).tolist(), 255), -1, cv2.LINE_AA)
    return picture


@pytest.fixture
def sprites(tmp_path):
    folder = tmp_path / "sprites"
    (folder / "backgrounds").mkdir(parents=True)
    for seed in range(3):
        cv2.imwrite(str(folder / f"egg{seed}{('.png', '.webp')[seed % 2]}"), draw_sprite(seed))
    noise = np.random.default_rng(9).integers(60, 255, (5, 9, 3), dtype=np.uint8)
    cv2.imwrite(str(folder / "backgrounds" / "meadow.png"), cv2.resize(noise, (360, 200), interpolation=cv2.INTER_CUBIC))
    (folder / "LICENSE.txt").write_text("Drawn for this test. CC0.")
    return folder


def config(path, **options):
    return CartoonConfig(**{"motion": (0.05, 0.1), "sprites": str(path), "sprite_share": 1.0, "line_art": 0.0, "plain": 0.0,
                            "inverted": 0.0, "hold": 0.0, **options})


def read(image, flow):
    x = (torch.arange(SIZE[1]) + flow[:, 0]) * 2 / (SIZE[1] - 1) - 1
    y = (torch.arange(SIZE[0])[:, None] + flow[:, 1]) * 2 / (SIZE[0] - 1) - 1
    return F.grid_sample(image, torch.stack([x, y], -1), align_corners=True, padding_mode="border")


def db(a, b, where):
    return float(-10 * torch.log10((a - b).square().mean(1, keepdim=True)[where].mean()))


def test_their_flow_carries_one_frame_onto_the_other(sprites):
    gains = []
    for seed in range(40, 46):
        sample = draw(seed, size=SIZE, config=config(sprites))
        seen = ~sample.occlusion_0
        warped = db(read(sample.frame1, sample.flow_01), sample.frame0, seen)
        gains.append(warped - db(sample.frame1, sample.frame0, seen))
        assert warped > 25, seed
    assert min(gains) > 5


def test_they_are_seen_and_are_pieces(sprites):
    with_them, without = (draw(41, size=SIZE, config=config(sprites, sprite_share=s)) for s in (1.0, 0.0))
    assert not torch.equal(with_them.frame0, without.frame0)
    assert torch.isfinite(with_them.frame0).all() and 0 <= with_them.frame0.min() and with_them.frame0.max() <= 1
    for labels in (with_them.labels_0, with_them.labels_1):
        present = labels.unique()
        assert present.tolist() == list(range(len(present)))


def test_clips_without_them_are_what_they_were(sprites):
    plain = draw(41, size=SIZE, config=config(sprites, sprites=None, sprite_share=0.0))
    none = draw(41, size=SIZE, config=config(sprites, sprite_share=0.0))
    assert torch.equal(plain.frame0, none.frame0) and torch.equal(plain.flow_01, none.flow_01)
    shown = [not torch.equal(*(draw(s, size=(64, 96), config=config(sprites, sprite_share=share)).frame0 for share in (0.5, 0.0)))
             for s in range(60, 84)]
    assert 6 <= sum(shown) <= 18, "about half of the clips show some"


def test_a_seed_is_a_clip_whoever_composes_it(sprites):
    """Scenes with pictures travel between processes, and a batch drawn at once is the clips drawn singly."""
    scenes = [pickle.loads(pickle.dumps(prepare(seed, SIZE, config(sprites)))) for seed in (41, 42)]
    together = draw_scenes(scenes, size=SIZE, times=[0.5], config=config(sprites))
    for index, seed in enumerate((41, 42)):
        alone = draw(seed, size=SIZE, config=config(sprites))
        torch.testing.assert_close(together.frame1[index], alone.frame1[0], atol=2e-4, rtol=0)
        torch.testing.assert_close(together.flow_10[index], alone.flow_10[0], atol=1e-3, rtol=0)


def test_a_zip_is_as_good_as_a_folder(sprites, tmp_path):
    packed = tmp_path / "sprites.zip"
    with zipfile.ZipFile(packed, "w") as file:
        for path in sorted(sprites.rglob("*.*")):
            file.write(path, path.relative_to(sprites))
    a, b = SpriteSet(sprites), SpriteSet(packed)
    assert a.sprites == b.sprites == ["egg0.png", "egg1.webp", "egg2.png"] and a.backgrounds == ["backgrounds/meadow.png"]
    assert a.licence == b.licence == ("LICENSE.txt", "Drawn for this test. CC0.")
    assert torch.equal(draw(41, size=SIZE, config=config(sprites)).frame0, draw(41, size=SIZE, config=config(packed)).frame0)
    assert pickle.loads(pickle.dumps(b)).sprites == b.sprites


def test_pictures_are_trimmed_and_multiplied_with_alpha(sprites):
    picture = SpriteSet(sprites).read("egg0.png", 1000)
    assert picture.shape[2] == 4 and picture.dtype == np.float32
    assert abs(picture.shape[0] - 131) <= 2 and abs(picture.shape[1] - 101) <= 2, "clear borders are cut off"
    assert (picture[..., :3] <= picture[..., 3:] + 1e-6).all()
    assert max(SpriteSet(sprites).read("egg0.png", 50).shape) == 50


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda f: (f / "LICENSE.txt").unlink(), "no LICENSE or CREDITS"),
        (lambda f: (f / "egg0.png").write_bytes(b"no picture"), "egg0.png cannot be read"),
        (lambda f: cv2.imwrite(str(f / "egg0.png"), np.zeros((9, 9, 4), np.uint8)), "egg0.png is clear all over"),
        (lambda f: [p.unlink() for p in f.rglob("*.*") if p.suffix != ".txt"], "holds no picture"),
    ],
)
def test_what_cannot_be_used_is_named(sprites, damage, message):
    damage(sprites)
    with pytest.raises(AnimeInterpError, match=message):
        SpriteSet(sprites).read("egg0.png", 100)
    with pytest.raises(AnimeInterpError, match="no folder and no zip"):
        SpriteSet(sprites / "nowhere")
