"""The weight file that ships, of two: ``python tools/join_models.py WHOLE CUTOUTS OUTPUT``.

WHOLE draws in between of what is drawn anew, CUTOUTS (the light model) of pieces that move as they are.
"""

import argparse
import dataclasses
from pathlib import Path

from animeinterp.model import build
from animeinterp.training.checkpoint import save_weights
from animeinterp.weights import load_model


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("whole", "cutouts", "output"):
        parser.add_argument(name, type=Path)
    options = parser.parse_args()
    if options.output.exists():
        parser.error(f"{options.output} is there already; choose another name.")
    whole, within = load_model(options.whole), load_model(options.cutouts)
    both = build(dataclasses.replace(whole.config, cutouts=within.config))
    both.refinement, both.synthesis, both.cutouts = whole.refinement, whole.synthesis, within
    save_weights(options.output, both, half=True)


if __name__ == "__main__":
    main()
