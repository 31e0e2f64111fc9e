"""Frames are segmented ahead by threads where asked for: the same frames, no more work, and in good order."""

import threading
import time

import pytest
import torch
from drawings import box_alpha, drawing

from animeinterp import stages
from animeinterp.clip import DEPTH, read_clip
from animeinterp.completion import refiner
from animeinterp.errors import AnimeInterpError
from animeinterp.flow import Flow
from animeinterp.pipeline import interpolate, interpolate_stream

NAME = "animeinterp-segmentation"
BY_PIECES = {"model": None, "refiner": "completion", "synthesizer": "blend"}


def workers():
    return [thread for thread in threading.enumerate() if thread.name.startswith(NAME)]


def ended():
    for thread in workers():
        thread.join(5)
    return not workers()


@pytest.fixture
def segmented(monkeypatch):
    """The names of the threads that frames were segmented in."""
    names, segment = [], stages.segment

    def known(*arguments):
        names.append(threading.current_thread().name)
        return segment(*arguments)

    monkeypatch.setattr(stages, "segment", known)
    return names


def long_clip(count=6):
    return torch.cat([drawing(24 + 6 * i) for i in range(count)])


@pytest.mark.parametrize("ahead", [1, 2, 9])
def test_the_same_frames(clip, way, ahead):
    wanted = interpolate(clip, 3, model=way)
    assert torch.equal(torch.cat(list(interpolate_stream(clip.split(1), 3, model=way, ahead=ahead))), wanted)
    listened = interpolate_stream(clip.split(1), 3, model=way, ahead=ahead, cancel=lambda: None)
    assert torch.equal(torch.cat(list(listened)), wanted)
    assert ended()


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_the_same_frames_of_other_kinds(dtype):
    frames = torch.cat([box_alpha(30), box_alpha(42)]).to(dtype)
    with torch.inference_mode():
        found = torch.cat(list(interpolate_stream(frames.clone().split(1), **BY_PIECES, ahead=2)))
    assert torch.equal(found, interpolate(frames, **BY_PIECES))


def test_each_frame_is_segmented_once_and_only_those_that_move(segmented):
    frames = long_clip(5)[[0, 0, 1, 1, 1, 2, 3, 4, 4]]
    list(interpolate_stream(frames.split(1), **BY_PIECES, ahead=2))
    assert len(segmented) == 5 and all(name.startswith(NAME) for name in segmented)
    segmented.clear()
    none_moves = torch.cat([frames[:1]] * 3)
    none_moves[1] += 0.001
    for options in ({"times": [0.0, 1.0]}, {"multiplier": 1}, {"flows": Flow(*torch.zeros(2, 8, 2, 72, 96))}):
        list(interpolate_stream(frames.split(1), **BY_PIECES, ahead=2, **options))
    list(interpolate_stream(none_moves.split(1), **BY_PIECES, ahead=2))
    assert not segmented


def test_on_a_cpu_nothing_is_ahead(clip, segmented):
    list(interpolate_stream(clip.split(1), **BY_PIECES))
    assert len(segmented) == 3 and not any(name.startswith(NAME) for name in segmented)


def test_on_another_device_frames_are():
    """By a device that computes nothing, and so cannot tell what moves."""

    class Watched(stages.Stages):
        def load(self, frame, device=None):
            encoded = super().load(frame)
            encoded.frame = Elsewhere(encoded.frame)
            return encoded

    class Elsewhere(torch.Tensor):
        device = torch.device("cuda")

    asked = []
    frames = (asked.append(i) or frame for i, frame in enumerate(long_clip().split(1)))
    next(read_clip(frames, Watched()))
    assert asked == list(range(DEPTH + 1))


def test_the_next_frames_are_segmented_while_a_pair_is_worked_on(monkeypatch):
    begun, complete, segment = threading.Semaphore(0), refiner.complete, stages.segment

    def watched(*arguments):
        begun.release()
        return segment(*arguments)

    def waiting(*arguments, **settings):
        for _ in range(4 if pairs == [] else 1 if len(pairs) < 3 else 0):  # its own two frames, and two ahead; then one more
            assert begun.acquire(timeout=10), "the next frame is not begun before this pair is done"
        pairs.append(1)
        return complete(*arguments, **settings)

    pairs = []
    monkeypatch.setattr(stages, "segment", watched)
    monkeypatch.setattr(refiner, "complete", waiting)
    assert len(list(interpolate_stream(long_clip(6).split(1), **BY_PIECES, ahead=2))) == 11


def test_frames_are_asked_for_no_further_ahead_and_not_before_the_first():
    asked = []
    frames = (asked.append(i) or frame for i, frame in enumerate(long_clip(6).split(1)))
    stream = interpolate_stream(frames, **BY_PIECES, ahead=2, at_once=1)
    assert not asked
    held = []
    for index, _ in enumerate(stream):
        held.append(len(asked) - (index + 1) // 2)
    assert held[0] == 3 and max(held) == 3 and len(asked) == 6


# --- what goes wrong ---


@pytest.mark.parametrize("ahead", [0, 2])
@pytest.mark.parametrize("wrong", [OSError("the file is torn"), torch.rand(1, 3, 72, 97), "no tensor"])
def test_what_is_wrong_with_a_frame_is_raised_in_its_turn(clip, ahead, wrong):
    def frames():
        yield from clip.split(1)
        if isinstance(wrong, Exception):
            raise wrong
        yield wrong

    stream, came = interpolate_stream(frames(), **BY_PIECES, ahead=ahead), []
    with pytest.raises((OSError, AnimeInterpError), match="torn|Frame 3 is 97x72|frame 3 is a str"):
        for frame in stream:
            came.append(frame)
    assert torch.equal(torch.cat(came), interpolate(clip, **BY_PIECES))
    assert ended()


@pytest.mark.parametrize("cancel", [None, lambda: None])
def test_what_segmentation_raises_is_raised_at_its_pair(clip, cancel, monkeypatch):
    segment, calls = stages.segment, []

    def third_fails(*arguments):
        calls.append(1)
        if len(calls) == 3:
            raise AnimeInterpError("torn")
        return segment(*arguments)

    monkeypatch.setattr(stages, "segment", third_fails)
    stream = interpolate_stream(clip.split(1), **BY_PIECES, ahead=1, cancel=cancel)
    assert len([next(stream) for _ in range(3)]) == 3
    with pytest.raises(AnimeInterpError, match="torn"):
        next(stream)
    assert ended()


def test_cancel_does_not_wait_for_the_segmentation(clip, monkeypatch):
    working, leave = threading.Event(), threading.Event()

    def slow(*arguments):
        working.set()
        leave.wait(10)
        raise AssertionError("left behind")

    def cancel():
        if working.is_set():
            raise KeyboardInterrupt

    monkeypatch.setattr(stages, "segment", slow)
    begun = time.monotonic()
    try:
        with pytest.raises(KeyboardInterrupt):
            list(interpolate_stream(clip.split(1), **BY_PIECES, ahead=2, cancel=cancel))
        assert time.monotonic() - begun < 5
    finally:
        leave.set()
    assert ended()


def test_closing_ends_the_threads(segmented):
    stream = interpolate_stream(long_clip(6).split(1), **BY_PIECES, ahead=2, at_once=1)
    for _ in range(2):
        next(stream)
    assert workers()
    stream.close()
    assert ended() and len(segmented) <= 4
