"""What a codec does to how threads are scheduled is undone."""

import os
import threading
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from animeinterp.media import scheduling
from animeinterp.media.scheduling import scheduling_kept
from animeinterp.media.video_writer import VideoWriter

pytestmark = pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="only Linux tells how threads are scheduled")


def policies():
    return {os.sched_getscheduler(int(thread)) for thread in os.listdir("/proc/self/task")}


def test_this_thread_and_those_that_were_begun_are_as_before_and_no_other():
    ending, begun = threading.Event(), []

    def rest():
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        begun.append(threading.get_native_id())
        ready.release()
        ending.wait()

    ready = threading.Semaphore(0)
    others = [threading.Thread(target=rest) for _ in range(2)]
    before = os.sched_getscheduler(0)
    try:
        others[0].start()
        ready.acquire()
        with scheduling_kept():
            others[1].start()
            ready.acquire()
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        assert os.sched_getscheduler(0) == before != os.SCHED_BATCH
        assert [os.sched_getscheduler(thread) for thread in begun] == [os.SCHED_BATCH, before]
    finally:
        os.sched_setscheduler(0, before, os.sched_param(0))
        ending.set()
        for other in others:
            other.join()


def test_whatever_goes_wrong():
    before = os.sched_getscheduler(0)
    with pytest.raises(ValueError, match="torn"), scheduling_kept():
        os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        raise ValueError("torn")
    assert os.sched_getscheduler(0) == before


def test_where_there_are_no_threads_to_look_at(monkeypatch, tmp_path):
    monkeypatch.setattr(scheduling, "_THREADS", tmp_path / "none")
    with scheduling_kept():
        pass


@pytest.mark.parametrize("depth", [8, 10])
def test_a_film_in_any_codec_leaves_the_process_as_it_was(tmp_path, depth):
    """AV1's encoder asks for the highest priority there is, where it may."""
    before = policies()
    for suffix in (".webm", ".mp4"):
        with VideoWriter(tmp_path / f"film{depth}{suffix}", Fraction(24), bit_depth=depth) as film:
            for level in (0.2, 0.5):
                film.write(torch.full((1, 3, 64, 64), level))
                assert policies() == before
    assert policies() == before
