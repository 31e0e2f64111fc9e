"""The three stages, tiny: on a fixed batch the loss falls, and a run that is resumed is the run that was not."""

import dataclasses
import pickle

import pytest
import torch
from toy import SMALL, TINY

from animeinterp.config import RefineConfig, SynthesisConfig
from animeinterp.datasets.atd12k import ATD12K
from animeinterp.errors import AnimeInterpError
from animeinterp.flow import pixel_grid
from animeinterp.model import ModelConfig, build
from animeinterp.training.caches import CoarseCache
from animeinterp.training.checkpoint import PRESETS, fresh
from animeinterp.training.flow import OUTSIDE, FlowConfig, FlowTask, every_flow, sequence_loss
from animeinterp.training.frame import FrameConfig, FrameTask
from animeinterp.training.loop import TrainConfig, Trainer
from animeinterp.training.paint import HELD_OUT, PaintConfig, PaintTask
from animeinterp.training.pairs import DrawnConfig, DrawnPairs, TripletConfig, TripletPairs
from animeinterp.training.processes import helpers
from animeinterp.training.spreading import making_of

CPU = torch.device("cpu")
GUIDED = ModelConfig(
    RefineConfig(2, doubled_start=False, masked_start=True), SynthesisConfig(splatting="softmax", hole_mask=True)
)
CONFIG = TrainConfig(warmup=4, log_every=1, save_every=100, report_every=100)


def drawn(**options):
    return DrawnPairs(DrawnConfig(**{"size": SMALL, "side": (64, 96), "batch": 1, **options}))


class Fixed:
    """A task whose every batch is the one of one step."""

    def __init__(self, task, step):
        self.task, self.step = task, step
        self.name, self.config = task.name, task.config

    def __getattr__(self, name):
        return getattr(self.task, name)

    def batch(self, step, rank=0):
        return self.task.batch(self.step, rank)


def stage(name, samples):
    """The model and task of a stage, and how it learns a single batch."""
    if name == "paint":
        task = PaintTask(PaintConfig(samples, samples=2, crops=2, side=48, held_out=1, size=SMALL))
        return TINY, task, dataclasses.replace(CONFIG, rate=5e-3, steps=12)
    if name == "flow":
        return GUIDED, FlowTask(drawn(unguided=0.0), FlowConfig(held_out=1)), dataclasses.replace(CONFIG, rate=3e-4, steps=8)
    return GUIDED, FrameTask(drawn(), FrameConfig(held_out=1)), dataclasses.replace(CONFIG, rate=3e-4, steps=8)


def untrained(config):
    """Fresh weights, with a painter that does not begin as the blend, which is hard to better."""
    torch.manual_seed(0)
    return build(config)


@pytest.mark.parametrize("name", ["paint", "flow", "frame"])
def test_the_loss_falls_on_a_fixed_batch_and_goes_on_when_resumed(name, carried_samples, tmp_path):
    model, task, config = stage(name, carried_samples)
    config = dataclasses.replace(config, report_every=config.steps)
    losses = {}

    def train(folder, stop=None):
        run = Trainer(untrained(model), Fixed(task, 9), config, tmp_path / folder)
        run.resume()
        step = run.one_step
        run.one_step = lambda: losses.setdefault(folder, []).append(step()) or losses[folder][-1]
        run.run(None if stop is None else lambda: run.step >= stop)
        return run

    whole = train("whole")
    fallen = [line["loss"] for line in losses["whole"]]
    assert min(fallen[-2:]) < 0.9 * fallen[0], fallen
    train("parts", stop=4)
    again = train("parts")
    assert len(losses["parts"]) == config.steps and [line["loss"] for line in losses["parts"]] == fallen
    for ours, theirs in zip(whole.model.state_dict().values(), again.model.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)
    assert (tmp_path / "whole" / f"step_{config.steps:07d}.png").is_file()


@pytest.mark.parametrize("name", ["paint", "flow", "frame"])
def test_batches_are_a_function_of_step_seed_and_rank(name, carried_samples):
    _, task, _ = stage(name, carried_samples)

    def numbers(step, rank=0):
        batch = task.batch(step, rank)
        return batch["truth"] if name == "paint" else task.source.realise(batch, CPU).truth

    first = numbers(3)
    assert torch.equal(first, numbers(3))
    assert not torch.equal(first, numbers(4)) and not torch.equal(first, numbers(3, rank=1))


def test_the_painter_learns_from_the_samples_that_it_is_told(carried_samples, monkeypatch):
    config = PaintConfig(carried_samples, samples=1, first=1, held_out=1, side=48, crops=2, size=SMALL)
    read, task = [], PaintTask(config)
    sample = task._sample
    monkeypatch.setattr(task, "_sample", lambda seed: read.append(seed) or sample(seed))
    for step in range(3):
        task.batch(step)
    assert read == [1] * 6
    assert task.make_samples() == 0, "the one and the one held out are there"


def test_half_precision_trains_too(carried_samples, tmp_path):
    for name in ("paint", "flow", "frame"):
        model, task, _ = stage(name, carried_samples)
        exact, short = (
            Trainer(untrained(model), task, dataclasses.replace(CONFIG, bf16=bf16), tmp_path / f"{name}{bf16}").one_step()
            for bf16 in (False, True)
        )
        assert short["loss"] == pytest.approx(exact["loss"], rel=0.05)
        assert short["loss"] != exact["loss"], "the networks ran in bfloat16"


@pytest.mark.parametrize("preset", ["published", "paper"])
def test_every_flow_ends_at_what_the_refinement_returns(preset):
    source = drawn()
    pairs = source.realise(source.plan(7), CPU)
    network = fresh(PRESETS[preset]).refinement
    with torch.no_grad():
        flows = every_flow(network, pairs, 3)
        whole = torch.cat(network(pairs.frame0, pairs.frame1, pairs.coarse_01, pairs.coarse_10, 3))
    assert len(flows) == 3
    torch.testing.assert_close(flows[-1], whole, rtol=1e-5, atol=1e-4)
    assert not torch.allclose(flows[0], whole, atol=1e-3)


def test_all_of_the_refinement_learns():
    source = drawn(unguided=0.0)
    model = fresh(GUIDED)
    FlowTask(source).loss(model, source.plan(5), CPU)[0].backward()
    untouched = [name for name, p in model.refinement.named_parameters() if p.grad is None or not p.grad.any()]
    assert not untouched


def test_the_sequence_loss_weighs_iterations_and_what_leaves_the_frame():
    truth = torch.zeros(1, 2, 64, 64)
    off = truth + torch.tensor([3.0, -1.0]).view(1, 2, 1, 1)
    assert float(sequence_loss([truth], truth)) == 0
    assert float(sequence_loss([off], truth)) == pytest.approx(4.0)
    assert float(sequence_loss([off, truth], truth)) == pytest.approx(0.8 * 4)
    assert float(sequence_loss([off, off, off], truth)) == pytest.approx((1 + 0.8 + 0.64) * 4)
    truth[:, 0, :, 32:] = 100.0  # half of the pixels leave
    wrong_inside, wrong_outside = truth.clone(), truth.clone()
    wrong_inside[..., :32] += 1
    wrong_outside[..., 32:] += 1
    ratio = float(sequence_loss([wrong_outside], truth)) / float(sequence_loss([wrong_inside], truth))
    assert ratio == pytest.approx(OUTSIDE)
    far = truth.clone()
    far[..., 32:] = 500.0
    assert float(sequence_loss([far + (far > 400)], far)) == 0, "longer than any motion: not counted"


def test_drawn_pairs_stay_true_when_changed():
    """Cropped, mirrored, reversed: the flow still carries one frame onto the other."""
    source = drawn(batch=2)
    flips = set()
    for step in range(12):
        plan = source.plan(step)
        flips.add((plan["mirrored"], plan["reversed"]))
        pairs = source.realise(plan, CPU)
        assert pairs.frame0.shape == (2, 3, 64, 96) and pairs.flow_01.shape == (2, 2, 64, 96)
        x, y = (pixel_grid(pairs.flow_01) + pairs.flow_01).round().long().unbind(1)
        inside = (x >= 0) & (x < 96) & (y >= 0) & (y < 64)
        place = (y.clamp(0, 63) * 96 + x.clamp(0, 95)).flatten(1)[:, None].expand(-1, 3, -1)
        read = pairs.frame1.flatten(2).gather(2, place).view_as(pairs.frame0)
        alike = ((read - pairs.frame0).abs().amax(1) < 0.25)[inside].float().mean()
        assert float(alike) > 0.85, step
        assert 0 < pairs.time < 1
    assert len(flips) == 4
    assert not source.realise(drawn(unguided=1.0).plan(0), CPU).coarse_01.any()


def test_triplets_are_guided_by_sgm_computed_once(atd12k, tmp_path, monkeypatch):
    cache = CoarseCache(tmp_path / "coarse", {"set": "miniature"})
    config = TripletConfig(atd12k, side=(64, 96), batch=2)
    source = TripletPairs(ATD12K(atd12k, "train"), config, cache)
    plans = [source.plan(step) for step in range(6)]
    first = [source.realise(plan, CPU) for plan in plans]
    monkeypatch.setattr("animeinterp.training.caches.coarse_flow", None)  # all that is asked for is kept by now
    again = TripletPairs(ATD12K(atd12k, "train"), config, cache)
    for step, pairs in enumerate(first):
        later = again.realise(again.plan(step), CPU)
        assert torch.equal(pairs.frame0, later.frame0) and torch.equal(pairs.coarse_10, later.coarse_10)
        assert pairs.frame0.shape == (2, 3, 64, 96) and pairs.flow_01 is None
    moved = torch.stack([p.coarse_01.abs().amax() for p in first])
    assert float(moved.max()) > 3, "the square goes 8 px"
    assert len({float(p.frame0.sum()) for p in first}) > 3, "other crops every step"


def test_flows_that_are_made_ahead_are_those_made_on_the_way(atd12k, tmp_path):
    """Of drawn clips and of triplets, by what travels to the workers of a cluster."""
    def clips(cache):
        return DrawnPairs(DrawnConfig(SMALL, (64, 96), batch=2, coarse="sgm", samples=3, cache=tmp_path / cache))

    def triplets(cache):
        config = TripletConfig(atd12k, side=(64, 96), batch=2)
        return TripletPairs(ATD12K(atd12k, "train"), config, CoarseCache(tmp_path / cache, {"set": "miniature"}))

    for source in (clips, triplets):
        ahead, way = (source(f"{source.__name__} {when}") for when in ("ahead", "on the way"))
        for step in range(3):
            way.plan(step)
        making = pickle.loads(pickle.dumps(making_of(FrameTask(ahead))))
        made = [tmp_path / f"{source.__name__} on the way" / f"{name}.safetensors" for name in making.missing]
        for name in making.missing:
            making.make(name)
        assert sum(path.exists() for path in made) >= 2
        for path in made:
            assert not path.exists() or path.read_bytes() == (making.folder / path.name).read_bytes()
        assert not making_of(FrameTask(ahead)).missing
    assert making_of(FlowTask(drawn())) is None


def test_the_frame_stage_trains_on_atd12k(atd12k, tmp_path):
    source = TripletPairs(ATD12K(atd12k, "train"), TripletConfig(atd12k, (64, 64), 1), CoarseCache(tmp_path / "c", {}))
    task = FrameTask(source, FrameConfig(held_out=2, only_synthesis=True))
    run = Trainer(fresh(GUIDED), task, dataclasses.replace(CONFIG, steps=2, report_every=2), tmp_path / "run")
    before = {name: value.clone() for name, value in run.model.state_dict().items()}
    run.run()
    changed = {name.split(".")[0] for name, value in run.model.state_dict().items() if not torch.equal(value, before[name])}
    assert changed == {"synthesis"}, "the refinement was to stay"
    with pytest.raises(AnimeInterpError, match="exact flows"):
        FlowTask(source)


def test_what_cannot_be_trained_says_what_to_do(carried_samples):
    light, full = fresh(TINY), fresh(GUIDED)
    with pytest.raises(AnimeInterpError, match="no refinement.*--model"):
        FlowTask(drawn()).trained(light)
    with pytest.raises(AnimeInterpError, match="no refinement"):
        FrameTask(drawn()).trained(light)
    with pytest.raises(AnimeInterpError, match="no painter"):
        PaintTask(PaintConfig(carried_samples, side=48, size=SMALL)).trained(full)
    with pytest.raises(AnimeInterpError, match="Crops of 200"):
        PaintTask(PaintConfig(carried_samples, side=200, size=SMALL))
    with pytest.raises(AnimeInterpError, match="--first or --samples"):
        PaintTask(PaintConfig(carried_samples, samples=2, first=HELD_OUT - 1, side=48, size=SMALL))
    with pytest.raises(AnimeInterpError, match="multiples of 8"):
        drawn(side=(60, 90))
    with pytest.raises(AnimeInterpError, match="simulated, sgm, zero"):
        drawn(coarse="wrong")


def test_scenes_composed_by_other_processes_are_the_same():
    alone = drawn()
    with helpers(1) as composers:
        helped = DrawnPairs(alone.config, composers)
        ours, theirs = (source.realise(source.plan(3), CPU) for source in (alone, helped))
    assert torch.equal(ours.frame0, theirs.frame0) and torch.equal(ours.coarse_01, theirs.coarse_01)
