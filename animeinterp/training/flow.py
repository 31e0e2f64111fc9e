"""The stage that trains the refinement on exact flows, both directions (paper 3.2; RAFT, Teed and Deng, ECCV 2020)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import AnimeInterpError
from ..flow import pixel_grid
from ..model import AnimeInterp
from ..refinement import RefineNetwork
from ..refinement.correlation import CorrelationPyramid
from ..visualization.flow_colours import flow_to_colours, largest_motion
from .pairs import Pairs, Source

GROWTH = 0.8  # gamma: how much less each earlier iteration counts (RAFT, equation 7)
FARTHEST = 400.0  # pixels: RAFT leaves longer flows out
# A pixel that leaves the frame can only be guessed, and no in-between asks for it; RAFT counts all known pixels alike.
# What is hidden in the frame counts whole, as there: its piece shows how it moves.
OUTSIDE = 0.25
MOVING = 0.01  # of the width: in the report, a pixel moves from here on


@dataclass(frozen=True)
class FlowConfig:
    """``iterations`` of the refinement (None: the model's own), ``held_out`` clips to report on."""

    iterations: int | None = None
    held_out: int = 8


class FlowTask:
    """See ``loop.Task``."""

    name = "flow"

    def __init__(self, source: Source, config: FlowConfig | None = None) -> None:
        """AnimeInterpError where the source does not know the true flow."""
        if not source.knows_flow:
            raise AnimeInterpError(
                "The flow stage needs exact flows, which frames from films do not have. Train it on drawn clips, without "
                "--atd12k and --triplets, and the frame stage on these."
            )
        self.source, self.config = source, config or FlowConfig()

    def trained(self, model: AnimeInterp) -> nn.Module:
        return refinement_of(model)

    def batch(self, step: int, rank: int = 0) -> Any:
        return self.source.plan(step, rank)

    def loss(self, model: AnimeInterp, batch: Any, device: torch.device) -> tuple[Tensor, dict[str, float]]:
        pairs = self.source.realise(batch, device)
        flows = every_flow(refinement_of(model), pairs, self.config.iterations)
        truth = torch.cat([pairs.flow_01, pairs.flow_10])
        last = (flows[-1].detach() - truth).square().sum(1).sqrt().mean().item()
        coarse = (torch.cat([pairs.coarse_01, pairs.coarse_10]) - truth).square().sum(1).sqrt().mean().item()
        return sequence_loss(flows, truth), {"epe": last, "coarse_epe": coarse}

    @torch.no_grad()
    def report(self, model: AnimeInterp, device: torch.device) -> tuple[dict[str, float], Tensor | None]:
        """End-point errors in pixels, over all pixels and over those that move, of the fine flow and of the coarse; a sheet
        of the frame, the coarse, the fine and the true flow."""
        lines, rows = [], []
        for number in range(self.config.held_out):
            pairs = self.source.held_out(number, device)
            fine = every_flow(refinement_of(model), pairs, self.config.iterations)[-1]
            truth, coarse = torch.cat([pairs.flow_01, pairs.flow_10]), torch.cat([pairs.coarse_01, pairs.coarse_10])
            moving = truth.square().sum(1).sqrt() > MOVING * truth.shape[-1]
            errors = [(f - truth).square().sum(1).sqrt() for f in (fine, coarse)]
            lines.append([e[where].mean().item() for where in (moving | True, moving) for e in errors])
            if len(rows) < 4:
                longest = max(largest_motion(truth), 1.0)
                shown = [flow_to_colours(f[:1].float().cpu(), max_motion=longest)[0] for f in (coarse, fine, truth)]
                rows.append(torch.cat([pairs.frame0[0].cpu(), *shown], dim=2))
        means = torch.tensor(lines).nanmean(0).tolist()  # a clip may have nothing that moves
        figures = dict(zip(("epe", "coarse_epe", "moving_epe", "coarse_moving_epe"), means, strict=True))
        return figures, torch.cat(rows, dim=1) if rows else None


def refinement_of(model: AnimeInterp) -> RefineNetwork:
    """The model's refinement, or an AnimeInterpError."""
    if model.refinement is None:
        raise AnimeInterpError(
            "The model has no refinement network, which this stage trains. Choose --model published or paper, or weights "
            "that have one; a light model is trained by the stage paint."
        )
    return model.refinement


class _ExactPyramid(CorrelationPyramid):
    """Positions and correlations in float32 under autocast too."""

    def __init__(self, features: Tensor) -> None:
        self._exactly = torch.autocast(features.device.type, enabled=False)
        with self._exactly:
            super().__init__(*features.float().chunk(2))

    def look_up(self, positions: Tensor) -> Tensor:
        with self._exactly:
            return super().look_up(positions)


def every_flow(network: RefineNetwork, pairs: Pairs, iterations: int | None = None) -> list[Tensor]:
    """The flow after each iteration of the refinement, (2B, 2, H, W) float32, first 0 to 1, then 1 to 0 of each pair.

    The last of these is ``RefineNetwork.forward``'s. Sides are multiples of 8.
    """
    iterations = network.config.iterations if iterations is None else iterations
    coarse = torch.cat([pairs.coarse_01, pairs.coarse_10]).float()
    features = network.encode(torch.cat([pairs.frame0, pairs.frame1]))
    start = network.start(pairs.frame0, pairs.frame1, coarse, features.shape[-2:])
    states = network.iterate(features, _ExactPyramid(features), start, iterations, detach=True)
    next(states)  # before the first iteration
    return [network.update.upsample(hidden, flow).float() for flow, hidden in states]


def sequence_loss(flows: list[Tensor], truth: Tensor) -> Tensor:
    """L1 of each iteration's flow, later ones counting more (RAFT, equation 7), in pixels. All (N, 2, H, W)."""
    height, width = truth.shape[-2:]
    x, y = (pixel_grid(truth) + truth).unbind(1)
    inside = (x > -0.5) & (x < width - 0.5) & (y > -0.5) & (y < height - 0.5)
    weight = torch.where(inside, 1.0, OUTSIDE) * (truth.square().sum(1) < FARTHEST**2)
    weight = weight / weight.sum().clamp(min=1.0)
    total = truth.new_zeros(())
    for age, flow in enumerate(reversed(flows)):
        total = total + GROWTH**age * ((flow - truth).abs().sum(1) * weight).sum()
    return total
