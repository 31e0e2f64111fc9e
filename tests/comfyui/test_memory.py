"""ComfyUI owns the networks' memory: under the rules of --novram nothing is loaded, and the numbers are the same. And the
combined node's memory does not grow with the clip."""

import json
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch
from prompts import MODEL, loading, shown, with_node

from animeinterp.model import build

LONG_CLIP = Path(__file__).parents[1] / "pipeline" / "long_clip.py"
NOVRAM = str(Path(__file__).with_name("novram.py"))


def prompt(**inputs: str) -> dict:
    made = with_node(loading(), "model", "AnimeInterpLoadModel", model_name=MODEL)
    return shown(
        with_node(
            made, "between", "AnimeInterp", images=["images", 0], model=["model", 0], method="auto", multiplier=2,
            style="japanese", **inputs,
        ),
        "between",
    )  # fmt: skip


def test_novram_gives_the_numbers_of_the_cpu(host, start):
    whole = host.images(prompt())
    novram = start(script=NOVRAM)
    assert torch.equal(novram.images(prompt()), whole)
    log = novram.server.log_text()
    assert "loaded partially" in log, "ComfyUI took the model for one that fits"
    layers = sum(bool(list(layer.parameters(recurse=False))) for layer in build().modules())
    assert f"novram: {layers} layers, left behind: []" in log
    novram.server.stop()


@pytest.mark.parametrize("percent", [30, 100], ids=["in part", "whole"])
def test_crowded_out_by_another_model_it_comes_back(host, percent):
    """The patcher is kept by the loader's node meanwhile, and is the same one."""
    whole = host.images(prompt())
    crowded = with_node(prompt(), "crowd", "StandInCrowd", images=["between", 0], percent=percent)
    # Else ComfyUI would take the loaded pictures from its cache, and the crowd would not come again.
    host.images(shown(with_node(crowded, "turned", "ImageInvert", image=["crowd", 0]), "turned"))
    freed, of, left = map(int, re.findall(r"crowded out: (\d+) of (\d+) bytes, (\d+) models left", host.server.log_text())[-1])
    assert (0.3 * of <= freed < of and left) if percent < 100 else (freed == of > 0 and not left)
    assert torch.equal(host.images(prompt(times="0.5")), whole)


@pytest.mark.parametrize("what", [{"unload_models": True}, {"unload_models": True, "free_memory": True}])
def test_unloaded_by_hand_it_comes_back(host, what):
    whole = host.images(prompt())
    host.server.post("/free", what)
    assert torch.equal(host.images(prompt(times="1/2" if len(what) == 1 else "")), whole)


def test_two_that_are_queued_are_as_one_by_one(host):
    with ThreadPoolExecutor(2) as both:
        early, late = both.map(lambda times: host.images(prompt(times=times)), ("0.4", "0.7"))
    assert torch.equal(early, host.images(prompt(times=" 0.4"))) and torch.equal(late, host.images(prompt(times=" 0.7")))
    assert not torch.equal(early, late)


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell how much memory a process has")
def test_500_frames_through_the_combined_node_take_no_more_than_10(comfyui):
    command = [sys.executable, str(LONG_CLIP), "node", str(comfyui)]
    ended = subprocess.run(command, cwd=comfyui, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    above = json.loads(ended.stdout.splitlines()[-1])
    # A frame kept of each pair would be 85 MB, a flow 56 MB, a label map 28 MB.
    assert above["500"] < above["10"] + 12e6, above
