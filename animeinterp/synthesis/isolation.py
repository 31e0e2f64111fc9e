"""Figures by themselves: their motion looked for again in pictures that show nothing else.

A motion found in a whole picture is a compromise wherever a figure goes over a painted backdrop that stands still: the one
draws the other along, and what is thin and goes far (the edge of a coat, a leaf, an arm) stays with the backdrop. Once it is
known what is figure and what is backdrop (``backdrop``), the backdrop is painted over with one colour, and over flat colour
the network follows what moves. What it finds so holds where both drawings of the figures agree far better along it; elsewhere
what was found before does.

Conventions: as in ``bilateral``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from ..flow import backwarp, mean_difference
from ..images import close_gaps
from ..padding import enlarge_padded
from .backdrop import Backdrop
from .components import component_means, connected_components, small_components
from .config import ISOLATION, IsolationConfig
from .sampling import backwarp_both
from .splatting import splat
from .windows import inside, window_max, window_mean, window_min

Search = Callable[[list[Tensor], list[Tensor]], Tensor]  # pictures of either drawing, from the smallest -> motion


@torch.no_grad()
def find_isolated(
    pictures0: list[Tensor], pictures1: list[Tensor], motion: Tensor, search: Search, config: IsolationConfig = ISOLATION
) -> Tensor:
    """The motion (1, 4, H/4, W/4) of a pair, that of its figures found by themselves, where there is a backdrop behind them.

    :param pictures0: (1, 3, H, W) in 0..1, of several sizes, from the smallest, all padded to multiples of 16; H and W are the
        last one's. ``pictures1`` likewise.
    :param motion: what was found in them as they are.
    :param search: asked for the motion in pictures of the figures alone; see ``Search``.
    """
    for _ in range(config.rounds):
        backdrop = Backdrop.find(pictures0[-1], pictures1[-1], motion, tight=True)
        if backdrop is None:
            break
        isolation = Isolation.of(pictures0[-1], pictures1[-1], backdrop, motion, config)
        alone = isolation.alone(0, pictures0), isolation.alone(1, pictures1)
        before, motion = motion, isolation.join(motion, search(*alone), alone[0][-1], alone[1][-1])
        if torch.equal(motion, before):
            break  # another round would see the same
    return motion


@dataclass(frozen=True)
class Isolation:
    """Where each drawing of a pair has a figure, (1, 1, H, W) in 0..1, and the ``colour`` (1, 3, 1, 1) of the rest."""

    figures: tuple[Tensor, Tensor]
    colour: Tensor
    config: IsolationConfig = ISOLATION

    @classmethod
    def of(
        cls, frame0: Tensor, frame1: Tensor, backdrop: Backdrop, motion: Tensor, config: IsolationConfig = ISOLATION
    ) -> Isolation:
        """Of frames (1, 3, H, W) in 0..1, and what was found of them; ``motion`` (1, 4, H/4, W/4)."""
        first, last = _matched([_cleaned(figure, config) for figure in backdrop.figures], motion, config)
        behind = (1 - first, 1 - last)
        frames = zip(behind, (frame0, frame1), strict=True)
        total = sum((one * frame.float()).sum(dim=(2, 3), keepdim=True) for one, frame in frames)
        return cls((first, last), total / sum(one.sum() for one in behind).clamp(min=1.0), config)

    def alone(self, drawing: int, pictures: list[Tensor]) -> list[Tensor]:
        """The pictures of a drawing, 0 or 1, with nothing behind its figures."""
        last, painted = pictures[-1], []
        for picture in pictures:
            ratio = 0.5 ** round(np.log2(max(last.shape[-2:]) / max(picture.shape[-2:])))
            figure = enlarge_padded(self.figures[drawing], ratio, tuple(picture.shape[-2:]))
            painted.append(torch.lerp(self.colour.expand_as(picture), picture.float(), figure).to(picture.dtype))
        return painted

    def join(self, motion: Tensor, found: Tensor, alone0: Tensor, alone1: Tensor) -> Tensor:
        """``found``, the motion (1, 4, H/4, W/4) of the figures by themselves, where either motion shows a figure in either
        drawing, and where the drawings of it, ``alone0`` and ``alone1`` (1, 3, H, W), agree far better along it than along
        ``motion``: that elsewhere, which knows what things hang together with."""
        figures = [F.avg_pool2d(figure, 4) for figure in self.figures]
        drawings = [F.avg_pool2d(alone.float(), 4) for alone in (alone0, alone1)]
        config, shown, off = self.config, [], []
        for field in (motion, found):
            shown += [backwarp(figure, way) for figure, way in zip(figures, field.split(2, dim=1), strict=True)]
            apart = mean_difference(*backwarp_both(*drawings, field))
            off.append(window_mean(apart, max(1, round(config.window * max(apart.shape[-2:])))))
        weight = window_mean(window_max(torch.stack(shown).amax(dim=0), config.around), config.around)
        # By itself, what leaves the frame is not found anywhere; what it hangs together with tells where it goes.
        beyond = config.beyond * max(motion.shape[-2:])
        within = torch.minimum(*(inside(way - way.clamp(-beyond, beyond)) for way in motion.split(2, dim=1)))
        better = ((off[0] - off[1]) / off[0].clamp(min=config.least) - config.better) / config.better
        weight = weight * window_min(within, config.around) * better.clamp(0, 1)
        return torch.lerp(motion, found, weight)


def _cleaned(figure: Tensor, config: IsolationConfig) -> Tensor:
    """A figure (1, 1, H, W) without its gaps and holes, which flat colours that hardly move make in it, and without crumbs."""
    mask = figure[0, 0].cpu().numpy() > 0.5
    closed = close_gaps(mask, max(1, round(config.gap * max(mask.shape))))
    closed |= small_components(~closed, config.hole, 4)
    crumbs = small_components(closed, config.crumb, 8)
    closed, kept = (torch.from_numpy(x.astype(np.float32)).to(figure.device)[None, None] for x in (closed & ~crumbs, ~crumbs))
    return torch.maximum(figure * kept, closed)


def _matched(figures: list[Tensor], motion: Tensor, config: IsolationConfig) -> list[Tensor]:
    """Figures (1, 1, H, W) without what the motion does not lead to its like in the other drawing: there it was taken for
    backdrop, and the best that a motion could do with it is to make it small."""
    ways = [4 * enlarge_padded(way.float(), 4.0, tuple(figures[0].shape[-2:])) for way in motion.split(2, dim=1)]
    shown = [backwarp(figure, way) for figure, way in zip(figures, ways, strict=True)]
    kept = []
    for k, figure in enumerate(figures):
        there = splat(shown[1 - k], ways[k])[0][0, 0].cpu().numpy()
        labels, areas = connected_components((figure[0, 0] > 0.5).cpu().numpy(), 8)
        alone = component_means(labels, there, areas) < config.matched
        alone[0] = False  # what is around them
        kept.append(figure * ~torch.from_numpy(alone[labels]).to(figure.device))
    return kept
