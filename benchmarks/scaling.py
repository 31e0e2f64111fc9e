"""What the driver of a spread film costs: thousands of simulated segments (a stub that sleeps and writes) on this machine.

    python benchmarks/scaling.py --segments 10000 --workers 4

Prints the driver's own seconds a segment (of its process: what it adds beside the workers), those that passed, and its memory at
each tenth of the way.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ["PYTHONPATH"] = os.pathsep.join([sys.path[0], os.environ.get("PYTHONPATH", "")])

from animeinterp.cluster import Cluster, Spread, connect, spread
from animeinterp.film import Segment
from animeinterp.film.spreading import publish


class Stub:
    """Sleeps for ``seconds`` and publishes a file of ``size`` bytes, as a worker does a segment."""

    def __init__(self, folder: Path, seconds: float, size: int) -> None:
        self.folder, self.seconds, self.size = folder, seconds, size

    def __call__(self):
        def do(segment: Segment) -> dict[str, float]:
            time.sleep(self.seconds)
            local = self.folder / f".{segment.name}.scratch"
            local.write_bytes(bytes(self.size))
            publish(local, self.folder / f"{segment.name}.mp4")
            local.unlink()
            return {"drawing": self.seconds, "coding": 0.0, "publishing": 0.0}

        return do


def resident() -> float:
    """This process' memory, in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """See the module's docstring."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--segments", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=0.02, help="that a stub sleeps")
    parser.add_argument("--bytes", type=int, default=20_000)
    options = parser.parse_args()
    import ray

    ray.init(address="local", num_cpus=options.workers, include_dashboard=False, log_to_driver=False)
    segments = [Segment(k, 96 * k, 96 * k + 96) for k in range(options.segments)]
    memory, done = [], 0

    def heard(segment: Segment, _: dict[str, float]) -> None:
        nonlocal done
        done += 1
        if done % (options.segments // 10) == 0:
            memory.append(round(resident(), 1))

    with tempfile.TemporaryDirectory() as folder, connect("auto", Cluster(1.0, workers=options.workers)) as cluster:
        work = Spread("simulated", Stub(Path(folder), options.seconds, options.bytes), lambda segment: segment.name)
        began = time.process_time()
        report = spread(segments, work, cluster, heard)
        spent = time.process_time() - began
        whole = len(list(Path(folder).glob("0*.mp4")))
    sys.stdout.write(
        f"{report.done} segments, {whole} files, {options.workers} workers: the driver took {1e3 * spent / report.done:.2f} ms "
        f"of its processor a segment; {report.wall:.1f} s passed, {report.busy:.1f} s of workers\n"
        f"memory in MB at each tenth: {memory}\n"
    )
    ray.shutdown()


if __name__ == "__main__":
    main()
