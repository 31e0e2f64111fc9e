"""Which of the hand-set numbers earn their place: each halved and doubled, some switched off (``OFF``), on a set of clips.

    python -m animeinterp.evaluation.ablate TRIPLETS [TRIPLETS ...] [--public] [--rooms ROOM ...] [--only NAME ...]
        [--model FILE] [--width 640] [--json FILE]

What is counted is PSNR over moving pixels, in dB, of what a room's numbers have a part in (``MEASURES``; of the matching how
near its coarse flow is to the true one), and its change in the mean over the clips. ``worst`` is the clip that loses most by
any of the three. A number whose changes are all within 0.02 dB, and which changes no picture when looked at, is a candidate to
go, if the clips are such that the room has something to do: of frames up to 960 pixels nothing is enlarged, of cut-outs no
backdrop is found.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..completion import Completion
from ..completion.config import DEFAULT as COMPLETION
from ..datasets.cartoon import CartoonSample
from ..datasets.clips import public_clips
from ..datasets.triplets import Triplet, TripletFolder
from ..errors import AnimeInterpError
from ..flow import resize_flow
from ..frames import FramePair
from ..light import LIGHT
from ..matching.config import PIECE_FLOW
from ..model import AnimeInterp
from ..panning import PANNING
from ..pipeline import interpolate
from ..shade import SHADE
from ..stages import Stages
from ..synthesis.blend import Blend
from ..synthesis.config import (
    ALIGNING,
    BACKDROP,
    BLEND,
    ISOLATION,
    MOTION_SPLATTING,
    PAINTING,
    RECONCILE,
    SMOOTH,
    STILL,
    STRETCHING,
)
from ..upsampling import UPSAMPLING
from ..weights import load_model
from .metrics import psnr_moving, to_8bit

# The numbers of each room, as all of it shares them.
ROOMS: dict[str, Any] = {
    "matching": PIECE_FLOW, "completion": COMPLETION, "panning": PANNING, "upsampling": UPSAMPLING, "blend": BLEND,
    "smooth": SMOOTH, "splatting": MOTION_SPLATTING, "backdrop": BACKDROP, "isolation": ISOLATION, "painting": PAINTING,
    "stretching": STRETCHING, "aligning": ALIGNING, "reconciling": RECONCILE, "still": STILL, "light": LIGHT, "shade": SHADE,
}
USUAL = ("completion", "panning", "blend")
_NEVER, _ALWAYS = 1e9, 1e-6
# What takes a rule away. A number that is not here is no rule's own: it can be another, and not none.
OFF: dict[str, dict[str, Any]] = {
    "completion": {
        "edge_gain": 0.0, "largest_stretch": _NEVER, "joint_reach": 0.0, "turns": (), "neighbours": 0, "doubt": 0.0,
        "frame_prior": 0.0, "line_claims": 0, "match_tie": 0.0, "residual_largest": 0.0, "pixel_reach": 0.0,
        "pixel_far_reach": 0.0, "median": 1, "bend_follows": _ALWAYS,
    },
    "panning": {"peaks": 0, "margin": _NEVER},
    "blend": {
        "depth_gain": 0.0, "stray": _NEVER, "sharp": _ALWAYS, "window": 1, "contrast": _NEVER, "opinion_colour": _ALWAYS,
    },
}


@dataclasses.dataclass(frozen=True)
class Variant:
    """One number of a room's config, changed: ``how`` is "halved", "doubled" or "off"."""

    room: str
    name: str
    how: str
    value: Any

    @contextmanager
    def tried(self) -> Iterator[None]:
        """Within it the number is the other one, wherever its config is used."""
        config, before = ROOMS[self.room], getattr(ROOMS[self.room], self.name)
        # Frozen for everybody else: only here is one run compared with another.
        object.__setattr__(config, self.name, self.value)
        try:
            yield
        finally:
            object.__setattr__(config, self.name, before)


def variants(only: Sequence[str] = (), rooms: Sequence[str] = USUAL) -> Iterator[Variant]:
    """All that are tried of ``rooms``, or those of the numbers named. AnimeInterpError for a name that no config has."""
    if unknown := sorted(set(rooms) - set(ROOMS)):
        raise AnimeInterpError(f"{unknown[0]} is none of the rooms; they are {', '.join(ROOMS)}.")
    known = {field.name for room in rooms for field in dataclasses.fields(ROOMS[room])}
    for name in only:
        if name not in known:
            raise AnimeInterpError(f"{name} is none of the numbers of {', '.join(rooms)}; they are {', '.join(sorted(known))}.")
    for room in rooms:
        for field in dataclasses.fields(ROOMS[room]):
            if only and field.name not in only:
                continue
            for how, change in (("halved", 0.5), ("doubled", 2.0)):
                yield Variant(room, field.name, how, _scaled(field.default, change))
            if field.name in OFF.get(room, {}):
                yield Variant(room, field.name, "off", OFF[room][field.name])


def _scaled(value: Any, change: float) -> Any:
    if value is None:
        return None
    if isinstance(value, tuple):
        return tuple(_scaled(one, change) for one in value)
    if isinstance(value, int):
        # What counts pixels of a window stays odd, and nothing falls to none; below nought are degrees.
        scaled = max(1, round(value * change)) if value > 0 else round(value * change)
        return scaled + (value > 0 and value % 2 == 1 and scaled % 2 == 0)
    return value * change


class _Measure:
    """A triplet, and the dB of what is drawn of it. In which of them a room's numbers show, ``MEASURES`` says."""

    def __init__(self, triplet: Triplet, model: AnimeInterp | None) -> None:
        """``model``: what networks draw by."""
        self.triplet, self.model = triplet, model

    def decibels(self) -> float:
        """Over what moves, to the drawing kept aside."""
        return psnr_moving(to_8bit(self.drawn()), self.triplet.middle, self.triplet.frame0, self.triplet.frame1)

    def drawn(self) -> Tensor:
        raise NotImplementedError


class _AsPieces(_Measure):
    """Completed and blended, without weights, whether these are cut-outs or not."""

    def __init__(self, triplet: Triplet, model: AnimeInterp | None) -> None:
        super().__init__(triplet, model)
        stages = Stages()
        self.pair = FramePair(stages.load(triplet.frame0), stages.load(triplet.frame1))
        for frame in (self.pair.frame0, self.pair.frame1):
            stages.pieces(frame)  # once: no number that is tried here has a part in them

    def drawn(self) -> Tensor:
        return Stages(refiner=Completion(), synthesizer=Blend()).pair(self.pair.frame0, self.pair.frame1).at([0.5])


class _Smooth(_Measure):
    """Along smooth motion, without weights."""

    def drawn(self) -> Tensor:
        frames = torch.cat([self.triplet.frame0, self.triplet.frame1])
        return interpolate(frames, 2, model=None, refiner="panned", synthesizer="smooth")[1:2]


class _AsUsual(_Measure):
    """By the weights that ship, or those that are named, as a user has it."""

    def drawn(self) -> Tensor:
        return interpolate(torch.cat([self.triplet.frame0, self.triplet.frame1]), 2, model=self.model)[1:2]


class _Coarse(_AsPieces):
    """How far the coarse flow is off the true one, which the triplet's flows are here, as a ratio to a pixel: 1 dB is 12 % of the
    end-point error. What a drawing looks like when it is read along a flow would not tell: what was uncovered may be filled with
    anything like it."""

    def __init__(self, triplet: Triplet, model: AnimeInterp | None) -> None:
        if triplet.flow_01 is None or triplet.flow_10 is None:
            raise AnimeInterpError(f"The true motion of {triplet.name} is not known; matching is measured on clips whose "
                                   "motion is. Name --public, and no folders.")
        super().__init__(triplet, model)
        self.truth = triplet.flow_01, triplet.flow_10

    def decibels(self) -> float:
        coarse = Stages().match(self.pair)
        fields = zip((coarse.flow_01, coarse.flow_10), self.truth, strict=True)
        off = [(field - truth).norm(dim=1).mean() for field, truth in fields]
        return float(-20 * torch.log10(sum(off) / 2 + 1e-6))


# What the numbers of a room show in.
MEASURES: dict[str, type[_Measure]] = {
    "matching": _Coarse, **dict.fromkeys(("completion", "panning", "upsampling", "blend"), _AsPieces), "smooth": _Smooth,
    "splatting": _Smooth,
    **dict.fromkeys(("backdrop", "isolation", "painting", "stretching", "aligning", "reconciling"), _AsUsual),
    **dict.fromkeys(("still", "light", "shade"), _AsUsual),
}


def ablate(
    triplets: Sequence[Triplet], only: Sequence[str] = (), done: Callable[[int, int], None] = lambda done, total: None,
    *, rooms: Sequence[str] = USUAL, model: str | None = None,
) -> dict[str, Any]:
    """The dB of each clip with the numbers as they are (``plain``, by measure), and each variant's changes (``rows``).

    :param model: a weight file for what networks draw; None: the weights that ship.
    """
    tried = list(variants(only, rooms))
    kinds = dict.fromkeys(MEASURES[one.room] for one in tried)
    networks = load_model(model) if _AsUsual in kinds else None
    clips = {kind: [kind(triplet, networks) for triplet in triplets] for kind in kinds}
    plain = {kind: [clip.decibels() for clip in some] for kind, some in clips.items()}
    rows = []
    for index, variant in enumerate(tried, start=1):
        kind = MEASURES[variant.room]
        with variant.tried():
            found = [clip.decibels() for clip in clips[kind]]
        changes = [one - before for one, before in zip(found, plain[kind], strict=True)]
        rows.append({**dataclasses.asdict(variant), "mean": sum(changes) / len(changes), "changes": changes})
        done(index, len(tried))
    return {
        "clips": [triplet.name for triplet in triplets], "rows": rows,
        "plain": {kind.__name__.strip("_"): found for kind, found in plain.items()},
    }


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
    means = ", ".join(f"{kind} {sum(plain) / len(plain):.2f} dB" for kind, plain in found["plain"].items())
    head = f"{'room':11}{'number':22}{'halved':>9}{'doubled':>9}{'off':>9}{'worst':>10}"
    return "\n".join([f"{len(clips)} clips, {means} as it is; changes of it in dB:", head, *lines])


def _of_clip(name: str, sample: CartoonSample) -> Triplet:
    """A drawn clip, with its true motion."""
    return Triplet(name, sample.frame0, sample.mids[0], sample.frame1, flow_01=sample.flow_01, flow_10=sample.flow_10)


def _smaller(triplet: Triplet, width: int) -> Triplet:
    if triplet.frame0.shape[-1] <= width:
        return triplet
    size = (round(triplet.frame0.shape[-2] * width / triplet.frame0.shape[-1]), width)
    frames = (F.interpolate(frame, size, mode="area") for frame in (triplet.frame0, triplet.middle, triplet.frame1))
    flows = (None if flow is None else resize_flow(flow, size) for flow in (triplet.flow_01, triplet.flow_10))
    return Triplet(triplet.name, *frames, triplet.tags, None, *flows)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line: see the module's docstring."""
    parser = argparse.ArgumentParser(prog="python -m animeinterp.evaluation.ablate", description=__doc__.partition("\n\n")[0])
    parser.add_argument("folders", nargs="*", type=Path, metavar="TRIPLETS", help="folders of triplets")
    parser.add_argument("--public", action="store_true", help="the public clips of the generator, too")
    parser.add_argument("--width", type=int, default=640, metavar="W", help="wider ones are made so small first (default: 640)")
    parser.add_argument("--rooms", nargs="+", default=USUAL, metavar="ROOM",
                        help=f"of {', '.join(ROOMS)} (default: {', '.join(USUAL)})")
    parser.add_argument("--only", nargs="+", default=(), metavar="NAME", help="these numbers alone")
    parser.add_argument("--model", metavar="FILE", help="weights for what networks draw (default: those that ship)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="leave all of it there too")
    chosen = parser.parse_args(arguments)
    try:
        if chosen.json is not None and chosen.json.exists():
            raise AnimeInterpError(f"{chosen.json} is there already; choose another name.")
        triplets = [triplet for folder in chosen.folders for triplet in TripletFolder(folder)]
        if chosen.public:
            triplets += [_of_clip(clip.name, clip.sample) for clip in public_clips(times=(0.5,))]
        if not triplets:
            raise AnimeInterpError("There are no clips; name folders of triplets, or --public.")
        smaller = [_smaller(triplet, chosen.width) for triplet in triplets]
        with torch.inference_mode():
            found = ablate(smaller, chosen.only, _shown, rooms=chosen.rooms, model=chosen.model)
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
