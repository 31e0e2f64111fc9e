"""Work of a training step that is recorded once on a CUDA device and replayed from then on.

A step of many small kernels is partly bound by the time that it takes to launch them; a recording launches all of them at once
(CUDA graphs). What is recorded may not ask the device for anything, and all that it is given keeps its shape.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Hashable
from typing import Any

import torch
from torch import Tensor, nn


class Recorded:
    """``recorded(key, function, *inputs)`` is ``function(*inputs)``: on a CUDA device recorded when a key is first seen, and
    replayed when it is seen again; elsewhere simply called.

    ``function``: a module, of whose parameters gradients are wanted, or, where none are, any function. It takes tensors and
    returns a tuple of them. What a replay returns is overwritten by the next one of its key. ``recording`` is locked while
    something is recorded: no other thread may ask the device for memory then.
    """

    def __init__(self) -> None:
        self.recording = threading.Lock()
        self._made: dict[Hashable, Callable[..., Any]] = {}

    def __call__(self, key: Hashable, function: nn.Module | Callable[..., Any], *inputs: Tensor) -> tuple[Tensor, ...]:
        if inputs[0].device.type != "cuda":
            return function(*inputs)
        if key not in self._made:
            self._made[key] = self._record(function, inputs)
        return self._made[key](*inputs)

    def _record(self, function: nn.Module | Callable[..., Any], inputs: tuple[Tensor, ...]) -> Callable[..., Any]:
        # A module's own forward is replaced by the replay: a copy's, which shares its weights, for each of the sizes.
        own = copy.copy(function) if isinstance(function, nn.Module) else function
        like = tuple(x.clone(memory_format=torch.contiguous_format) for x in inputs)
        # What is cast is said by the function itself: a cache of the caller's would outlive what is recorded.
        with self.recording, torch.autocast("cuda", enabled=False):
            return torch.cuda.make_graphed_callables(own, like, allow_unused_input=True)
