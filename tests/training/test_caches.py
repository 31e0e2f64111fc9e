"""Samples on disk: made once, by several processes, never mixed, and named when they are broken."""

import json

import pytest
import torch
from toy import SMALL

from animeinterp.errors import AnimeInterpError
from animeinterp.training import warped
from animeinterp.training.caches import CoarseCache, claim
from animeinterp.training.code_digest import _meaning, code_digest
from animeinterp.training.paint import HELD_OUT, PaintConfig, PaintTask
from animeinterp.training.warped import claim_warped, draw_warped, make_warped, read_warped, warped_path


def test_a_cache_of_other_settings_is_refused(carried_samples, monkeypatch):
    claim_warped(carried_samples, size=SMALL)
    with pytest.raises(AnimeInterpError, match=r"size \[72, 104\], not \[80, 104\]"):
        PaintTask(PaintConfig(carried_samples, side=48, size=(80, 104)))
    with pytest.raises(AnimeInterpError, match="other settings.*sprites None"):
        claim_warped(carried_samples, size=SMALL, sprites="drawings")
    monkeypatch.setattr(warped, "MOTIONS", ((1.0, None),))
    with pytest.raises(AnimeInterpError, match="other settings.*motions"):
        make_warped(carried_samples, [0], size=SMALL)


def test_samples_without_a_manifest_are_refused_and_can_be_owned_to(carried_samples, tmp_path):
    sample = warped_path(carried_samples, 0)
    (tmp_path / sample.name).write_bytes(sample.read_bytes())
    with pytest.raises(AnimeInterpError, match="no manifest.json") as refused:
        claim_warped(tmp_path, size=SMALL)
    text = str(refused.value)
    (tmp_path / "manifest.json").write_text(text[text.index("{") :])
    claim_warped(tmp_path, size=SMALL)
    (tmp_path / "manifest.json").write_text("no JSON")
    with pytest.raises(AnimeInterpError, match="cannot be read"):
        claim_warped(tmp_path, size=SMALL)


def test_the_manifest_tells_what_made_the_samples(carried_samples):
    content = json.loads((carried_samples / "manifest.json").read_text())
    assert content["size"] == list(SMALL) and content["holds"] == "warped pairs" and "motions" in content
    claim(carried_samples, content, ())


def test_a_broken_sample_is_named(carried_samples, tmp_path):
    whole = warped_path(carried_samples, 1).read_bytes()
    path = warped_path(tmp_path, 1)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(AnimeInterpError, match="1.safetensors is broken.*delete it"):
        read_warped(path)
    path.write_bytes(b"")
    with pytest.raises(AnimeInterpError, match="1.safetensors is broken"):
        read_warped(draw_warped(1, tmp_path, size=SMALL))


def test_several_processes_make_what_one_makes(carried_samples, tmp_path):
    told = []
    made = make_warped(tmp_path, [0, 1], workers=2, size=SMALL, progress=lambda done, total: told.append((done, total)))
    assert made == 2 and told == [(1, 2), (2, 2)]
    for seed in (0, 1):
        ours, theirs = (read_warped(warped_path(folder, seed)) for folder in (carried_samples, tmp_path))
        assert all(torch.equal(ours[name], theirs[name]) for name in ours)
    assert make_warped(tmp_path, [0, 1], workers=2, size=SMALL) == 0, "what is there is not made again"


def test_the_processes_of_a_run_share_the_work(carried_samples, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr("animeinterp.training.paint.make_warped", lambda folder, seeds, **_: asked.append(seeds) or 0)
    task = PaintTask(PaintConfig(tmp_path, samples=5, held_out=2, side=48, size=SMALL))
    for rank in (0, 1):
        task.make_samples(rank=rank, world=2)
    assert sorted(asked[0] + asked[1]) == [0, 1, 2, 3, 4, HELD_OUT, HELD_OUT + 1] and len(asked[0]) == 4


def test_coarse_flows_are_kept_to_a_32nd_of_a_pixel(tmp_path, monkeypatch):
    square = torch.rand(1, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    frames = [torch.full((1, 3, 72, 104), 0.7) for _ in range(2)]
    for frame, x in zip(frames, (30, 36), strict=True):
        frame[..., 20:44, x : x + 24] = torch.nn.functional.avg_pool2d(square, 5, 1, 2)
    cache = CoarseCache(tmp_path, {"set": 1})
    first = cache.flow("one", *frames)
    monkeypatch.setattr("animeinterp.training.caches.coarse_flow", None)
    again = cache.flow("one", *frames)
    assert all(torch.equal(a, b) for a, b in zip(first, again, strict=True))
    assert torch.equal(first[0] * 32, (first[0] * 32).round()) and first[0].shape == (1, 2, 72, 104)
    with pytest.raises(AnimeInterpError, match="one.safetensors.*of this size"):
        cache.flow("one", *(frame[..., :64] for frame in frames))
    with pytest.raises(AnimeInterpError, match="other settings"):
        CoarseCache(tmp_path, {"set": 2})


def test_samples_of_other_code_are_made_anew_and_it_is_said(tmp_path, monkeypatch, caplog):
    cache = CoarseCache(tmp_path, {"set": 1})
    frames = torch.rand(2, 1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    cache.flow("one", *frames)
    CoarseCache(tmp_path, {"set": 1})
    assert (tmp_path / "one.safetensors").exists() and not caplog.records, "the same code"
    monkeypatch.setattr("animeinterp.training.caches.code_digest", lambda *rooms: "of other code")
    CoarseCache(tmp_path, {"set": 1})
    assert not (tmp_path / "one.safetensors").exists()
    (record,) = caplog.records
    assert "1 samples" in record.getMessage() and str(tmp_path) in record.getMessage() and "anew" in record.getMessage()
    CoarseCache(tmp_path, {"set": 1})
    assert len(caplog.records) == 1, "once"


def test_samples_of_before_that_name_no_code_are_stale_too(tmp_path, caplog):
    (tmp_path / "manifest.json").write_text(json.dumps({"library": "0.1.0", "holds": "coarse flows", "format": 1, "set": 1}))
    (tmp_path / "one.safetensors").write_bytes(b"")
    CoarseCache(tmp_path, {"set": 1})
    assert not (tmp_path / "one.safetensors").exists() and "anew" in caplog.text


def test_what_the_digest_is_of():
    assert code_digest("matching") == code_digest("matching") != code_digest("segmentation")
    plain = "def f(x):\n    return x + 1\n"
    assert _meaning(plain) == _meaning('"""Doc."""\n# Comment.\ndef f(x):\n    """Doc."""\n    return x + 1  # one\n')
    assert _meaning(plain) != _meaning(plain.replace("+", "-"))
    with pytest.raises(ValueError, match="neither a module nor a room"):
        code_digest("no_such_room")
