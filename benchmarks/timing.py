"""What timing makes of clips whose cadence is known: cuts and held drawings found, and how near to the truth on ones.

    python benchmarks/timing.py                  cuts, held drawings, twos, per piece, on ones, pace
    python benchmarks/timing.py --only cuts      one of them

Clips are drawn by ``animeinterp.datasets.cadence`` from seeds fixed here. Where PySceneDetect is installed (``pip install
scenedetect``), its detectors look at the same films at their defaults.
"""

import argparse
import math
import time
from fractions import Fraction

import numpy as np
import torch

from animeinterp.cli import say
from animeinterp.datasets.cadence import CadencedClip, Shot, draw_shot, grain, join, recompress
from animeinterp.datasets.cartoon import CartoonConfig, draw
from animeinterp.dense_flow import dis_flow
from animeinterp.images import to_image
from animeinterp.media import to_bytes
from animeinterp.retiming import plan_clip, retime
from animeinterp.sequence.detection import watch
from animeinterp.sequence.timing import Timing
from animeinterp.weights import load_model

SIZE = (180, 320)
RATE = 24
PARTS = 4  # of a frame's time, at which a pace is looked at
CADENCES = (((2,),), ((3,),), ((1,),), ((2, 3),), ((2,), (3,)), ((1,), (2,)), ((4,),), ((2,),))


def shots(count: int = 16) -> list[CadencedClip]:
    """Shots of all cadences: still, panning with figures on the ground or on the screen, zooming."""
    rng, found = np.random.default_rng(5), []
    for k in range(count):
        side = float(rng.choice([-1, 1]))
        camera = (
            {},
            {"pan": (side * float(rng.uniform(0.005, 0.03)), 0.0)},
            {"pan": (float(rng.uniform(0.005, 0.02)), float(rng.uniform(-0.01, 0.01))), "pegged": "screen"},
            {"zoom": side * float(rng.uniform(0.003, 0.008))},
        )[k % 4]
        found.append(draw_shot(Shot(100 + k, 13, CADENCES[k % 8], **camera), SIZE))
    return found


def films(clips: list[CadencedClip]) -> dict[str, CadencedClip]:
    clean = join(clips)
    return {
        "clean": clean,
        "flashes": join(clips, flash=(5, 31, 58, 100, 150)),
        "dissolves": join(clips[:8], dissolve=8),
        "fades": join(clips[8:], fade=6),
        "grain, 6 levels": grain(clean, 6),
        "H.264, CRF 32": recompress(clean, 32),
    }


def detectors() -> dict:
    try:
        from scenedetect import AdaptiveDetector, ContentDetector, FrameTimecode, HashDetector, HistogramDetector
    except ImportError:
        return {}

    def of(kind):
        def find(clip: CadencedClip) -> list[int]:
            detector, found = kind(min_scene_len=1), []
            for index, frame in enumerate(clip.frames):
                picture = np.ascontiguousarray(to_bytes(frame)[..., ::-1])
                found += [cut.frame_num for cut in detector.process_frame(FrameTimecode(index, float(RATE)), picture)]
            found += [cut.frame_num for cut in detector.post_process(FrameTimecode(len(clip.frames) - 1, float(RATE)))]
            return sorted(set(found))

        return find

    return {kind.__name__: of(kind) for kind in (ContentDetector, AdaptiveDetector, HistogramDetector, HashDetector)}


def cuts_and_holds() -> None:
    """F1 of cuts beside PySceneDetect's, recall and false alarms of held drawings."""
    others, totals = detectors(), {}
    for name, film in films(shots()).items():
        sighting, truth = watch(film.frames.split(1)), set(np.flatnonzero(film.held))
        held = set(sighting.held)
        line = f"{name}: held recall {len(held & truth) / max(len(truth), 1):.3f}, false "
        line += f"{len(held - truth) / max(len(film.frames) - len(truth), 1):.3f}; cuts found/false of {len(film.cuts)}:"
        cuts = {"ours": sighting.cuts, **{way: find(film) for way, find in others.items()}}
        for way, found in cuts.items():
            found, true = set(found), set(film.cuts)
            total = totals.setdefault(way, [0, 0, 0])
            for k, value in enumerate((len(found & true), len(found), len(true))):
                total[k] += value
            line += f"  {way} {len(found & true)}/{len(found - true)}"
        say(line)
    say("F1 over all films: " + ", ".join(f"{way} {2 * hit / (found + true):.3f}" for way, (hit, found, true) in totals.items()))


def decibel(one: torch.Tensor, other: torch.Tensor) -> float:
    return -10 * math.log10(float((one - other).square().mean()) + 1e-10)


def place_error(found: torch.Tensor, clip: CadencedClip, moments: range) -> float:
    """How far what is drawn lies from where it should, in pixels: flow from the truth, over the figures."""
    errors = []
    for k in moments:
        flow = dis_flow(to_image(clip.truth[k]), to_image(found[k]))
        figure = clip.figures[k, 0].numpy() > 0.5
        errors.append(float(np.sqrt((flow**2).sum(axis=2))[figure].mean()))
    return float(np.mean(errors))


def drawn(clip: CadencedClip, model, **timing) -> torch.Tensor:
    times = [Fraction(k, RATE) for k in range(len(clip.frames))]
    plan = plan_clip(lambda: clip.frames.split(1), Timing(cuts="off", **timing), times)
    return torch.cat(list(retime(clip.frames.split(1), plan, model=model)))


def swinging(seed: int, speeding: float) -> tuple[torch.Tensor, list[float]]:
    """Cut-outs on ones, 7 frames, all of whose parts, limbs that swing among them, gain speed alike (``speeding`` as ``Shot``
    has it), and the shares of their way that are done at PARTS moments a frame."""
    share = np.linspace(0, 1, 6 * PARTS + 1)
    gone = (share + (speeding - 1) / 2 * share**2) / (1 + (speeding - 1) / 2)
    config = CartoonConfig(motion=(0.25, 0.6), figures=(1, 2), hold=0, line_art=0, plain=0, inverted=0, subsamples=4)
    return draw(seed, size=SIZE, times=[float(moment) for moment in gone[::PARTS]], config=config).mids[0], list(gone)


def moments_off(frames: torch.Tensor, gone: list[float], pace: str) -> float:
    """By how many pixels what moves lies from where it should be, at the moments that a pace chooses between two drawings."""
    times = [Fraction(k, RATE) for k in range(len(frames))]
    plan = plan_clip(lambda: frames.split(1), Timing(PARTS, cuts="off", holds="keep", pace=pace), times)
    images = [to_image(frame) for frame in frames]
    ways = [np.sqrt((dis_flow(one, other) ** 2).sum(axis=2)) for one, other in zip(images, images[1:], strict=False)]
    errors = []
    for moment, step in enumerate(plan.steps):
        if moment % PARTS:
            begin, end = (gone[k * PARTS] for k in (moment // PARTS, moment // PARTS + 1))
            way = ways[moment // PARTS]
            t = step.t if not step.given else float(step.first - moment // PARTS)
            errors.append(abs(t - (gone[moment] - begin) / (end - begin)) * float(way[way > 0.5].mean()))
    return float(np.mean(errors))


def compare(title: str, clips: dict[str, Shot], model, ways: dict[str, dict], fine: int = 1) -> None:
    say(title)
    sums: dict[str, list[tuple[float, float]]] = {way: [] for way in ways}
    for name, shot in clips.items():
        clip, line = draw_shot(shot, SIZE, fine), f"  {name}:"
        last = max(k for k in range(len(clip.frames)) if clip.redrawn[k].any()) * fine  # after it nobody knows where it goes
        for way, timing in ways.items():
            began = time.monotonic()
            found = drawn(clip, model, multiplier=fine, **timing)
            moments = range(1, last)
            value, error = decibel(found[1:last], clip.truth[1:last]), place_error(found, clip, moments)
            sums[way].append((value, error))
            line += f"  {way} {value:.2f} dB, {error:.2f} px ({time.monotonic() - began:.0f} s)"
        say(line)
    means = {way: np.mean(values, axis=0) for way, values in sums.items()}
    say("  mean: " + ", ".join(f"{way} {value:.2f} dB, {error:.3f} px" for way, (value, error) in means.items()))


PANS = {
    "pan, figure with the ground": Shot(400, pan=(0.012, 0.0)),
    "pan, figure on the screen": Shot(401, pan=(-0.02, 0.004), pegged="screen"),
    "zoom": Shot(402, zoom=0.005),
    "pan, close-up on the screen": Shot(403, pan=(0.016, 0.0), pegged="screen"),
    "threes": Shot(404, cadences=((3,),), pan=(0.01, 0.005)),
    "twos and threes": Shot(407, cadences=((2,), (3,)), pan=(0.01, 0.0)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", choices=("cuts", "twos", "pieces", "ones", "pace"))
    only = parser.parse_args().only
    if only in (None, "cuts"):
        cuts_and_holds()
    model = load_model() if only != "cuts" else None
    if only in (None, "twos"):
        twos = {f"seed {seed}": Shot(seed, frames=9) for seed in (420, 421, 422, 423)}
        compare("drawings on twos, camera still, to twice the rate", twos, model,
                {"multiplied": {"holds": "keep"}, "smooth": {"holds": "smooth"}}, fine=2)
    if only in (None, "pieces"):
        compare("figures on twos under a camera on ones, at the same rate", PANS, model,
                {"smooth": {"per_piece": "off"}, "per piece": {"per_piece": "auto"}})
    if only in (None, "ones"):
        ones = {"pan": Shot(405, frames=9, cadences=((1,),), pan=(0.012, 0.0)),
                "on the screen": Shot(406, frames=9, cadences=((1,),), pan=(0.015, 0.0), pegged="screen"),
                "still": Shot(408, frames=9, cadences=((1,),))}
        compare("on ones, to twice the rate", ones, model,
                {"multiplied": {"holds": "keep", "per_piece": "off"}, "smooth, per piece": {}}, fine=2)
    if only in (None, "pace"):
        paces = {"even": {}, "continuous": {"pace": "continuous"}}
        gains = {f"speeding {by}": Shot(430 + by, 5, ((1,),), travel=0.03, speeding=float(by), stiff=True) for by in (4, 8)}
        compare("stiff figures that gain speed, to twice the rate, without weights", gains, None, paces, fine=2)
        say("cut-outs whose limbs swing, all of which gains speed, loses it, or goes evenly: pixels off by the moments' choice")
        found: dict[bool, list[tuple[float, ...]]] = {True: [], False: []}
        for seed, by in zip(range(401, 417), (4, 8, 1 / 4, 1) * 4, strict=True):
            clip = swinging(seed, by)
            off = tuple(moments_off(*clip, pace) for pace in paces)
            found[by == 1].append(off)
            say(f"  seed {seed}, speeding {by:g}:  even {off[0]:.3f}, continuous {off[1]:.3f}")
        for evenly, name in ((False, "gains or loses"), (True, "goes evenly")):
            say("  mean where it {}: even {:.3f}, continuous {:.3f}".format(name, *np.mean(found[evenly], axis=0)))


if __name__ == "__main__":
    main()
