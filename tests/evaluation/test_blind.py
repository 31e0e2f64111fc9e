"""Blind sheets, their key and the count of verdicts; contact sheets of a whole run."""

import json

import cv2
import numpy as np
import pytest
import torch
from triplet_source import Source, write_triplet

from animeinterp.cli import main
from animeinterp.errors import AnimeInterpError
from animeinterp.evaluation import baselines, blind, methods
from animeinterp.evaluation.methods import Method
from animeinterp.evaluation.pictures import blind_sheet
from animeinterp.media import read_image

WIDTH, HEIGHT = 94, 70  # no multiple of 4, so that the enlarged row has a remainder to deal with
LABEL, GAP = 22, 8


def run(*arguments):
    return main(["evaluate", *map(str, arguments)])


def peers(*names):
    return [(name, methods.peer(name)) for name in names]


def key_of(out):
    return json.loads((out / "blind-key.json").read_text())


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Ten triplets in three groups of very unlike sizes."""
    root = tmp_path_factory.mktemp("clips")
    for seed, name in enumerate([f"slow_{i}" for i in range(6)] + ["fast_0", "fast_1", "fast_2", "odd"]):
        write_triplet(root / name, (WIDTH, HEIGHT), (8, 4), seed)
    return root


@pytest.fixture
def judged(clips, tmp_path):
    """Sheets in ``out``, and a function that writes verdict lines and counts them."""
    out = tmp_path / "out"
    assert run(clips, "--blind", "overlay", "nearest", "--sheets", 4, "--lot", 3, "--out", out, "--quiet") == 0

    def count(*lines):
        verdicts = tmp_path / "verdicts.txt"
        verdicts.write_text("\n".join(lines) + "\n")
        return blind.tally(verdicts, out / "blind-key.json")

    return out, count


# Sheets.


def test_sheets_show_what_they_should_and_no_truth(clips, tmp_path, capsys):
    assert run(clips, "--blind", "overlay", "nearest", "--sheets", 5, "--out", tmp_path) == 0
    said = capsys.readouterr()
    assert "5 sheets" in said.out and "10/10" in said.err
    assert sorted(p.name for p in (tmp_path / "blind").iterdir()) == [*(f"0{i}.png" for i in range(5)), "README.txt"]
    for number, entry in key_of(tmp_path)["sheets"].items():
        sheet = read_image(tmp_path / "blind" / f"{number}.png")
        assert sheet.shape == (1, 3, 3 * (HEIGHT + LABEL), 2 * WIDTH + GAP)
        rows = [sheet[..., i * (HEIGHT + LABEL) + LABEL : (i + 1) * (HEIGHT + LABEL), :] for i in range(3)]
        left, right = ([row[..., cut] for row in rows] for cut in (slice(0, WIDTH), slice(-WIDTH, None)))
        first, truth, last = (read_image(clips / entry["triplet"] / f"frame{i}.png") for i in (1, 2, 3))
        drawn = {"A": baselines.overlay(first, last), "B": baselines.nearest(first, last)}
        assert left[0].equal(first) and right[0].equal(last)
        for shown, side in ((left[1], entry["X"]), (right[1], entry["Y"])):
            assert (shown - drawn[side]).abs().max() < 0.6 / 255
            assert not shown.equal(truth)


def test_the_bottom_row_is_where_they_differ_most():
    triplet = Source(1).get("a")
    other = triplet.frame0.clone()
    other[..., 50:56, 70:78] = 0.0  # in a corner of a quarter, 24x18 pixels of 96x72
    sheet = blind_sheet(triplet.frame0, triplet.frame1, triplet.frame0, other)
    near = sheet[-72:, -96:]
    dark = np.argwhere(near.max(axis=2) < 40)  # half of what is around it at the darkest: the edge is smooth
    assert len(dark) > 0.8 * (6 * 8 * 16), "all of the spot, each pixel 4x4 times"
    assert abs(dark.mean(axis=0) - (36, 48)).max() <= 6, "and in the middle"
    same = blind_sheet(triplet.frame0, triplet.frame1, other, other)
    assert same.shape == sheet.shape and (same[-72:, :96] == same[-72:, -96:]).all()


def test_large_frames_are_fitted_and_enlarged_from_their_own_pixels():
    frame = torch.full((1, 3, 400, 2000), 90 / 255)
    other = frame.clone()
    other[..., 200:210, 1990:] = 1.0
    sheet = blind_sheet(frame, frame, frame, other)
    assert sheet.shape == (3 * (192 + LABEL), 2 * 960 + GAP, 3)
    near = sheet[-192:, -960:]
    assert abs((near[..., 0] > 172).sum() - 10 * 10 * 16) <= 100, "ten pixels are forty"


@pytest.mark.parametrize("count", [9, 10])
def test_sides_are_drawn_by_lot_and_each_has_half(tmp_path, count):
    orders = []
    for lot in (1, 2, 2):
        out = tmp_path / str(len(orders))
        blind.make_sheets(Source(count), *peers("overlay", "nearest"), out, lot=lot)
        sheets = key_of(out)["sheets"]
        assert all({entry["X"], entry["Y"]} == {"A", "B"} for entry in sheets.values())
        orders.append([entry["X"] for entry in sheets.values()])
        assert abs(orders[-1].count("A") - orders[-1].count("B")) <= 1
    assert orders[0] != orders[1] == orders[2]


def test_without_a_seed_nobody_knows_the_lot(tmp_path):
    lots = set()
    for i in range(3):
        blind.make_sheets(Source(1), *peers("overlay", "nearest"), tmp_path / str(i))
        lots.add(key_of(tmp_path / str(i))["lot"])
    assert len(lots) > 1


def test_triplets_are_spread_over_groups(clips, tmp_path):
    assert run(clips, "--blind", "overlay", "nearest", "--sheets", 7, "--out", tmp_path, "--quiet") == 0
    names = [entry["triplet"] for entry in key_of(tmp_path)["sheets"].values()]
    groups = [name.split("_")[0] for name in names]
    assert len(set(names)) == 7 and (groups.count("odd"), groups.count("fast"), groups.count("slow")) == (1, 3, 3)
    assert blind.spread(reversed(blind.spread(names))) == blind.spread(names), "always alike"
    assert run(clips, "--blind", "overlay", "nearest", "--sheets", 99, "--out", tmp_path / "all", "--quiet") == 0
    assert len(key_of(tmp_path / "all")["sheets"]) == 10, "no more than there are"


def test_a_folder_of_sheets_tells_nothing_of_who_drew_them(judged):
    out, _ = judged
    text = (out / "blind" / "README.txt").read_text()
    assert blind.FORM in text and "must not see" in text and "torn,\ndoubled or missing" in text
    assert not any(word in text for word in ("overlay", "nearest", "slow", "fast"))
    assert {path.suffix for path in (out / "blind").iterdir()} == {".png", ".txt"}


def test_nothing_is_overwritten(judged, clips, capsys):
    out, _ = judged
    before = {path: path.read_bytes() for path in out.rglob("*") if path.is_file()}
    again = (clips, "--blind", "nearest", "dis", "--out", out)
    assert run(*again) == 2
    assert "Choose another --out" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in out.rglob("*") if path.is_file()} == before
    for path in (out / "blind").iterdir():
        path.unlink()
    (out / "blind").rmdir()
    assert run(*again) == 2, "a key alone is kept too"
    assert "blind-key.json is there already" in capsys.readouterr().err


def test_what_stops_half_way_leaves_no_sheets(tmp_path):
    def failing(triplet):
        if triplet.name == "c":
            raise KeyboardInterrupt
        return triplet.frame0

    with pytest.raises(KeyboardInterrupt):
        blind.make_sheets(Source(9), *peers("overlay"), ("failing", Method("failing", "1", lambda: failing)), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_method_that_draws_no_picture_is_named(tmp_path):
    short = ("short", Method("short", "1", lambda: lambda triplet: triplet.frame0[..., :-1]))
    with pytest.raises(AnimeInterpError, match="short drew"):
        blind.make_sheets(Source(1), *peers("overlay"), short, tmp_path)


def test_the_next_takes_the_place_of_a_broken_triplet(tmp_path, capsys):
    for name in ("a_0", "a_1", "b_0"):
        write_triplet(tmp_path / "clips" / name, (WIDTH, HEIGHT), (8, 4), 0)
    (tmp_path / "clips" / "b_0" / "frame3.png").unlink()
    command = (tmp_path / "clips", "--blind", "overlay", "nearest", "--sheets", 2, "--out", tmp_path / "out", "--quiet")
    assert run(*command) == 2 and not (tmp_path / "out" / "blind").exists()
    assert run(*command, "--skip-broken") == 0
    assert {entry["triplet"] for entry in key_of(tmp_path / "out")["sheets"].values()} == {"a_0", "a_1"}
    assert "b_0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--blind", "overlay", "rief"), "--blind rief"),
        (("--blind", "dis", "dis"), "one and the same"),
        (("--blind", "dis", "overlay", "--sheets", "0"), "--sheets is 0"),
        (("--blind", "dis", "overlay", "--peers", "nearest"), "--peers is given with --blind"),
        (("--blind", "dis", "overlay", "--contact"), "--contact is given with --blind"),
        (("--blind", "dis", "overlay", "--tally", "v.txt"), "--tally"),
        (("--sheets", "4"), "--sheets is given without --blind"),
        (("--lot", "0"), "--lot is given without --blind"),
        (("--tally", "v.txt"), "blind-key.json is not there"),
    ],
)
def test_bad_options_are_named(clips, tmp_path, capsys, arguments, said):
    assert run(clips, "--out", tmp_path / "out", *arguments) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_folder_is_asked_for_where_it_is_needed(capsys):
    assert run("--blind", "overlay", "nearest") == 2
    assert "FOLDER is missing" in capsys.readouterr().err


# Verdicts.


def test_the_count_agrees_with_the_key(judged, tmp_path, capsys):
    out, _ = judged
    sheets = key_of(out)["sheets"]

    def side(number, who):
        return next(x for x in "XY" if sheets[number][x] == who)

    # Whoever the lot put where: A wins two, B one, and B is torn in two that it does not win.
    torn = {number: {side(number, "A"): "no", side(number, "B"): "yes"} for number in ("00", "01")}
    verdicts = tmp_path / "verdicts.txt"
    verdicts.write_text("\n".join([
        "\ufeffThese are my verdicts.", "",
        f"00 {side('00', 'A')} X:{torn['00']['X']} Y:{torn['00']['Y']} the hand of Y: doubled",
        f"1. {side('01', 'A').lower()}, Y: {torn['01']['Y']}, X: {torn['01']['X']}",
        f"02 {side('02', 'B')} X:no Y:no",
        "3rd was hard",
        "03 tie X:yes",
    ]), encoding="utf-8")
    assert run("--tally", verdicts, "--out", out) == 0
    shown = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    name = {number: entry["triplet"] for number, entry in sheets.items()}
    of_a = "1 of 4" if sheets["03"]["X"] == "A" else "0 of 3"
    assert shown[1] == f"A overlay 2 50.0 % {of_a}"
    assert f"A won: {name['00']}, {name['01']}" in shown and f"B won: {name['02']}" in shown
    assert f"tie: {name['03']}" in shown
    counted = blind.tally(verdicts, out / "blind-key.json")
    assert counted.verdicts == 4 and counted.percent("B") == 25.0 and not counted.missing
    assert counted.preferred == {"A": [name["00"], name["01"]], "B": [name["02"]], "tie": [name["03"]]}
    assert counted.torn["B"][:2] == [name["00"], name["01"]] and sum(counted.answered.values()) == 7
    assert sheets["03"]["X"] in "AB" and name["03"] in counted.torn[sheets["03"]["X"]]


def test_sheets_without_a_verdict_are_told(judged):
    _, count = judged
    counted = count("02 tie X:no Y:no")
    assert counted.missing == ["00", "01", "03"] and "No verdict yet (3 of 4): 00, 01, 03" in counted.to_text()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["00 X X:no Y:no", "04 X X:no Y:no"], r"line 2 \('04 X X:no Y:no'\): there is no sheet 04.*00 to 03"),
        (["00 X X:no Y:no", "words", "0 Y"], "line 3.*sheet 00 has a verdict in line 1"),
        (["01 left X:no Y:no"], "line 1.*the side is left; it should be X, Y or tie"),
        (["01"], "line 1.*the side is missing"),
        (["01 X X:maybe Y:no"], "line 1.*of X it says 'maybe'"),
        (["- 01 X", "nothing"], "holds no verdict"),
    ],
)
def test_bad_verdicts_are_named(judged, lines, said):
    _, count = judged
    with pytest.raises(AnimeInterpError, match=said):
        count(*lines)


def test_files_that_are_something_else(judged, tmp_path):
    out, _ = judged
    with pytest.raises(AnimeInterpError, match="nowhere.txt is not there"):
        blind.tally(tmp_path / "nowhere.txt", out / "blind-key.json")
    for content in ("hello", "[]", '{"sheets": {}}', '{"sheets": {"00": {"triplet": "a", "X": "A", "Y": "A"}}}'):
        (tmp_path / "key.json").write_text(content)
        with pytest.raises(AnimeInterpError, match="no key of sheets"):
            blind.tally(tmp_path / "verdicts.txt", tmp_path / "key.json")


# Contact sheets.

MEASURED = ("--only-peers", "--quiet", "--limit", 3)


def test_contact_sheets_of_every_triplet_at_full_size(clips, tmp_path, capsys):
    assert run(clips, *MEASURED, "--peers", "overlay,nearest", "--contact", "--out", tmp_path) == 0
    assert f"Contact sheets: {tmp_path / 'contact'}" in capsys.readouterr().out
    sheets = sorted((tmp_path / "contact").glob("*.png"))
    assert [path.stem for path in sheets] == ["fast_0", "fast_1", "fast_2"]
    for path in sheets:
        sheet = read_image(path)
        assert sheet.shape[2:] == (2 * (HEIGHT + LABEL), 3 * WIDTH + 2 * GAP)
        frames = [read_image(clips / path.stem / f"frame{i}.png") for i in (1, 2, 3)]
        columns = [slice(i * (WIDTH + GAP), i * (WIDTH + GAP) + WIDTH) for i in range(3)]
        for frame, cut in zip(frames, columns, strict=True):
            assert sheet[..., LABEL : LABEL + HEIGHT, cut].equal(frame)
        drawn = [baselines.overlay(frames[0], frames[2]), baselines.nearest(frames[0], frames[2])]
        for frame, cut in zip(drawn, columns, strict=False):
            assert (sheet[..., -HEIGHT:, cut] - frame).abs().max() < 0.6 / 255
        assert sheet[..., -HEIGHT:, columns[2]].min() == 1, "nothing where there is no third method"


def test_a_run_without_it_writes_none(clips, tmp_path):
    assert run(clips, *MEASURED, "--peers", "overlay", "--out", tmp_path) == 0
    assert not (tmp_path / "contact").exists()


def test_what_was_measured_without_a_sheet_is_drawn_again_once(clips, tmp_path, monkeypatch):
    drawn = []

    def counting(*frames):
        drawn.append(1)
        return baselines.overlay(*frames)

    monkeypatch.setitem(methods._OWN, "overlay", counting)
    command = (clips, *MEASURED, "--out", tmp_path, "--peers")
    assert run(*command, "overlay") == 0 and len(drawn) == 3
    assert run(*command, "overlay", "--contact") == 0 and len(drawn) == 6
    assert run(*command, "overlay", "--contact") == 0 and len(drawn) == 6, "the sheets are there"
    (tmp_path / "contact" / "fast_1.png").unlink()
    assert run(*command, "overlay", "--contact") == 0 and len(drawn) == 7
    assert run(*command, "overlay,nearest", "--contact") == 0 and len(drawn) == 10, "other methods, other sheets"
    summary = json.loads((tmp_path / "summary.json").read_text())
    assert {row["triplets"] for row in summary if row["group"] == "all"} == {3}


def test_more_methods_than_a_row_has_places(clips, tmp_path):
    assert run(clips, "--quiet", "--limit", 1, "--only-peers", "--peers", "overlay,nearest,dis", "--contact",
               "--out", tmp_path / "three") == 0
    sheet = cv2.imread(str(tmp_path / "three" / "contact" / "fast_0.png"))
    assert sheet.shape[0] == 2 * (HEIGHT + LABEL)
    assert run(clips, "--quiet", "--limit", 1, "--model", "none", "--peers", "overlay,nearest,dis", "--contact",
               "--out", tmp_path / "four") == 0
    sheet = cv2.imread(str(tmp_path / "four" / "contact" / "fast_0.png"))
    assert sheet.shape[:2] == (3 * (HEIGHT + LABEL), 3 * WIDTH + 2 * GAP)
