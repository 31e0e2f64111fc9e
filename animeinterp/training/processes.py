"""Several processes that train one model: who this one is, and what they tell one another.

``torchrun --nproc-per-node 4 -m animeinterp train ...`` starts a process a GPU and tells each by its environment (RANK,
WORLD_SIZE, LOCAL_RANK). Each makes its own batches and its own gradients; these are averaged, so that all take the same
step. Without torchrun there is one process, and they have nothing to tell.

Beside them there may be ``helpers``, processes that make samples.
"""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from multiprocessing import get_context

import cv2
import torch
from torch import Tensor, nn

from ..errors import AnimeInterpError


@dataclass(frozen=True)
class Processes:
    """This process' number among ``world``, and the device it works on."""

    rank: int = 0
    world: int = 1
    device: torch.device = torch.device("cpu")

    def any(self, flag: bool) -> bool:
        """Whether ``flag`` is set in any of them: all of them must ask, and all get one answer."""
        if self.world == 1:
            return flag
        flags = torch.tensor([float(flag)], device=self.device)
        torch.distributed.all_reduce(flags, torch.distributed.ReduceOp.MAX)
        return bool(flags.item())

    def average(self, gradients: Iterable[Tensor | None]) -> None:
        """Average the gradients of all processes, in place."""
        present = [g for g in gradients if g is not None]
        if self.world == 1 or not present:
            return
        flat = torch.cat([g.flatten() for g in present])  # one message in place of hundreds
        torch.distributed.all_reduce(flat)
        flat /= self.world
        for gradient, part in zip(present, flat.split([g.numel() for g in present]), strict=True):
            gradient.copy_(part.view_as(gradient))

    def agree(self, model: nn.Module) -> None:
        """Give every process the weights of the first."""
        if self.world > 1:
            for tensor in model.state_dict().values():
                torch.distributed.broadcast(tensor, 0)


@contextlib.contextmanager
def processes(device: str | torch.device = "cpu") -> Iterator[Processes]:
    """Join the processes that torchrun started, if it did; each takes the GPU of its LOCAL_RANK if ``device`` is "cuda".

    Raises AnimeInterpError for a device that torch does not know or that is not there.
    """
    world, rank = int(os.environ.get("WORLD_SIZE", 1)), int(os.environ.get("RANK", 0))
    try:
        chosen = torch.device(device)
        if chosen.type == "cuda" and world > 1:
            chosen = torch.device("cuda", int(os.environ.get("LOCAL_RANK", rank)))
        torch.empty(0, device=chosen)
        if chosen.type == "cuda":
            torch.cuda.set_device(0 if chosen.index is None else chosen.index)
    except (RuntimeError, AssertionError) as error:  # torch says the second of a build without CUDA
        raise AnimeInterpError(
            f"The device {device} cannot be used ({str(error).splitlines()[0]}); it should be cpu, cuda, cuda:1 or mps. "
            "Choose another with --device."
        ) from None
    if world == 1:
        yield Processes(0, 1, chosen)
        return
    # One may be making samples for long while the others wait for it.
    torch.distributed.init_process_group("nccl" if chosen.type == "cuda" else "gloo", timeout=timedelta(hours=4))
    try:
        yield Processes(rank, world, chosen)
    finally:
        torch.distributed.destroy_process_group()


def helpers(count: int) -> ProcessPoolExecutor:
    """``count`` processes to make samples with, a thread each. Shut it down, or use it as a context manager."""
    # Begun anew, not forked: a fork of a process with threads may wait for ever.
    return ProcessPoolExecutor(count, get_context("spawn"), initializer=_begin_helper)


def _begin_helper() -> None:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that they work for
