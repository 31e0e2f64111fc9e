"""ComfyUI owns the networks' memory: under the rules of --novram nothing is loaded, and the numbers are the same."""

from pathlib import Path

import torch
from prompts import MODEL, loading, shown, with_node

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
    # ComfyUI says how much of a model it moved to the device at once, and how much is brought layer by layer.
    assert "loaded partially" in log and "AnimeInterp" in log, log[-3000:]
    novram.server.stop()
