"""``python -m animeinterp.datasets.cartoon SHEET.png``: look at what the generator draws, and how fast it does.

Writes a contact sheet, both frames of each clip one above the other, and logs clips a second: composing, plain Python
and the work of as many processes as there are, apart from drawing, which is the device's.
"""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Sequence
from pathlib import Path

import cv2
import torch

from ...errors import AnimeInterpError
from .config import CartoonConfig
from .sample import draw_scenes, prepare

logger = logging.getLogger("animeinterp.datasets.cartoon")


def main(arguments: Sequence[str] | None = None) -> None:
    """The command line: see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m animeinterp.datasets.cartoon", description=__doc__)
    parser.add_argument("sheet", type=Path, help="the PNG to write")
    parser.add_argument("--first-seed", type=int, default=1_000_000)
    parser.add_argument("--count", type=int, default=24, help="clips, drawn as one batch (default 24)")
    parser.add_argument("--columns", type=int, default=6)
    parser.add_argument("--size", type=int, nargs=2, default=(256, 384), metavar=("HEIGHT", "WIDTH"))
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--repeat", type=int, default=1, help="draw so many times, for the clock (default 1)")
    chosen = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")

    size, config = tuple(chosen.size), CartoonConfig()
    began = time.perf_counter()
    scenes = [prepare(chosen.first_seed + k, size, config) for k in range(chosen.count)]
    logger.info("composed %.0f clips a second in one process", chosen.count / (time.perf_counter() - began))
    for _ in range(chosen.repeat):
        began = time.perf_counter()
        sample = draw_scenes(scenes, size=size, device=chosen.device)
        frames = torch.cat([sample.frame0, sample.frame1], 2).cpu()  # waits for the device
        logger.info("drew %.1f clips a second on %s", chosen.count / (time.perf_counter() - began), chosen.device)

    blank = torch.zeros(-chosen.count % chosen.columns, *frames.shape[1:])
    rows = torch.cat([frames, blank]).unflatten(0, (-1, chosen.columns))
    sheet = rows.permute(0, 3, 1, 4, 2).flatten(2, 3).flatten(0, 1)
    if not cv2.imwrite(str(chosen.sheet), (sheet * 255).round().byte().numpy()[..., ::-1]):
        raise AnimeInterpError(f"{chosen.sheet} could not be written. Choose a folder that may be written to.")


if __name__ == "__main__":
    main()
