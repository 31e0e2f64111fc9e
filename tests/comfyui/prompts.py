"""What the tests send to a server: drawings, and prompts in the form of ComfyUI's HTTP API."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from animeinterp.media import read_image, write_image
from tools.comfy_host import ComfyServer

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
