"""Clips as animation is shot: drawings on ones, twos and threes under a camera on ones, with the truth on ones beside them.

A *Shot* is figures (``turning``) that are drawn anew only every so many frames, before a painting (``cartoon``) over which the
camera pans or zooms in every frame. ``draw_shot`` gives the frames as they would be broadcast, and the truth: the same shot
with every figure drawn for its own moment, at a finer rate if wanted. ``join`` makes a film of several, with cuts, dissolves,
fades to black and flashes; ``grain`` and ``recompress`` spoil it as a film is spoilt.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import av
import cv2
import numpy as np
import torch
from torch import Tensor

from .cartoon import CartoonConfig, draw_scenes
from .cartoon.backgrounds import PLACES
from .cartoon.compose import Camera
from .cartoon.pack import flatten
from .cartoon.palette import Style
from .cartoon.place import Place
from .cartoon.scene import Scene
from .turning import draw_figure

_FINE = 2  # pictures are put together at twice their size


@dataclass(frozen=True)
class Shot:
    """What a shot shows.

    - ``cadences``: for each figure, for how many frames its drawings stand, over and over: (2,) twos, (2, 3) by turns.
    - ``pan``: of the camera, in shares of the width and height a frame; ``zoom``: its enlargement a frame, as a logarithm.
    - ``pegged``: figures are fixed to the "world", over which the camera goes, or to the "screen", behind which it goes by.
    - ``travel``: how far a figure goes by itself, in shares of the width a frame; ``speeding``: its pace at the end of the
      shot over that at the beginning.
    - ``stiff``: whether figures keep one pose, and only travel.
    """

    seed: int
    frames: int = 13
    cadences: tuple[tuple[int, ...], ...] = ((2,),)
    pan: tuple[float, float] = (0.0, 0.0)
    zoom: float = 0.0
    pegged: str = "world"
    travel: float = 0.006
    speeding: float = 1.0
    stiff: bool = False


@dataclass
class CadencedClip:
    """``frames`` (N, 3, H, W), 0..1, as shot; ``truth`` ((N - 1) fine + 1, 3, H, W) on ones, ``fine`` of it to a frame;
    ``figures``, the truth's coverage by figures, (..., 1, H, W).

    ``redrawn`` (N, F) bool: whether a figure has a new drawing in that frame. ``held`` (N,) bool: whether the frame repeats the
    one before it. ``cuts``: frames that begin a shot, but for the first.
    """

    frames: Tensor
    truth: Tensor
    figures: Tensor
    redrawn: np.ndarray
    held: np.ndarray
    fine: int = 1
    cuts: tuple[int, ...] = ()


def draw_shot(shot: Shot, size: tuple[int, int] = (180, 320), fine: int = 1) -> CadencedClip:
    """A shot of ``size`` (H, W), with ``fine`` moments of truth to a frame. The same arguments give the same clip."""
    count = (shot.frames - 1) * fine + 1
    stage = _Stage(shot, size, count, fine)
    starts = [_drawings(cadence, shot.frames) for cadence in shot.cadences]
    frames, truth, figures = [], [], []
    for moment in range(count):
        picture, cover = stage.picture(moment, [moment] * len(starts))
        truth.append(picture)
        figures.append(cover)
        if moment % fine == 0:
            shown = [start[moment // fine] * fine for start in starts]
            frames.append(picture if shown == [moment] * len(starts) else stage.picture(moment, shown)[0])
    redrawn = np.stack([np.array(start) == np.arange(shot.frames) for start in starts], axis=1)
    still = not (any(shot.pan) or shot.zoom)
    held = ~redrawn.any(axis=1) & still
    return CadencedClip(_stack(frames), _stack(truth), _stack(figures), redrawn, held, fine)


def join(clips: Sequence[CadencedClip], dissolve: int = 0, fade: int = 0, flash: Sequence[int] = ()) -> CadencedClip:
    """One film of several clips of one size: with a cut between each two, or a dissolve of so many frames, or a fade to black
    and up again, of so many frames each way. ``flash``: frames that turn white. ``truth`` and ``figures`` are the clips' own,
    one after the other."""
    frames, cuts = clips[0].frames, []
    held, redrawn = list(clips[0].held), [clips[0].redrawn.any(axis=1)]
    for clip in clips[1:]:
        following = clip.frames
        if dissolve:
            share = torch.linspace(0, 1, dissolve + 2)[1:-1].view(-1, 1, 1, 1)
            over = torch.lerp(frames[-1:].expand(dissolve, -1, -1, -1), following[:1], share)
            frames, fresh = torch.cat([frames, over]), dissolve
        elif fade:
            down = torch.linspace(1, 0, fade + 1)[1:].view(-1, 1, 1, 1)
            frames = torch.cat([frames, frames[-1:] * down, following[:1] * down[:-1].flip(0)])
            fresh = 2 * fade - 1
        else:
            fresh = 0
            cuts.append(len(frames))
        redrawn += [np.zeros(fresh, bool), clip.redrawn.any(axis=1)]
        held += [False] * (fresh + 1) + list(clip.held[1:])
        frames = torch.cat([frames, following])
    frames = frames.clone()
    for index in flash:
        frames[index] = 0.15 * frames[index] + 0.85
        for one in (index, index + 1):
            held[one : one + 1] = [False] * len(held[one : one + 1])
    drawn = np.concatenate(redrawn)[:, None]
    return CadencedClip(
        frames, torch.cat([clip.truth for clip in clips]), torch.cat([clip.figures for clip in clips]), drawn,
        np.array(held), 1, tuple(cuts),
    )  # fmt: skip


def grain(clip: CadencedClip, sigma: float, seed: int = 0) -> CadencedClip:
    """With noise of that deviation (in 8-bit levels), another in every frame."""
    chance = torch.Generator().manual_seed(seed)
    noise = torch.randn(clip.frames.shape, generator=chance) * (sigma / 255)
    return replace(clip, frames=(clip.frames + noise).clamp(0, 1).mul(255).round() / 255)


def recompress(clip: CadencedClip, quality: int = 28, rate: int = 24) -> CadencedClip:
    """As H.264 of that CRF leaves it."""
    file = io.BytesIO()
    height, width = clip.frames.shape[-2:]
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=rate, options={"crf": str(quality)})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for frame in clip.frames:
            pixels = (frame * 255).round().byte().permute(1, 2, 0).contiguous().numpy()
            out.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        out.mux(stream.encode())
    file.seek(0)
    with av.open(file) as container:
        found = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return replace(clip, frames=_stack(found))


def paint_background(seed: int, size: tuple[int, int]) -> np.ndarray:
    """A painted place (H, W, 3), float32, 0..1."""
    rng = np.random.default_rng([seed, 0xCA])
    height, width = size
    scene, wide = Scene(), 360.0 * width / height
    log = float(np.log(height / 360.0))
    canvas = scene.joint(-1, (0.0, 0.0), pose_0=(0, 0, 0, log, log), pose_1=(0, 0, 0, log, log))
    scene.backdrop = True
    style = Style.pick(rng, "colour")
    place = Place(scene, rng, style, wide, Camera(scene, rng, canvas, wide, 0.0).plane)
    PLACES[str(rng.choice(["hills", "room", "street", "shore"]))](place)
    sample = draw_scenes([flatten(scene)], size=size, times=(0.5,), config=CartoonConfig())
    return sample.frame0[0].permute(1, 2, 0).contiguous().numpy()


def _drawings(cadence: tuple[int, ...], frames: int) -> list[int]:
    """For each frame the frame at which its drawing first stood."""
    starts: list[int] = []
    turn = 0
    while len(starts) < frames:
        starts += [len(starts)] * cadence[turn % len(cadence)]
        turn += 1
    return starts[:frames]


class _Stage:
    """A shot's painting, figures and camera, ready to be looked at; moments are counted in the truth's frames."""

    def __init__(self, shot: Shot, size: tuple[int, int], count: int, fine: int) -> None:
        self.shot, self.size, self.fine = shot, size, fine
        height, width = size
        rng = np.random.default_rng([shot.seed, 0xCD])
        span = np.abs(np.array(shot.pan)) * (shot.frames - 1)
        grown = np.exp(abs(shot.zoom) * (shot.frames - 1)) if shot.zoom < 0 else 1.0
        canvas = int(height * (grown + span[1] + 0.1) * _FINE), int(width * (grown + span[0] + 0.1) * _FINE)
        self.painting = paint_background(shot.seed, canvas)
        self.times = np.arange(count) / fine
        self.paths, self.drawn = [], []
        tall = int(height * 0.8)
        share = self.times / max(self.times[-1], 1)
        # The way at an even gain of pace, as a share of the whole.
        gone = (share + (shot.speeding - 1) / 2 * share**2) / (1 + (shot.speeding - 1) / 2)
        for index in range(len(shot.cadences)):
            self.drawn.append(draw_figure(shot.seed * 31 + index, tall, count))
            turn = rng.uniform(0, 2 * np.pi)
            way = shot.travel * width * self.times[-1] * np.array([np.cos(turn), 0.3 * np.sin(turn)])
            middle = np.array([(index + 0.5) / len(shot.cadences) * width, height * 0.5])
            self.paths.append(middle + (gone[:, None] - 0.5) * way)

    def camera(self, moment: int) -> np.ndarray:
        """(2, 3): from the painting's pixels, but _FINE times finer, to those of the view, as fine."""
        frame = self.times[moment]
        scale = np.exp(self.shot.zoom * frame)
        painting, view = np.array(self.painting.shape[1::-1]), np.array(self.size[::-1]) * _FINE
        pan = np.array(self.shot.pan) * view * (frame - (self.shot.frames - 1) / 2)
        matrix = np.zeros((2, 3))
        matrix[:, :2] = np.eye(2) * scale
        matrix[:, 2] = view / 2 - scale * painting / 2 - pan
        return matrix

    def picture(self, moment: int, drawn: list[int]) -> tuple[np.ndarray, np.ndarray]:
        """The view at a moment, with each figure as it was at its own: (H, W, 3) uint8 and the figures' cover (H, W, 1)."""
        view = self.size[1] * _FINE, self.size[0] * _FINE
        camera = self.camera(moment)
        picture = cv2.warpAffine(self.painting, camera, view, flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        cover = np.zeros((view[1], view[0], 1), np.float32)
        for index, at in enumerate(drawn):
            figure = self.drawn[index][0 if self.shot.stiff else at].astype(np.float32) / 255
            figure[..., :3] *= figure[..., 3:]
            place = self.paths[index][at] * _FINE
            scale = 1.0
            if self.shot.pegged == "world":
                world = np.array(self.painting.shape[1::-1]) / 2 + place - np.array(view) / 2
                place, scale = camera[:, :2] @ world + camera[:, 2], camera[0, 0]
            step = scale * _FINE
            matrix = np.float64([[step, 0, 0], [0, step, 0]])
            matrix[:, 2] = place - step * np.array(figure.shape[1::-1]) / 2
            laid = cv2.warpAffine(figure, matrix, view, flags=cv2.INTER_LINEAR)
            picture = picture * (1 - laid[..., 3:]) + laid[..., :3]
            cover = np.maximum(cover, laid[..., 3:])
        small = cv2.resize(picture, self.size[::-1], interpolation=cv2.INTER_AREA)
        cover = cv2.resize(cover, self.size[::-1], interpolation=cv2.INTER_AREA)[..., None]
        return (small.clip(0, 1) * 255).round().astype(np.uint8), (cover.clip(0, 1) * 255).round().astype(np.uint8)


def _stack(pictures: list[np.ndarray]) -> Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255
