"""Which of the hand-set numbers earn their place: each halved, doubled and switched off, on a set of clips.

    python -m animeinterp.evaluation.ablate TRIPLETS [TRIPLETS ...] [--public] [--width 480] [--only NAME ...] [--json FILE]

The weights-free way draws the middle frame of each triplet; what is counted is PSNR over moving pixels, in dB, and its change
in the mean over the clips. ``worst`` is the clip that loses most by any of the three. A number whose changes are all within
0.02 dB, and which changes no picture when looked at, is a candidate to go.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from ..completion import Completion, CompletionConfig
from ..datasets.clips import public_clips
from ..datasets.triplets import Triplet, TripletFolder
from ..errors import AnimeInterpError
from ..frames import FramePair
from ..stages import Stages
from ..synthesis.blend import Blend
from ..synthesis.config import BlendConfig
from .metrics import psnr_moving, to_8bit

_NEVER, _ALWAYS = 1e9, 1e-6
# What takes a rule away. A number that is not here is no rule's own: it can be another, and not none.
OFF: dict[str, Any] = {
    "edge_gain": 0.0, "largest_stretch": _NEVER, "joint_reach": 0.0, "turns": (), "neighbours": 0, "doubt": 0.0,
    "frame_prior": 0.0,
    "line_claims": 0, "match_tie": 0.0, "residual_largest": 0.0, "pixel_reach": 0.0, "pixel_far_reach": 0.0, "median": 1,
    "bend_follows": _ALWAYS, "pan_peaks": 0, "pan_margin": _NEVER, "depth_gain": 0.0, "stray": _NEVER, "sharp": _ALWAYS,
    "window": 1, "contrast": _NEVER, "opinion_colour": _ALWAYS,
}
CONFIGS: dict[str, type] = {"completion": CompletionConfig, "blend": BlendConfig}


@dataclasses.dataclass(frozen=True)
class Variant:
    """One number of a room's config, changed: ``how`` is "halved", "doubled" or "off"."""

    room: str
    name: str
    how: str
    value: Any

    def configs(self) -> dict[str, Any]:
        """Each room's config, this one's number changed."""
        return {room: dataclasses.replace(config(), **({self.name: self.value} if room == self.room else {}))
                for room, config in CONFIGS.items()}


def variants(only: Sequence[str] = ()) -> Iterator[Variant]:
    """All that are tried, or those of the numbers named. AnimeInterpError for a name that no config has."""
    known = {field.name for config in CONFIGS.values() for field in dataclasses.fields(config)}
    for name in only:
        if name not in known:
            raise AnimeInterpError(f"{name} is none of the numbers; they are {', '.join(sorted(known))}.")
    for room, config in CONFIGS.items():
        for field in dataclasses.fields(config):
            if only and field.name not in only:
                continue
            for how, change in (("halved", 0.5), ("doubled", 2.0)):
                yield Variant(room, field.name, how, _scaled(field.default, change))
            if field.name in OFF:
                yield Variant(room, field.name, "off", OFF[field.name])


def _scaled(value: Any, change: float) -> Any:
    if isinstance(value, tuple):
        return tuple(_scaled(one, change) for one in value)
    if isinstance(value, int):
        # What counts pixels of a window stays odd, and nothing falls to none.
        scaled = max(1, round(value * change))
        return scaled + (value % 2 == 1 and scaled % 2 == 0)
    return value * change


def ablate(
    triplets: Sequence[Triplet], only: Sequence[str] = (), done: Callable[[int, int], None] = lambda done, total: None
) -> dict[str, Any]:
    """The dB of each clip with the numbers as they are (``plain``), and each variant's changes (``rows``)."""
    tried = list(variants(only))
    clips = [_Clip(triplet) for triplet in triplets]
    plain = [clip.measure({room: config() for room, config in CONFIGS.items()}) for clip in clips]
    rows = []
    for index, variant in enumerate(tried, start=1):
        found = [clip.measure(variant.configs()) for clip in clips]
        changes = [one - before for one, before in zip(found, plain, strict=True)]
        rows.append({**dataclasses.asdict(variant), "mean": sum(changes) / len(changes), "changes": changes})
        done(index, len(tried))
    return {"clips": [triplet.name for triplet in triplets], "plain": plain, "rows": rows}


class _Clip:
    """A triplet whose pieces are found once: no number that is tried here has a part in them."""

    def __init__(self, triplet: Triplet) -> None:
        stages = Stages()
        self.triplet = triplet
        self.pair = FramePair(stages.load(triplet.frame0), stages.load(triplet.frame1))
        for frame in (self.pair.frame0, self.pair.frame1):
            stages.pieces(frame)

    def measure(self, configs: dict[str, Any]) -> float:
        stages = Stages(refiner=Completion(configs["completion"]), synthesizer=Blend(configs["blend"]))
        drawn = to_8bit(stages.pair(self.pair.frame0, self.pair.frame1).at([0.5]))
        return psnr_moving(drawn, self.triplet.middle, self.triplet.frame0, self.triplet.frame1)


def table(found: dict[str, Any]) -> str:
    """A line a number, those that matter most first."""
    clips, lines = found["clips"], []
    by_name: dict[tuple[str, str], dict[str, dict]] = {}
    for row in found["rows"]:
        by_name.setdefault((row["room"], row["name"]), {})[row["how"]] = row
    for (room, name), rows in sorted(by_name.items(), key=lambda item: min(row["mean"] for row in item[1].values())):
        loss, clip = min((change, clip) for row in rows.values() for change, clip in zip(row["changes"], clips, strict=True))
        shown = (f"{rows[how]['mean']:+9.3f}" if how in rows else " " * 9 for how in ("halved", "doubled", "off"))
        lines.append(f"{room:11}{name:22}{''.join(shown)}{loss:+10.2f} {clip}")
    mean = sum(found["plain"]) / len(found["plain"])
    head = f"{'room':11}{'number':22}{'halved':>9}{'doubled':>9}{'off':>9}{'worst':>10}"
    return "\n".join([f"{len(clips)} clips, {mean:.2f} dB over moving pixels as it is; changes of it in dB:", head, *lines])


def _smaller(triplet: Triplet, width: int) -> Triplet:
    if triplet.frame0.shape[-1] <= width:
        return triplet
    size = (round(triplet.frame0.shape[-2] * width / triplet.frame0.shape[-1]), width)
    frames = (F.interpolate(frame, size, mode="area") for frame in (triplet.frame0, triplet.middle, triplet.frame1))
    return Triplet(triplet.name, *frames, tags=triplet.tags)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m animeinterp.evaluation.ablate", description=__doc__.partition("\n\n")[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="TRIPLETS", help="folders of triplets")
    parser.add_argument("--public", action="store_true", help="the public clips of the generator, too")
    parser.add_argument("--width", type=int, default=640, metavar="W", help="wider ones are made so small first (default: 640)")
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME", help="these numbers alone")
    parser.add_argument("--json", type=Path, metavar="FILE", help="leave all of it there too")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.json is not None and chosen.json.exists():
            raise AnimeInterpError(f"{chosen.json} is there already; choose another name.")
        triplets = [triplet for folder in chosen.folders for triplet in TripletFolder(folder)]
        if chosen.public:
            triplets += [Triplet(clip.name, clip.sample.frame0, clip.sample.mids[0], clip.sample.frame1)
                         for clip in public_clips(times=(0.5,))]
        if not triplets:
            raise AnimeInterpError("There are no clips; name folders of triplets, or --public.")
        with torch.inference_mode():
            found = ablate([_smaller(triplet, chosen.width) for triplet in triplets], chosen.only, _shown)
    except AnimeInterpError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    sys.stdout.write(table(found) + "\n")
    if chosen.json is not None:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
    return 0


def _shown(done: int, total: int) -> None:
    sys.stderr.write(f"\r{done}/{total}" + ("\n" if done == total else ""))
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
