"""``python -m animeinterp train``: the three stages from the command line, resuming, stopping, and what is refused."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from animeinterp import load_model
from animeinterp.cli import main
from animeinterp.config import RefineConfig, SynthesisConfig
from animeinterp.datasets.triplets import TripletFolder
from animeinterp.model import ModelConfig, build
from animeinterp.weights import save_model

ROOT = Path(__file__).parents[1]
SMALL = ["--size", "72", "104", "--batch", "1", "--held-out", "1", "--log-every", "1", "--device", "cpu"]
pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture
def tiny(tmp_path):
    """A painter of next to nothing, as a weight file."""
    torch.manual_seed(0)
    model = build(ModelConfig(refine=None, synthesis=SynthesisConfig(network="painter", channels=(8, 12))))
    return str(save_model(model, tmp_path / "tiny.safetensors"))


@pytest.fixture
def guided(tmp_path):
    torch.manual_seed(0)
    return str(save_model(build(ModelConfig(RefineConfig(2), SynthesisConfig())), tmp_path / "guided.safetensors"))


def paint(out, cache, *options):
    return main(["train", "paint", "--out", str(out), "--cache", str(cache), "--samples", "2", "--side", "48", *SMALL, *options])


def log(out):
    return [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]


def losses(out):
    return [line["loss"] for line in log(out) if "loss" in line]


def test_paint_trains_stops_and_goes_on_as_if_it_had_not(tiny, tmp_path, capsys):
    whole, parts, cache = tmp_path / "whole", tmp_path / "parts", tmp_path / "cache"
    assert paint(whole, cache, "--model", tiny, "--steps", "4", "--report-every", "4") == 0
    said = capsys.readouterr().out
    assert "step 4" in said and "moving_db" in said and "model.safetensors" in said
    assert {"log.jsonl", "full.pt", "compact.safetensors", "model.safetensors", "step_0000004.png"} <= {
        path.name for path in whole.iterdir()
    }
    assert load_model(whole / "model.safetensors").config.synthesis.channels == (8, 12)

    assert paint(parts, cache, "--model", tiny, "--steps", "4", "--minutes", "1e-9") == 0  # no time at all
    assert losses(parts) == []
    assert paint(parts, cache, "--resume", "--steps", "4") == 0
    assert losses(parts) == losses(whole) and len(losses(whole)) == 4
    ours, theirs = (load_model(out / "model.safetensors").state_dict() for out in (whole, parts))
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)

    capsys.readouterr()
    assert paint(whole, cache, "--model", tiny, "--steps", "8") == 2
    assert "another run" in capsys.readouterr().err
    assert paint(tmp_path / "next", cache, "--resume", str(whole / "compact.safetensors"), "--steps", "1") == 0
    assert losses(tmp_path / "next")
    assert paint(tmp_path / "third", cache, "--model", str(whole / "compact.safetensors"), "--steps", "1") == 0


def test_flow_and_frame_train_one_after_the_other(guided, tmp_path, capsys):
    flow, frame = tmp_path / "flow", tmp_path / "frame"
    small = [*SMALL, "--side", "64", "96", "--steps", "2", "--report-every", "2"]
    assert main(["train", "flow", "--out", str(flow), "--model", guided, *small]) == 0
    assert "coarse_moving_epe" in capsys.readouterr().out
    assert main(["train", "frame", "--out", str(frame), "--model", str(flow / "model.safetensors"), *small, "--bf16"]) == 0
    assert "moving_db" in capsys.readouterr().out
    before, after = load_model(guided).state_dict(), load_model(frame / "model.safetensors").state_dict()
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"refinement", "synthesis"}
    settings = log(frame)[0]["settings"]
    assert settings["source"]["size"] == [72, 104] and settings["training"]["bf16"]


def test_the_real_matching_guides_a_last_stage(guided, tmp_path):
    cache = tmp_path / "coarse"
    arguments = ["train", "flow", "--model", guided, *SMALL, "--side", "64", "--steps", "1", "--coarse", "sgm", "--samples", "1"]
    assert main([*arguments, "--out", str(tmp_path / "a"), "--cache", str(cache)]) == 0
    assert (cache / "1000000.safetensors").is_file() and (cache / "manifest.json").is_file()


def test_frame_trains_on_atd12k_and_on_any_triplets(guided, atd12k, tmp_path):
    small = [*SMALL, "--side", "64", "--steps", "1", "--only-synthesis"]
    out = tmp_path / "a"
    assert main(["train", "frame", "--out", str(out), "--model", guided, "--atd12k", str(atd12k), *small]) == 0
    assert list((out / "samples").glob("*_train.safetensors")), "our SGM's flows are kept"
    folder = str(atd12k / "train_10k")
    assert main(["train", "frame", "--out", str(tmp_path / "b"), "--model", guided, "--triplets", folder, *small]) == 0


def test_atd12ks_own_flows_are_taken_where_there_are_some(guided, atd12k, tmp_path):
    for name in TripletFolder(atd12k / "train_10k").names:
        folder = atd12k / "train_10k_pre_calc_sgm_flows" / name
        folder.mkdir(parents=True)
        for way, dx in (("13", 8), ("31", -8)):
            np.save(folder / f"guide_flo{way}.npy", np.full((2, 108, 192), dx, np.float32))
    out = tmp_path / "run"
    arguments = ["train", "frame", "--out", str(out), "--model", guided, "--atd12k", str(atd12k), *SMALL, "--side", "64"]
    assert main([*arguments, "--steps", "1", "--only-synthesis"]) == 0
    assert not (out / "samples").exists()


def test_sprites_bring_their_licence_into_the_run(guided, tmp_path, capsys):
    folder = tmp_path / "sprites"
    folder.mkdir()
    picture = np.zeros((60, 60, 4), np.uint8)
    cv2.circle(picture, (30, 30), 25, (40, 90, 200, 255), -1)
    cv2.imwrite(str(folder / "ball.png"), picture)
    arguments = ["train", "flow", "--model", guided, *SMALL, "--side", "64", "--steps", "1", "--sprites", str(folder)]
    assert main([*arguments, "--out", str(tmp_path / "no")]) == 2
    assert "LICENSE or CREDITS" in capsys.readouterr().err
    (folder / "CREDITS").write_text("A ball, by nobody.")
    assert main([*arguments, "--out", str(tmp_path / "run")]) == 0
    assert (tmp_path / "run" / "SPRITES-CREDITS").read_text() == "A ball, by nobody."


def test_ctrl_c_saves_and_says_how_to_go_on(tiny, tmp_path):
    out, cache = tmp_path / "run", tmp_path / "cache"
    arguments = ["train", "paint", "--out", str(out), "--cache", str(cache), "--samples", "2", "--side", "48", *SMALL]
    process = subprocess.Popen([sys.executable, "-m", "animeinterp", *arguments, "--model", tiny, "--steps", "1000000"], cwd=ROOT,
                               stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                               env={**os.environ, "OMP_NUM_THREADS": "1"})
    until = time.monotonic() + 120
    while not ((out / "log.jsonl").exists() and losses(out)) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130, said
    assert "Stopping after this step" in said and "--resume" in said and "Traceback" not in said
    done = torch.load(out / "full.pt", weights_only=True)["step"]
    assert done == len(losses(out)) > 0, "saved where it stopped"
    assert paint(out, cache, "--resume", "--steps", str(done + 1)) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["flow", "--atd12k", "somewhere"], "only frames are known"),
        (["paint", "--triplets", "somewhere"], "only frames are known"),
        (["frame", "--triplets", "nowhere", "--cache", "c"], "nowhere is not there"),
        (["frame", "--atd12k", "a", "--triplets", "b"], "Only one"),
        (["flow", "--model", "nothing.ckpt"], "presets are published, light, whole, paper"),
        (["flow", "--model", "light"], "no refinement network"),
        (["paint", "--model", "published"], "no painter"),
        (["paint", "--side", "48", "64"], "square"),
        (["paint", "--side", "300"], "Crops of 300"),
        (["flow", "--side", "50"], "multiples of 8"),
        (["flow", "--steps", "0"], "--steps is 0"),
        (["flow", "--rate", "-1"], "--rate"),
        (["flow", "--resume"], "no checkpoint"),
        (["flow", "--resume", "nothing.pt"], "no checkpoint nothing.pt"),
        (["flow", "--device", "abacus"], "abacus cannot be used"),
        (["flow", "--sprites", "nowhere"], "no folder and no zip"),
    ],
)
def test_what_is_refused_says_so_and_leaves_no_run(options, message, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["train", *options, "--out", "run", *(["--device", "cpu"] if "--device" not in options else [])]) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run" / "log.jsonl").exists()


@pytest.mark.parametrize("options, words", [
    (("--by-clock",), "--minutes"), (("--save-minutes", "-1"), "--save-minutes"), (("--forgive", "-1"), "--forgive"),
    (("--paintings", "0"), "--paintings"), (("--gather", "0"), "--gather"), ((), "--art"),
    (("--together", "0"), "--together"), (("--side", "100", "--art", "x"), "multiple of 64"),
])
def test_what_the_network_at_t_cannot_train_with_is_named(tmp_path, capsys, options, words):
    assert main(["train", "between", "--out", str(tmp_path / "run"), *options]) == 2
    assert words in capsys.readouterr().err and not (tmp_path / "run").exists()
