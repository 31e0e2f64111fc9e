"""Peak memory of doing a pair end to end on a CPU: that of a fresh process, less what it had when all was imported."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from ..errors import AnimeInterpError
from ..pipeline import interpolate
from .peers import PEERS, frames_between, load_peer
from .published_way.ratio import whole
from .ways import DTYPES, load_way

_CHILD = "import sys; from animeinterp.evaluation.peak_memory import child; child(sys.argv[1])"


def peak_in_fresh_process(
    way: str, frames: Tensor, dtype: str, multiplier: int, *, peers_from: Path | None = None
) -> int | None:
    """Peak resident memory in bytes of doing a pair end to end on the CPU, less what the imports take; None where the
    system does not tell. ``way``: as ``load_way`` has them, "yardstick", or a peer, whose package is in ``peers_from``."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frames.npy"
        np.save(path, frames.numpy())
        threads = [torch.get_num_threads(), cv2.getNumThreads()]
        spec = {"way": way, "frames": str(path), "dtype": dtype, "multiplier": multiplier, "threads": threads,
                "peers_from": None if peers_from is None else str(peers_from)}
        search = os.pathsep.join(place for place in [*sys.path, os.getcwd()] if place)
        ended = subprocess.run(
            [sys.executable, "-c", _CHILD, json.dumps(spec)], env={**os.environ, "PYTHONPATH": search},
            capture_output=True, text=True, check=False,
        )
    if ended.returncode < 0:
        raise AnimeInterpError(
            f"The process that measured the memory of {way} was killed by signal {-ended.returncode}: most likely there is "
            "not memory enough. Choose smaller sizes, or leave memory out with --no-memory."
        )
    if ended.returncode:
        reason = (ended.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise AnimeInterpError(f"The process that measured the memory of {way} failed: {reason}")
    return json.loads(ended.stdout.splitlines()[-1])


def child(request: str) -> None:
    """The fresh process of ``peak_in_fresh_process``: writes the bytes to standard output."""
    spec = json.loads(request)
    torch.set_num_threads(spec["threads"][0])
    cv2.setNumThreads(spec["threads"][1])
    before = peak_resident()
    frames = torch.from_numpy(np.load(spec["frames"]))
    if spec["way"] == "yardstick":
        whole(frames)
    elif spec["way"] in PEERS:
        draw = load_peer(spec["way"], folder=None if spec["peers_from"] is None else Path(spec["peers_from"]))
        frames_between(draw, frames, spec["multiplier"])
    else:
        model = load_way(spec["way"], "cpu", DTYPES[spec["dtype"]])
        interpolate(frames, spec["multiplier"], model=model)
    after = peak_resident()
    sys.stdout.write(json.dumps(None if before is None else after - before) + "\n")


def peak_resident() -> int | None:
    """The most resident memory that this process has had, in bytes; None where the system does not tell."""
    try:
        # What getrusage says of a process begins, on Linux, with what the process that started it had.
        status = Path("/proc/self/status").read_text(encoding="ascii")
        return 1024 * int(next(line for line in status.splitlines() if line.startswith("VmHWM:")).split()[1])
    except (OSError, StopIteration):
        pass
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
