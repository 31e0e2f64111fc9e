"""``python -m animeinterp evaluate`` on a miniature ATD-12K and on plain folders."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import cv2
import pytest

from animeinterp.cli import evaluate, main
from animeinterp.cli.progress import ProgressBar
from animeinterp.datasets.atd12k import ATD12K
from animeinterp.evaluation import baselines, metrics

ROOT = Path(__file__).resolve().parent.parent
YARDSTICKS = ("--only-peers", "--peers", "overlay,nearest", "--quiet")


def run(*arguments):
    return main(["evaluate", *map(str, arguments)])


@pytest.fixture(scope="module")
def whole_run(_atd12k_master, tmp_path_factory):
    out = tmp_path_factory.mktemp("whole") / "results"
    assert run(_atd12k_master, *YARDSTICKS, "--out", out, "--worst", 2) == 0
    return out


def summary(out):
    rows = json.loads((out / "summary.json").read_text())
    return {(row["method"], row["region"], row["group"], row["value"]): row for row in rows}


def test_the_papers_table_comes_out_of_one_command(whole_run, _atd12k_master):
    rows = summary(whole_run)
    triplets = list(ATD12K(_atd12k_master))
    frames, regions = [], []
    for triplet in triplets:
        image = metrics.to_8bit(baselines.overlay(triplet.frame0, triplet.frame1))
        x, y, w, h = triplet.roi
        cut = (..., slice(y, y + h), slice(x, x + w))
        frames.append(metrics.psnr(image, triplet.middle))
        regions.append(metrics.psnr(image[cut], triplet.middle[cut]))
    assert rows["overlay", "frame", "all", ""]["psnr"] == pytest.approx(sum(frames) / 3)
    assert rows["overlay", "roi", "all", ""]["psnr"] == pytest.approx(sum(regions) / 3)
    for index, level in enumerate(("easy", "medium", "hard")):
        assert rows["overlay", "frame", "level", level]["psnr"] == pytest.approx(frames[index])
        assert rows["overlay", "roi", "level", level]["psnr"] == pytest.approx(regions[index])
    groups = {(key[2], key[3]) for key in rows}
    assert {("motion type", "rotation"), ("behaviour", "speaking"), ("origin", "Disney")} < groups
    assert rows["nearest", "frame", "origin", "Disney"]["triplets"] == 2


def test_table_csv_and_json_agree(whole_run):
    rows = summary(whole_run)
    with (whole_run / "summary.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == len(rows)
    for line in table:
        row = rows[line["method"], line["region"], line["group"], line["value"]]
        assert float(line["ssim"]) == row["ssim"] and int(line["triplets"]) == row["triplets"]
    text = (whole_run / "summary.txt").read_text()
    overall = rows["overlay", "frame", "all", ""]
    assert "region of interest, level: hard (1 triplets)" in text
    first = text.splitlines()[2]
    assert first.split()[:2] == ["overlay", f"{overall['psnr']:.2f}"]


def test_pictures_of_the_worst_and_a_chart(whole_run):
    kept = sorted(p.name for p in (whole_run / "worst").iterdir())
    assert kept == ["nearest", "nearest.png", "overlay", "overlay.png"]
    assert cv2.imread(str(whole_run / "worst" / "overlay.png")).shape[1] == 1280
    assert len(list((whole_run / "worst" / "overlay").iterdir())) == 2
    assert cv2.imread(str(whole_run / "levels.png")) is not None


def test_filters_choose_triplets(atd12k, tmp_path):
    assert run(atd12k, *YARDSTICKS, "--out", tmp_path, "--level", "easy,hard", "--origin", "Japan") == 0
    lines = [json.loads(line) for line in (tmp_path / "results.jsonl").read_text().splitlines()]
    assert {line["triplet"] for line in lines} == {"Japan_Beta_S2_001"}


def test_originals_and_limits(atd12k, tmp_path):
    assert run(atd12k, *YARDSTICKS, "--out", tmp_path, "--size", "original", "--limit", 1) == 0
    assert summary(tmp_path)["overlay", "roi", "all", ""]["triplets"] == 1


def test_a_second_run_only_adds_what_is_missing(atd12k, tmp_path, monkeypatch):
    assert run(atd12k, "--only-peers", "--peers", "overlay", "--quiet", "--out", tmp_path) == 0
    monkeypatch.setattr(metrics, "psnr_moving", lambda *a, **k: pytest.fail("measured again"))
    assert run(atd12k, "--only-peers", "--peers", "overlay", "--quiet", "--out", tmp_path) == 0
    monkeypatch.undo()
    assert run(atd12k, *YARDSTICKS, "--out", tmp_path) == 0
    assert len((tmp_path / "results.jsonl").read_text().splitlines()) == 6


def test_stopping_keeps_what_was_measured(atd12k, tmp_path, monkeypatch, capsys):
    drawn = []

    def stop_at_the_third(*frames):
        drawn.append(1)
        if len(drawn) == 3:
            raise KeyboardInterrupt
        return baselines.overlay(*frames)

    monkeypatch.setitem(evaluate.peer.__globals__["_OWN"], "overlay", stop_at_the_third)
    assert run(atd12k, "--only-peers", "--peers", "overlay", "--quiet", "--out", tmp_path) == 130
    assert "goes on from here; 2 results" in capsys.readouterr().out
    assert run(atd12k, "--only-peers", "--peers", "overlay", "--quiet", "--out", tmp_path) == 0
    assert len(drawn) == 4


def test_broken_triplets_stop_the_run_or_are_listed_at_the_end(atd12k, tmp_path, capsys):
    (atd12k / "test_2k_540p" / "Disney_Alpha_S1_002" / "frame2.png").unlink()
    assert run(atd12k, *YARDSTICKS, "--out", tmp_path) == 2
    assert "Disney_Alpha_S1_002" in capsys.readouterr().err
    assert run(atd12k, *YARDSTICKS, "--out", tmp_path, "--skip-broken") == 0
    out = capsys.readouterr().out
    assert out.index("Skipped 1 broken") > out.index("PSNR dB")
    assert "frame2" in (tmp_path / "broken.txt").read_text()
    assert summary(tmp_path)["overlay", "frame", "all", ""]["triplets"] == 2


def test_any_folder_of_triplets_will_do(tmp_path, atd12k, capsys):
    clips = tmp_path / "clips"
    clips.mkdir()
    (clips / "fast_one").symlink_to(atd12k / "train_10k" / "Japan_Beta_S2_001_train")
    assert run(clips, *YARDSTICKS, "--out", tmp_path / "out") == 0
    rows = summary(tmp_path / "out")
    assert ("overlay", "frame", "speed", "fast") in rows
    assert not any(key[1] == "roi" for key in rows)
    assert run(clips, *YARDSTICKS, "--out", tmp_path / "out", "--level", "easy") == 2
    assert "not ATD-12K" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--only-peers",), "nothing to measure"),
        (("--model", "nowhere.ckpt"), "nowhere.ckpt"),
        (("--limit", "0", "--only-peers", "--peers", "dis"), "--limit"),
        (("--device", "abacus", "--model", "none"), "abacus"),
        (("--model", "none", "--sgm-flows", "published"), "--model"),
        (("--model", "none", "--model", "none"), "'weights-free'"),
    ],
)
def test_bad_input_ends_with_a_message(atd12k, tmp_path, capsys, arguments, said):
    assert run(atd12k, "--out", tmp_path, *arguments) == 2
    assert said in capsys.readouterr().err


def test_unknown_words_are_told_by_the_parser(atd12k, capsys):
    with pytest.raises(SystemExit):
        run(atd12k, "--peers", "dain")
    assert "'dain' is not one of overlay, nearest" in capsys.readouterr().err


def test_it_is_a_command_of_the_package(tmp_path, atd12k):
    done = subprocess.run(
        [sys.executable, "-m", "animeinterp", "evaluate", str(atd12k), "--only-peers", "--peers", "nearest",
         "--limit", "1", "--out", str(tmp_path / "out")],
        cwd=ROOT, capture_output=True, text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "whole frame (1 triplets)" in done.stdout and "1/1" in done.stderr


def test_the_progress_bar_tells_how_far_and_how_long(monkeypatch):
    class Screen:
        def __init__(self):
            self.text = ""

        def isatty(self):
            return True

        def write(self, text):
            self.text += text

        def flush(self):
            pass

    now = iter([1.0, 2.0, 5.0, 6.0])
    monkeypatch.setattr("animeinterp.cli.progress.time.monotonic", lambda: next(now))
    screen = Screen()
    bar = ProgressBar("evaluating", stream=screen)
    for done in (1, 2, 5, 10):
        bar(done, 10)
    assert "5/10  0:05 left" in screen.text, "4 s for 4 of them, 5 to come"
    assert screen.text.endswith("\n") and f"[{'#' * 30}] 10/10" in screen.text
