"""How much memory is free where the work is done, and the layout in which its convolutions are fastest."""

from __future__ import annotations

import ctypes
import math
import os
import sys
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

_M_ARENA_MAX = -8  # as glibc's malloc.h numbers it
_UNKNOWN = 4 * 2**30  # what is taken for free where nobody can tell


def free_memory(device: torch.device | str) -> int:
    """Bytes that can be taken on ``device`` now, with what torch holds there and does not use.

    4 GiB where neither the device nor the system tells.
    """
    device = torch.device(device)
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return free + torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    if device.type == "mps":
        most = getattr(torch.mps, "recommended_max_memory", None)
        return max(most() - torch.mps.current_allocated_memory(), 0) if most else _UNKNOWN
    return _free_of_system() if device.type == "cpu" else _UNKNOWN


def total_memory(device: torch.device | str) -> float:
    """Bytes that ``device`` has in all, for everybody; infinity for a CPU, 4 GiB where it does not tell."""
    device = torch.device(device)
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    if device.type == "mps":
        most = getattr(torch.mps, "recommended_max_memory", None)
        return most() if most else _UNKNOWN
    return math.inf if device.type == "cpu" else _UNKNOWN


def release(device: torch.device | str) -> None:
    """Give back what torch holds on ``device`` and does not use."""
    backend: Any = getattr(torch, torch.device(device).type, None)
    if hasattr(backend, "empty_cache") and backend.is_available():
        backend.empty_cache()


def trim() -> None:
    """Give back what the C library keeps of freed memory, where it is one that does so (glibc).

    It keeps a store for each thread, and in the stores of threads that come and go blocks of a frame's size are scattered: over
    a long film these grow, though nothing in use does.
    """
    give_back = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if give_back is not None:
        give_back(0)


def keep_one_store() -> None:
    """Have all threads of this process share one store of freed memory, where the C library (glibc) would give each its own.

    What is freed by one thread is then taken by the next: a film's most memory is less, and the same whatever its length. For
    a process of one's own, before its threads begin; nothing is done where the user has chosen otherwise.
    """
    settle = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if settle is not None and "MALLOC_ARENA_MAX" not in os.environ:
        settle(_M_ARENA_MAX, 1)


def fastest_layout(x: Tensor) -> Tensor:
    """``x`` (N, C, H, W) in the layout in which this device's convolutions are fastest; itself if it is in that.

    With channels last on a CPU (measured: a grid network a third faster), and for half precision on CUDA, whose tensor
    cores want it so. The same numbers but for the rounding of sums in another order.
    """
    halves = x.device.type == "cuda" and x.dtype in (torch.float16, torch.bfloat16)
    last = halves or x.device.type == "cpu"
    return x.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def _free_of_system() -> int:
    """Of the machine, or of the control group that this process is shut into if that leaves less."""
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
        free = next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        free = _free_of_other_system()
    try:
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text())  # "max" where there is none
        stat = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
        used = int((group / "memory.current").read_text()) - int(stat.get("inactive_file", 0))
        return max(min(free, limit - used), 0)
    except (OSError, ValueError):
        return free


def _free_of_other_system() -> int:
    if sys.platform == "win32":
        status = (ctypes.c_uint64 * 8)()  # MEMORYSTATUSEX: length and load, then total and free physical memory
        ctypes.cast(status, ctypes.POINTER(ctypes.c_uint32))[0] = ctypes.sizeof(status)
        known = ctypes.windll.kernel32.GlobalMemoryStatusEx(status)
        return status[2] if known else _UNKNOWN
    try:
        # What is free now where the system says so, else half of all.
        pages, share = ("SC_AVPHYS_PAGES", 1) if "SC_AVPHYS_PAGES" in os.sysconf_names else ("SC_PHYS_PAGES", 2)
        return os.sysconf(pages) * os.sysconf("SC_PAGE_SIZE") // share
    except (AttributeError, OSError, ValueError):
        return _UNKNOWN
