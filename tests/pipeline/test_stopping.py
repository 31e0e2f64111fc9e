"""The pipeline tells how far it is, can be stopped, and refuses what is wrong."""

import threading
import time

import pytest
import torch

from animeinterp import pipeline, stages
from animeinterp.completion import refiner
from animeinterp.errors import AnimeInterpError
from animeinterp.flow import Flow
from animeinterp.pipeline import interpolate, interpolate_stream

# --- progress and stopping ---


def test_progress_grows_and_ends(clip, way, one_pair_at_once):
    told = []
    interpolate(clip, 3, model=way, progress=lambda done, total: told.append((done, total)))
    done = [one for one, _ in told]
    assert done == sorted(done) and done[0] == 0 and done[-1] == 2 and {total for _, total in told} == {2}
    assert len(set(done)) > (60 if way else 9)
    assert max(after - before for before, after in zip(done, done[1:], strict=False)) < 0.7


@pytest.mark.parametrize("after", [0.0, 0.3, 0.9, 1.5])
def test_cancel_stops(clip, way, after, one_pair_at_once):
    class Stop(Exception):
        pass

    reached = [0.0]

    def cancel():
        if reached[-1] >= after:
            raise Stop

    with pytest.raises(Stop):
        interpolate(clip, 3, model=way, progress=lambda done, total: reached.append(done), cancel=cancel)
    assert reached[-1] < after + 0.7


def test_cancel_does_not_wait_for_what_gives_no_word(clip, monkeypatch):
    """A matching that takes seconds, and knows nothing of being stopped, is left behind."""
    working, leave = threading.Event(), threading.Event()

    def slow(*arguments):
        working.set()
        leave.wait(10)

    monkeypatch.setattr(stages, "pair_matches", slow)

    def cancel():
        if working.is_set():
            raise KeyboardInterrupt

    begun = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            interpolate(clip, model=None, cancel=cancel)
        assert time.monotonic() - begun < 5
    finally:
        leave.set()


def test_errors_from_behind_come_through(clip, monkeypatch):
    def broken(*arguments, **settings):
        raise AnimeInterpError("torn")

    monkeypatch.setattr(refiner, "complete", broken)
    for cancel in (None, lambda: None):
        with pytest.raises(AnimeInterpError, match="torn"):
            interpolate(clip, model=None, cancel=cancel)


# --- what is refused ---


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frames": torch.rand(0, 3, 64, 64)}, "no frames"),
        ({"frames": torch.rand(2, 3, 0, 64)}, "64x0; it should have one pixel"),
        ({"frames": torch.rand(2, 64, 64, 3)}, "frames has shape"),
        ({"frames": torch.zeros(2, 3, 64, 64, dtype=torch.uint8)}, "frames holds torch.uint8"),
        ({"multiplier": 0}, "multiplier is 0"),
        ({"multiplier": 2.5}, "multiplier is 2.5"),
        ({"multiplier": True}, "multiplier is True"),
        ({"times": []}, "times is"),
        ({"times": [0.5, 1.2]}, "times is"),
        ({"model": "anime_interp_full.ckpt"}, "model is 'anime_interp_full.ckpt'; it should be an AnimeInterp"),
        ({"flows": Flow(torch.zeros(2, 2, 64, 64), torch.zeros(2, 2, 64, 64))}, "flows is of 2 pairs; 2 frames are 1"),
        ({"flows": Flow(torch.zeros(1, 2, 8, 8), torch.zeros(1, 2, 8, 8))}, "flow_01 is"),
    ],
)
def test_refuses(change, message):
    given = {"frames": torch.rand(2, 3, 64, 64), "model": None} | change
    with pytest.raises(AnimeInterpError, match=message):
        interpolate(**given)


def test_refuses_frames_of_two_sizes():
    with pytest.raises(AnimeInterpError, match="Frame 1 is 72x64, 3 channels and those before it are 64x64"):
        list(interpolate_stream([torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 72)], model=None))


def test_auto_is_the_bundled_model_where_one_ships(clip, model, monkeypatch):
    monkeypatch.setattr(pipeline, "bundled_models", lambda: [])
    assert torch.equal(interpolate(clip[:2]), interpolate(clip[:2], model=None))
    monkeypatch.setattr(pipeline, "bundled_models", lambda: ["some.safetensors"])
    monkeypatch.setattr(pipeline, "load_model", lambda device: model)
    assert torch.equal(interpolate(clip[:2]), interpolate(clip[:2], model=model))
