"""Each hand-set number halved, doubled and switched off, on clips: what the table says is what was measured."""

import dataclasses
import json
import re
from pathlib import Path

import pytest
import torch
from triplet_source import Source, write_triplet

from animeinterp.datasets.clips import public_clips
from animeinterp.datasets.triplets import Triplet, TripletFolder
from animeinterp.errors import AnimeInterpError
from animeinterp.evaluation import ablate
from animeinterp.evaluation.ways import draw_pair
from animeinterp.synthesis.config import BlendConfig

PACK = Path(__file__).resolve().parents[2]


def test_every_number_of_every_room_is_halved_and_doubled_and_rules_are_switched_off():
    for room, config in ablate.ROOMS.items():
        tried = list(ablate.variants(rooms=[room]))
        fields = {field.name: field.default for field in dataclasses.fields(config)}
        assert {one.name for one in tried} == set(fields) and set(ablate.OFF.get(room, {})) <= set(fields)
        assert sum(one.how == "halved" for one in tried) == sum(one.how == "doubled" for one in tried) == len(fields)
        for one in tried:
            with one.tried():
                assert getattr(config, one.name) == one.value
                changed = [name for name, value in fields.items() if getattr(config, name) != value]
                assert changed in ([one.name], []), one  # a 1 halved is still 1
            assert config == type(config)()
        odd = ("median", "window", "surroundings", "opinion_window")
        windows = [one.value for one in tried if one.name in odd and isinstance(one.value, int)]
        assert all(value % 2 == 1 for value in windows)


def test_every_number_has_its_row_in_the_documents_and_none_is_told_of_that_is_gone():
    words = "".join((PACK / "docs" / name).read_text(encoding="utf-8") for name in ("numbers.md", "ablation.md"))
    rooms = {**dict.fromkeys(ablate.ROOMS), "network": "splatting"}  # what splatting's numbers show in, beside "smooth"
    told = {
        (rooms[room] or room, name)
        for room, cell in re.findall(r"^\| (\w+) \| ([^|]*) \|", words, re.MULTILINE) if room in rooms
        for name in re.findall(r"`([a-z_]+)`", cell)
    }
    told |= {("completion", name) for name in re.findall(r"^\| `([a-z_]+)` \|", words, re.MULTILINE)}
    names = {(room, field.name) for room, config in ablate.ROOMS.items() for field in dataclasses.fields(config)}
    assert names - told == set()
    gone = told - names - {("smooth", field.name) for field in dataclasses.fields(ablate.ROOMS["splatting"])}
    assert len(names) > 200 and gone == set()


def test_a_number_is_as_it_was_after_an_error():
    one = next(ablate.variants(["sharp"]))
    with pytest.raises(ZeroDivisionError), one.tried():
        raise ZeroDivisionError
    assert ablate.ROOMS["blend"] == BlendConfig()


def test_a_rule_that_matters_is_seen_to():
    """Without its depth a figure is drawn half through by what it passes over: the blend loses by it; a row tells so."""
    torch.manual_seed(0)
    found = ablate.ablate([Source(1).get("a")], ["residual_largest", "opinion_colour"])
    assert [row["how"] for row in found["rows"]] == ["halved", "doubled", "off"] * 2
    assert found["plain"]["AsPieces"][0] > 15 and all(len(row["changes"]) == 1 for row in found["rows"])
    assert any(abs(row["mean"]) > 1e-4 for row in found["rows"])
    text = ablate.table(found)
    assert "residual_largest" in text and f"{found['plain']['AsPieces'][0]:.2f} dB" in text and text.count("\n") == 3


@pytest.mark.parametrize("room, name", [("smooth", "even"), ("splatting", "unlike")])
def test_without_weights_a_room_is_measured_where_its_numbers_show(tmp_path, room, name):
    write_triplet(tmp_path / "one", (192, 144), (16, 8), 0)
    _matters(room, name, list(TripletFolder(tmp_path)))


@pytest.mark.parametrize("room, name", [("painting", "lead"), ("backdrop", "fits"), ("still", "margin")])
def test_with_weights_a_room_is_measured_where_its_numbers_show(room, name):
    first, last = draw_pair((160, 240), "anew")[:, None]
    _matters(room, name, [Triplet("turns", first, (first + last) / 2, last)])


def test_the_matching_is_measured_where_the_motion_is_known(tmp_path):
    clip = next(public_clips((90, 160), times=(0.5,), speeds=["fast"]))
    known = ablate._of_clip(clip.name, clip.sample)
    _matters("matching", "least_inside", [known], least=-40)
    with pytest.raises(AnimeInterpError, match="not known"):
        ablate.ablate([dataclasses.replace(known, flow_01=None)], rooms=["matching"])


def test_a_smaller_clip_moves_less_far():
    clip = next(public_clips((90, 160), times=(0.5,), speeds=["fast"]))
    small = ablate._smaller(ablate._of_clip(clip.name, clip.sample), 80)
    assert small.middle.shape == small.frame0.shape == (1, 3, 45, 80)
    assert float(small.flow_01.abs().max() / clip.sample.flow_01.abs().max()) == pytest.approx(0.5, abs=0.1)


def _matters(room, name, triplets, least=10):
    """Doubled or halved it changes what is measured."""
    found = ablate.ablate(triplets, [name], rooms=[room])
    assert found["plain"][ablate.MEASURES[room].__name__.strip("_")][0] > least
    assert any(abs(row["mean"]) > 1e-4 for row in found["rows"])


def test_every_rule_can_be_switched_off(monkeypatch):
    """Alone, and what is drawn is a picture still."""
    off = [one for one in ablate.variants() if one.how == "off"]
    monkeypatch.setattr(ablate, "variants", lambda only, rooms: off)
    found = ablate.ablate([Source(1).get("a")])
    assert [row["name"] for row in found["rows"]] == [one.name for one in off]
    assert len(off) == sum(map(len, ablate.OFF.values()))
    assert all(found["plain"]["AsPieces"][0] + row["mean"] > 12 for row in found["rows"])


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
    with pytest.raises(AnimeInterpError, match="none of the rooms"):
        list(ablate.variants(rooms=["no such"]))
