"""A Ray cluster to work on: one that runs, or one begun on this machine."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from ..errors import AnimeInterpError


@dataclass(frozen=True)
class Cluster:
    """What each worker asks for (``cpus``; ``gpus`` may be a fraction: several workers share one), and how many there are to be
    at once; ``workers`` None: as many as there is room for."""

    cpus: float
    gpus: float = 0.0
    workers: int | None = None

    def room(self) -> int:
        """How many workers the machines that are there now have room for. AnimeInterpError where no machine has room for one."""
        ray = ray_module()
        nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
        places = [self._places(node) for node in nodes]
        if not any(places):
            largest = max((node.get("CPU", 0) for node in nodes), default=0)
            gpus = max((node.get("GPU", 0) for node in nodes), default=0)
            raise AnimeInterpError(
                f"A worker asks for {self.cpus:g} CPUs and {self.gpus:g} GPUs, and no machine of the cluster has that (at most "
                f"{largest:g} CPUs, {gpus:g} GPUs). Ask for less: --threads sets the CPUs of a worker, --worker-gpus its GPUs."
            )
        return self.workers or sum(places)

    def _places(self, node: dict[str, float]) -> int:
        """How many workers a machine has room for. A share of a GPU lies within one, so that two GPUs hold two of 0.6."""
        cpus, gpus = node.get("CPU", 0.0), node.get("GPU", 0.0)
        by_cpus = [_times(cpus, self.cpus)] if self.cpus else []
        by_gpus = [int(gpus) * _times(1.0, self.gpus) if self.gpus < 1 else _times(gpus, self.gpus)] if self.gpus else []
        return min(by_cpus + by_gpus, default=1)


def _times(whole: float, share: float) -> int:
    """How often a share goes into a whole: three tenths are in 0.9 three times, whatever a float makes of it."""
    return int(whole / share + 1e-9)


@contextmanager
def connect(address: str, cluster: Cluster) -> Iterator[Cluster]:
    """Be part of a cluster: "auto" is the one that runs on this machine, or one of this machine alone; else an address.

    Raises AnimeInterpError where Ray is not installed, nothing answers, or no worker would have room.
    """
    ray = ray_module()
    ours = not ray.is_initialized()
    if ours:
        asked = {} if address == "auto" else {"address": address}
        try:
            ray.init(**asked, namespace="animeinterp", log_to_driver=False, logging_level=logging.ERROR)
        except (ConnectionError, ValueError, RuntimeError) as error:
            raise AnimeInterpError(
                f"--ray {address}: no Ray cluster answers there ({str(error).splitlines()[0]}). It should be auto, or the "
                "address of the head, such as 10.0.0.1:6379; `ray start --head` begins one. Where that has a token, set "
                "RAY_AUTH_MODE=token."
            ) from None
    try:
        cluster.room()
        yield cluster
    finally:
        if ours:
            ray.shutdown()


def ray_module():
    """Ray, imported when it is needed. AnimeInterpError where it is not installed."""
    try:
        import ray
    except ImportError:
        raise AnimeInterpError(
            "--ray needs Ray, which is not installed; install it on every machine: pip install 'animeinterp[ray]'."
        ) from None
    return ray
