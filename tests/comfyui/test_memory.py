"""ComfyUI owns the networks' memory: under the rules of --novram nothing is loaded, and the numbers are the same. And the
combined node's memory does not grow with the clip."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from prompts import MODEL, loading, shown, with_node

from animeinterp.model import build

LONG_CLIP = Path(__file__).parents[1] / "pipeline" / "long_clip.py"
NOVRAM = str(Path(__file__).with_name("novram.py"))


def prompt() -> dict:
    made = with_node(loading(), "model", "AnimeInterpLoadModel", model_name=MODEL)
    return shown(
        with_node(
            made, "between", "AnimeInterp", images=["images", 0], model=["model", 0], method="auto", multiplier=2,
            style="japanese",
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


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell how much memory a process has")
def test_500_frames_through_the_combined_node_take_no_more_than_10(comfyui):
    command = [sys.executable, str(LONG_CLIP), "node", str(comfyui)]
    ended = subprocess.run(command, cwd=comfyui, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    above = json.loads(ended.stdout.splitlines()[-1])
    # A frame kept of each pair would be 85 MB, a flow 56 MB, a label map 28 MB.
    assert above["500"] < above["10"] + 12e6, above
