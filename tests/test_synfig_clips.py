"""The clips out of other people's drawings: that what is called a true in-between is one. Needs no drawing."""

import json
from xml.etree import ElementTree

import numpy as np
import pytest

from benchmarks import synfig_clips
from benchmarks.synfig_clips import HEIGHT, SAMPLES, TIMES, WIDTH, Actor
from benchmarks.synfig_shots import BACKGROUNDS, CLIPS, SPEEDS, Clip, Stand
from benchmarks.synfig_sprites import FIGURES, Drawings, Figure, Part, Sprite


class Discs:
    """Stands in for the rendered drawings: each part a disc on its own place, each background plain."""

    def sprite(self, figure, part):
        return Sprite(disc(60), 100 + 40 * len(part.name), 200)

    def picture(self, file, width, height, layers=(), *, symbol=None, time=0.0):
        picture = np.ones((height, width, 4), np.float32)
        picture[..., :3] = 0.25
        return picture


def disc(size):
    y, x = np.mgrid[:size, :size] - (size - 1) / 2
    image = np.zeros((size, size, 4), np.float32)
    image[np.hypot(x, y) < size / 2] = 1.0
    return image


PUPPET = Figure("puppet", 400, 400, (
    Part("body", ("0",)),
    Part("arm", ("1",), "body", (0.4, 0.5), 60),
    Part("hand", ("2",), "arm", (0.7, 0.5), 30),
), "body")


@pytest.fixture
def puppet(monkeypatch):
    monkeypatch.setitem(FIGURES, "puppet", PUPPET)
    return "puppet"


def test_what_is_drawn_is_settled_and_varied():
    names = [clip.name for clip in CLIPS]
    assert len(set(names)) == len(names) and len({clip.seed for clip in CLIPS}) == len(CLIPS)
    assert {clip.speed for clip in CLIPS} == set(SPEEDS)
    assert all(clip.name.startswith(clip.speed) for clip in CLIPS)
    assert all(clip.background in BACKGROUNDS and s.figure in FIGURES for clip in CLIPS for s in clip.stands)
    for figure in FIGURES.values():
        parts = {part.name for part in figure.parts}
        assert figure.root in parts and all(part.parent is None or part.parent in parts for part in figure.parts)


@pytest.mark.parametrize("speed", SPEEDS)
def test_a_clip_moves_by_what_its_class_says(puppet, speed):
    clip = Clip("x", 5, speed, "room", (Stand(puppet, 300, 180, 300),))
    frames, meta = synfig_clips.draw(clip, Discs())
    low, high = SPEEDS[speed]
    assert low * 0.99 <= meta["max_displacement"] <= high * 1.01
    assert set(frames) == set(TIMES) and all(frame.shape == (HEIGHT, WIDTH, 3) for frame in frames.values())
    again, _ = synfig_clips.draw(clip, Discs())
    assert all(np.array_equal(frames[name], again[name]) for name in frames)
    assert not np.array_equal(frames["frame1"], frames["frame3"])


def test_turns_and_shifts_are_linear_in_time(puppet):
    actor = Actor(Stand(puppet, 300, 180, 300), Discs(), np.random.default_rng(1))
    poses = [actor.pose(t, 1.0) for t in (0.0, 0.25, 0.5, 0.75, 1.0)]
    for part, name in enumerate(("body", "arm", "hand")):
        angles = np.unwrap([np.arctan2(pose[part][1, 0], pose[part][0, 0]) for pose in poses])
        assert np.allclose(np.diff(angles), np.diff(angles)[0]), name
        assert abs(angles[-1] - angles[0]) > 0.05, name
    # A joint is shared: the arm's end of the hand's joint is where the hand has it.
    joint = np.array([0.7 * 400, 0.5 * 400, 1.0])
    assert all(np.allclose(pose[1] @ joint, pose[2] @ joint) for pose in poses)


def test_a_sprite_lands_on_its_place_to_a_fraction_of_a_pixel():
    canvas = np.zeros((HEIGHT * SAMPLES, WIDTH * SAMPLES, 3), np.float32)
    matrix = np.array([[0.5, 0.0, 10.25], [0.0, 0.5, 20.5]])
    synfig_clips._lay(canvas, Sprite(disc(60), 100, 40), matrix)
    frame = synfig_clips._shrink(canvas)[..., 0].astype(float)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    centre = (frame * x).sum() / frame.sum(), (frame * y).sum() / frame.sum()
    expected = 0.5 * (100 + 29.5) + 10.25, 0.5 * (40 + 29.5) + 20.5
    assert np.allclose(centre, expected, atol=0.02)
    assert frame.sum() / 255 == pytest.approx(np.pi * 15**2, rel=0.02)


def test_a_pan_moves_the_scenery_with_it():
    scenery = np.zeros((round(1.25 * HEIGHT) * SAMPLES, round(1.25 * WIDTH) * SAMPLES, 3), np.float32)
    scenery[900:940, 1400:1440] = 1.0
    seen = [synfig_clips._shrink(synfig_clips._pan(scenery, np.array(s))) for s in ((0.0, 0.0), (12.0, -5.0))]
    assert np.array_equal(np.roll(seen[0], (-5, 12), axis=(0, 1)), seen[1])


def test_layers_are_switched_off_but_for_those_asked_for(tmp_path):
    text = (
        '<canvas><defs/><layer type="a"/><layer type="group" active="false"><param name="canvas"><canvas>'
        '<layer type="b"/><layer type="c"><param><value id="shared"/></param></layer></canvas></param></layer>'
        '<layer type="d"/></canvas>'
    )
    (tmp_path / "puppet.sif").write_text(text)
    drawings = Drawings(tmp_path / "cache", tmp_path)
    tree = drawings._only("puppet", ("1.0",), None)
    assert [layer.get("type") for layer in tree.iter("layer")] == ["group", "b", "c"]
    state = {layer.get("type"): layer.get("active") for layer in tree.iter("layer")}
    assert state == {"group": "true", "b": "true", "c": "false"}, "what others refer to stays, switched off"
    whole = drawings._only("puppet", ("1",), None)
    assert [layer.get("active") for layer in whole.iter("layer")] == ["true", None, None]
    assert ElementTree.parse(tmp_path / "puppet.sif").getroot().find("layer").get("active") is None


def test_a_clip_is_written_as_a_triplet(tmp_path, puppet):
    from animeinterp.datasets.triplets import TripletFolder

    frames, meta = synfig_clips.draw(Clip("fast_x", 5, "fast", "room", (Stand(puppet, 300, 180, 300),)), Discs())
    synfig_clips.write(tmp_path / "fast_x", frames, meta)
    (triplet,) = TripletFolder(tmp_path)
    assert triplet.tags == {"speed": ("fast",)}
    assert np.array_equal((triplet.middle[0] * 255).round().byte().permute(1, 2, 0).numpy(), frames["frame2"])
    assert json.loads((tmp_path / "fast_x" / "meta.json").read_text())["seed"] == 5


def test_without_the_drawings_it_says_where_to_get_them(tmp_path):
    with pytest.raises(SystemExit, match="apt-get install synfig"):
        Drawings(tmp_path, tmp_path / "nowhere")
