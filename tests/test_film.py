"""A film drawn in segments: interrupted and gone on with, shared by several, joined without a seam."""

import json
import multiprocessing
import os
import socket
import time
from fractions import Fraction

import av
import pytest
import torch

from animeinterp.errors import AnimeInterpError
from animeinterp.film import Clip, Coding, Shared, draw_alone, draw_segments, draw_shared, split, together
from animeinterp.film import segments as segments_module
from animeinterp.media import VideoReader, VideoWriter
from animeinterp.runtime.arithmetic import Arithmetic
from animeinterp.sequence.plan import make_plan
from animeinterp.sequence.timing import Timing

SIZE = 64


def drawing(x, hue=0.9):
    frame = torch.full((1, 3, SIZE, SIZE), 0.25)
    frame[..., 18:46, x : x + 24] = torch.tensor([hue, 0.3, 0.2]).view(1, 3, 1, 1)
    frame[..., 26:34, x + 8 : x + 16] = 0.05
    return frame


def place(frame):
    ink = (frame[0] - 0.25).abs().amax(dim=0).sum(dim=0)
    ink = ink * (ink > 2)
    return float((ink * torch.arange(SIZE)).sum() / ink.sum()) - 11.5


@pytest.fixture
def source(tmp_path):
    """A ball to and fro: 24 frames at 24 a second."""
    with VideoWriter(tmp_path / "in.mp4", 24) as writer:
        for k in range(24):
            writer.write(drawing(4 + abs((4 * k) % 64 - 32)))
    return tmp_path / "in.mp4"


@pytest.fixture
def short(monkeypatch):
    monkeypatch.setattr(split, "__defaults__", (8,))


def shared_of(source, output, timing=None):
    clip = Clip(VideoReader(source))
    return Shared(output, clip, timing or Timing(target_fps=Fraction(48)), {"model": "none"})


def draw(source, output, **options):
    shared = shared_of(source, output)
    plan = shared.open()
    return draw_shared(shared, plan, Coding(Fraction(48), shared.clip.info), model=None, **options)


def stamps(path):
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [frame.pts * Fraction(stream.time_base) for frame in container.decode(stream)]


def test_segments_are_all_steps_once_and_begin_with_given_frames():
    plan = make_plan([Fraction(k, 24) for k in range(500)], Timing(3))
    parts = split(plan)
    assert [part.start for part in parts[1:]] == [part.stop for part in parts[:-1]]
    assert parts[0].start == 0 and parts[-1].stop == len(plan.steps)
    assert all(plan.steps[part.start].given for part in parts) and len(parts) > 10
    assert len(split(make_plan([Fraction(0), Fraction(1)], Timing(2)))) == 1


def test_what_is_joined_is_what_is_written_in_one(source, tmp_path, short):
    assert draw(source, tmp_path / "parts.mp4") == 48
    clip = Clip(VideoReader(source))
    plan = clip.plan(Timing(target_fps=Fraction(48)))
    frames = []
    draw_segments(clip, plan, split(plan, 10**6), lambda segment, drawn: frames.extend(list(drawn)), model=None)
    found = list(VideoReader(tmp_path / "parts.mp4").frames())
    assert len(found) == len(frames) == 48
    assert stamps(tmp_path / "parts.mp4") == [Fraction(k, 48) for k in range(48)]
    for (step, duration, frame), there in zip(frames, found, strict=True):
        assert there.time == step.time and there.duration == duration
        assert (there.pixels - frame).abs().mean() < 0.02
    assert not (tmp_path / "parts.mp4.parts").exists()


def test_alone_shared_and_gone_on_with_are_the_same_file(source, tmp_path, short):
    clip = Clip(VideoReader(source))
    alone = tmp_path / "alone.mp4"
    draw_alone(clip, clip.plan(Timing(target_fps=Fraction(48))), alone, Coding(Fraction(48), clip.info), model=None)
    draw(source, tmp_path / "shared.mp4")

    def stopping(done, total):
        if done > 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw(source, tmp_path / "resumed.mp4", progress=stopping)
    draw(source, tmp_path / "resumed.mp4")
    assert alone.read_bytes() == (tmp_path / "shared.mp4").read_bytes() == (tmp_path / "resumed.mp4").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["alone.mp4", "in.mp4", "resumed.mp4", "shared.mp4"]


def test_a_segment_alone_reads_from_near_there(source, short, monkeypatch):
    clip, entered = Clip(VideoReader(source)), []
    plan = clip.plan(Timing(target_fps=Fraction(48)))
    together, alone = [], []
    draw_segments(clip, plan, split(plan), lambda segment, drawn: together.extend(frame for _, _, frame in drawn), model=None)
    monkeypatch.setattr(Clip, "frames", lambda self, first=0, plain=Clip.frames: entered.append(first) or plain(self, first))
    for segment in split(plan):
        draw_segments(clip, plan, [segment], lambda _, drawn: alone.extend(frame for _, _, frame in drawn), model=None)
    assert all(torch.equal(*both) for both in zip(together, alone, strict=True))
    assert entered == sorted(entered) and entered[-1] > 15
    entered.clear()
    monkeypatch.setattr(segments_module, "NEAR", 2)
    draw_segments(clip, plan, [split(plan)[0], split(plan)[-1]], lambda _, drawn: list(drawn), model=None)
    assert len(entered) == 2, "a gap is passed over"


def test_segments_begin_with_shots_where_they_can():
    plan = make_plan([Fraction(k, 24) for k in range(500)], Timing(3), cuts=(40, 77, 300))
    begins = [plan.steps[part.start].first for part in split(plan)]
    assert {40, 77, 300} <= set(begins)
    assert max(part.stop - part.start for part in split(plan)) <= 144


def test_whoever_was_killed_over_joining_is_followed(source, tmp_path, short, monkeypatch):
    """One waits while another, elsewhere, joins; that one is heard of no more."""
    def stopping(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw(source, tmp_path / "out.mp4", progress=stopping)
    claim = tmp_path / "out.mp4.parts" / "join.claim"
    claim.write_text("1 elsewhere")
    waits = []

    def sleeping(seconds):
        waits.append(seconds)
        os.utime(claim, (0, 0))

    monkeypatch.setattr(together.time, "sleep", sleeping)
    draw(source, tmp_path / "out.mp4")
    assert waits and len(stamps(tmp_path / "out.mp4")) == 48


def test_a_folder_that_goes_while_a_segment_is_drawn(source, tmp_path, short):
    """Others took this process for dead, drew all and joined it: that is no failure."""
    def going(done, total):
        if done > 20 and (tmp_path / "out.mp4.parts").exists():
            (tmp_path / "out.mp4.parts").rename(tmp_path / "away")
            (tmp_path / "out.mp4").write_bytes(b"theirs")

    assert draw(source, tmp_path / "out.mp4", progress=going) < 48
    assert (tmp_path / "out.mp4").read_bytes() == b"theirs"


def test_who_goes_on_keeps_to_the_arithmetic(source, tmp_path):
    shared_of(source, tmp_path / "out.mp4").open(arithmetic=Arithmetic(3, 2, True))
    shared = shared_of(source, tmp_path / "out.mp4")
    shared.open(arithmetic=Arithmetic(1, 1, False))
    assert shared.arithmetic == Arithmetic(3, 2, True)


def test_interrupted_it_goes_on_where_it_was(source, tmp_path, short):
    calls = []

    def stopping(done, total):
        calls.append(done)
        if done > 20:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        draw(source, tmp_path / "out.mp4", progress=stopping)
    left = sorted(path.name for path in (tmp_path / "out.mp4.parts").iterdir())
    assert left == ["00000.mp4", "00001.mp4", "plan.json"], "whole segments and nothing else"
    assert not (tmp_path / "out.mp4").exists()
    calls.clear()
    drawn = draw(source, tmp_path / "out.mp4", progress=lambda done, total: calls.append((done, total)))
    assert 20 < drawn < 48 and calls[0][0] >= 16 and calls[-1] == (48, 48)
    assert len(stamps(tmp_path / "out.mp4")) == 48


def test_other_settings_do_not_go_on_with_it(source, tmp_path, short):
    shared_of(source, tmp_path / "out.mp4").open()
    with pytest.raises(AnimeInterpError, match=r"other settings \(timing\).*delete the folder"):
        shared_of(source, tmp_path / "out.mp4", Timing(target_fps=Fraction(60))).open()


def _worker(source, output, results):
    split.__defaults__ = (8,)
    torch.set_num_threads(1)
    results.put((os.getpid(), draw(source, output)))


def test_two_processes_share_one_film(source, tmp_path):
    context = multiprocessing.get_context("spawn")
    results = context.Queue()
    workers = [context.Process(target=_worker, args=(source, tmp_path / "out.mp4", results)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    drawn = [results.get()[1] for _ in workers]
    assert sum(drawn) == 48, "each segment was drawn once"
    assert len(stamps(tmp_path / "out.mp4")) == 48 and not (tmp_path / "out.mp4.parts").exists()


def test_a_segment_of_one_who_ended_is_taken(source, tmp_path, short):
    shared = shared_of(source, tmp_path / "out.mp4")
    shared.open()
    process = multiprocessing.get_context("spawn").Process(target=time.sleep, args=(0,))
    process.start()
    process.join()
    (shared.folder / "00001.claim").write_text(f"{process.pid} {socket.gethostname()}")
    assert shared.claim("00001")
    assert not shared.claim("00001"), "it is this process's now"
    old = shared.folder / "00002.claim"
    old.write_text("1 elsewhere")
    assert not shared.claim("00002")
    os.utime(old, (0, 0))
    assert shared.claim("00002")


def test_a_part_of_a_film(source, tmp_path):
    clip = Clip(VideoReader(source), Fraction(1, 4), Fraction(1, 2))
    assert clip.times == tuple(Fraction(k, 24) for k in range(6, 12)) and clip.end == Fraction(1, 2)
    assert len(list(clip.frames())) == 6
    with pytest.raises(AnimeInterpError, match="24 frames, 0 of them in the part from 5 s to 6 s"):
        Clip(VideoReader(source), Fraction(5), Fraction(6))


def test_a_loop_in_segments(source, tmp_path):
    clip = Clip(VideoReader(source), end=Fraction(16, 24))
    plan = clip.plan(Timing(2, loop=True, cuts="off"))
    frames = []
    draw_segments(clip, plan, split(plan, 8), lambda segment, drawn: frames.extend(list(drawn)), model=None)
    assert len(frames) == 32
    assert place(frames[-1][2]) == pytest.approx(34, abs=1.5), "between the last frame, at 32, and the first, at 36"


def test_the_plan_is_kept(source, tmp_path):
    shared = shared_of(source, tmp_path / "out.mp4", Timing(2, pace="continuous"))
    plan = shared.open()
    assert json.loads((shared.folder / "plan.json").read_text())["plan"]["cuts"] == list(plan.cuts)
    assert shared.open().steps == plan.steps
