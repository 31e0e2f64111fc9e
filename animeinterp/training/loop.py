"""The training loop: steps, their schedule, a moving average of the weights, and checkpoints that go on to the bit.

What is trained is a *Task*. Batches are a function of the step alone, so a run that was stopped and resumed from its full
checkpoint is the run that was not stopped.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import logging
import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from ..datasets.clips import write_png
from ..errors import AnimeInterpError
from ..model import AnimeInterp
from .ahead import Ahead
from .checkpoint import load_compact, load_full, save_compact, save_full, save_weights
from .processes import Processes

logger = logging.getLogger(__name__)


class Task(Protocol):
    """Something to train. ``name`` is the stage's; the rest is called by ``train``."""

    name: str
    config: Any  # a dataclass, for the log

    def trained(self, model: AnimeInterp) -> nn.Module:
        """The part of the model whose weights are learned; the rest is frozen."""

    def batch(self, step: int, rank: int = 0) -> Any:
        """The batch of a step, on the CPU: a function of its arguments (and the task's seed) and nothing else. A thread
        makes it, ahead of its step."""

    def loss(self, model: AnimeInterp, batch: Any, device: torch.device) -> tuple[Tensor, dict[str, float]]:
        """What is minimised, and its parts for the log."""

    def report(self, model: AnimeInterp, device: torch.device) -> tuple[dict[str, float], Tensor | None]:
        """Figures on samples that are never trained on, and a picture (3, H, W) in 0..1 to look at."""


@dataclass(frozen=True)
class TrainConfig:
    """How to train, whatever is trained. ``steps`` in all, resumed ones included; ``rate`` is the highest learning rate,
    reached after ``warmup`` steps and falling to a hundredth of it on a cosine. ``minutes``: stop in good order then;
    ``by_clock``: the cosine is that of the minutes and not of the steps, where nobody knows how many there will be time for.
    ``save_minutes``: save so often besides. ``half``: the weights to use are written in float16. ``forgive``: how many steps
    in a row may have a loss that is no number; they change nothing. ``gather``: the gradients of so many batches are averaged
    for a step, where a batch as large has no room."""

    steps: int = 10_000
    rate: float = 4e-4
    warmup: int = 200
    weight_decay: float = 1e-4
    clip: float = 1.0  # norm of the gradient
    ema: float = 0.999
    bf16: bool = False
    report_every: int = 1000
    save_every: int = 500
    log_every: int = 20
    minutes: float | None = None
    by_clock: bool = False
    save_minutes: float | None = None
    half: bool = False
    forgive: int = 0
    gather: int = 1

    def rate_at(self, step: int, minutes: float = 0.0) -> float:
        """The learning rate of a step, so many ``minutes`` after the run began."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(1, self.steps - self.warmup)
        if self.by_clock and self.minutes is not None:
            done = minutes / self.minutes
        return self.rate * (0.01 + 0.99 * (1 + math.cos(math.pi * min(done, 1.0))) / 2)


class Trainer:
    """One run of a task, in a folder: ``log.jsonl``, ``step_N.png``, ``full.pt``, ``compact.safetensors``, and the
    averaged weights, ready to be used, ``model.safetensors``. A folder belongs to one run."""

    def __init__(
        self, model: AnimeInterp, task: Task, config: TrainConfig, folder: Path, *,
        device: str | torch.device = "cpu", processes: Processes | None = None,
    ) -> None:
        self.processes = processes or Processes(device=torch.device(device))
        self.device, self.rank = self.processes.device, self.processes.rank
        self.model, self.task, self.config, self.folder = model.to(self.device), task, config, Path(folder)
        self.processes.agree(self.model)
        self.step = 0
        self._ours = False  # whether what is in the folder is this run's
        self._batches = Ahead(lambda step: task.batch(step, self.rank))
        for parameter in model.parameters():
            parameter.requires_grad_(False)
        self.learned = list(task.trained(model).parameters())
        for parameter in self.learned:
            parameter.requires_grad_(True)
        self.average = copy.deepcopy(model).requires_grad_(False).eval()
        self.optimiser = torch.optim.AdamW(
            self.learned, lr=config.rate, weight_decay=config.weight_decay, fused=self.device.type == "cuda"
        )
        self._began = self._saved = time.monotonic()
        self._bad = 0  # steps in a row whose loss was no number

    @property
    def log(self) -> Path:
        return self.folder / "log.jsonl"

    @property
    def full(self) -> Path:
        return self.folder / "full.pt"

    @property
    def compact(self) -> Path:
        return self.folder / "compact.safetensors"

    def resume(self, path: Path | None = None) -> bool:
        """Go on from ``path``, or from this folder's own full checkpoint; False where there is none to go on from.

        A compact checkpoint, or plain weights, begins at step 0 with a fresh optimiser.
        """
        path = self.full if path is None and self.full.exists() else path
        if path is None:
            return False
        path = Path(path)
        self._ours = path.resolve().parent == self.folder.resolve()
        if path.suffix == ".safetensors":
            load_compact(path, self.model, self.average)
        else:
            self.step = load_full(path, self.model, self.average, self.optimiser, self.task.name)
        return True

    def run(self, stop: Callable[[], bool] | None = None) -> AnimeInterp:
        """Train until ``steps``, ``minutes`` or ``stop()``; returns the averaged model. Saved before it returns.

        Raises AnimeInterpError when the loss is no number any more (what was saved last is good still), and, before
        anything is written, where the folder holds another run.
        """
        self.take_folder()
        self._write({"step": self.step, "settings": self.settings()})
        config, began, recent = self.config, time.monotonic(), []
        self._began = self._saved = began
        try:
            while self.step < config.steps:
                late = config.minutes is not None and time.monotonic() - began > 60 * config.minutes
                if self.processes.any(late or (stop is not None and stop())):
                    break
                recent.append(self.one_step())
                if self.step % config.log_every == 0:
                    self._log(recent, time.monotonic() - began)
                    recent = []
                overdue = config.save_minutes is not None and time.monotonic() - self._saved > 60 * config.save_minutes
                if self.step % config.save_every == 0 or overdue:
                    self.save()
                if self.step % config.report_every == 0:
                    self.report()
        finally:
            self._batches.close()
        self.save()
        return self.average

    def one_step(self) -> dict[str, float]:
        """Forward, backward, update; returns the loss and its parts."""
        for group in self.optimiser.param_groups:
            group["lr"] = self._rate()
        self.model.train()
        self.optimiser.zero_grad(set_to_none=True)
        loss, parts = self._gradients()
        self.processes.average(p.grad for p in self.learned)
        norm = nn.utils.clip_grad_norm_(self.learned, self.config.clip)
        # One look at the device a step, when all of it is under way: it need not wait for the next.
        values = torch.stack([loss.float(), norm.float()]).tolist()
        # Asked at every step, and of all processes: what one of them found all must know.
        bad = self.processes.any(not all(map(math.isfinite, values)))
        self._bad = self._bad + 1 if bad else 0
        if self._bad > self.config.forgive:
            raise self._no_number(*values)
        if not bad:
            self.optimiser.step()
        self.step += 1
        self._follow()
        return {"loss": values[0], "gradient_norm": values[1], **parts}

    def _gradients(self) -> tuple[Tensor, dict[str, float]]:
        """Backward through the step's batches; the mean of their losses, and of the parts of these."""
        count, total, parts = self.config.gather, 0.0, {}
        for number in range(self.step * count, (self.step + 1) * count):
            batch = self._batches.get(number)
            with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.config.bf16):
                loss, found = self.task.loss(self.model, batch, self.device)
            (loss / count).backward()
            total = total + loss.detach() / count
            parts = {name: parts.get(name, 0.0) + value / count for name, value in found.items()}
        return total, parts

    def _rate(self) -> float:
        return self.config.rate_at(self.step, (time.monotonic() - self._began) / 60)

    def _no_number(self, loss: float, norm: float) -> AnimeInterpError:
        name, value = ("gradient's norm", norm) if math.isfinite(loss) else ("loss", loss)
        return AnimeInterpError(
            f"The {name} is {value} at step {self.step}; it should be a finite number (in every process). The last "
            "checkpoint is good still: resume from it with a lower --rate."
        )

    def save(self) -> None:
        """Write both checkpoints and the averaged weights, each whole or not at all."""
        if self.rank == 0:
            self.folder.mkdir(parents=True, exist_ok=True)
            save_full(self.full, self.model, self.average, self.optimiser, self.step, self.task.name)
            save_compact(self.compact, self.model, self.average, self.step)
            save_weights(self.folder / "model.safetensors", self.average, half=self.config.half)
        self._saved = time.monotonic()

    def report(self) -> dict[str, float]:
        """The averaged model's figures, logged; its picture beside the log."""
        if self.rank != 0:
            return {}
        figures, picture = self.task.report(self.average, self.device)
        self._write({"step": self.step, "report": figures})
        logger.info("step %d: %s", self.step, _shown(figures))
        if picture is not None:
            write_png(self.folder / f"step_{self.step:07d}.png", picture)
        return figures

    @torch.no_grad()
    def _follow(self) -> None:
        # Young averages follow faster, or the fresh weights would weigh in for thousands of steps.
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step))
        averaged = dict(self.average.named_parameters())
        learned = {name: parameter for name, parameter in self.model.named_parameters() if parameter.requires_grad}
        torch._foreach_lerp_([averaged[name] for name in learned], list(learned.values()), 1 - decay)

    def take_folder(self) -> None:
        """Make the folder this run's own; AnimeInterpError where it holds another run. ``run`` does so too."""
        found = [path.name for path in (self.log, self.full, self.compact) if path.exists()]
        if self.processes.any(self.rank == 0 and bool(found) and not self._ours):
            raise AnimeInterpError(
                f"{self.folder} holds another run ({', '.join(found)}); no run is written over. Choose another folder with "
                "--out, or go on with that run with --resume."
            )
        self._ours = True

    def _log(self, recent: list[dict[str, float]], seconds: float) -> None:
        mean = {name: float(sum(r[name] for r in recent)) / len(recent) for name in recent[0]}
        line = {"step": self.step, "rate": self._rate(), "seconds": round(seconds, 1), **mean}
        self._write(line)
        if self.rank == 0:
            logger.info("step %d: %s", self.step, _shown(mean))

    def _write(self, line: dict[str, Any]) -> None:
        if self.rank == 0:
            self.folder.mkdir(parents=True, exist_ok=True)
            with self.log.open("a", encoding="utf-8") as file:
                file.write(json.dumps(_plain(line), default=str, allow_nan=False) + "\n")

    def settings(self) -> dict[str, Any]:
        """What the run was made with, for its log."""
        source = getattr(self.task, "source", None)
        return {
            "task": self.task.name,
            self.task.name: dataclasses.asdict(self.task.config),
            **({} if source is None else {"source": dataclasses.asdict(source.config)}),
            "model": dataclasses.asdict(self.model.config),
            "training": dataclasses.asdict(self.config),
            "processes": self.processes.world,
        }


def _plain(value: Any) -> Any:
    """What JSON has no number for is null: a mean over nothing."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _shown(figures: dict[str, float]) -> str:
    return ", ".join(f"{name} {value:.4g}" for name, value in figures.items())
