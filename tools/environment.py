"""A Python environment for demo.py: made, filled and, when it was left half made, made anew. Standard library only."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

from .comfy_host import PACK, HostError

_MARKER = "installed.json"
_HEARTBEAT = 10  # seconds between two signs of life of a long installation


def python_of(venv: Path) -> Path:
    """The interpreter of a virtual environment."""
    return venv / ("Scripts/python.exe" if sys.platform == "win32" else "bin/python")


def prepare(venv: Path, say: Callable[[str], None]) -> str:
    """The interpreter of ``venv`` with ComfyUI's and the pack's requirements in it; at once where it is there already.

    What was installed is written into a marker file last of all, so an environment without it was left half made and
    is made anew. Raises HostError, with what to do, where a step fails.
    """
    python, marker = python_of(venv), venv / _MARKER
    wanted = _fingerprint()
    if _installed(marker) == wanted and _works(python):
        return str(python)
    if not marker.is_file() or not _works(python):
        if venv.exists():
            say("An environment that was left half made is removed.")
            shutil.rmtree(venv)
        _make(venv)
    marker.unlink(missing_ok=True)
    say("Installing ComfyUI's requirements. The first time this is about 6 GB, most of it torch: some minutes.")
    _install(python, venv.parent / "install.log", say)
    marker.write_text(json.dumps({"fingerprint": wanted}))
    return str(python)


def check_python(python: str) -> str:
    """``python`` itself where it has what the demo and the pack need; HostError, with what to do, where not."""
    wanted = "import aiohttp, av, cv2, einops, numpy, PIL, safetensors, torch"
    try:
        done = subprocess.run([python, "-c", wanted], capture_output=True, text=True)
    except OSError as error:
        raise HostError(f"COMFYUI_PYTHON is {python}, which does not run: {error}") from None
    if done.returncode:
        fault = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise HostError(
            f"{python}, which runs ComfyUI, lacks what the pack needs ({fault}). Install it:\n"
            f"{python} -m pip install -r {PACK / 'requirements.txt'}\n{python} {PACK / 'install.py'}"
        )
    return python


def _fingerprint() -> str:
    """Changes whenever what should be installed does, or the Python that it is installed for."""
    digest = hashlib.sha256(repr((sys.version_info[:2], str(PACK))).encode())
    for name in ("pyproject.toml", "requirements.txt"):
        digest.update((PACK / name).read_bytes())
    return digest.hexdigest()


def _installed(marker: Path) -> str | None:
    try:
        return json.loads(marker.read_text())["fingerprint"]
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _works(python: Path) -> bool:
    try:
        return subprocess.run([str(python), "-m", "pip", "--version"], capture_output=True, timeout=120).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _make(venv: Path) -> None:
    venv.parent.mkdir(parents=True, exist_ok=True)
    done = subprocess.run([sys.executable, "-m", "venv", str(venv)], capture_output=True, text=True)
    if done.returncode or not _works(python_of(venv)):
        shutil.rmtree(venv, ignore_errors=True)
        raise HostError(
            f"{sys.executable} cannot make a virtual environment:\n{(done.stderr or done.stdout).strip()[-600:]}\n"
            "On Debian and Ubuntu: apt-get install python3-venv. Then run this again."
        )


def _install(python: Path, log: Path, say: Callable[[str], None]) -> None:
    command = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["-e", f"{PACK}[comfyui,opencv]"]
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
    stop = threading.Event()
    watcher = threading.Thread(target=_watch, args=(log, stop, say), daemon=True)
    watcher.start()
    try:
        code = process.wait()
    except BaseException:
        process.terminate()
        process.wait()
        raise
    finally:
        stop.set()
        watcher.join()
    if code:
        tail = "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-12:])
        raise HostError(
            f"The requirements could not be installed; pip says (all of it: {log}):\n{tail}\n"
            "Check the network (pypi.org must be reachable) and the free space on the disk, then run this again."
        )


def _watch(log: Path, stop: threading.Event, say: Callable[[str], None]) -> None:
    """Say now and then how long it has been, and what pip is at."""
    began = time.monotonic()
    while not stop.wait(_HEARTBEAT):
        said = log.read_text("utf-8", errors="replace")
        collected = re.findall(r"^Collecting (\S+)", said, re.MULTILINE)
        at = f"fetching {collected[-1]}" if collected else "beginning"
        if "Installing collected packages" in said:
            at = "unpacking what was fetched"
        say(f"  {time.monotonic() - began:4.0f} s: {at}")
