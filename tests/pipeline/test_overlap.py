"""Pairs that are worked on side by side: the same frames, in their order, and in good order where something goes wrong."""

import threading
import time

import pytest
import torch

from animeinterp import pipeline
from animeinterp.errors import AnimeInterpError
from animeinterp.pipeline import interpolate_stream
from animeinterp.runtime import overlap
from animeinterp.runtime.overlap import pairs_at_once

NAME = "animeinterp-pair"


@pytest.fixture
def five(clip):
    return torch.cat([clip, clip[:2] * 0.9 + 0.05])


def threads():
    return [thread for thread in threading.enumerate() if thread.name.startswith(NAME)]


@pytest.mark.parametrize("at_once", [2, 3, 9])
def test_the_same_frames(five, way, at_once):
    wanted = torch.cat(list(interpolate_stream(five.split(1), 3, model=way, at_once=1)))
    told = []
    found = interpolate_stream(five.split(1), 3, model=way, at_once=at_once, progress=told.append)
    assert torch.equal(torch.cat(list(found)), wanted) and not threads()
    assert told == sorted(told) and told[0] == 0 and told[-1] == 4
    with torch.inference_mode():
        assert torch.equal(torch.cat(list(interpolate_stream(five.split(1), 3, model=way, at_once=at_once))), wanted)


def watch(monkeypatch, begin):
    """``begin(number)`` is called as a pair is begun, by the thread that works on it."""
    draw, count = pipeline.draw_between, iter(range(99))
    lock = threading.Lock()

    def watched(*arguments):
        with lock:
            number = next(count)
        begin(number)
        return draw(*arguments)

    monkeypatch.setattr(pipeline, "draw_between", watched)


def test_two_are_under_way_at_the_same_time(five, monkeypatch):
    meet = threading.Barrier(2, timeout=20)
    watch(monkeypatch, lambda number: meet.wait())
    assert len(list(interpolate_stream(five.split(1), model=None, at_once=2))) == 9


def test_a_frame_more_is_asked_for_early(five):
    asked = []
    frames = (asked.append(i) or frame for i, frame in enumerate(five.split(1)))
    stream = interpolate_stream(frames, model=None, at_once=2)
    assert not asked
    ahead = [len(asked) - (index + 1) // 2 for index, _ in enumerate(stream)]
    assert max(ahead) == 2 and len(asked) == 5


def test_each_frame_is_looked_at_once(five, model, monkeypatch):
    encode, seen = model.synthesis.encode, []
    monkeypatch.setattr(model.synthesis, "encode", lambda frame: seen.append(1) or time.sleep(0.05) or encode(frame))
    list(interpolate_stream(five.split(1), model=model, at_once=3))
    assert len(seen) == 5


def test_what_goes_wrong_is_raised_where_its_turn_is(five, monkeypatch):
    def begin(number):
        if number == 2:
            raise AnimeInterpError("torn")

    watch(monkeypatch, begin)
    stream, came = interpolate_stream(five.split(1), model=None, at_once=3), []
    with pytest.raises(AnimeInterpError, match="torn"):
        came.extend(stream)
    assert len(came) == 5 and torch.equal(came[4], five[2:3]) and not threads()


def test_cancel_does_not_wait_for_all_that_was_begun(five, monkeypatch):
    class Stop(Exception):
        pass

    under_way, begun = threading.Event(), time.monotonic()

    def begin(number):
        under_way.set()

    def cancel():
        if under_way.is_set():
            raise Stop

    watch(monkeypatch, begin)
    with pytest.raises(Stop):
        list(interpolate_stream(five.split(1), model=None, at_once=2, cancel=cancel))
    assert time.monotonic() - begun < 5 and not threads()


def test_leaving_early_ends_the_threads(five):
    stream = interpolate_stream(five.split(1), model=None, at_once=2)
    for _ in range(3):
        next(stream)
    stream.close()
    assert not threads()


def test_as_many_as_threads_and_memory_suit(monkeypatch):
    frame = torch.zeros(1, 3, 100, 100)
    for used, free, most in ((1, 1e12, 1), (2, 1e12, 2), (16, 1e12, 2), (2, 100 * 120000 * 1.5, 1), (2, 0, 1)):
        monkeypatch.setattr(torch, "get_num_threads", lambda used=used: used)
        monkeypatch.setattr(overlap, "free_memory", lambda device, free=free: free)
        assert pairs_at_once(frame) == most
    elsewhere = torch.zeros(1, 3, 100, 100, device="meta")
    monkeypatch.setattr(overlap, "free_memory", lambda device: 1e12)
    for cores, most in ((None, 1), (4, 1), (8, 2), (64, 3)):
        monkeypatch.setattr(overlap.os, "cpu_count", lambda cores=cores: cores)
        assert pairs_at_once(elsewhere) == most


def test_where_memory_is_short_one_is_enough(five, monkeypatch):
    together, most = [], []

    def begin(number):
        together.append(number)
        most.append(len(together))
        time.sleep(0.1)
        together.remove(number)

    watch(monkeypatch, begin)
    monkeypatch.setattr(pipeline.Stages, "runtime", short_of_memory(pipeline.Stages.runtime))
    list(interpolate_stream(five.split(1), model=None, at_once=3))
    assert max(most) == 1


def short_of_memory(make):
    def runtime(stages, *arguments):
        stages.memory._warned = True
        return make(stages, *arguments)

    return runtime


@pytest.mark.parametrize("wrong", [0, 1.5, True, "two"])
def test_a_number_that_is_none_is_refused(five, wrong):
    with pytest.raises(AnimeInterpError, match="at_once is .*; it should be a whole number of pairs from 1"):
        interpolate_stream(five.split(1), at_once=wrong)
