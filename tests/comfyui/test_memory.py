"""ComfyUI owns the networks' memory: under the rules of --novram nothing is loaded, and the numbers are the same."""

from pathlib import Path

import torch
from prompts import MODEL, loading, shown, with_node

from animeinterp.model import build

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
