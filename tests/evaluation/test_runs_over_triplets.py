"""Runs over triplets: going on where a run stopped, the means, the pictures."""

import json
import math

import cv2
import numpy as np
import pytest
from triplet_source import Source

from animeinterp.errors import AnimeInterpError
from animeinterp.evaluation import baselines, methods, metrics
from animeinterp.evaluation.methods import Method
from animeinterp.evaluation.pictures import WorstCases, draw_levels
from animeinterp.evaluation.runner import Result, ResultFile, run
from animeinterp.evaluation.tables import summarize, to_text, write_tables


class Counting:
    """A method that counts what it draws and may fail on a name."""

    def __init__(self, name="counting", signature="1", fails_on=None):
        self.drawn, self.made, self.fails_on = [], 0, fails_on
        self.method = Method(name, signature, self.make)

    def make(self):
        self.made += 1
        return self.draw

    def draw(self, triplet):
        if triplet.name == self.fails_on:
            raise KeyboardInterrupt
        self.drawn.append(triplet.name)
        return baselines.overlay(triplet.frame0, triplet.frame1)


# Runs.


def test_a_run_measures_what_a_picture_file_would_hold(tmp_path):
    source = Source(2, roi=(10, 12, 40, 30))
    results = run(source, [methods.peer("overlay")], ResultFile(tmp_path / "results.jsonl"))
    triplet = Source(1).get("a")
    image = metrics.to_8bit(baselines.overlay(triplet.frame0, triplet.frame1))
    expected = metrics.score(image, triplet.middle, frame0=triplet.frame0, frame1=triplet.frame1)
    assert results[0].triplet == "a" and results[0].frame == expected
    cut = (..., slice(12, 42), slice(10, 50))
    assert results[0].roi["psnr"] == metrics.psnr(image[cut], triplet.middle[cut])
    assert results[0].seconds > 0


def test_a_stopped_run_goes_on_where_it_was(tmp_path):
    path = tmp_path / "results.jsonl"
    whole = run(Source(5), [Counting().method, methods.peer("nearest")], ResultFile(tmp_path / "whole.jsonl"))
    stopped = Counting(fails_on="c")
    with pytest.raises(KeyboardInterrupt):
        run(Source(5), [stopped.method, methods.peer("nearest")], ResultFile(path))
    assert stopped.drawn == ["a", "b"]
    with path.open("ab") as file:  # as if the machine had stopped in the middle of a line
        file.write(b'{"triplet": "c", "method": "count')
    source, again = Source(5), Counting()
    results = run(source, [again.method, methods.peer("nearest")], ResultFile(path))
    assert again.drawn == ["c", "d", "e"] and source.read == ["c", "d", "e"]
    assert [(r.triplet, r.method, r.frame) for r in results] == [(r.triplet, r.method, r.frame) for r in whole]
    assert len(path.read_text().splitlines()) == 10 and all(map(json.loads, path.read_text().splitlines()))
    third = Counting()
    assert run(Source(5), [third.method], ResultFile(path)) and third.made == 0, "nothing left, nothing loaded"


def test_results_of_something_else_are_not_taken(tmp_path):
    path = tmp_path / "results.jsonl"
    run(Source(2), [Counting(signature="old weights").method], ResultFile(path))
    other = Counting(signature="new weights")
    results = run(Source(2), [other.method], ResultFile(path))
    assert other.drawn == ["a", "b"]
    assert {r.signature for r in results} == {"new weights"}
    fresh = Counting(signature="old weights")
    run(Source(2), [fresh.method], ResultFile(path, fresh=True))
    assert fresh.drawn == ["a", "b"]


def test_numbers_that_are_none_survive_the_file(tmp_path):
    path = tmp_path / "results.jsonl"
    result = Result("a", "m", "1", 0.5, {"level": ("easy",)}, {"psnr": math.inf, "psnr_moving": math.nan, "ie": 0.25})
    ResultFile(path).add(result)
    json.loads(path.read_text(), parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))
    (read,) = ResultFile(path).results.values()
    assert read.frame["psnr"] == math.inf and math.isnan(read.frame["psnr_moving"]) and read.frame["ie"] == 0.25
    assert read.tags == {"level": ("easy",)} and read.roi is None


def test_a_results_file_that_holds_something_else(tmp_path):
    path = tmp_path / "results.jsonl"
    path.write_text("hello\n")
    with pytest.raises(AnimeInterpError, match="line 1.*--fresh"):
        ResultFile(path)


@pytest.mark.parametrize("bad", [lambda t: t.frame0[..., :-1], lambda t: t.frame0 * math.nan])
def test_a_method_that_draws_no_picture_is_stopped(tmp_path, bad):
    with pytest.raises(AnimeInterpError, match="bad drew"):
        run(Source(1), [Method("bad", "1", lambda: bad)], ResultFile(tmp_path / "r.jsonl"))


def test_a_region_smaller_than_the_window_has_no_ssim(tmp_path):
    (result,) = run(Source(1, roi=(0, 0, 9, 40)), [methods.peer("overlay")], ResultFile(tmp_path / "r.jsonl"))
    assert math.isnan(result.roi["ssim"]) and result.roi["psnr"] > 0


def test_progress_counts_every_measurement(tmp_path):
    seen = []
    run(Source(2), [methods.peer("overlay"), methods.peer("nearest")], ResultFile(tmp_path / "r.jsonl"),
        progress=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]


# The means.


def results_of(psnrs, method="m", key="level", values=("easy", "hard")):
    scores = dict.fromkeys(("ssim", "ssim_paper", "ie", "chamfer", "psnr_moving"), 1.0)
    return [
        Result(str(i), method, "1", 0.5, {key: (values[i % len(values)],)}, {**scores, "psnr": psnr})
        for i, psnr in enumerate(psnrs)
    ]


def test_means_per_group():
    rows = summarize(results_of([10.0, 20.0, 30.0, 44.0]) + results_of([1.0, 2.0], "other"))
    means = {(row.method, row.group, row.value): (row.triplets, row.means["psnr"]) for row in rows}
    assert means["m", "all", ""] == (4, 26.0)
    assert means["m", "level", "easy"] == (2, 20.0) and means["m", "level", "hard"] == (2, 32.0)
    assert means["other", "level", "hard"] == (1, 2.0)
    assert {row.region for row in rows} == {"frame"}, "no region of interest, no rows of one"


def test_numbers_that_are_none_in_means():
    results = results_of([math.inf, 20.0])
    results[0].frame["psnr_moving"] = math.nan
    row = summarize(results)[0]
    assert row.means["psnr"] == 60.0, "equal frames count as 100 dB"
    assert row.means["psnr_moving"] == 1.0 and row.counts["psnr_moving"] == 1 and row.counts["psnr"] == 2


def test_levels_come_in_their_order(tmp_path):
    rows = summarize(results_of([1.0, 2.0, 3.0], values=("hard", "easy", "medium")))
    assert [row.value for row in rows] == ["", "easy", "medium", "hard"]
    text = to_text(rows)
    assert text.index("easy") < text.index("hard") and "PSNR dB" in text
    write_tables(rows, tmp_path)
    assert json.loads((tmp_path / "summary.json").read_text())[0]["psnr"] == 2.0
    assert (tmp_path / "summary.csv").read_text().splitlines()[0].startswith("method,region,group,value,triplets,psnr")


# The pictures.


def test_the_worst_cases_are_kept_and_no_others(tmp_path):
    worst = WorstCases(tmp_path, count=2)
    triplet = Source(1).get("a")
    for result in results_of([30.0, 20.0, 25.0, 10.0]):
        worst.add(result, triplet, triplet.frame0)
    assert sorted(p.name[0] for p in (tmp_path / "worst" / "m").iterdir()) == ["1", "3"]
    (sheet,) = worst.sheets()
    picture = cv2.imread(str(sheet))
    assert picture.shape == (52 + 2 * (24 + 240), 4 * 320, 3)
    # The first frame is in the first column, the in-between (here the first frame again) in the third.
    assert np.array_equal(picture[76:316, :320], picture[76:316, 640:960])
    assert not np.array_equal(picture[76:316, :320], picture[76:316, 320:640])
    resumed = WorstCases(tmp_path, count=2)
    for result in results_of([30.0, 20.0, 25.0, 10.0]):
        resumed.remember(result)
    resumed.add(results_of([5.0])[0], triplet, triplet.frame0)
    assert sorted(p.name[0] for p in (tmp_path / "worst" / "m").iterdir()) == ["0", "3"]


def test_the_worst_of_other_weights_are_other_pictures(tmp_path):
    triplet = Source(1).get("a")
    (old,) = results_of([10.0])
    WorstCases(tmp_path).add(old, triplet, triplet.frame0)
    worst = WorstCases(tmp_path)
    worst.remember(Result(old.triplet, old.method, "new weights", 0.5, old.tags, old.frame))
    assert worst.sheets() == [], "no picture was drawn with these"


def test_the_chart_has_a_taller_bar_for_a_better_method(tmp_path):
    rows = summarize(results_of([20.0, 21.0], "poor") + results_of([26.0, 27.0], "good"))
    assert draw_levels(rows, tmp_path / "levels.png")
    picture = cv2.imread(str(tmp_path / "levels.png"))
    painted = [int((picture == colour).all(axis=2).sum()) for colour in ((178, 114, 0), (0, 94, 213))]
    assert painted[1] > 2 * painted[0] > 0
    assert not draw_levels(summarize(results_of([20.0], key="origin")), tmp_path / "none.png")
