"""Our networks compute what the published ones do, with weights saved as theirs were saved. See README.md."""

import importlib.util
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import animeinterp.weights
from animeinterp.flow import resize_flow

HERE = Path(__file__).parent
SIZES = {"a": (128, 160, 0.5), "b": (136, 200, 0.25), "c": (140, 180, 0.5), "d": (200, 264, 0.7)}
TOLERANCE = 2e-3


def _seeded():
    spec = importlib.util.spec_from_file_location("seeded", HERE / "seeded.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


seeded = _seeded()


@pytest.fixture(scope="module")
def wanted():
    return load_file(HERE / "network.safetensors")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The seeded weights through a file like the published one: a legacy pickle, prefixed keys, more beside them."""
    path = tmp_path_factory.mktemp("weights") / "anime_interp_full.ckpt"
    weights = {key: torch.from_numpy(value) for key, value in seeded.state_dict("animeinterp.json").items()}
    assert all(key.startswith("module.") for key in weights)
    checkpoint = {"Detail": "end to end", "Epoch": 49, "loss": [0.1, 0.2], "model_state_dict": weights}
    torch.save(checkpoint, path, _use_new_zipfile_serialization=False)
    return animeinterp.weights.load_model(path)


def _inputs(case):
    height, width, time = SIZES[case]
    frames = [torch.from_numpy(seeded.image(f"{case}/{n}", height, width)) for n in (1, 2)]
    flows = [torch.from_numpy(seeded.flow(f"{case}/{n}", height, width)) for n in (12, 21)]
    return frames, flows, time


def _assert_close(ours, theirs):
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max().item() < TOLERANCE


@torch.no_grad()
@pytest.mark.parametrize("case", SIZES)
def test_refined_flow_and_frame(case, model, wanted):
    frames, flows, time = _inputs(case)
    fine_01, fine_10 = model.refine(*frames, *flows)
    _assert_close(fine_01, wanted[f"{case}/flow_12"])
    _assert_close(fine_10, wanted[f"{case}/flow_21"])
    _assert_close(model.synthesize(*frames, fine_01, fine_10, [time]), wanted[f"{case}/frame"])


@torch.no_grad()
@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_makes_no_difference(threads, model, wanted):
    """Rounding differs with them, and in case b decides whether a ten-thousandth of a pixel lands next door."""
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        test_refined_flow_and_frame("b", model, wanted)
    finally:
        torch.set_num_threads(before)


@torch.no_grad()
@pytest.mark.parametrize("case", SIZES)
def test_frame_from_the_published_networks_own_flows(case, model, wanted):
    frames, _, time = _inputs(case)
    frame = model.synthesize(*frames, wanted[f"{case}/flow_12"], wanted[f"{case}/flow_21"], [time])
    _assert_close(frame, wanted[f"{case}/frame"])


@torch.no_grad()
@pytest.mark.parametrize("case", SIZES)
def test_start_of_the_recurrence(case, model, wanted):
    frames, flows, _ = _inputs(case)
    for flow, name in zip(flows, (12, 21), strict=True):
        start = wanted[f"{case}/init_{name}"]
        _assert_close(resize_flow(flow, tuple(start.shape[-2:]), mode="nearest"), start)


@torch.no_grad()
def test_features(model, wanted):
    frames, _, _ = _inputs("a")
    *pyramid, encoded = model.piece_features(frames[0])
    for level, features in enumerate(pyramid):
        _assert_close(features, wanted[f"a/features_{level}"])
    _assert_close(encoded, wanted["a/fnet"])
