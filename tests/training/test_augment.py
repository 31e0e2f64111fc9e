"""A batch that is mirrored, turned, reversed or recoloured asks the same question: the same answer, changed alike."""

import dataclasses

import numpy as np
import pytest
import torch
from toy import SMALL, TINY

from animeinterp.training import paint
from animeinterp.training.checkpoint import fresh
from animeinterp.training.paint import PaintConfig, PaintTask

SIDE = 48


class Chance:
    """Says yes to the one thing that is asked for: 0 mirrors, 1 turns, 2 reverses, 3 gives the negative."""

    def __init__(self, yes, order=(0, 1, 2)):
        self.yes, self.order, self.asked = yes, list(order), -1

    def random(self):
        self.asked += 1
        return 0.0 if self.asked == self.yes else 1.0

    def permutation(self, count):
        return np.array(self.order)


CHANGES = {
    "mirrored": ((0,), lambda x: x.flip(-1)),
    "turned": ((1,), lambda x: x.transpose(-1, -2)),
    "reversed": ((2,), lambda x: x),
    "negative": ((3,), lambda x: 1 - x),
    "recoloured": ((None, (2, 0, 1)), lambda x: x[:, [2, 0, 1]]),
}


@pytest.fixture(scope="module")
def batch(carried_samples):
    """As the trainer crops it, and not changed yet; shifts by which its colours truly came would hide a wrong sign."""
    task = PaintTask(PaintConfig(carried_samples, samples=2, side=SIDE, crops=2, size=SMALL))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paint, "augment", lambda batch, chance: batch)
        one = task.batch(3)
    noise = torch.Generator().manual_seed(1)
    shifts = tuple(s + 9 * torch.randn(s.shape, generator=noise) for s in one["warped"].shifts)
    return {**one, "warped": dataclasses.replace(one["warped"], shifts=shifts)}


def painted(batch):
    """By a network that says nothing: all candidates count, each read where the batch says that it lies."""
    painter = fresh(TINY).synthesis.painter
    painter.start_as_blend()
    with torch.no_grad(), pytest.MonkeyPatch.context() as patch:
        patch.setattr("animeinterp.synthesis.painter.BLEND_BIAS", 0.0)
        return painter(batch["warped"], batch["frame0"], batch["frame1"], batch["time"], batch["corner"])


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_batch_asks_the_same(name, batch):
    choice, change = CHANGES[name]
    changed = paint.augment(batch, Chance(*choice))
    assert torch.allclose(changed["truth"], change(batch["truth"]), atol=1e-6)
    assert torch.allclose(painted(changed), change(painted(batch)), atol=1e-4)


def test_chance_changes_what_is_trained_on(batch):
    seen = {tuple(paint.augment(batch, np.random.default_rng(k))["truth"].flatten()[:6].tolist()) for k in range(12)}
    assert len(seen) > 6
