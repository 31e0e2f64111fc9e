"""A task so small that a run of it takes no time: the painter's last biases learn to answer random questions.

As a script it is one of several processes that train it: ``python toy.py FOLDER`` with torchrun's environment.
"""

import sys
from dataclasses import dataclass
from pathlib import Path

import torch

from animeinterp.config import SynthesisConfig
from animeinterp.model import ModelConfig
from animeinterp.training.checkpoint import fresh
from animeinterp.training.loop import TrainConfig, Trainer
from animeinterp.training.processes import processes

TINY = ModelConfig(refine=None, synthesis=SynthesisConfig(network="painter", channels=(8, 12)))
SMALL = (72, 104)  # of clips
CONFIG = TrainConfig(steps=6, warmup=2, log_every=2, save_every=100, report_every=100)


@dataclass
class ToyConfig:
    rows: int = 4
    halves: int = 1  # a batch is made of those of so many ranks
    broken_at: int | None = None


class Toy:
    name = "toy"
    asked = 0  # how often, for a loss

    def __init__(self, **options):
        self.config = ToyConfig(**options)

    def trained(self, model):
        return model.synthesis.painter.head[-1]

    def batch(self, step, rank=0):
        if self.config.halves == 1:
            return torch.randn(self.config.rows, 33, generator=torch.Generator().manual_seed(100 * step + rank))
        alone = Toy(rows=self.config.rows)
        return torch.cat([alone.batch(step, r) for r in range(self.config.halves)])

    def loss(self, model, batch, device):
        batch = batch.to(device)
        layer = self.trained(model)
        loss = (batch[:, :32] @ layer.bias + layer.weight.mean() - batch[:, 32]).square().mean()
        if self.asked == self.config.broken_at:
            loss = loss * float("nan")
        self.asked += 1
        return loss, {"answer": loss.item()}

    def report(self, model, device):
        return {"bias": float(self.trained(model).bias.abs().mean())}, torch.zeros(3, 8, 8)


def trainer(folder, config=CONFIG, *, group=None, **options):
    return Trainer(fresh(TINY), Toy(**options), config, Path(folder), processes=group)


if __name__ == "__main__":
    torch.set_num_threads(1)
    with processes("cpu") as group:
        one = trainer(sys.argv[1], group=group)
        one.run()
        torch.save([p.detach() for p in one.learned], Path(sys.argv[1]) / f"rank{group.rank}.pt")
