"""The stage that trains the network at t."""

from dataclasses import replace

import pytest
import torch
from collages import write_archive

from animeinterp.datasets.collage import CollageConfig
from animeinterp.errors import AnimeInterpError
from animeinterp.flow import backwarp
from animeinterp.synthesis.starts import Found
from animeinterp.training.between import (
    REUSED,
    BetweenConfig,
    BetweenTask,
    between_loss,
    motion_loss,
    network_of,
    seen_otherwise,
    simulated_start,
)
from animeinterp.training.checkpoint import PRESETS, fresh
from animeinterp.training.loop import TrainConfig, Trainer

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def task(tmp_path_factory):
    archive = write_archive(tmp_path_factory.mktemp("art") / "art.zip")
    collage = CollageConfig(soft=0.0, lossy=0.0, grainy=0.0, lit=0.0, effects=0.0, lettered=0.0, redrawn=0.0, fastest=16.0)
    return BetweenTask(BetweenConfig(archive, 2, (64,), shots=1, paintings=4, held_out=8, collage=collage))


def test_seen_otherwise_it_is_as_true(task):
    collage = task.draw(3, 4, CPU)
    for step in range(1, 16, 2):
        other = seen_otherwise(collage, step)
        for k, frame in ((0, other.frame0), (1, other.frame1)):
            seen = other.known & ~other.hidden[:, k : k + 1]
            off = (backwarp(frame, other.motion[:, 2 * k : 2 * k + 2]) - other.between).abs().mean(dim=1, keepdim=True)
            assert off[seen].median() < 4e-3


def test_steps_share_what_is_drawn(task):
    frames = [task._collage(step, 0, CPU)[0].between for step in range(2 * REUSED)]
    assert torch.equal(seen_otherwise(task._collage(0, 0, CPU)[0], 1).between, frames[1])
    assert not torch.equal(frames[0], frames[REUSED])
    assert not torch.equal(task._collage(0, 1, CPU)[0].between, frames[0]), "each process draws its own"


def test_batches_drawn_together_are_different_ones_and_each_is_seen_again(task):
    several = BetweenTask(replace(task.config, together=3, sides=(128, 64)))
    steps = [several._collage(step, 0, CPU) for step in range(3 * REUSED)]
    firsts = [collage.between for collage, _ in steps[:3]]
    assert all(x.shape == (2, 3, 128, 128) for x in firsts)
    assert not torch.equal(firsts[0], firsts[1]) and not torch.equal(firsts[1], firsts[2])
    for step in range(3, 6):
        again = seen_otherwise(several._collage(step - 3, 0, CPU)[0], step).between
        assert torch.equal(steps[step][0].between, again)
    assert len({seed for _, seed in steps}) == len(steps), "starts are others each time"
    assert several._collage(3 * REUSED, 0, CPU)[0].between.shape == (8, 3, 64, 64), "as many pixels, by turns"


def test_a_start_is_the_motion_with_errors(task):
    collage = task.draw(5, 16, CPU)
    start = simulated_start(collage, 1)
    assert start.motion.shape == (16, 4, 8, 8) and start.known.shape == (16, 2, 8, 8)
    assert ((start.known >= 0) & (start.known <= 1.001)).all()
    nothing = (start.known == 0).all(dim=1, keepdim=True)
    assert not start.motion[nothing.expand(-1, 4, -1, -1)].any()
    known_of = (start.known > 0).flatten(1).any(dim=1).float().mean()
    assert 0.3 < known_of < 0.95  # some have none at all
    exact = torch.nn.functional.avg_pool2d(collage.motion, 8) / 8
    off = (start.motion - exact)[(start.known > 0.9).repeat_interleave(2, 1)].abs()
    assert 0.02 < off.mean() < 3 and off.median() < 0.5


def test_the_truth_costs_nothing(task):
    collage = task.draw(6, 2, CPU)
    pooled = [torch.nn.functional.avg_pool2d(collage.motion, s) / s for s in (16, 8, 4)]
    assert motion_loss([torch.zeros_like(p) for p in pooled], collage) > 2 * motion_loss(pooled, collage)
    found = Found(pooled, torch.zeros(2, 1, 16, 16), torch.zeros(2, 1, 16, 16))
    loss, parts = between_loss(collage.between, found, collage, 0.01)
    assert parts["laplacian"] == 0 and parts["census"].abs() < 1e-6 and loss > 0
    heavier, alone = between_loss(collage.between, found, collage, 0.01, 0.4)
    assert alone["alone"] > 0 == parts["alone"] and torch.isclose(heavier - loss, alone["alone"], atol=1e-5)


def test_it_learns_and_reports(task, tmp_path):
    trainer = Trainer(fresh(PRESETS["whole"]), task, TrainConfig(steps=3, warmup=1, report_every=3, save_every=3, half=True),
                      tmp_path / "run")
    before = [p.clone() for p in network_of(trainer.model).parameters()]
    trainer.run()
    moved = [not torch.equal(a, b) for a, b in zip(before, network_of(trainer.model).parameters(), strict=True)]
    assert sum(moved) > 0.5 * len(moved)  # heads begin at zero: the deepest layers hear of it a step later
    assert {p.name for p in (tmp_path / "run").iterdir()} >= {"model.safetensors", "compact.safetensors", "step_0000003.png"}


def test_wrong_settings_are_named(task):
    with pytest.raises(AnimeInterpError, match="multiple of 64"):
        BetweenTask(replace(task.config, sides=(64, 100)))
    with pytest.raises(AnimeInterpError, match="network at t"):
        network_of(fresh(PRESETS["light"]))
