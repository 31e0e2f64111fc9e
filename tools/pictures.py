"""The pictures of the help pages, the templates and the registry, made anew with the weights that ship.

    python -m tools.pictures
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

import animeinterp as ai
from animeinterp.cels import compose, interpolate_layers
from animeinterp.frames import FramePair
from animeinterp.media import read_image, to_bytes
from animeinterp.retiming import plan_clip
from animeinterp.sequence.timing import Timing
from animeinterp.stages import Stages
from animeinterp.synthesis.blend import FrameWarper
from animeinterp.visualization.flow_colours import flow_to_colours
from animeinterp.visualization.pieces import draw_matches, draw_pieces, shrink
from animeinterp.visualization.strip import draw_strip
from animeinterp.weights import bundled_models

from .comfy_host import PACK

FRAMES = PACK / "example_workflows" / "frames"
HELP = PACK / "web" / "docs"
WIDTH = 960
PAPER = (0.93, 0.94, 0.96)


def drawings(name: str, count: int) -> Tensor:
    return torch.cat([read_image(FRAMES / f"{name}_{number:02d}.png") for number in range(1, count + 1)])


def on_paper(frames: Tensor) -> Tensor:
    """Frames with alpha, laid over a light ground."""
    if frames.shape[1] == 3:
        return frames
    return compose([frames, torch.tensor(PAPER).view(1, 3, 1, 1).expand(frames.shape[0], 3, *frames.shape[-2:])])


def row(*pictures: Tensor, gap: int = 6) -> Tensor:
    """Pictures (1, 3, h, w) of one height, side by side."""
    between = torch.full((1, 3, pictures[0].shape[2], gap), 0.12)
    parts = [part for picture in pictures for part in (picture, between)][:-1]
    return torch.cat(parts, dim=3)


def save(path: Path, picture: Tensor, *, width: int = WIDTH, quality: int = 85) -> None:
    Image.fromarray(to_bytes(shrink(picture, width))).save(path, quality=quality, optimize=True)


def thirds(frames: list[Tensor], left: float) -> Tensor:
    """The same third of three frames, side by side, in the shape of one."""
    width = frames[0].shape[-1]
    begin = round(left * width)
    return row(*(frame[..., begin : begin + width // 3 - 4] for frame in frames))


def timing_pictures(frames: Tensor, fish: Tensor) -> None:
    """The strip of a film of two shots on twos that goes from 12 frames a second to 30, and what becomes of each frame."""
    ground = torch.tensor((0.36, 0.62, 0.86)).view(1, 3, 1, 1).expand(2, 3, *fish.shape[-2:])
    second = torch.nn.functional.pad(compose([fish, ground]), (160, 160, 20, 20), mode="replicate")
    film = [frame for shot in (frames[:3], second) for frame in shot.split(1) for _ in range(2)]
    times = [Fraction(index, 12) for index in range(len(film))]
    plan = plan_clip(lambda: film, Timing(target_fps=Fraction(30), source_fps=Fraction(12)), times)
    save(HELP / "AnimeInterpTiming.jpg", draw_strip(film, plan), width=1200, quality=88)
    drawn = ai.interpolate(frames[:2], 3)
    rows = [row(*(clip[index : index + 1, ..., 60:420] for index in range(4))) for clip in (frames[[0, 0, 0, 1]], drawn)]
    save(HELP / "AnimeInterpVideo.jpg", torch.cat([rows[0], torch.full_like(rows[0][:, :, :6], 0.12), rows[1]], dim=2), width=800)


def main() -> None:
    frames = drawings("animeinterp", 4)
    labels = ai.segment(frames[:2])
    light = next(path for path in bundled_models() if "light" in path.stem)
    stages = Stages(ai.load_model(light))
    pair = FramePair(*(stages.load(frames[i : i + 1]) for i in range(2)))
    for i, frame in enumerate((pair.frame0, pair.frame1)):
        stages.pieces(frame, labels=labels[i : i + 1])
    coarse = stages.match(pair)
    fine = stages.refine(pair, coarse)
    between = ai.interpolate(frames[:2], 4)

    def thumbnail(name: str, pictures: list[Tensor], left: float = 0.31) -> None:
        big = torch.nn.functional.interpolate(torch.cat(pictures), scale_factor=1.5, mode="bicubic", antialias=True).clamp(0, 1)
        save(PACK / "example_workflows" / f"{name}.jpg", thirds(list(big.split(1)), left), quality=90)

    middle = ai.interpolate(frames[:2], 2)
    thumbnail("animeinterp", list(middle.split(1)))
    thumbnail("animeinterp_stages", [draw_pieces(labels[:1]), flow_to_colours(fine.flow_01), middle[1:2]])
    halves = [frames[:1, ..., 60:], between[2:3, ..., 60:]]
    sheet = row(*(torch.nn.functional.interpolate(half, scale_factor=1.5, mode="bicubic", antialias=True).clamp(0, 1)
                  for half in halves))  # fmt: skip
    save(PACK / "example_workflows" / "animeinterp_before_after.jpg", sheet, quality=90)

    one, two = frames[:1], frames[1:2]
    save(HELP / "AnimeInterp.jpg", row(one, between[2:3], two), quality=88)
    save(HELP / "AnimeInterpSynthesize.jpg", row(*between[1:4].split(1)), quality=88)
    save(HELP / "AnimeInterpSegment.jpg", row(one, draw_pieces(labels[:1])))
    save(HELP / "AnimeInterpCoarseFlow.jpg", draw_matches(one, two, labels[:1], labels[1:], coarse.matches[0]))
    save(HELP / "AnimeInterpRefineFlow.jpg", row(flow_to_colours(coarse.flow_01), flow_to_colours(fine.flow_01)))
    save(HELP / "AnimeInterpFlowPreview.jpg", row(flow_to_colours(fine.flow_01), flow_to_colours(fine.flow_10)))
    warped = FrameWarper(one, two, fine).at(0.5)
    hole = torch.tensor((0.95, 0.2, 0.6)).view(1, 3, 1, 1)
    parts = [torch.where(mass > 0, colour, hole) for colour, mass in zip(warped.colours, warped.masses, strict=True)]
    save(HELP / "AnimeInterpWarpPreview.jpg", row(*parts, warped.blended).clamp(0, 1))
    save(HELP / "AnimeInterpScore.jpg", row(ai.interpolate(frames[::2], 2)[1:2], two))

    head, fish = drawings("head", 2), drawings("fish", 2)
    timing_pictures(frames, fish)
    weights = [on_paper(ai.interpolate(fish, 2, model=model)[1:2]) for model in ("auto", stages.model)]
    save(HELP / "AnimeInterpLoadModel.jpg", row(on_paper(fish[:1]), *weights, on_paper(fish[1:])))
    tall = [torch.nn.functional.interpolate(on_paper(f[:1]), size=(360, 360), mode="area") for f in (head, fish)]
    save(HELP / "AnimeInterpExample.jpg", row(one, *tall))
    cels = list(interpolate_layers([fish, head], 2))
    save(HELP / "AnimeInterpCelLayers.jpg", row(*(on_paper(f) for f in (fish[:1], head[:1], cels[1]))))
    masks = draw_pieces(labels[:1]) * torch.isin(labels[:1], torch.arange(0, int(labels.max()), 3))[:, None]
    save(HELP / "AnimeInterpSegmentsFromMasks.jpg", row(masks, draw_pieces(ai.foreign.labels_from_colours(masks, one))))

    face = torch.nn.functional.interpolate(ai.interpolate(head, 2)[1:2], size=(400, 400), mode="bicubic", antialias=True)
    ground = torch.tensor((0.36, 0.62, 0.86)).view(1, 3, 1, 1).expand(1, 3, 400, 400)
    Image.fromarray(to_bytes(compose([face.clamp(0, 1), ground]))).save(PACK / "docs" / "icon.png", optimize=True)
    strip = torch.nn.functional.interpolate(between, size=(360, 640), mode="area")
    banner = row(*(frame[..., 150:550] for frame in strip.split(1)), gap=4)
    high = banner.shape[3] * 9 // 21
    banner = banner[..., : high, :] if high <= banner.shape[2] else banner
    save(PACK / "docs" / "banner.jpg", banner, width=1680, quality=88)


if __name__ == "__main__":
    main()
