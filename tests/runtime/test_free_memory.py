"""What is told of free memory, and the layout of tensors."""

import pytest
import torch

from animeinterp.runtime import memory


def test_the_systems_free_memory():
    assert 2**24 < memory.free_memory("cpu") < 2**45
    assert memory.free_memory(torch.device("cpu")) > 0


def test_a_system_that_tells_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "Path", lambda name: tmp_path / name.lstrip("/"))
    assert memory.free_memory("cpu") > 2**26  # by what the system's C library says
    monkeypatch.setattr(memory.os, "sysconf", lambda name: (_ for _ in ()).throw(ValueError(name)))
    assert memory.free_memory("cpu") == 4 * 2**30
    assert memory.free_memory("meta") == 4 * 2**30


def test_a_control_group_that_leaves_less(monkeypatch, tmp_path):
    (tmp_path / "proc").mkdir()
    (tmp_path / "proc/meminfo").write_text("MemTotal: 9000000 kB\nMemAvailable:    8000000 kB\n")
    group = tmp_path / "sys/fs/cgroup"
    group.mkdir(parents=True)
    monkeypatch.setattr(memory, "Path", lambda name: tmp_path / name.lstrip("/"))
    assert memory.free_memory("cpu") == 8000000 * 1024
    for limit, free in (("max", 8000000 * 1024), (str(2**30), 2**30 - 2**28 + 2**20)):
        (group / "memory.max").write_text(f"{limit}\n")
        (group / "memory.current").write_text(f"{2**28}\n")
        (group / "memory.stat").write_text(f"anon 5\ninactive_file {2**20}\n")
        assert memory.free_memory("cpu") == free


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16])
def test_arranged(dtype):
    x = torch.rand(2, 3, 4, 5).to(dtype)
    last = memory.fastest_layout(x)
    assert torch.equal(last, x) and last.is_contiguous(memory_format=torch.channels_last)
    assert memory.fastest_layout(last) is last
    assert memory.fastest_layout(x.to("meta")).is_contiguous()
