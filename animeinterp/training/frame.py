"""The stage that trains the published method's networks end to end on the frame (paper 3.3, 4): refinement, splatting,
synthesis."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ..errors import AnimeInterpError
from ..evaluation.metrics import psnr, psnr_moving, to_8bit
from ..model import AnimeInterp
from ..synthesis import SynthesisNetwork
from .flow import every_flow, refinement_of
from .losses import picture_loss
from .pairs import Pairs, Source


@dataclass(frozen=True)
class FrameConfig:
    """``iterations`` of the refinement (None: the model's own), ``held_out`` pairs to report on. ``only_synthesis``: the
    refinement stays as it is, as it best does at first, when the synthesis would lead it astray."""

    iterations: int | None = None
    held_out: int = 8
    only_synthesis: bool = False


class FrameTask:
    """See ``loop.Task``."""

    name = "frame"

    def __init__(self, source: Source, config: FrameConfig | None = None) -> None:
        self.source, self.config = source, config or FrameConfig()

    def trained(self, model: AnimeInterp) -> nn.Module:
        refinement_of(model)
        if not isinstance(model.synthesis, SynthesisNetwork):
            raise AnimeInterpError(
                "The model corrects the weights-free blend, which the stage paint trains; this one trains a model that paints "
                "from features. Choose --model published or paper, or the stage paint."
            )
        return model.synthesis if self.config.only_synthesis else model

    def batch(self, step: int, rank: int = 0) -> Any:
        return self.source.plan(step, rank)

    def loss(self, model: AnimeInterp, batch: Any, device: torch.device) -> tuple[Tensor, dict[str, float]]:
        pairs = self.source.realise(batch, device)
        return picture_loss(self._painted(model, pairs).float(), pairs.truth)

    @torch.no_grad()
    def report(self, model: AnimeInterp, device: torch.device) -> tuple[dict[str, float], Tensor | None]:
        """PSNR over all and over moving pixels; a sheet of the first frame, the painted and the true one."""
        whole, moving, rows = [], [], []
        for number in range(self.config.held_out):
            pairs = self.source.held_out(number, device)
            painted = to_8bit(self._painted(model, pairs).float().cpu())
            frame0, frame1, truth = (x.cpu() for x in (pairs.frame0, pairs.frame1, pairs.truth))
            whole.append(psnr(painted, truth))
            moving.append(psnr_moving(painted, truth, frame0, frame1))
            if len(rows) < 4:
                rows.append(torch.cat([frame0[0], painted[0], truth[0]], dim=2))
        figures = {"db": float(np.mean(whole)), "moving_db": float(np.mean([m for m in moving if np.isfinite(m)] or [np.nan]))}
        return figures, torch.cat(rows, dim=1) if rows else None

    def _painted(self, model: AnimeInterp, pairs: Pairs) -> Tensor:
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.config.only_synthesis):
            flow_01, flow_10 = every_flow(refinement_of(model), pairs, self.config.iterations)[-1].chunk(2)
        prepared = model.synthesis.prepare_pair(pairs.frame0, pairs.frame1, flow_01, flow_10)
        return model.synthesis.render(prepared, pairs.time)
