"""Each hand-set number halved, doubled and switched off, on clips: what the table says is what was measured."""

import dataclasses
import json

import pytest
import torch
from triplet_source import Source, write_triplet

from animeinterp.completion.config import CompletionConfig
from animeinterp.errors import AnimeInterpError
from animeinterp.evaluation import ablate
from animeinterp.synthesis.config import BlendConfig


def test_every_number_is_halved_and_doubled_and_rules_are_switched_off():
    tried = list(ablate.variants())
    names = {field.name for config in (CompletionConfig, BlendConfig) for field in dataclasses.fields(config)}
    assert {one.name for one in tried} == names and set(ablate.OFF) <= names
    assert sum(one.how == "halved" for one in tried) == sum(one.how == "doubled" for one in tried) == len(names)
    for one in tried:
        config = one.configs()[one.room]
        assert getattr(config, one.name) == one.value
        changed = [f.name for f in dataclasses.fields(config) if getattr(config, f.name) != f.default]
        assert changed in ([one.name], []), one  # a 1 halved is still 1
    windows = [one.value for one in tried if one.name in ("median", "window", "surroundings", "opinion_window")]
    assert all(value % 2 == 1 for value in windows)


def test_a_rule_that_matters_is_seen_to():
    """Without its depth a figure is drawn half through by what it passes over: the blend loses by it; a row tells so."""
    torch.manual_seed(0)
    found = ablate.ablate([Source(1).get("a")], ["residual_largest", "opinion_colour"])
    assert [row["how"] for row in found["rows"]] == ["halved", "doubled", "off"] * 2
    assert found["plain"][0] > 15 and all(len(row["changes"]) == 1 for row in found["rows"])
    assert any(abs(row["mean"]) > 1e-4 for row in found["rows"])
    text = ablate.table(found)
    assert "residual_largest" in text and f"{found['plain'][0]:.2f} dB" in text and text.count("\n") == 3


def test_every_rule_can_be_switched_off(monkeypatch):
    """Alone, and what is drawn is a picture still."""
    off = [one for one in ablate.variants() if one.how == "off"]
    monkeypatch.setattr(ablate, "variants", lambda only: off)
    found = ablate.ablate([Source(1).get("a")])
    assert [row["name"] for row in found["rows"]] == [one.name for one in off] and len(off) == len(ablate.OFF)
    assert all(found["plain"][0] + row["mean"] > 12 for row in found["rows"])


def test_the_command_line(tmp_path, capsys):
    write_triplet(tmp_path / "clips" / "one", (96, 72), (6, 2), 0)
    asked = [str(tmp_path / "clips"), "--only", "sharp", "--json", str(tmp_path / "found.json"), "--width", "80"]
    assert ablate.main(asked) == 0
    shown = capsys.readouterr()
    assert "1 clips" in shown.out and "sharp" in shown.out
    assert json.loads((tmp_path / "found.json").read_text())["clips"] == ["one"]
    assert ablate.main(asked) == 2 and "is there already" in capsys.readouterr().err
    assert ablate.main([]) == 2 and "no clips" in capsys.readouterr().err
    with pytest.raises(AnimeInterpError, match="none of the numbers"):
        list(ablate.variants(["no such"]))
