"""Weight files: round trips, the published file's quirks, and files that are broken, foreign or hostile."""

import argparse
import datetime
import json
import os
import pickle
import struct
from pathlib import Path

import numpy as np
import pytest
import safetensors
import safetensors.torch
import torch

from animeinterp import weights
from animeinterp.config import RefineConfig, SynthesisConfig
from animeinterp.errors import AnimeInterpError
from animeinterp.model import ModelConfig, build

PUBLISHED_KEYS = json.loads((Path(__file__).parent / "parity" / "animeinterp.json").read_text())


@pytest.fixture(scope="module")
def published():
    """Random tensors under the published names."""
    generator = torch.Generator().manual_seed(0)
    return {key: torch.randn(shape, generator=generator) * 0.01 for key, shape in PUBLISHED_KEYS.items()}


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return build()


def _same(one, other):
    a, b = one.state_dict(), other.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)


def _saved(content, path, **options):
    torch.save(content, path, **options)
    return path


def test_every_published_name_has_one_of_ours(model, published):
    ours = [weights._our_name(key.removeprefix("module.")) for key in published]
    assert sorted(ours) == sorted(model.state_dict())
    used = {p for p in weights.PUBLISHED_NAMES if any(k.removeprefix("module.").startswith(p) for k in published)}
    assert used == weights.PUBLISHED_NAMES.keys()


@pytest.mark.parametrize("zipped", [False, True])
@pytest.mark.parametrize("wrapper", [None, "model_state_dict", "state_dict"])
def test_published_checkpoint(tmp_path, published, zipped, wrapper):
    content = {wrapper: published, "epoch": 3} if wrapper else published
    path = _saved(content, tmp_path / "a.ckpt", _use_new_zipfile_serialization=zipped)
    loaded = weights.load_model(path)
    assert loaded.config == ModelConfig()
    assert torch.equal(
        loaded.refinement.encoder.blocks[2].shortcut.bias, published["module.flownet.fnet.layer2.0.downsample.0.bias"]
    )
    assert torch.equal(loaded.synthesis.grid.up["14"][2].weight, published["module.synnet.upsample_model_14.2.weight"])
    assert not loaded.training


@pytest.mark.parametrize("zipped", [False, True])
def test_what_training_loops_leave_in_checkpoints(tmp_path, published, zipped):
    momentum = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(momentum.parameters())
    momentum(torch.ones(2)).sum().backward()
    optimizer.step()
    beside = {
        "Detail": "end to end",
        "epoch": 49,
        "timestamp": datetime.datetime(2021, 3, 1, 12, 30),
        "valPSNR": [np.float64(29.5), np.float32(1.5)],
        "loss": np.zeros(3),
        "args": argparse.Namespace(lr=1e-4),
        "optimizer": optimizer.state_dict(),
        "best": None,
    }
    path = _saved(
        beside | {"model_state_dict": published}, tmp_path / "a.ckpt", _use_new_zipfile_serialization=zipped
    )
    assert _same(weights.load_model(path), weights.build_from_state_dict(published))


def test_storages_of_a_gpu_that_is_not_here(tmp_path, published):
    """The published file was saved on a GPU: its legacy pickle says cuda:0 for each storage."""
    path = _saved({"model_state_dict": published}, tmp_path / "a.ckpt", _use_new_zipfile_serialization=False)
    before = path.read_bytes()
    after = before.replace(b"X\x03\x00\x00\x00cpu", b"X\x06\x00\x00\x00cuda:0")
    assert after != before
    path.write_bytes(after)
    loaded = weights.load_model(path)
    assert {p.device.type for p in loaded.parameters()} == {"cpu"}
    assert _same(loaded, weights.build_from_state_dict(published))


def test_round_trip_with_configuration(tmp_path):
    config = ModelConfig(
        RefineConfig(iterations=5, doubled_start=False), SynthesisConfig(splatting="softmax", alpha=7.0, hole_mask=True)
    )
    model = build(config)
    path = weights.save_model(model, tmp_path / "ours.safetensors")
    loaded = weights.load_model(path, dtype=torch.float64)
    assert loaded.config == config
    assert loaded.get_dtype() == torch.float64
    assert _same(loaded.float(), model)


def test_convert(tmp_path, published):
    source = _saved({"model_state_dict": published}, tmp_path / "a.ckpt", _use_new_zipfile_serialization=False)
    target = weights.convert(source, tmp_path / "a.safetensors")
    assert _same(weights.load_model(target), weights.load_model(source))
    with safetensors.safe_open(target, framework="pt") as file:
        assert ModelConfig.from_json(file.metadata()[weights.CONFIG_KEY]) == ModelConfig()
    before = target.read_bytes()
    with pytest.raises(AnimeInterpError, match="exists already"):
        weights.convert(source, target)
    assert target.read_bytes() == before
    with pytest.raises(AnimeInterpError, match=".safetensors"):
        weights.convert(source, tmp_path / "b.ckpt")
    with pytest.raises(AnimeInterpError, match="could not be written"):
        weights.convert(source, tmp_path / "no" / "such" / "a.safetensors")


@pytest.mark.parametrize("name", ["theirs.safetensors", "misnamed.ckpt"])
def test_published_names_in_safetensors(tmp_path, published, name):
    path = tmp_path / name
    safetensors.torch.save_file(published, path)
    assert _same(weights.load_model(path), weights.build_from_state_dict(published))


def test_shapes_tell_of_a_hole_mask_without_a_header():
    model = build(ModelConfig(synthesis=SynthesisConfig(hole_mask=True)))
    assert weights.build_from_state_dict(model.state_dict()).config.synthesis.hole_mask


def test_missing_and_unexpected_keys_are_told_in_order(published):
    broken = dict(published)
    del broken["module.feat_ext.conv2.bias"], broken["module.feat_ext.conv1.weight"]
    broken["module.synnet.zebra"] = broken["module.flownet.ape"] = torch.zeros(1)
    broken["module.feat_ext.conv3.bias"] = torch.zeros(3)
    with pytest.raises(AnimeInterpError) as caught:
        weights.build_from_state_dict(broken)
    message = str(caught.value)
    assert "2 missing: synthesis.pyramid.levels.0.0.weight, synthesis.pyramid.levels.0.2.bias" in message
    assert "2 unexpected: flownet.ape, synnet.zebra" in message
    assert "synthesis.pyramid.levels.1.0.bias is (3,), not (64,)" in message


def test_nothing_ships_yet(monkeypatch, tmp_path):
    monkeypatch.setattr(weights, "PRETRAINED", tmp_path)
    with pytest.raises(AnimeInterpError, match="No weights ship.*model=None"):
        weights.load_model()


def test_bundled_model_is_the_default(monkeypatch, tmp_path, model):
    monkeypatch.setattr(weights, "PRETRAINED", tmp_path)
    path = weights.save_model(model, tmp_path / "animeinterp.safetensors")
    assert weights.bundled_models() == [path]
    assert _same(weights.load_model(), model)


@pytest.mark.parametrize(
    ("keys", "looks"),
    [
        (["fnet.conv1.weight", "cnet.conv1.weight", "update_block.mask.0.weight"], "RAFT"),
        (["model.diffusion_model.input_blocks.0.0.weight"], "Stable Diffusion"),
        (["layer.weight"], "nothing that is known"),
        ([], "no tensors at all"),
    ],
)
def test_foreign_weights(tmp_path, keys, looks):
    foreign = {key: torch.zeros(2) for key in keys}
    with pytest.raises(AnimeInterpError, match=looks):
        weights.load_model(_saved(foreign, tmp_path / "foreign.pth"))
    safetensors.torch.save_file(foreign, tmp_path / "foreign.safetensors")
    with pytest.raises(AnimeInterpError, match=f"foreign.safetensors.*{looks}"):
        weights.load_model(tmp_path / "foreign.safetensors")
    with pytest.raises(AnimeInterpError, match=looks):
        weights.load_features(tmp_path / "foreign.pth")


def test_something_else_than_named_tensors(tmp_path):
    with pytest.raises(AnimeInterpError, match="list.pth: The file holds a list"):
        weights.load_model(_saved([torch.zeros(1)], tmp_path / "list.pth"))
    with pytest.raises(AnimeInterpError, match="There is no weight file"):
        weights.load_model(tmp_path / "nowhere.ckpt")


@pytest.mark.parametrize("kind", ["legacy", "zip", "safetensors"])
@pytest.mark.parametrize("kept", [0.0, 0.0001, 0.5, 0.999])
def test_truncated_files(tmp_path, model, published, kind, kept):
    if kind == "safetensors":
        path = weights.save_model(model, tmp_path / "cut.safetensors")
    else:
        path = _saved(published, tmp_path / "cut.ckpt", _use_new_zipfile_serialization=kind == "zip")
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(AnimeInterpError, match=r"cut\..*Download it again"):
        weights.load_model(path)


@pytest.mark.parametrize("name", ["page.ckpt", "page.safetensors"])
def test_a_web_page_in_place_of_weights(tmp_path, name):
    (tmp_path / name).write_text("<!DOCTYPE html><html>Quota exceeded</html>" * 50)
    with pytest.raises(AnimeInterpError, match="Download it again"):
        weights.load_model(tmp_path / name)


class _Attack:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("kind", ["legacy", "zip", "pickle"])
def test_a_pickle_that_runs_code_is_refused(tmp_path, published, kind):
    path, trace = tmp_path / "evil.ckpt", tmp_path / "trace"
    content = {"model_state_dict": dict(list(published.items())[:2]), "extra": _Attack(trace)}
    if kind == "pickle":
        path.write_bytes(pickle.dumps(content["extra"], protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=kind == "zip")
    with pytest.raises(AnimeInterpError, match=r"evil.ckpt: The file asks for (posix|nt)\.mkdir, .* refused"):
        weights.load_model(path)
    assert not trace.exists()
    if kind != "pickle":
        torch.load(path, weights_only=False)
        assert trace.exists()  # it would have


def test_a_header_that_lies(tmp_path, model):
    path = tmp_path / "lies.safetensors"
    path.write_bytes(struct.pack("<Q", 2**60) + b"{}")
    with pytest.raises(AnimeInterpError, match="no whole safetensors"):
        weights.load_model(path)
    tensors = {key: value.clone() for key, value in model.state_dict().items()}
    path = tmp_path / "future.safetensors"
    safetensors.torch.save_file(tensors, path, {weights.CONFIG_KEY: '{"refine": {"warp": 9}}'})
    with pytest.raises(AnimeInterpError, match="future.safetensors.*configuration"):
        weights.load_model(path)


def test_the_reading_of_inert_types_leaves_nothing_behind(tmp_path, published):
    path = _saved({"time": datetime.datetime(2021, 1, 1), "model": published}, tmp_path / "a.pth")
    weights.load_model(path)
    with pytest.raises(pickle.UnpicklingError):
        torch.load(path, weights_only=True)
