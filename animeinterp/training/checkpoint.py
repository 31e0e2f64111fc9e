"""Checkpoints of a run: a full one, which goes on to the bit, and a compact one, small enough to keep in a repository.

The compact one is safetensors: the weights and their moving average in half precision, ``average.`` before the names of
the second. It is resumed with a fresh optimiser.
"""

from __future__ import annotations

import os
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn

from ..checkpoints import read_state_dict
from ..errors import AnimeInterpError
from ..weights import CONFIG_KEY

AVERAGE = "average."


def save_full(path: Path, model: nn.Module, average: nn.Module, optimiser: torch.optim.Optimizer, step: int, task: str) -> None:
    """All of a run's state, written whole or not at all."""
    state = {
        "task": task,
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
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        raise AnimeInterpError(
            f"{path} is no checkpoint that this run can go on from ({error}). Choose another with --resume, or begin anew "
            "in another folder."
        ) from error


def save_compact(path: Path, model: nn.Module, average: nn.Module, step: int) -> None:
    """The weights and their average in float16, written whole or not at all."""
    tensors = {name: value.half().contiguous() for name, value in model.state_dict().items()}
    tensors.update({AVERAGE + name: value.half().contiguous() for name, value in average.state_dict().items()})
    unfinished = path.with_suffix(".part")
    save_file(tensors, unfinished, {"format": "pt", CONFIG_KEY: model.config.to_json(), "step": str(step)})
    os.replace(unfinished, path)


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
