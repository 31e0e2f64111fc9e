"""The loop: resuming to the bit, schedule, average, clipping, folders, interrupts, losses that are no numbers."""

import dataclasses
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from toy import CONFIG, Toy, trainer

from animeinterp import load_model
from animeinterp.errors import AnimeInterpError
from animeinterp.training.ahead import Ahead


def state(run):
    """All that a run is, as tensors and numbers."""
    optimiser = run.optimiser.state_dict()["state"]
    return [*run.model.state_dict().values(), *run.average.state_dict().values(),
            *(torch.as_tensor(v) for s in optimiser.values() for v in s.values()), torch.tensor(run.step)]


def same(one, other):
    return len(one) == len(other) and all(torch.equal(a, b) for a, b in zip(one, other, strict=True))


def after(steps, run):
    return lambda: run.step >= steps


def test_six_steps_are_three_and_three_to_the_bit(tmp_path):
    whole = trainer(tmp_path / "whole")
    whole.run()
    first = trainer(tmp_path / "parts")
    first.run(after(3, first))
    assert first.step == 3
    second = trainer(tmp_path / "parts")
    assert second.resume() and second.step == 3
    assert same(state(first), state(second))
    second.run()
    assert second.step == 6 and same(state(whole), state(second))
    assert not same(state(first), state(second))


def test_a_compact_checkpoint_goes_on_with_a_fresh_optimiser(tmp_path):
    first = trainer(tmp_path / "one")
    first.run()
    second = trainer(tmp_path / "two")
    assert second.resume(first.compact)
    assert second.step == 0 and not second.optimiser.state_dict()["state"]
    for (name, a), b in zip(first.model.state_dict().items(), second.model.state_dict().values(), strict=True):
        assert torch.equal(a.half().float(), b), name
    assert not same([*second.model.state_dict().values()], [*second.average.state_dict().values()])
    second.run()
    assert second.step == 6


def test_the_averaged_weights_are_ready_to_use(tmp_path):
    run = trainer(tmp_path)
    run.run()
    loaded = load_model(tmp_path / "model.safetensors")
    assert loaded.config == run.model.config
    assert same([*loaded.state_dict().values()], [*run.average.state_dict().values()])


def test_the_rate_rises_and_falls_as_configured(tmp_path):
    config = dataclasses.replace(CONFIG, steps=100, warmup=10, rate=1.0)
    rates = [config.rate_at(step) for step in range(100)]
    assert rates[0] == pytest.approx(0.1) and max(rates) == rates[9] == pytest.approx(1.0)
    assert rates[10:] == sorted(rates[10:], reverse=True) and 0.01 <= rates[-1] < 0.011
    assert rates[55] == pytest.approx(0.505)
    run = trainer(tmp_path, config)
    run.step = 55
    run.one_step()
    assert run.optimiser.param_groups[0]["lr"] == pytest.approx(0.505)


def test_what_is_not_learned_stays_and_the_average_follows_what_is(tmp_path):
    run = trainer(tmp_path, dataclasses.replace(CONFIG, rate=0.1, ema=0.5))
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    expected = {name: value.clone() for name, value in run.average.state_dict().items()}
    for step in range(1, 4):
        run.one_step()
        decay = min(0.5, (1 + step) / (10 + step))
        for name, value in run.model.state_dict().items():
            expected[name].lerp_(value, 1 - decay)
    for name, value in run.model.state_dict().items():
        learned = name.startswith("synthesis.painter.head.1.")
        assert torch.equal(value, before[name]) != learned, name
        torch.testing.assert_close(run.average.state_dict()[name], expected[name])
        assert not run.average.state_dict()[name].requires_grad


def test_gathered_batches_make_the_step_of_one_as_large(tmp_path):
    class Joined(Toy):
        def batch(self, step, rank=0):
            return torch.cat([super(Joined, self).batch(3 * step + k) for k in range(3)])

    gathered, joined = trainer(tmp_path / "gathered", dataclasses.replace(CONFIG, gather=3)), trainer(tmp_path / "joined")
    joined._batches = Ahead(Joined().batch)
    for _ in range(3):
        told, expected = gathered.one_step(), joined.one_step()
        assert told == pytest.approx(expected, rel=1e-4)
        for one, other in zip(gathered.learned, joined.learned, strict=True):
            torch.testing.assert_close(one, other)
    assert gathered.step == 3


def test_gradients_are_clipped(tmp_path):
    run = trainer(tmp_path, dataclasses.replace(CONFIG, clip=1e-3))
    norm = run.one_step()["gradient_norm"]
    assert norm > 0.1, "the log has the norm before it was clipped"
    clipped = torch.stack([p.grad.norm() for p in run.learned]).norm()
    assert float(clipped) == pytest.approx(1e-3, rel=1e-3)


def test_a_folder_belongs_to_one_run(tmp_path):
    trainer(tmp_path).run()
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(AnimeInterpError, match="another run.*--resume"):
        trainer(tmp_path).run()
    other = trainer(tmp_path / "other")
    other.run()
    stranger = trainer(tmp_path)
    stranger.resume(other.compact)
    with pytest.raises(AnimeInterpError, match="another run"):
        stranger.run()
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == kept


def test_the_log_tells_settings_losses_and_reports(tmp_path):
    trainer(tmp_path, dataclasses.replace(CONFIG, report_every=3)).run()
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    settings = lines[0]["settings"]
    assert settings["task"] == "toy" and settings["toy"]["rows"] == 4 and settings["training"]["steps"] == 6
    assert settings["model"]["synthesis"]["network"] == "painter"
    steps = [line for line in lines if "loss" in line]
    assert [line["step"] for line in steps] == [2, 4, 6]
    assert all({"rate", "gradient_norm", "answer", "seconds"} <= set(line) for line in steps)
    assert [line["step"] for line in lines if "report" in line] == [3, 6]
    assert (tmp_path / "step_0000003.png").is_file()


def test_a_figure_that_is_no_number_is_null_in_the_log(tmp_path, monkeypatch):
    monkeypatch.setattr(Toy, "report", lambda *_: ({"moving_db": float("nan"), "worst": float("-inf"), "epe": 1.5}, None))
    trainer(tmp_path, dataclasses.replace(CONFIG, steps=2, report_every=2)).run()
    line = (tmp_path / "log.jsonl").read_text().splitlines()[-1]
    assert json.loads(line, parse_constant=lambda word: pytest.fail(f"{word} is no JSON")) == {
        "step": 2, "report": {"moving_db": None, "worst": None, "epe": 1.5}
    }


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_what_was_saved(tmp_path):
    run = trainer(tmp_path, dataclasses.replace(CONFIG, save_every=2), broken_at=3)
    with pytest.raises(AnimeInterpError, match="loss is nan at step 3.*--rate"):
        run.run()
    good = trainer(tmp_path)
    good.resume()
    assert good.step == 2 and all(torch.isfinite(value.float()).all() for value in state(good))
    good.run()
    assert good.step == 6


def test_a_gradient_that_is_no_number_changes_no_weight(tmp_path):
    class Steep(Toy):
        def loss(self, model, batch, device):
            bias = self.trained(model).bias
            return (bias - bias.detach()).abs().sqrt().sum(), {}  # 0, with an infinite slope

    run = trainer(tmp_path)
    run.task = Steep()
    before = [p.detach().clone() for p in run.learned]
    with pytest.raises(AnimeInterpError, match="gradient's norm is (nan|inf)"):
        run.one_step()
    assert same(before, [p.detach() for p in run.learned]) and run.step == 0


def test_a_checkpoint_of_another_kind_is_told_apart(tmp_path):
    run = trainer(tmp_path)
    run.run()
    run.task.name = "other"
    with pytest.raises(AnimeInterpError, match="a run of 'toy'; this is one of 'other'"):
        run.resume()
    run.full.write_bytes(run.full.read_bytes()[:1000])
    with pytest.raises(AnimeInterpError, match="full.pt is no checkpoint"):
        trainer(tmp_path).resume()


def test_batches_are_made_ahead_in_order_and_errors_come_through():
    made = []

    def make(step):
        made.append(step)
        if step == 5:
            raise AnimeInterpError("no such batch")
        return 10 * step

    batches = Ahead(make, depth=2)
    assert [batches.get(step) for step in (0, 1)] == [0, 10]
    assert batches.get(3) == 30, "a run that was resumed begins anywhere"
    with pytest.raises(AnimeInterpError, match="no such batch"):
        batches.get(5)
    batches.close()
    assert made == sorted(made) and len(made) == len(set(made)), "each batch is made once"


def start_processes(folder, world):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    root = str(Path(__file__).parents[2])
    common = {**os.environ, "WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "PYTHONPATH": root}
    script = Path(__file__).with_name("toy.py")
    running = [
        subprocess.Popen([sys.executable, str(script), str(folder)], env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
                         stderr=subprocess.PIPE, text=True)
        for rank in range(world)
    ]
    for process in running:
        _, errors = process.communicate(timeout=240)
        assert process.returncode == 0, errors


def test_two_processes_are_one_with_twice_the_batch(tmp_path):
    start_processes(tmp_path, 2)
    ranks = [torch.load(tmp_path / f"rank{rank}.pt", weights_only=True) for rank in (0, 1)]
    assert same(*ranks), "all processes have the same weights"
    single = trainer(tmp_path / "single", halves=2)
    single.run()
    for ours, theirs in zip(single.learned, ranks[0], strict=True):
        torch.testing.assert_close(ours.detach(), theirs, rtol=1e-5, atol=1e-7)
    alone = trainer(tmp_path / "alone")
    alone.run()
    assert not torch.allclose(alone.learned[1], ranks[0][1], rtol=1e-5, atol=1e-7), "one batch alone learns other things"
    lines = (tmp_path / "log.jsonl").read_text().splitlines()
    assert sum("loss" in line for line in lines) == 3, "one of them writes the log"
