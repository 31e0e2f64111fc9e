"""A refiner and a synthesizer of one's own, as docs/architecture.md has them: a line each in the registry, and used as any."""

import re
from pathlib import Path

import pytest
import torch
from torch import nn

import animeinterp as ai
from animeinterp import registry
from animeinterp.config import RefineConfig, SynthesisConfig
from animeinterp.flow import CoarseFlow, Flow
from animeinterp.frames import FramePair
from animeinterp.model import ModelConfig, build
from animeinterp.protocols import Refiner, Synthesizer
from animeinterp.runtime import Runtime
from animeinterp.stages import Stages
from animeinterp.weights import load_model, save_model

DOCS = Path(__file__).parents[1] / "docs" / "architecture.md"


class MeanShift(nn.Module, Refiner):
    """All pixels move as the matched ones do on average, times what has been learnt."""

    starts_from = CoarseFlow

    def __init__(self, config=None, *, operations=nn):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(1))

    def refine(self, pair, start=None, *, iterations=None, runtime=None):
        runtime = runtime or Runtime()
        runtime.report(0.5)
        moved = start.flow_01[:, :, start.flow_01.abs().sum(dim=1)[0] > 0]
        shift = self.gain * moved.mean(dim=2)[..., None, None].expand_as(start.flow_01)
        return Flow(shift, -shift)


class CrossFade(Synthesizer):
    """What a video editor does. It notes what it was asked for."""

    def __init__(self, config=None, *, operations=None):
        self.flows = []

    def prepare(self, pair, flow):
        self.flows.append(flow)
        return _CrossFade(pair)


class _CrossFade:
    def __init__(self, pair):
        self.pair = pair

    def at(self, times, *, tile=None, runtime=None):
        return torch.cat([torch.lerp(*(self.pair.rgb if self.pair.opaque else self.pair.frames), t) for t in times])


class Learnt(nn.Module, CrossFade):
    """The same with a weight, so that it goes into a file."""

    def __init__(self, config=None, *, operations=nn):
        nn.Module.__init__(self)
        self.flows, self.gain = [], nn.Parameter(torch.ones(1))


@pytest.fixture
def registered(monkeypatch):
    monkeypatch.setitem(registry.REFINERS, "mean shift", MeanShift)
    monkeypatch.setitem(registry.SYNTHESIZERS, "cross-fade", CrossFade)
    monkeypatch.setitem(registry.SYNTHESIZERS, "learnt", Learnt)


def test_they_meet_the_protocols():
    assert isinstance(MeanShift(), Refiner) and isinstance(CrossFade(), Synthesizer)
    for name in registry.REFINERS:
        assert isinstance(registry.make(registry.REFINERS, name), Refiner), name
    for name in registry.SYNTHESIZERS:
        assert isinstance(registry.make(registry.SYNTHESIZERS, name), Synthesizer), name


def test_a_refiner_by_name_finds_the_flow(clip, registered):
    found = ai.interpolate(clip[:2], 2, model=None, refiner="mean shift")
    assert found.shape == (3, *clip.shape[1:])
    stages = Stages(refiner="mean shift")
    flow = stages.pair(*(stages.load(frame) for frame in clip[:2].split(1))).flow
    assert flow.flow_01[0, 0].unique().numel() == 1 and 2 < flow.flow_01[0, 0, 0, 0] < 12.1  # the box moves by 12
    assert not torch.equal(found[1], ai.interpolate(clip[:2], 2, model=None)[1])


def test_a_synthesizer_draws_along_what_the_completion_finds(clip):
    mine, heard = CrossFade(), []
    found = ai.interpolate(clip, 2, model=None, synthesizer=mine, progress=lambda done, total: heard.append(done / total))
    assert len(mine.flows) == 2 and all(flow.depth_0 is not None for flow in mine.flows)
    changed = (clip[0] - clip[1]).abs().amax(dim=0) > 0.2
    assert torch.allclose(found[1][:, changed], (clip[0] + clip[1])[:, changed] / 2)
    assert heard == sorted(heard) and heard[-1] == 1


def test_it_may_replace_the_models(clip, model, registered):
    found = ai.interpolate(clip[:2], 2, model=model, synthesizer="cross-fade")
    changed = (clip[0] - clip[1]).abs().amax(dim=0) > 0.2
    assert torch.allclose(found[1][:, changed], (clip[0] + clip[1])[:, changed] / 2)


def test_alpha_comes_through_either_way(clip):
    seen_through = torch.cat([clip[:2], clip[:2].mean(dim=1, keepdim=True)], dim=1)
    for frames in (seen_through, torch.cat([clip[:2], torch.ones_like(clip[:2, :1])], dim=1)):
        assert ai.interpolate(frames, 2, model=None, synthesizer=CrossFade()).shape == (3, 4, *clip.shape[-2:])


def test_what_needs_no_flow_is_given_none(clip):
    class Alone(CrossFade):
        needs_flow = False

    mine = Alone()
    ai.interpolate(clip[:2], 2, model=None, synthesizer=mine)
    assert mine.flows == [None]


def test_a_weight_file_names_them(clip, registered, tmp_path):
    config = ModelConfig(RefineConfig(network="mean shift"), SynthesisConfig(network="learnt"))
    model = build(config)
    with torch.no_grad():
        model.refinement.gain.fill_(0.5)
    loaded = load_model(save_model(model, tmp_path / "toy.safetensors"))
    assert loaded.config == config and loaded.refinement.gain.item() == 0.5
    assert torch.equal(ai.interpolate(clip, 3, model=loaded), ai.interpolate(clip, 3, model=model))
    assert loaded.memory_used_forward((1, 3, 64, 64), torch.float32) == 0


@pytest.mark.parametrize("options", [{"refiner": "none such"}, {"synthesizer": "none such"}])
def test_an_unknown_name_is_told_with_those_there_are(clip, options):
    with pytest.raises(ai.AnimeInterpError, match="'none such'; it should be one of"):
        ai.interpolate(clip, model=None, **options)


@pytest.mark.parametrize("part", [False, object(), CrossFade, MeanShift, torch.nn.ReLU()])
@pytest.mark.parametrize("name", ["refiner", "synthesizer"])
def test_what_neither_refines_nor_draws_is_refused(clip, name, part):
    with pytest.raises(ai.AnimeInterpError, match=f"{name} is .*; it should be a name in .*, a {name.title()} "):
        ai.interpolate(clip, model=None, **{name: part})


def test_the_documents_own_example_runs(clip):
    """The code in docs/architecture.md, as it stands there."""
    blocks = re.findall(r"```python\n(.*?)```", DOCS.read_text(encoding="utf-8"), flags=re.S)
    space = {"frames": clip}
    for block in blocks:
        exec(compile(block, str(DOCS), "exec"), space)  # noqa: S102
    assert space["clip"].shape == (5, *clip.shape[1:])
    pair = FramePair.of(clip[:1], clip[1:2])
    flow = space["Standing"]().refine(pair)
    assert not flow.flow_01.any()
