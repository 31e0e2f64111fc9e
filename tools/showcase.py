"""What demo.py makes with a running ComfyUI: a video and a contact sheet, through the example workflows."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from animeinterp.errors import AnimeInterpError
from animeinterp.media import IMAGE_SUFFIXES, VideoReader, read_image, to_bytes

from .comfy_host import PACK, ComfyServer, HostError
from .workflow import to_prompt

WORKFLOWS = PACK / "example_workflows"
DRAWINGS = "animeinterp_*.png"  # those of the frames that ship which the workflows show


@dataclass(frozen=True)
class Clip:
    """Frames (1, 3, H, W) of one size, what to call them, and their rate (None for drawings that have none)."""

    frames: list[Tensor]
    origin: str
    rate: float | None = None

    @property
    def size(self) -> tuple[int, int]:
        return tuple(self.frames[0].shape[-2:])


def shipped_clip() -> Clip:
    """The drawings that ship with the pack."""
    files = sorted((WORKFLOWS / "frames").glob(DRAWINGS))
    if len(files) < 2:
        raise HostError(f"{WORKFLOWS / 'frames'} should hold the pack's drawings; get the pack again.")
    return Clip([read_image(file) for file in files], "the pack's example_workflows/frames")


def clip_of_files(files: list[Path], most: int) -> Clip:
    """The user's drawings, or the first ``most`` frames of a video. HostError for what is neither, or does not fit."""
    try:
        if len(files) == 1 and files[0].suffix.lower() not in IMAGE_SUFFIXES:
            return _clip_of_video(files[0], most)
        frames = [_over_white(read_image(file)) for file in files]
    except AnimeInterpError as error:
        raise HostError(str(error)) from None
    if len(frames) < 2:
        raise HostError(f"{files[0]} is a single drawing; give two or more, or a video.")
    for file, frame in zip(files, frames, strict=True):
        if frame.shape != frames[0].shape:
            raise HostError(
                f"{file} is {frame.shape[-1]}x{frame.shape[-2]} and {files[0]} is "
                f"{frames[0].shape[-1]}x{frames[0].shape[-2]}; all drawings should be of one size."
            )
    return Clip(frames, f"{files[0]} to {files[-1].name}")


def _clip_of_video(file: Path, most: int) -> Clip:
    reader, frames = VideoReader(file), []
    for frame in reader:
        frames.append(frame)
        if len(frames) >= max(most, 2):
            break
    if len(frames) < 2:
        raise HostError(f"{file} holds {len(frames)} frames; a video of two or more is needed.")
    return Clip(frames, str(file), float(reader.rate))


def _over_white(frame: Tensor) -> Tensor:
    """Load Image drops alpha: what is transparent is laid over white, as paper is."""
    return frame if frame.shape[1] == 3 else frame[:, :3] * frame[:, 3:] + 1 - frame[:, 3:]


class Showcase:
    """A clip, a running server and a folder for the results."""

    def __init__(self, server: ComfyServer, clip: Clip, output: Path, say: Callable[[str], None]) -> None:
        self.server, self.clip, self.output, self.say = server, clip, output, say
        self.output.mkdir(parents=True, exist_ok=True)
        self._info = server.object_info()
        if "AnimeInterp" not in self._info:
            raise HostError(
                "This ComfyUI could not load the pack. Its Python may lack what the pack needs: "
                f"{server.python} -m pip install -r {PACK / 'requirements.txt'}; {server.python} {PACK / 'install.py'}\n"
                f"From its log, {server.log}:\n{server.log_about('AnimeInterp')}"
            )
        self._between: list[Image.Image] = []
        make_at_home(server.base)

    def video(self, *, multiplier: int | None = None, fps: float | None = None) -> Path:
        """Run the combined workflow on all frames; the path of the video."""
        prompt = self._prompt("animeinterp.json", self.clip.frames)
        node = _node(prompt, "AnimeInterp")["inputs"]
        node["multiplier"] = multiplier or node["multiplier"]
        created = _node(prompt, "CreateVideo")["inputs"]
        rate = fps or (self.clip.rate and self.clip.rate * node["multiplier"]) or created["fps"]
        created["fps"] = min(max(rate, 1.0), 120.0)
        outputs = self._run(prompt, f"Drawing {node['multiplier'] - 1} frames between every two")
        saved = _pictures(outputs, prompt, "SaveVideo")[0]
        target = self.output / "animeinterp.mp4"
        target.write_bytes(self.server.view(saved))
        # Those of the first pair, for the contact sheet.
        shown = _pictures(outputs, prompt, "PreviewImage")[1 : node["multiplier"]]
        self._between = [self._fetch(picture) for picture in shown]
        return target

    def contact_sheet(self) -> Path:
        """Run the workflow of the single stages on the first two frames; the path of a picture of what they made."""
        prompt = self._prompt("animeinterp_stages.json", self.clip.frames[:2])
        outputs = self._run(prompt, "The stages one by one")

        def shown(title: str) -> list[Image.Image]:
            return [self._fetch(picture) for picture in _pictures(outputs, prompt, title)]

        between = self._between or shown("In-betweens")[1:-1]
        rows = [
            ("inputs", [_picture(frame) for frame in self.clip.frames[:2]]),
            ("colour pieces", shown("Pieces")),
            ("matches: like colours belong together, grey is unmatched", shown("Matches")),
            ("flow, forward and back: hue is direction, strength is length", shown("Preview Flow")),
            ("in-betweens", between),
        ]
        target = self.output / "contact_sheet.png"
        contact_sheet(rows).save(target)
        return target

    def _prompt(self, name: str, frames: list[Tensor]) -> dict[str, Any]:
        """The workflow file as a prompt on ``frames``, which are put into ComfyUI's input folder."""
        prompt = to_prompt(json.loads((WORKFLOWS / name).read_text("utf-8")), self._info)
        given = _node(prompt, "AnimeInterpExample")
        given["class_type"], given["inputs"] = "LoadImage", {"image": put_frames(frames, self.server.base / "input")}
        return prompt

    def _run(self, prompt: dict[str, Any], what: str) -> dict[str, Any]:
        began = time.monotonic()
        said = [0.0]

        def heard(kind: str, data: dict) -> None:
            if kind == "progress" and time.monotonic() - said[0] > 5:
                said[0] = time.monotonic()
                node = prompt.get(str(data.get("node")), {}).get("_meta", {}).get("title", "")
                self.say(f"  {node}: {100 * data['value'] // max(data['max'], 1):.0f} %")

        self.say(f"{what} ...")
        outputs = self.server.run(prompt, heard=heard)
        self.say(f"  done in {time.monotonic() - began:.1f} s")
        return outputs

    def _fetch(self, picture: dict[str, str]) -> Image.Image:
        pixels = cv2.imdecode(np.frombuffer(self.server.view(picture), np.uint8), cv2.IMREAD_COLOR)
        return Image.fromarray(cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB))


def put_frames(frames: list[Tensor], folder: Path) -> str:
    """Write frames as one file that Load Image reads as a batch, a TIFF of several pages; its name."""
    pictures = [_picture(frame) for frame in frames]
    name = "clip.tiff"
    pictures[0].save(folder / name, save_all=True, append_images=pictures[1:], compression="tiff_deflate")
    return name


def make_at_home(base: Path) -> None:
    """The workflows, and no welcome screens for who opens the editor on ``base``."""
    user = base / "user" / "default"
    (user / "workflows").mkdir(parents=True, exist_ok=True)
    for file in WORKFLOWS.glob("*.json"):
        shutil.copy2(file, user / "workflows" / file.name)
    settings = user / "comfy.settings.json"
    if not settings.exists():
        settings.write_text(json.dumps({"Comfy.TutorialCompleted": True, "Comfy.InstalledVersion": "1.32.9"}))


def _node(prompt: dict[str, Any], name: str) -> dict[str, Any]:
    """The prompt's node with this title or, else, of this class."""
    by_title = [node for node in prompt.values() if node["_meta"]["title"] == name]
    return (by_title or [node for node in prompt.values() if node["class_type"] == name])[0]


def _pictures(outputs: dict[str, Any], prompt: dict[str, Any], name: str) -> list[dict[str, str]]:
    node = _node(prompt, name)
    shown = next(outputs[node_id] for node_id in prompt if prompt[node_id] is node)
    return shown.get("images") or shown.get("video") or []


def _picture(frame: Tensor) -> Image.Image:
    return Image.fromarray(to_bytes(frame[:, :3].to(torch.float32)))


def contact_sheet(rows: Iterable[tuple[str, list[Image.Image]]], *, width: int = 1920, gap: int = 8) -> Image.Image:
    """Pictures under their captions: a single one as wide as the sheet, two or more at most three side by side."""
    font = ImageFont.load_default(size=20)
    placed, y = [], gap
    for caption, pictures in rows:
        placed.append((caption, (gap, y)))
        y += 28
        columns = min(len(pictures), 3)
        each = (width - gap * (columns + 1)) // max(columns, 1)
        for first in range(0, len(pictures), 3):
            strip = [_to_width(picture, each) for picture in pictures[first : first + 3]]
            placed += [(picture, (gap + i * (picture.width + gap), y)) for i, picture in enumerate(strip)]
            y += max(picture.height for picture in strip) + gap
    sheet = Image.new("RGB", (width, y), (24, 24, 26))
    draw = ImageDraw.Draw(sheet)
    for what, where in placed:
        if isinstance(what, str):
            draw.text(where, what, font=font, fill=(220, 220, 220))
        else:
            sheet.paste(what, where)
    return sheet


def _to_width(picture: Image.Image, width: int) -> Image.Image:
    return picture.resize((width, max(1, round(picture.height * width / picture.width))))
