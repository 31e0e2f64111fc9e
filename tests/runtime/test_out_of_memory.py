"""Where memory runs out the work is split, goes on, and comes to the same; progress of once."""

import logging
import sys
import threading
import weakref

import cv2
import pytest
import torch
from drawings import drawing

from animeinterp import stages
from animeinterp.completion import refiner
from animeinterp.config import SynthesisConfig
from animeinterp.errors import AnimeInterpError
from animeinterp.model import ModelConfig, build
from animeinterp.pipeline import interpolate
from animeinterp.refinement import network
from animeinterp.runtime import out_of_memory
from animeinterp.runtime.out_of_memory import MemoryFallback, is_out_of_memory, smaller_tiles
from animeinterp.runtime.worker import run_in_thread
from animeinterp.synthesis import network as synthesis
from animeinterp.synthesis.blend import Blend

blending = sys.modules[Blend.__module__]  # the package has a function of its name
CPU = torch.device("cpu")


def refused() -> Exception:
    return torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nAnd a page of figures.")


@pytest.fixture
def log(caplog):
    caplog.set_level(logging.WARNING, "animeinterp")
    return caplog


# --- what is taken for it ---


@pytest.mark.parametrize(
    "error",
    [
        refused(),
        MemoryError(),
        RuntimeError("MPS backend out of memory (MPS allocated: 9 GB)"),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] . DefaultCPUAllocator: can't allocate memory: you tried to"),
        RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes."),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        cv2.error("OpenCV(4.10.0) error: (-4:Insufficient memory) Failed to allocate 8 bytes"),
    ],
)
def test_it_is_known(error):
    assert is_out_of_memory(error)


@pytest.mark.parametrize(
    "error", [RuntimeError("shapes differ"), AnimeInterpError("out of memory"), KeyboardInterrupt(), OSError("out of memory")]
)
def test_nothing_else_is_taken_for_it(error):
    assert not is_out_of_memory(error)


def test_what_torch_itself_raises_on_a_cpu():
    with pytest.raises(RuntimeError) as raised:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(raised.value)


# --- going on ---


def test_the_next_ways_are_tried_and_kept_to(log):
    found, tried = MemoryFallback(), []

    def work(attempt, progress):
        tried.append(attempt)
        if attempt > 2:
            raise refused()
        return attempt

    assert found.run("painting", [9, 5, 2, 1], work, CPU) == 2
    assert found.run("painting", [5, 2, 1], work, CPU) == 2, "the first attempt is left out, and it is none of the others"
    assert found.run("refining", [4, 2], work, CPU) == 2
    assert tried == [9, 5, 2, 2, 4, 2]
    assert [record.levelname for record in log.records] == ["WARNING"]
    assert "cpu" in log.text and "Tried to allocate 2.00 GiB" in log.text and "figures" not in log.text


def test_where_the_last_is_too_much_it_is_said_what_to_do(log):
    def work(attempt, progress):
        raise refused()

    with pytest.raises(AnimeInterpError, match="memory of cpu is too small.*2.00 GiB.*smaller frames") as raised:
        MemoryFallback().run("painting", [2, 1], work, CPU)
    assert raised.value.__context__ is None, "the error keeps hold of what did not fit"
    assert len(log.records) == 1


def test_other_errors_pass(log):
    class Interrupted(Exception):
        """As ComfyUI's."""

    def work(attempt, progress):
        raise Interrupted

    with pytest.raises(Interrupted):
        MemoryFallback().run("painting", [2, 1], work, CPU)
    assert not log.records


@pytest.mark.parametrize("thread", [False, True])
def test_what_did_not_fit_is_let_go_before_the_next_try(thread, monkeypatch):
    released, held = [], []
    monkeypatch.setattr(out_of_memory, "release", lambda device: released.append(device))

    def work(attempt, progress):
        def inner(report):
            if attempt == 1:
                return held[0]()
            large = torch.zeros(8)
            held.append(weakref.ref(large))
            raise refused()

        return run_in_thread(inner, (lambda share: None) if thread else None)

    assert MemoryFallback().run("painting", [2, 1], work, CPU) is None
    assert released == [CPU]


def test_progress_does_not_run_backwards():
    heard = []

    def work(attempt, progress):
        for share in (0.2, 0.6):
            progress(share)
        if attempt == 2:
            raise refused()
        progress(1.0)

    MemoryFallback().run("painting", [2, 1], work, CPU, heard.append)
    assert heard == [0.2, 0.6, 0.6, 0.6, 1.0]


def test_tiles_shrink_to_what_is_worth_it():
    assert smaller_tiles(2160 * 3840) == [2073600, 518400, 129600]
    assert smaller_tiles(64 * 64) == []


# --- along the pipeline ---


@pytest.fixture
def wide():
    return torch.cat([drawing(x, width=264) for x in (30, 42, 52)])


@pytest.fixture
def small_tiles(monkeypatch):
    monkeypatch.setattr(out_of_memory, "_SMALLEST_TILE", 1000)


class Memory:
    """Lets a module's calls through that look at no more than ``most`` pixels, and fails the others."""

    def __init__(self, module, most):
        self.seen, self.most = [], most
        self.hook = module.register_forward_pre_hook(self.look)

    def look(self, module, inputs):
        pixels = inputs[0].shape[-2] * inputs[0].shape[-1]
        self.seen.append(pixels)
        if pixels > self.most:
            raise refused()


def test_a_clip_without_room_for_the_volume_or_the_maps(one_pair_at_once, model, wide, small_tiles, monkeypatch, log):
    wanted = interpolate(wide, 3, model=model)
    asked, heard = [], []

    class NoRoom:
        def __init__(self, *arguments):
            asked.append(1)
            raise refused()

    monkeypatch.setattr(network, "CorrelationPyramid", NoRoom)
    grid = Memory(model.synthesis.grid, 13000)
    try:
        found = interpolate(wide, 3, model=model, progress=lambda done, total: heard.append(done))
    finally:
        grid.hook.remove()
    assert (found - wanted).abs().max() < 2e-4
    assert len(asked) == 1, "the second pair knows"
    too_large = [pixels for pixels in grid.seen if pixels > 13000]
    assert len(too_large) == 2, "two frames at once, one, then tiles"
    assert len(grid.seen) - 2 >= 4 * 2
    assert len(log.records) == 1
    assert heard == sorted(heard) and heard[-1] == 2
    monkeypatch.setattr(network, "volume_fits", lambda features: False)
    monkeypatch.setattr(synthesis, "_room", lambda frames: 72 * 264 // 4)
    assert torch.equal(found, interpolate(wide, 3, model=model)), "as if the way on demand had been taken from the beginning"


def test_the_light_network_too(small_tiles, log):
    torch.manual_seed(0)
    light = build(ModelConfig(refine=None, synthesis=SynthesisConfig(network="painter", channels=(8, 12, 16)))).eval()
    clip = torch.cat([drawing(x, width=640) for x in (300, 312)])
    wanted = interpolate(clip, 3, model=light)
    stem = Memory(light.synthesis.painter.stem, 130 * 40)  # it works at half the size
    found = interpolate(clip, 3, model=light)
    assert max(stem.seen[2:]) <= 130 * 40 < stem.seen[0]
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-5)
    assert len(log.records) == 1


def test_no_room_for_any(model, wide, small_tiles):
    grid = Memory(model.synthesis.grid, 0)
    try:
        with pytest.raises(AnimeInterpError, match="too small for this work, in its smallest parts too"):
            interpolate(wide, model=model)
    finally:
        grid.hook.remove()


@pytest.mark.parametrize(("module", "name"), [(stages, "segment"), (refiner, "complete"), (blending, "blend")])
@pytest.mark.parametrize("cancel", [None, lambda: None])
def test_what_cannot_be_split(clip, module, name, cancel, monkeypatch):
    def none_left(*arguments, **options):
        raise refused()

    monkeypatch.setattr(module, name, none_left)
    with pytest.raises(AnimeInterpError, match="too small for this work"):
        interpolate(clip, model=None, cancel=cancel)


def test_an_interrupt_in_the_way_on_demand_passes(model, wide, monkeypatch):
    class Interrupted(Exception):
        pass

    class NoRoom:
        def __init__(self, *arguments):
            failed.set()
            raise refused()

    failed = threading.Event()
    monkeypatch.setattr(network, "CorrelationPyramid", NoRoom)

    def cancel():
        if failed.is_set():
            raise Interrupted

    with pytest.raises(Interrupted):
        interpolate(wide, model=model, cancel=cancel)
