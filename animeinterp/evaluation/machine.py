"""What figures of speed depend on: the machine, and what it does besides."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2
import torch


def machine(devices: list[torch.device]) -> dict[str, Any]:
    """What the figures depend on. ``load_average``: of the last minute, before anything was measured."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "cpu": _cpu_name(), "cores": os.cpu_count(), "usable_cores": usable,
        "load_average": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "system": f"{platform.system()} {platform.machine()}", "python": platform.python_version(),
        "torch": torch.__version__, "torch_threads": torch.get_num_threads(),
        "opencv": cv2.__version__, "opencv_threads": cv2.getNumThreads(),
        "gpus": {str(device): torch.cuda.get_device_name(device) for device in devices if device.type == "cuda"},
    }


def _cpu_name() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        pass
    if sys.platform == "darwin":
        asked = subprocess.run(["sysctl", "-n", "machdep.cpu.brand_string"], capture_output=True, text=True, check=False)
        if asked.stdout.strip():
            return asked.stdout.strip()
    return platform.processor() or platform.machine()


def machine_text(found: dict[str, Any]) -> str:
    """The same as lines for people."""
    load = "" if found["load_average"] is None else f", load average {found['load_average']}"
    gpus = "".join(f"\n{device}: {name}" for device, name in found["gpus"].items())
    return (
        f"{found['cpu']}, {found['usable_cores']} of {found['cores']} cores{load}; {found['system']}\n"
        f"torch {found['torch']} on {found['torch_threads']} threads, OpenCV {found['opencv']} on "
        f"{found['opencv_threads']}, Python {found['python']}{gpus}"
    )
