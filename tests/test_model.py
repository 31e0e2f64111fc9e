"""The model: gradients, precisions, sizes, wrong inputs, building from other layers."""

import dataclasses
import types

import pytest
import torch

from animeinterp.config import RefineConfig, SynthesisConfig
from animeinterp.errors import AnimeInterpError
from animeinterp.flow import Flow
from animeinterp.frames import FramePair
from animeinterp.model import ModelConfig, build
from animeinterp.runtime import Runtime


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build(ModelConfig(refine=RefineConfig(iterations=3))).eval()


def _inputs(height=64, width=64, dtype=torch.float32):
    torch.manual_seed(1)
    coarse = torch.randn(2, 1, 2, height // 8, width // 8) * 4
    flows = torch.nn.functional.interpolate(coarse[:, 0], size=(height, width), mode="bilinear")
    return torch.rand(2, 1, 3, height, width).to(dtype), flows[:, None]


def test_every_parameter_is_learnt():
    """All but the mask of the start, which the published network computes and does not use, and one slope."""
    torch.manual_seed(0)
    model = build(ModelConfig(refine=RefineConfig(iterations=2)))
    frames, flows = _inputs()
    fine = model.refine(*frames, *flows)
    model.synthesize(*frames, *fine, [0.4]).square().mean().backward()
    without = {n for n, p in model.named_parameters() if p.grad is None or not p.grad.any()}
    mask = {n for n, _ in model.refinement.guidance.named_parameters(prefix="refinement.guidance")}
    # The slope below zero of what only ever sees colours, which are not.
    assert without == mask | {"synthesis.grid.frames.0.weight"}
    assert all(p.grad.isfinite().all() for p in model.parameters() if p.grad is not None)


def test_inputs_get_gradients(model):
    frames, flows = _inputs()
    frames.requires_grad_(), flows.requires_grad_()
    fine_01, _ = model.refine(*frames, *flows)
    assert all(g.any() for g in torch.autograd.grad(fine_01.square().mean(), [frames, flows]))
    out = model.synthesize(*frames, *flows, [0.5])
    assert all(g.any() for g in torch.autograd.grad(out.square().mean(), [frames, flows]))


@torch.no_grad()
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float16, 0.02), (torch.bfloat16, 0.1)])
def test_half_precision_is_close(model, dtype, tolerance):
    frames, flows = _inputs(72, 101)
    wanted = model.refine(*frames, *flows)
    half = build(model.config).eval()
    half.load_state_dict(model.state_dict())
    half.to(dtype)
    assert half.get_dtype() == dtype
    found = half.refine(*frames.to(dtype), *flows)
    for ours, reference in zip(found, wanted, strict=True):
        assert ours.dtype == torch.float32
        assert (ours - reference).abs().max() < tolerance * reference.abs().max()
    frame = half.synthesize(*frames.to(dtype), *wanted, [0.5])
    reference = model.synthesize(*frames, *wanted, [0.5])
    assert frame.dtype == dtype
    assert (frame.float() - reference).abs().max() < tolerance * reference.abs().max()
    for ours, reference in zip(half.piece_features(frames[0]), model.piece_features(frames[0]), strict=True):
        assert (ours.float() - reference).abs().max() < tolerance * reference.abs().max()


@torch.no_grad()
@pytest.mark.parametrize("size", [(64, 64), (67, 90)])
@pytest.mark.parametrize("splatting", ["average", "softmax"])
def test_small_frames_give_numbers(size, splatting):
    torch.manual_seed(0)
    model = build(ModelConfig(synthesis=SynthesisConfig(splatting=splatting)))
    frames, flows = _inputs(*size)
    fine = model.refine(*frames, *flows)
    assert all(f.shape == (1, 2, *size) and f.isfinite().all() for f in fine)
    out = model.synthesize(*frames, *fine, [0.0, 0.5, 1.0])
    assert out.shape == (3, 3, *size) and out.isfinite().all()


@torch.no_grad()
def test_piece_features_have_the_size_of_subsampled_labels(model):
    frames, _ = _inputs(67, 90)
    labels = torch.zeros(67, 90)
    maps = model.piece_features(frames[0])
    assert [m.shape[1] for m in maps] == [32, 64, 96, 256]
    for level, features in enumerate(maps):
        assert features.shape[-2:] == labels[:: 2**level, :: 2**level].shape


@torch.no_grad()
def test_progress_hears_how_far_it_is_and_can_stop(model):
    frames, flows = _inputs()
    for call in (lambda step: model.refine(*frames, *flows, progress=step),
                 lambda step: model.synthesize(*frames, *flows, [0.3, 0.6], progress=step)):
        heard = []
        call(heard.append)
        assert heard == sorted(heard) and heard[0] == 0 and heard[-1] == 1
        assert heard[-2] == pytest.approx(1 - 1 / (len(heard) - 1))  # the parts were counted right

        def stop(fraction):
            if fraction > 0.5:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            call(stop)
        count = len(heard)
        call(None)
        assert len(heard) == count  # nothing stays behind


@torch.no_grad()
@pytest.mark.parametrize("size", [(64, 72), (67, 90)])
def test_frames_encoded_before_change_nothing(model, size):
    frames, flows = _inputs(*size)
    pair = FramePair.of(*frames)
    for network in (model.refinement, model.synthesis):
        pair.features(network)
    calls = []
    handles = [
        network.register_forward_hook(lambda *_: calls.append(1))
        for network in (model.refinement.encoder, model.synthesis.pyramid)
    ]
    heard = []
    fine = model.refinement.refine(pair, Flow(*flows), runtime=Runtime(heard.append))
    mids = model.synthesis.prepare(pair, fine).at([0.5], runtime=Runtime(heard.append))
    fine = fine.flow_01, fine.flow_10
    for handle in handles:
        handle.remove()
    assert not calls and heard.count(1.0) == 2
    assert all(map(torch.equal, fine, model.refine(*frames, *flows)))
    assert torch.equal(mids, model.synthesize(*frames, *fine, [0.5]))


def test_layers_come_from_the_operations():
    """Each parameter belongs to a layer that was made by the namespace that was handed in."""

    class Conv2d(torch.nn.Conv2d):
        pass

    class PReLU(torch.nn.PReLU):
        pass

    model = build(operations=types.SimpleNamespace(Conv2d=Conv2d, PReLU=PReLU))
    holders = [m for m in model.modules() if next(m.parameters(recurse=False), None) is not None]
    assert holders and all(type(m) in (Conv2d, PReLU) for m in holders)
    assert sum(p.numel() for p in model.parameters()) == 6_208_706


def test_memory_estimate_grows_as_the_work_does(model):
    def estimate(height, width, dtype=torch.float32):
        return model.memory_used_forward((1, 3, height, width), dtype)

    volume = (540 // 8 * 960 // 8) ** 2 * 4
    assert 1.2 * volume < estimate(540, 960) < 2e9
    assert estimate(540, 960, torch.float16) < estimate(540, 960)
    assert estimate(1080, 1920) > 6 * estimate(540, 960)  # the volume's square takes over
    assert estimate(2160, 3840) < 12e9  # and is done without
    assert model.memory_used_forward((2, 3, 540, 960), torch.float32) == 2 * estimate(540, 960)


def test_configuration_survives_json():
    config = ModelConfig(RefineConfig(iterations=7, masked_start=True), SynthesisConfig(splatting="softmax", alpha=3.5))
    assert ModelConfig.from_json(config.to_json()) == config
    assert ModelConfig.from_json("{}") == ModelConfig()
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.refine = RefineConfig()
    for text in ('{"refine": {"speed": 1}}', "[]", "{", '{"other": 1}'):
        with pytest.raises(AnimeInterpError, match="should be JSON"):
            ModelConfig.from_json(text)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"frame0": torch.rand(1, 3, 64, 80)}, "one size"),
        ({"frame0": torch.rand(1, 4, 64, 64)}, "frame0 has shape"),
        ({"frame1": torch.rand(2, 3, 64, 64)}, "frame1 holds 2 frames"),
        ({"frame0": torch.zeros(1, 3, 64, 64, dtype=torch.uint8)}, "frame0 holds torch.uint8"),
        ({"frame0": torch.full((1, 3, 64, 64), float("nan"))}, "frame0 holds values that are no finite numbers"),
        ({"flow_01": torch.zeros(1, 2, 64, 65)}, "flow_01 is"),
        ({"flow_10": torch.zeros(1, 2, 8, 8)}, "flow_10 is"),
        ({"iterations": -1}, "iterations is -1"),
        ({"iterations": 2.5}, "iterations is 2.5"),
    ],
)
def test_refine_refuses(model, change, message):
    frames, flows = _inputs()
    given = dict(frame0=frames[0], frame1=frames[1], flow_01=flows[0], flow_10=flows[1]) | change
    with pytest.raises(AnimeInterpError, match=message):
        model.refine(**given)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"times": []}, "times is"),
        ({"times": [1.5]}, "times is"),
        ({"times": ["now"]}, "times is"),
        ({"flow_10": torch.zeros(1, 2, 8, 8)}, "flow_10 is"),
        ({"flow_01": None}, "flow_01 is NoneType"),
    ],
)
def test_synthesize_refuses(model, change, message):
    frames, flows = _inputs()
    given = dict(frame0=frames[0], frame1=frames[1], flow_01=flows[0], flow_10=flows[1], times=[0.5]) | change
    with pytest.raises(AnimeInterpError, match=message):
        model.synthesize(**given)
