"""Word from inside a long forward pass: how far it is, and a chance to stop it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from torch import nn


@contextlib.contextmanager
def heartbeat(network: nn.Module, step: Callable[[float], None] | None, total: int) -> Iterator[None]:
    """Within it, ``step`` is called before each layer of ``network`` that runs, with the fraction of ``total`` done.

    What ``step`` raises ends the forward pass. Layers are modules without children; they run many times a second at any
    size that fits into memory. Calls from other threads, which may share the network, are not counted.
    """
    if step is None:
        yield
        return
    owner, done = threading.get_ident(), 0

    def beat(*_: object) -> None:
        nonlocal done
        if threading.get_ident() == owner:
            step(min(done / total, 1.0))
            done += 1

    handles = [layer.register_forward_pre_hook(beat) for layer in layers(network)]
    try:
        yield
        step(1.0)
    finally:
        for handle in handles:
            handle.remove()


def layers(network: nn.Module) -> list[nn.Module]:
    """The modules of ``network`` that have no children."""
    return [module for module in network.modules() if next(module.children(), None) is None]
