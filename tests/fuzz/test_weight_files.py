"""Weight files that are damaged, foreign, hostile or full of nonsense: loaded rightly, or refused in one sentence, at once."""

import io
import json
import pickle
import struct
import zipfile

import pytest
import safetensors.torch
import torch
from hostile_files import Short, bounded, damaged
from hypothesis import given
from hypothesis import strategies as st

import animeinterp as ai
from animeinterp.config import SynthesisConfig
from animeinterp.model import ModelConfig, build
from animeinterp.weights import CONFIG_KEY


@pytest.fixture(scope="module")
def files():
    """Whole files of each kind, small, by their endings."""
    torch.manual_seed(0)
    config = ModelConfig(refine=None, synthesis=SynthesisConfig(network="painter", channels=(2, 2, 2, 2)))
    weights = build(config).state_dict()
    metadata = {"format": "pt", CONFIG_KEY: config.to_json()}
    zipped, legacy = io.BytesIO(), io.BytesIO()
    torch.save({"state_dict": weights, "epoch": 3}, zipped)
    torch.save({"model": {f"module.{k}": v for k, v in weights.items()}}, legacy, _use_new_zipfile_serialization=False)
    whole = {
        "safetensors": safetensors.torch.save(weights, metadata), "ckpt": zipped.getvalue(), "pth": legacy.getvalue(),
    }  # fmt: skip
    return Files(whole, weights=weights, metadata=metadata)


class Files(Short):
    def __init__(self, whole, *, weights, metadata):
        super().__init__(whole)
        self.weights, self.metadata = weights, metadata


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    max_leaves=8,
)


def with_header(data, change, claim=None):
    """A safetensors file with another header."""
    length = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + length])
    change(header)
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text) if claim is None else claim % 2**64) + text + data[8 + length :]


@st.composite
def other_headers(draw, files):
    """Safetensors whose header tells something else than the truth."""

    def change(header):
        name = draw(st.sampled_from(sorted(header)))
        part = draw(st.sampled_from(["shape", "dtype", "data_offsets", "all", "gone", "config", "metadata"]))
        if part == "all":
            header[name] = draw(JSON)
        elif part == "gone":
            del header[name]
        elif part == "config":
            config = json.loads(header["__metadata__"][CONFIG_KEY]) if "__metadata__" in header else {}
            where = draw(st.sampled_from([config, config.get("synthesis", config)]))
            field = st.one_of(st.sampled_from(["channels", "network", "refine", "iterations", "synthesis"]), st.text(max_size=4))
            where[draw(field)] = draw(st.one_of(JSON, st.lists(st.integers(1, 2**40), min_size=4, max_size=4)))
            header["__metadata__"] = {CONFIG_KEY: json.dumps(config)}
        elif part == "metadata":
            header["__metadata__"] = draw(st.one_of(JSON, st.dictionaries(st.just(CONFIG_KEY), st.text(), max_size=1)))
        elif isinstance(header[name], dict):
            numbers, kinds = st.lists(st.integers(0, 2**62), max_size=4), st.sampled_from(["F64", "I8", "F8_E4M3"])
            header[name][part] = draw(st.one_of(JSON, numbers, kinds))

    return with_header(files["safetensors"], change, draw(st.one_of(st.none(), st.integers(0, 2**64 - 1))))


class Harmless:
    """Stands for what a pickle may name that is no tensor."""

    def __init__(self, what):
        self.what = what

    def __reduce__(self):
        return self.what


@st.composite
def pickles(draw, files):
    """Torch checkpoints that hold other things than weights, or weights that are none."""
    weights = dict(files.weights)
    name = draw(st.sampled_from(sorted(weights)))
    odd = st.sampled_from([
        torch.full((1,), float("nan")), torch.zeros(3, dtype=torch.complex64), torch.zeros(1).expand(2**28), torch.zeros(0),
        torch.sparse_coo_tensor(torch.zeros(1, 1, dtype=torch.int64), torch.ones(1), (3,)), torch.empty(4, device="meta"),
        torch.quantize_per_tensor(torch.zeros(4), 0.1, 0, torch.qint8), torch.ones(2, dtype=torch.bool), 5, "text", [1], None,
        Harmless((print, ("ran",))), Harmless((eval, ("1/0",))), Harmless((io.BytesIO, ())),
    ])  # fmt: skip
    weights[name] = draw(odd)
    wrapped = [weights, {"state_dict": weights}, {"model": {"model": weights}}, [weights], weights[name], {}]
    content = draw(st.sampled_from(wrapped))
    file = io.BytesIO()
    if draw(st.integers(0, 4)) == 0:
        file.write(pickle.dumps(draw(st.sampled_from([{"a": 1}, [1] * 9, "x", Harmless((print, ("ran",)))]))))
    else:
        torch.save(content, file, _use_new_zipfile_serialization=draw(st.booleans()))
    return draw(damaged(file.getvalue())) if draw(st.booleans()) else file.getvalue()


@st.composite
def foreign(draw):
    """What is no weight file at all."""
    kind = draw(st.sampled_from(["bytes", "page", "archive", "bomb", "claim"]))
    if kind == "bytes":
        return draw(st.binary(max_size=300))
    if kind == "page":
        return b"<!DOCTYPE html><html><body>404</body></html>" * draw(st.integers(1, 50))
    if kind == "claim":
        return struct.pack("<Q", draw(st.integers(0, 2**64 - 1))) + b"{" + draw(st.binary(max_size=40))
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", bytes(10_000_000) if kind == "bomb" else draw(st.binary(max_size=30)))
        archive.writestr("archive/version", "3\n")
    return file.getvalue()


def loads(data, ending, path):
    """Whether a file is loaded; if not, it is for a reason that is told."""
    path = path.with_suffix(f".{ending}")
    path.write_bytes(data)
    found = []
    with bounded():
        for load in (ai.load_model, ai.load_features):
            try:
                found.append(load(path))
            except ai.AnimeInterpError as error:
                assert path.name in str(error) and len(str(error)) < 2500
        for network in found:
            assert all(bool(torch.isfinite(weight).all()) for weight in network.state_dict().values())
    return bool(found)


def test_whole_files_are_loaded(files, tmp_path):
    metadata = {"format": "pt"}
    assert loads(files["safetensors"], "safetensors", tmp_path / "a")
    assert not loads(safetensors.torch.save(files.weights, metadata), "safetensors", tmp_path / "a")  # of no known network


@given(data=st.data())
@pytest.mark.parametrize("kind", ["safetensors", "ckpt", "pth"])
def test_damaged_files(files, tmp_path, kind, data):
    loads(data.draw(damaged(files[kind])), data.draw(st.sampled_from([kind, "safetensors", "ckpt"])), tmp_path / "a")


@pytest.mark.parametrize("code", [b"r\x16\x01\0\x20", b"\x96\0\0\0\0\x03\0\0\0"], ids=["memo", "bytes"])
def test_a_number_in_a_pickle_takes_no_room(tmp_path, code):
    """One that says where an object is remembered, of which there are never so many, and one that says how long an array is."""
    assert not loads(b"\x80\x05N" + code + b"." + b"\x80\x02N." * 4, "ckpt", tmp_path / "a")


@given(data=st.data())
def test_headers_that_are_not_true(files, tmp_path, data):
    loads(data.draw(other_headers(files)), data.draw(st.sampled_from(["safetensors", "ckpt"])), tmp_path / "a")


@given(data=st.data())
def test_pickles_of_all_kinds(files, tmp_path, capfd, data):
    loads(data.draw(pickles(files)), "ckpt", tmp_path / "a")
    assert "ran" not in capfd.readouterr().out


@given(data=foreign(), ending=st.sampled_from(["safetensors", "ckpt", "pth"]))
def test_what_is_no_weight_file(tmp_path, data, ending):
    assert not loads(data, ending, tmp_path / "a")


@given(data=st.data())
def test_weights_that_are_no_numbers(files, tmp_path, data):
    name = data.draw(st.sampled_from(sorted(files.weights)))
    weights = {key: value.clone() for key, value in files.weights.items()}
    if not weights[name].numel():
        return
    place = data.draw(st.integers(0, weights[name].numel() - 1))
    weights[name].view(-1)[place] = data.draw(st.sampled_from([float("nan"), float("inf"), -float("inf")]))
    assert not loads(safetensors.torch.save(weights, files.metadata), "safetensors", tmp_path / "a")
