"""Folders of samples that are made once and read often, and what tells which code and settings they were made with.

A cache's ``manifest.json`` says what made its samples. One of other settings is refused: mixed samples would be trained on
without anybody knowing. Samples of the same settings that other code made are stale: they are made anew, and the log says so.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..errors import AnimeInterpError
from ..flow import CoarseFlow
from ..matching import coarse_flow
from .code_digest import code_digest

MANIFEST = "manifest.json"
_OF_CODE = {"code", "library", "format"}  # what a manifest says of the code; the latter two, those of before
_log = logging.getLogger(__name__)
_CODE_OF_COARSE_FLOWS = ("segmentation", "matching", "dense_flow.py", "config.py", "training/caches.py")
FLOW_UNIT = 32.0  # steps a pixel that a kept flow has; it reaches to 1024 pixels


def claim(folder: Path, made_by: dict[str, Any], code: Sequence[str]) -> None:
    """Make sure that the samples in ``folder`` are, and will be, those of ``made_by`` (plain JSON data) and of this code.

    ``code``: the modules and rooms that make them, see ``code_digest``. Samples of other code are taken away, to be made anew.
    Raises AnimeInterpError where the folder has samples of other settings, or samples and no manifest.
    """
    folder = Path(folder)
    path, wanted = folder / MANIFEST, json.loads(json.dumps({"code": code_digest(*code), **made_by}))
    if not path.is_file():
        if any(folder.glob("*.safetensors")):
            raise AnimeInterpError(
                f"{folder} holds samples and no {MANIFEST} that tells what made them; they may be of other settings. Choose "
                f"another folder, or, if you know that they are of these settings, write into {path}: {json.dumps(wanted)}"
            )
        _write_manifest(path, wanted)
        return
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise AnimeInterpError(f"{path} cannot be read ({error}). Choose another folder for the samples.") from None
    if found == wanted:
        return
    names = sorted((set(found) | set(wanted)) - _OF_CODE) if isinstance(found, dict) else ["manifest"]
    apart = [] if not isinstance(found, dict) else [
        f"{n} {found.get(n)!r}, not {wanted.get(n)!r}" for n in names if found.get(n) != wanted.get(n)
    ]
    if apart or not isinstance(found, dict):
        raise AnimeInterpError(
            f"The samples in {folder} were made with other settings ({'; '.join(apart) or 'no list of settings'}). Choose "
            "another folder, or delete this one to make them anew."
        )
    stale = list(folder.glob("*.safetensors"))
    _log.warning("The %d samples in %s were made by other code than this; they are made anew.", len(stale), folder)
    for sample in stale:
        sample.unlink(missing_ok=True)
    _write_manifest(path, wanted)


def _write_manifest(path: Path, content: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(path)


def read_sample(path: Path) -> dict[str, Tensor]:
    """A sample's tensors. AnimeInterpError, naming the file, where it is broken."""
    try:
        return load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise AnimeInterpError(f"{path} is broken ({error}); delete it and it is made again.") from error


def write_sample(path: Path, sample: dict[str, Tensor]) -> None:
    """Write a sample, whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(f".{os.getpid()}")
    save_file({name: value.contiguous() for name, value in sample.items()}, unfinished)
    unfinished.replace(path)


class CoarseCache:
    """Coarse flows of the real segment-guided matching, by pixel features, each computed once and kept in ``folder``."""

    def __init__(self, folder: Path, made_by: dict[str, Any]) -> None:
        self.folder = Path(folder)
        claim(self.folder, {"holds": "coarse flows", **made_by}, _CODE_OF_COARSE_FLOWS)

    @torch.no_grad()
    def flow(self, name: str, frame0: Tensor, frame1: Tensor) -> tuple[Tensor, Tensor]:
        """The coarse flows (1, 2, H, W) of a pair of frames (1, 3, H, W) that goes by ``name`` (a file's name).

        AnimeInterpError where the kept file is broken or of another size.
        """
        path = self.folder / f"{name}.safetensors"
        if not path.exists():
            found: CoarseFlow = coarse_flow(frame0, frame1)
            flows = torch.cat([found.flow_01, found.flow_10])
            write_sample(path, {"flows": (flows * FLOW_UNIT).round().clamp(-32768, 32767).short()})
        flows = read_sample(path).get("flows")
        if flows is None or tuple(flows.shape) != (2, 2, *frame0.shape[-2:]):
            raise AnimeInterpError(f"{path} is not of a pair of this size; delete it and it is made again.")
        return (flows[:1].float() / FLOW_UNIT), (flows[1:].float() / FLOW_UNIT)
