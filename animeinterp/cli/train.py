"""``train``: learn a model's weights, on cartoons that the generator draws, on triplets, or on both kinds in turn.

    python -m animeinterp train paint --out runs/paint --cache carried --workers 8      the light painter
    python -m animeinterp train paint --out runs/paint --cache /shared/carried --ray auto   its samples made by a cluster
    python -m animeinterp train between --out runs/whole --art art.zip --bf16           the network at t, on collages
    python -m animeinterp train flow --out runs/flow --model paper --minutes 25         the refinement, on exact flows
    python -m animeinterp train frame --out runs/frame --model runs/flow/model.safetensors --atd12k ATD-12K
    python -m animeinterp train flow --out runs/flow --resume                           goes on, to the bit on a CPU
    torchrun --nproc-per-node 4 -m animeinterp train flow --out runs/flow --device cuda --bf16

OUT gets log.jsonl, a sheet of pictures now and then, full.pt (to resume from), compact.safetensors (weights and average in
half precision, to keep) and model.safetensors (to use). Ctrl-C saves, too.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import torch

from ..datasets.atd12k import ATD12K
from ..datasets.cartoon.sprites import sprite_set, with_sprites
from ..datasets.triplets import TripletFolder
from ..errors import AnimeInterpError
from ..model import AnimeInterp
from ..training.between import BetweenConfig, BetweenTask
from ..training.caches import CoarseCache
from ..training.checkpoint import PRESETS, model_of_run, model_to_train
from ..training.flow import FlowConfig, FlowTask
from ..training.frame import FrameConfig, FrameTask
from ..training.loop import Task, TrainConfig, Trainer
from ..training.paint import PaintConfig, PaintTask
from ..training.pairs import CARTOONS, COARSE, DrawnConfig, DrawnPairs, Source, TripletConfig, TripletPairs
from ..training.processes import Processes, helpers, processes
from ..training.spreading import make_spread, making_of
from ..training.warped import SIZE as WARPED_SIZE
from . import say
from .long_runs import logged, stopping
from .progress import ProgressBar
from .spreading import add_ray_argument, check_ray, connected, told_of

STAGES = ("flow", "frame", "paint", "between")
# Where nothing is said: the model to begin with, clips a step, the side of crops (H, W; None: the whole clip), and the size
# of clips.
DEFAULTS = {
    "flow": ("published", 8, None, (256, 384)),
    "frame": ("published", 8, None, (256, 384)),
    "paint": ("light", 8, (192, 192), WARPED_SIZE),
    "between": ("whole", 8, (256, 256), None),
}
_TRIPLET_SIDE = (384, 384)
_RATE = TrainConfig.rate


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of ``train``."""
    parser.formatter_class, parser.epilog = argparse.RawDescriptionHelpFormatter, __doc__
    parser.add_argument("stage", choices=STAGES, help="the refinement on flows; refinement and synthesis on frames; the painter")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the run's folder, its own")
    parser.add_argument("--model", metavar="FILE|PRESET", help=f"weights to begin with, or fresh ones: {', '.join(PRESETS)}")
    parser.add_argument("--resume", nargs="?", const="", metavar="FILE",
                        help="go on with the run in DIR, or from a full (.pt) or compact (.safetensors) checkpoint")
    how = parser.add_argument_group("how")
    how.add_argument("--steps", type=int, default=TrainConfig.steps, help=f"in all (default: {TrainConfig.steps})")
    how.add_argument("--minutes", type=float, help="stop in good order after so many")
    how.add_argument("--rate", type=float, default=_RATE, help=f"highest learning rate (default: {_RATE})")
    how.add_argument("--warmup", type=int, default=TrainConfig.warmup, help="steps until it is reached")
    how.add_argument("--batch", type=int, help="clips or crops a step, in each process (default: 8)")
    how.add_argument("--gather", type=int, default=1, metavar="N", help="batches whose gradients make a step (default: 1)")
    how.add_argument("--side", type=int, nargs="+", metavar="N", help="of crops: one number, or two; between: squares, by turns")
    how.add_argument("--together", type=int, default=1, metavar="N", help="between: batches drawn at once, for a GPU")
    how.add_argument("--alone", type=float, default=0.0, metavar="W", help="between: weight of the loss on each reading alone")
    how.add_argument("--size", type=int, nargs=2, metavar=("H", "W"), help="of the clips drawn")
    how.add_argument("--iterations", type=int, help="of the refinement (default: the model's own)")
    how.add_argument("--only-synthesis", action="store_true", help="frame: leave the refinement as it is")
    how.add_argument("--seed", type=int, default=0, help="of weights and samples (default: 0)")
    how.add_argument("--bf16", action="store_true", help="networks in bfloat16, weights in float32")
    how.add_argument("--by-clock", action="store_true", help="the learning rate falls by --minutes and not by --steps")
    how.add_argument("--save-minutes", type=float, help="save so often, besides")
    how.add_argument("--forgive", type=int, default=0, metavar="N", help="pass over so many steps in a row without a loss")
    how.add_argument("--half", action="store_true", help="write model.safetensors in float16")
    how.add_argument("--device", help="torch device (default: cuda where there is one, else cpu)")
    how.add_argument("--workers", type=int, default=0,
                     help="processes that make samples (default: none beside the training; of --ray, as many as have room)")
    add_ray_argument(how, "first have what is made once and kept (samples of paint, flows of --coarse sgm and of triplets) made "
                          "by a Ray cluster, whose machines reach the folders under the same paths")
    data = parser.add_argument_group("what is trained on (default: what the generator draws)")
    data.add_argument("--samples", type=int, default=2000, help="clips whose flow is found once and kept (default: 2000)")
    data.add_argument("--first", type=int, default=0, metavar="N", help="paint: number of the first (default: 0)")
    data.add_argument("--cache", type=Path, metavar="DIR", help="where these are kept (default: OUT/samples)")
    data.add_argument("--coarse", choices=COARSE, default="simulated", help="what the refinement begins with")
    data.add_argument("--art", type=Path, metavar="ZIP", help="between: the archive of drawings (tools/pack_art.py packs it)")
    data.add_argument("--shots", type=int, default=BetweenConfig.shots, help="between: shots of the generator behind them")
    data.add_argument("--paintings", type=int, default=BetweenConfig.paintings, help="between: paintings behind them")
    data.add_argument("--atd12k", type=Path, metavar="ROOT", help="frame: ATD-12K's training split")
    data.add_argument("--triplets", type=Path, metavar="DIR", help="frame: folders with frame1, frame2, frame3")
    data.add_argument("--skip-broken", action="store_true", help="leave broken triplets out")
    data.add_argument("--sprites", metavar="DIR|ZIP", help="drawings with alpha, and a LICENSE or CREDITS text")
    often = parser.add_argument_group("how often, in steps")
    for name in ("log", "save", "report"):
        default = getattr(TrainConfig, f"{name}_every")
        often.add_argument(f"--{name}-every", type=int, default=default, metavar="N", help=f"(default: {default})")
    often.add_argument("--held-out", type=int, default=8, metavar="N", help="samples that a report looks at (default: 8)")


def run(options: argparse.Namespace) -> int:
    """Train until the steps or minutes are over, or Ctrl-C; 130 after the latter."""
    _check(options)
    with ExitStack() as stack:
        ours = stack.enter_context(processes(_device(options.device)))
        if ours.rank == 0:
            stack.enter_context(logged())
        torch.backends.cudnn.benchmark = True  # crops are of one size
        stopped = stack.enter_context(stopping())
        return _train(options, ours, stopped, stack)


def _train(options: argparse.Namespace, ours: Processes, stopped: Callable[[], bool], stack: ExitStack) -> int:
    beside = options.workers and options.stage != "paint" and not options.ray
    composers = stack.enter_context(helpers(options.workers)) if beside else None
    model = _model(options)
    _check_folder(options)
    task = _task(options, composers)
    if options.stage in ("paint", "between"):
        model = model.to(memory_format=torch.channels_last)
    trainer = Trainer(model, task, _config(options), options.out, processes=ours)
    if options.resume is not None:
        trainer.resume(_resumed(options))
    trainer.take_folder()
    if options.sprites and ours.rank == 0:
        _credit(options.sprites, options.out)
    if options.ray or isinstance(task, PaintTask):
        _make_samples(options, task, ours, stopped)
    if ours.rank == 0:
        say(f"Training {options.stage} from step {trainer.step} to {options.steps} on {ours.device}, into {options.out}.")
    trainer.run(stopped)
    if ours.rank == 0:
        say(f"{options.out} holds step {trainer.step}: model.safetensors to use, --resume to go on.")
    return 130 if stopped() else 0


def _check(options: argparse.Namespace) -> None:
    for name in ("steps", "batch", "samples", "held_out", "log_every", "save_every", "report_every", "iterations", "gather",
                 "together"):
        value = getattr(options, name)
        if value is not None and value < 1:
            raise AnimeInterpError(f"--{name.replace('_', '-')} is {value}; it should be 1 or more.")
    if options.forgive < 0 or options.shots < 0 or options.paintings < 1 or (options.save_minutes or 1) <= 0:
        raise AnimeInterpError("--forgive and --shots should be 0 or more, --paintings 1 or more, --save-minutes over 0.")
    if options.by_clock and options.minutes is None:
        raise AnimeInterpError("--by-clock lets the learning rate fall by --minutes, which is not given. Give it.")
    if not options.rate > 0 or options.workers < 0 or (options.minutes is not None and options.minutes <= 0):
        raise AnimeInterpError("--rate and --minutes should be over 0, and --workers 0 or more.")
    films = options.atd12k or options.triplets
    if films and options.stage != "frame":
        raise AnimeInterpError(
            f"The stage {options.stage} cannot train on triplets, of which only frames are known. Train it on drawn clips, "
            "without --atd12k and --triplets, and the stage frame on these."
        )
    if options.atd12k and options.triplets or films and options.sprites:
        raise AnimeInterpError("Only one of --atd12k, --triplets and --sprites can be trained on at a time.")
    check_ray(options, belonging=())  # its workers are there without, too
    kept = films or options.stage == "paint" or (options.coarse == "sgm" and options.stage != "between")
    if options.ray and not kept:
        raise AnimeInterpError(
            f"--ray makes samples that are made once and kept, and the stage {options.stage} draws anew in each step what it is "
            "trained on here. Leave --ray; with flow and frame, --workers draws beside the training, --coarse sgm keeps flows."
        )
    if options.side is not None and len(options.side) > 2:
        raise AnimeInterpError(f"--side has {len(options.side)} numbers; it should have one, or height and width.")


def _check_folder(options: argparse.Namespace) -> None:
    """Before anything is made: a cache in a folder that is not ours would stay there."""
    if options.resume is None and (options.out / "log.jsonl").exists():
        raise AnimeInterpError(
            f"{options.out} holds another run (log.jsonl); no run is written over. Choose another folder with --out, or go on "
            "with that run with --resume."
        )


def _config(options: argparse.Namespace) -> TrainConfig:
    names = ("steps", "rate", "warmup", "minutes", "bf16", "log_every", "save_every", "report_every",
             "by_clock", "save_minutes", "half", "forgive", "gather")
    config = TrainConfig(**{name: getattr(options, name) for name in names})
    return replace(config, warmup=min(config.warmup, config.steps))


def _resumed(options: argparse.Namespace) -> Path:
    return Path(options.resume) if options.resume else options.out / "full.pt"


def _model(options: argparse.Namespace) -> AnimeInterp:
    """The model to train; one that is resumed is of the checkpoint's configuration."""
    if options.resume is not None:
        model = model_of_run(_resumed(options))
        if model is None and options.model is None:
            raise AnimeInterpError(f"{_resumed(options)} does not tell of what configuration it is. Give the model with --model.")
        if model is not None:
            return model
    return model_to_train(options.model or DEFAULTS[options.stage][0], options.seed)


def _task(options: argparse.Namespace, composers: Executor | None) -> Task:
    _, batch, side, size = DEFAULTS[options.stage]
    batch, size = options.batch or batch, tuple(options.size or size or ())
    if options.side is not None:
        side = tuple(options.side * 2)[:2]
    cache = options.cache or options.out / "samples"
    if options.stage == "paint":
        if side[0] != side[1]:
            raise AnimeInterpError(f"--side is {side[0]} {side[1]}; crops of the stage paint are square. Give one number.")
        return PaintTask(PaintConfig(
            cache, options.samples, batch, side[0], options.held_out, options.seed, size, options.sprites,
            options.first,
        ))
    if options.stage == "between":
        if options.art is None:
            raise AnimeInterpError("The stage between draws from an archive of drawings: give it with --art.")
        # Trained weights know how things move: exact motion, which breaks at edges, leads no more.
        trained = (options.model or "whole") not in PRESETS or (options.resume or "").endswith(".safetensors")
        fade = 0 if trained else min(options.steps, BetweenConfig.fade)
        return BetweenTask(BetweenConfig(
            options.art, batch, tuple(options.side or side[:1]), options.together, options.seed, options.shots, options.paintings,
            held_out=options.held_out, alone_weight=options.alone, fade=fade,
        ))
    if options.atd12k or options.triplets:
        source = _triplets(options, TripletConfig(
            options.atd12k or options.triplets, side or _TRIPLET_SIDE, batch, options.seed
        ), cache)
    else:
        source = DrawnPairs(DrawnConfig(
            size, side, batch, options.seed, options.coarse, samples=options.samples, cache=cache,
            cartoons=replace(CARTOONS, **with_sprites(options.sprites)),
        ), composers)
    if options.stage == "flow":
        return FlowTask(source, FlowConfig(options.iterations, options.held_out))
    return FrameTask(source, FrameConfig(options.iterations, options.held_out, options.only_synthesis))


def _triplets(options: argparse.Namespace, config: TripletConfig, cache: Path) -> Source:
    if options.atd12k is None:
        triplets, known = TripletFolder(options.triplets.absolute(), skip_broken=options.skip_broken), False
    else:
        known = (options.atd12k / "train_10k_pre_calc_sgm_flows").is_dir()
        triplets = ATD12K(options.atd12k.absolute(), "train", flows=known, skip_broken=options.skip_broken)
    made_by = {"triplets": str(triplets.root.resolve())}
    return TripletPairs(triplets, config, None if known else CoarseCache(cache, made_by))


def _make_samples(options: argparse.Namespace, task: Task, ours: Processes, stopped: Callable[[], bool]) -> None:
    bar = ProgressBar("making samples", quiet=ours.rank != 0)

    def alive() -> None:
        if stopped():
            raise KeyboardInterrupt

    def made(done: int, total: int) -> None:
        bar(done, total)
        alive()

    try:
        if options.ray is None:
            task.make_samples(options.workers, made, rank=ours.rank, world=ours.world)
        elif ours.rank == 0 and (making := making_of(task)) and making.missing:
            with connected(options, 1, gpus=0.0) as cluster:
                report = make_spread(making, cluster, progress=made, waiting=alive)
            bar.close()
            say(f"{report.done} samples made by workers, {told_of(report)}")
    finally:
        bar.close()
    ours.any(False)  # waits for the others'


def _credit(sprites: str, out: Path) -> None:
    """Keep the licence of what is trained on beside what comes of it."""
    name, text = sprite_set(sprites).licence
    out.mkdir(parents=True, exist_ok=True)
    (out / f"SPRITES-{name}").write_text(text, encoding="utf-8")


def _device(name: str | None) -> str:
    return name or ("cuda" if torch.cuda.is_available() else "cpu")
