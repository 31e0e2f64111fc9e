"""Between ComfyUI and the library: pictures, times, progress and interrupts, files, and networks in ComfyUI's memory.

Everything of ComfyUI's that the nodes use is used here. Nothing is asked of a device when this is imported.
"""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import comfy.model_management as mm
import comfy.model_patcher
import comfy.ops
import comfy.utils
import folder_paths
import torch
from comfy_execution.utils import get_executing_context
from torch import Tensor

from ..animeinterp.checkpoints import naming, read_state_dict
from ..animeinterp.errors import AnimeInterpError
from ..animeinterp.synthesis.activation import prelu
from ..animeinterp.weights import build_features_from_state_dict, build_from_state_dict, bundled_models

FOLDER = "animeinterp"  # under ComfyUI's models
BUNDLED = "bundled"  # what the model list calls the weights that ship with the pack
NO_FEATURES = "(no file in models/animeinterp)"
SUFFIXES = {".safetensors", ".ckpt", ".pth", ".pt"}
_BETWEEN_LOOKS = 0.1  # seconds between two progress messages
_BETWEEN_WORDS = 0.5  # seconds between two lines of text on a node


# --- pictures ---------------------------------------------------------------------------------------------------------


def to_frames(images: Tensor, *, least: int = 2) -> Tensor:
    """ComfyUI's IMAGE (N, H, W, C) as the library's float32 frames (N, 3 or 4, H, W); a view where it can be one."""
    if not isinstance(images, Tensor) or images.ndim != 4:
        was = tuple(images.shape) if isinstance(images, Tensor) else type(images).__name__
        raise AnimeInterpError(f"images is {was}; it should be a batch of images (N, H, W, channels).")
    count, height, width, channels = images.shape
    if channels not in (1, 3, 4):
        raise AnimeInterpError(f"images has {channels} channels; it should have 3 (RGB) or 4 (RGBA).")
    if height == 0 or width == 0:
        raise AnimeInterpError(f"images is {width}x{height}; it should hold pictures of at least one pixel.")
    if count < least:
        held = {0: "no images", 1: "one image"}.get(count, f"{count} images")
        raise AnimeInterpError(
            f"images holds {held}; it should hold at least {least}, the drawings to find frames between. "
            "Join single images with Batch Images, or take the images of a video."
        )
    frames = images.movedim(-1, 1)
    if channels == 1:
        frames = frames.expand(-1, 3, -1, -1)
    return frames.float()


def empty_images(count: int, height: int, width: int, channels: int = 3) -> Tensor:
    """Room for ComfyUI images (N, H, W, C), to be filled one by one: a clip is then never in memory twice."""
    return torch.empty(count, height, width, channels, device=mm.intermediate_device())


def to_images(frames: Tensor) -> Tensor:
    """Frames (N, C, H, W) as ComfyUI's IMAGE (N, H, W, C), float32 where ComfyUI keeps its images."""
    return frames.float().movedim(1, -1).contiguous().to(mm.intermediate_device())


def stack_images(pictures: list[Tensor]) -> Tensor:
    """Pictures (1, 3, H, W) of one size as ComfyUI's IMAGE."""
    images = empty_images(len(pictures), *pictures[0].shape[-2:])
    for i, picture in enumerate(pictures):
        images[i] = picture[0].movedim(0, -1)
    return images


def check_same_clip(count: int, size: tuple[int, int], frames: Tensor, *, name: str, pairs: bool = False) -> None:
    """AnimeInterpError unless what comes in as ``name`` belongs to ``frames``: as many, and of their size (H, W)."""
    wanted = frames.shape[0] - 1 if pairs else frames.shape[0]
    what = "pairs" if pairs else "frames"
    if count != wanted:
        raise AnimeInterpError(
            f"{name} is of {count} {what}, images of {wanted}. "
            "Connect the same images here as to the node that made it."
        )
    if tuple(size) != tuple(frames.shape[-2:]):
        raise AnimeInterpError(
            f"{name} is {size[1]}x{size[0]}, images are {frames.shape[-1]}x{frames.shape[-2]}. "
            "Connect the same images here as to the node that made it."
        )


def parse_times(text: str | None) -> list[float] | None:
    """``"0.25, 1/2"`` as [0.25, 0.5]; None for an empty text. AnimeInterpError for anything else."""
    times = []
    for word in re.split(r"[\s,;]+", (text or "").strip()):
        if not word:
            continue
        try:
            above, _, below = word.partition("/")
            value = float(above) / float(below) if below else float(word)
        except (ValueError, ZeroDivisionError):
            value = -1.0
        if not 0 < value < 1:
            raise AnimeInterpError(
                f'times is "{text}"; it should be numbers between 0 and 1, such as "0.25, 0.5, 0.75" or "1/3, 2/3". '
                "Leave it empty to use the multiplier."
            )
        times.append(value)
    return sorted(set(times)) or None


# --- progress and interrupts ------------------------------------------------------------------------------------------


class Progress:
    """The node's progress bar. Called with (done, total), in whatever units, and at most ten times a second passed on.

    Raises ComfyUI's own exception when the user has interrupted; `check` does only that. ``words``, where given, makes of
    (done, total) what is written on the node meanwhile; the time that is left is added.
    """

    def __init__(self, words: Callable[[float, float], str] | None = None) -> None:
        self._bar = comfy.utils.ProgressBar(1000)
        self._words = words
        self._next = self._next_words = 0.0
        self.began = time.monotonic()

    def __call__(self, done: float, total: float) -> None:
        self.check()
        now = time.monotonic()
        if now >= self._next or done >= total:
            self._next = now + _BETWEEN_LOOKS
            self._bar.update_absolute(round(1000 * done / max(total, 1e-9)), 1000)
        if self._words is not None and 0 < done < total and now >= self._next_words:
            self._next_words = now + _BETWEEN_WORDS
            left = (now - self.began) * (total - done) / done
            say(f"{self._words(done, total)}; {seconds(left)} left")

    @staticmethod
    def check() -> None:
        mm.throw_exception_if_processing_interrupted()

    def part(self, index: int, count: int) -> PartProgress:
        """The progress of part ``index`` of ``count`` like ones, itself told in fractions."""
        return PartProgress(self, index, count)


class PartProgress:
    """One part of a Progress: called with the fraction of the part that is done."""

    def __init__(self, whole: Progress, index: int, count: int) -> None:
        self._whole, self._index, self._count = whole, index, count

    def __call__(self, fraction: float) -> None:
        self._whole(self._index + fraction, self._count)


def say(text: str) -> None:
    """Write ``text`` on the node that is running, where ComfyUI can."""
    # Looked up, not imported: without a running server there is nobody to tell.
    context, module = get_executing_context(), sys.modules.get("server")
    server = getattr(getattr(module, "PromptServer", None), "instance", None)
    if context is not None and hasattr(server, "send_progress_text"):
        server.send_progress_text(text, context.node_id, server.client_id)


def seconds(length: float) -> str:
    """A stretch of time as people say it: 4.1 s, 3 min."""
    return f"{length:.1f} s" if length < 90 else f"{length / 60:.0f} min"


# --- weight files -----------------------------------------------------------------------------------------------------


def register_model_folder() -> None:
    """Make models/animeinterp known to ComfyUI, so that users' extra model paths work for it too."""
    folder_paths.add_model_folder_path(FOLDER, os.path.join(folder_paths.models_dir, FOLDER))
    folders, suffixes = folder_paths.folder_names_and_paths[FOLDER]
    folder_paths.folder_names_and_paths[FOLDER] = (folders, set(suffixes) | SUFFIXES)


def model_names() -> list[str]:
    """The model files to choose from: the bundled ones, then those in models/animeinterp that are not VGG's."""
    return [BUNDLED, *_others_bundled(), *(name for name in folder_paths.get_filename_list(FOLDER) if not _is_vgg(name))]


def _others_bundled() -> dict[str, Path]:
    """The bundled files but for the default one, by what the list calls them."""
    return {f"{BUNDLED}: {path.stem}": path for path in bundled_models()[1:]}


def feature_names() -> list[str]:
    """The files in models/animeinterp, those named after VGG first; never empty: a choice must not be."""
    names = sorted(folder_paths.get_filename_list(FOLDER), key=lambda name: (not _is_vgg(name), name))
    return names or [NO_FEATURES]


def _is_vgg(name: str) -> bool:
    return os.path.basename(name).lower().startswith("vgg")


def load_model(name: str) -> Any:
    """The model that the list calls ``name``, in a patcher."""
    if name == BUNDLED:
        bundled = bundled_models()
        if not bundled:
            raise AnimeInterpError(
                "No weights ship with this version of AnimeInterp. Put a weight file (anime_interp_full.ckpt or a "
                ".safetensors) into ComfyUI's models/animeinterp folder and choose it here, or work without a model."
            )
        path = bundled[0]
    elif name in _others_bundled():
        path = _others_bundled()[name]
    else:
        path = folder_paths.get_full_path_or_raise(FOLDER, name)
    state_dict, metadata = read_state_dict(path)
    with naming(path):
        return in_patcher(build_from_state_dict(state_dict, metadata, operations()), name)


def load_features(name: str) -> Any:
    """The VGG-19 that the list calls ``name``, in a patcher."""
    if name == NO_FEATURES:
        raise AnimeInterpError(
            "features_name is not chosen; put torchvision's vgg19-dcbb9e9d.pth into ComfyUI's models/animeinterp "
            "folder, reload the page and choose it here. SGM Coarse Flow works without it too."
        )
    path = folder_paths.get_full_path_or_raise(FOLDER, name)
    state_dict, _ = read_state_dict(path)
    with naming(path):
        return in_patcher(build_features_from_state_dict(state_dict, operations()), name)


def bundled_ships() -> bool:
    return bool(bundled_models())


# --- networks in ComfyUI's memory -------------------------------------------------------------------------------------


def operations() -> type:
    """ComfyUI's layers, which it can keep off the device and bring there one by one, and a PReLU made like them."""

    class PReLU(torch.nn.PReLU, comfy.ops.CastWeightBiasOp):
        bias = None  # what the casting of a layer looks for

        def reset_parameters(self) -> None:  # as ComfyUI's layers: the weights are loaded next
            return None

        def forward(self, input: Tensor) -> Tensor:
            if not (self.comfy_cast_weights or self.weight_function or self.bias_function):
                return prelu(input, self.weight)
            weight, bias, stream = comfy.ops.cast_bias_weight(self, input, offloadable=True)
            output = prelu(input, weight)
            comfy.ops.uncast_bias_weight(self, weight, bias, stream)
            return output

    return type("Operations", (comfy.ops.disable_weight_init,), {"PReLU": PReLU})


def in_patcher(net: torch.nn.Module, name: str) -> Any:
    """ComfyUI's patcher around a network of ours; ``name`` is what the user knows it by."""
    net.shown_as = name
    # Newer versions have a patcher that streams weights; it is only there once ComfyUI is up.
    patcher = getattr(comfy.model_patcher, "CoreModelPatcher", comfy.model_patcher.ModelPatcher)
    return patcher(
        net.eval().requires_grad_(False),
        load_device=mm.get_torch_device(),
        offload_device=mm.unet_offload_device(),
    )


def on_device(patcher: Any, frames: Tensor) -> Any:
    """The network in ``patcher``, brought to its device by ComfyUI with room for a pair of ``frames`` (N, C, H, W)."""
    net = patcher.model
    shape = (1, 3, *frames.shape[-2:])
    needed = net.memory_used_forward(shape, net.get_dtype(), patcher.load_device)
    mm.load_models_gpu([getattr(patcher, "loads", patcher)], memory_required=needed)
    return net
