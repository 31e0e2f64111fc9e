"""Seconds of each stage for one pair of the demo's frames: ``python -m tools.stage_times [--size 960x540]``."""

from __future__ import annotations

import argparse
import statistics
import sys
import time

import torch

import animeinterp as ai
from animeinterp.datasets.clips import demo_frames
from animeinterp.matching import describe_pieces, pair_flow
from animeinterp.matching.completion import complete
from animeinterp.model import build
from animeinterp.synthesis.blend import blend


def timed(work, repeat: int):
    """The result of ``work`` and the median of its seconds, the first time not counted."""
    result, seconds = work(), []
    for _ in range(repeat):
        start = time.perf_counter()
        result = work()
        seconds.append(time.perf_counter() - start)
    return result, statistics.median(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--size", default="960x540")
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    width, height = map(int, options.size.split("x"))
    frames = demo_frames((height, width))[:2]
    frame0, frame1 = frames.split(1)
    rows = {}
    labels, rows["segmentation, both frames"] = timed(lambda: ai.segment(frames), options.repeat)
    pieces, rows["piece features from pixels, both frames"] = timed(
        lambda: [describe_pieces(f, lab) for f, lab in zip((frame0, frame1), labels, strict=True)], options.repeat
    )
    coarse, rows["matching and coarse flow"] = timed(lambda: pair_flow(frame0, frame1, *pieces), options.repeat)
    fine, rows["weights-free completion"] = timed(lambda: complete(frame0, frame1, coarse), options.repeat)
    _, rows["weights-free blend, each in-between"] = timed(lambda: blend(frame0, frame1, fine, [0.5]), options.repeat)
    _, rows["weights-free way, end to end"] = timed(
        lambda: ai.interpolate(frames, times=[0.5], model=None), options.repeat
    )
    torch.manual_seed(0)
    with torch.no_grad():
        model = build().eval()
        flows, rows["refinement (12 iterations)"] = timed(
            lambda: model.refine(frame0, frame1, coarse.flow_01, coarse.flow_10), 1
        )
        _, rows["synthesis, each in-between"] = timed(lambda: model.synthesize(frame0, frame1, *flows, [0.5]), 1)
    for name, seconds in rows.items():
        sys.stdout.write(f"| {name} | {seconds:.2f} |\n")


if __name__ == "__main__":
    main()
