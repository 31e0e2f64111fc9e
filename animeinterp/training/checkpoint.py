"""Checkpoints of a run: a full one, which goes on to the bit, and a compact one, small enough to keep in a repository.

The compact one is safetensors: the weights and their moving average in half precision, ``average.`` before the names of
the second. It is resumed with a fresh optimiser. ``model_to_train`` is where a run's model comes from.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from ..checkpoints import naming, read_state_dict
from ..config import RefineConfig, SynthesisConfig
from ..errors import AnimeInterpError
from ..model import AnimeInterp, ModelConfig, build
from ..synthesis.between import BilateralSynthesis
from ..weights import CONFIG_KEY, build_from_state_dict

AVERAGE = "average."
# Configurations to begin with fresh weights: the published checkpoint's; the light painter over the weights-free way; the
# paper's own, where the published code departs from it (masked start, softmax splatting), with fewer iterations. ("whole" is
# the network at t.)
PRESETS = {
    "published": ModelConfig(),
    "light": ModelConfig(refine=None, synthesis=SynthesisConfig(network="painter")),
    "whole": ModelConfig(refine=None, synthesis=SynthesisConfig(network="bilateral")),
    "paper": ModelConfig(
        RefineConfig(iterations=6, doubled_start=False, masked_start=True),
        SynthesisConfig(splatting="softmax", hole_mask=True),
    ),
}


def save_full(path: Path, model: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer, step: int, task: str) -> None:
    """All of a run's state, written whole or not at all."""
    state = {
        "task": task,
        "config": model.config.to_json(),
        "step": step,
        "model": model.state_dict(),
        "average": average.state_dict(),
        "optimiser": optimiser.state_dict(),
    }
    unfinished = path.with_suffix(".part")
    torch.save(state, unfinished)
    os.replace(unfinished, path)


def load_full(path: Path, model: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer, task: str) -> int:
    """Put a run's state back; returns its step. AnimeInterpError where the file is not that of such a run."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["task"] != task:
            raise AnimeInterpError(
                f"{path} is of a run of {state['task']!r}; this is one of {task!r}. Choose another folder with --out."
            )
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimiser.load_state_dict(state["optimiser"])
        return int(state["step"])
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, EOFError, pickle.UnpicklingError) as error:
        raise AnimeInterpError(
            f"{path} is no checkpoint that this run can go on from ({error}). Choose another with --resume, or begin anew "
            "in another folder."
        ) from error


def save_compact(path: Path, model: nn.Module, average: nn.Module, step: int) -> None:
    """The weights and their average in float16, written whole or not at all."""
    tensors = {name: value.half() for name, value in model.state_dict().items()}
    tensors.update({AVERAGE + name: value.half() for name, value in average.state_dict().items()})
    _replace(path, tensors, model, step=str(step))


def save_weights(path: Path, model: nn.Module, *, half: bool = False) -> None:
    """A model's weights as ``load_model`` takes them, written whole or not at all; an older file is replaced. ``half``: in
    float16."""
    tensors = model.state_dict()
    _replace(path, {name: value.half() for name, value in tensors.items()} if half else tensors, model)


def _replace(path: Path, tensors: Mapping[str, Tensor], model: nn.Module, **metadata: str) -> None:
    unfinished = path.with_suffix(".part")
    header = {"format": "pt", CONFIG_KEY: model.config.to_json(), **metadata}
    save_file({name: value.contiguous() for name, value in tensors.items()}, unfinished, header)
    os.replace(unfinished, path)


def model_to_train(source: str | os.PathLike, seed: int = 0) -> AnimeInterp:
    """A model to train: fresh weights of one of PRESETS, the weights in a file, or a checkpoint's averaged weights.

    Raises AnimeInterpError where it is none of these.
    """
    if str(source) in PRESETS:
        return fresh(PRESETS[str(source)], seed)
    path = Path(source)
    if not path.is_file():
        raise AnimeInterpError(
            f"There is no weight file {path}, and no preset of that name; the presets are {', '.join(PRESETS)}. Check the path."
        )
    if path.suffix == ".pt":
        model = model_of_run(path)
        if model is not None:
            model.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["average"])
            return model
    state, metadata = read_state_dict(path)
    averaged = {name.removeprefix(AVERAGE): value for name, value in state.items() if name.startswith(AVERAGE)}
    with naming(path):
        return build_from_state_dict(averaged or state, metadata)


def fresh(config: ModelConfig, seed: int = 0) -> AnimeInterp:
    """A model whose weights are the same for the same seed. A painter begins as the blend that it mends."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = build(config)
        if isinstance(model.synthesis, BilateralSynthesis):
            model.synthesis.network.begin()
    painter = getattr(model.synthesis, "painter", None)
    if painter is not None:
        painter.start_as_blend()
    return model


def model_of_run(path: Path) -> AnimeInterp | None:
    """A model of the configuration that a checkpoint of a run is of, fresh; None where the file does not tell.

    Raises AnimeInterpError where the file is not there or cannot be read.
    """
    if not path.is_file():
        raise AnimeInterpError(f"There is no checkpoint {path} to go on from. Check the path, or begin anew without --resume.")
    if path.suffix == ".safetensors":
        _, metadata = read_state_dict(path)
        text = metadata.get(CONFIG_KEY)
    else:
        try:
            text = torch.load(path, map_location="cpu", weights_only=True).get("config")
        except (OSError, RuntimeError, AttributeError, ValueError, EOFError, pickle.UnpicklingError) as error:
            raise AnimeInterpError(f"{path} is no checkpoint of a run ({error}). Choose another with --resume.") from error
        beside = path.with_name("compact.safetensors")  # runs of before did not tell in the full one
        if text is None and beside.is_file():
            return model_of_run(beside)
    return None if text is None else fresh(ModelConfig.from_json(text))


def load_compact(path: Path, model: nn.Module, average: nn.Module) -> None:
    """Weights and average from a compact checkpoint; from plain weights, both are those. Strictly."""
    state, _ = read_state_dict(path)
    weights = {name: value for name, value in state.items() if not name.startswith(AVERAGE)}
    averaged = {name.removeprefix(AVERAGE): value for name, value in state.items() if name.startswith(AVERAGE)}
    try:
        model.load_state_dict(weights)
        average.load_state_dict(averaged or weights)
    except RuntimeError as error:
        raise AnimeInterpError(
            f"{path} does not hold this network ({error}). Choose a checkpoint of the same configuration."
        ) from error
