"""Progress from inside a long forward pass: how far it is, and a chance to stop it."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

from torch import nn

ProgressCallback = Callable[[float], None]  # called with the fraction done, 0..1; what it raises ends the work


@contextlib.contextmanager
def layer_progress(network: nn.Module, progress: ProgressCallback | None, total: int) -> Iterator[None]:
    """Within it, ``progress`` is called before each layer of ``network`` that runs, with the fraction of ``total`` done.

    What ``progress`` raises ends the forward pass. Layers are modules without children; they run many times a second at any
    size that fits into memory. Calls from other threads, which may share the network, are not counted.
    """
    if progress is None:
        yield
        return
    owner, done = threading.get_ident(), 0

    def count(*_: object) -> None:
        nonlocal done
        if threading.get_ident() == owner:
            progress(min(done / total, 1.0))
            done += 1

    handles = [layer.register_forward_pre_hook(count) for layer in leaf_modules(network)]
    try:
        yield
        progress(1.0)
    finally:
        for handle in handles:
            handle.remove()


def leaf_modules(network: nn.Module) -> list[nn.Module]:
    """The modules of ``network`` that have no children."""
    return [module for module in network.modules() if next(module.children(), None) is None]


def monotonic(progress: ProgressCallback | None) -> ProgressCallback | None:
    """``progress`` that never hears less than before, though work be begun anew."""
    if progress is None:
        return None
    furthest = 0.0

    def report(fraction: float) -> None:
        nonlocal furthest
        furthest = max(furthest, fraction)
        progress(furthest)

    return report
