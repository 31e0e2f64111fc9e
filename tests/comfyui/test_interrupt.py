"""Stop means stop: within a second of the request, in every part of the work."""

import threading
import time

import pytest
from prompts import MODEL, drawing, loading, shown, with_node

from tools.comfy_host import HostError

SIZE = {"width": 960, "height": 540}
SMALL = {"width": 480, "height": 270}


def long_run(model: bool, multiplier: int) -> dict:
    prompt = loading(("big_0.png", "big_1.png"))
    inputs = {"images": ["images", 0], "method": "auto", "multiplier": multiplier, "style": "japanese"}
    if model:
        prompt = with_node(prompt, "model", "AnimeInterpLoadModel", model_name=MODEL)
        inputs["model"] = ["model", 0]
    else:
        inputs["method"] = "weights-free"
    return shown(with_node(prompt, "between", "AnimeInterp", **inputs), "between")


@pytest.mark.parametrize("model", [False, True], ids=["weights-free", "model"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5], ids=["at the start", "early", "half way"])
def test_an_interrupted_run_ends_within_a_second(host, model, share):
    for step in range(2):
        # Half of the way with a model takes minutes at full size.
        host.put(f"big_{step}.png", drawing(step + round(share * 10), **(SMALL if model and share == 0.5 else SIZE)))
    asked, ended, progress = [], [], []

    def interrupt() -> None:
        asked.append(time.monotonic())
        host.server.post("/interrupt", {})

    def heard(kind: str, data: dict) -> None:
        started = kind == "executing" and data.get("node") == "between"
        if kind == "progress" and data["node"] == "between":
            progress.append(data["value"] / data["max"])
        if not asked and (started if share == 0 else progress and progress[-1] >= share):
            threading.Timer(0.2 if started else 0.0, interrupt).start()
        if kind == "execution_interrupted":
            ended.append(time.monotonic())

    with pytest.raises(HostError, match="interrupted"):
        host.server.run(long_run(model, 8 if model else 64), heard=heard)
    assert ended[0] - asked[0] < 1.0
    assert host.server.alive()
    assert not progress or progress[-1] < 1


def test_progress_is_told_several_times(host):
    host.put("big_0.png", drawing(0, **SIZE))
    host.put("big_1.png", drawing(1, **SIZE))
    told = []

    def heard(kind: str, data: dict) -> None:
        if kind == "progress" and data["node"] == "between":
            told.append(data["value"])

    host.server.run(long_run(False, 8), heard=heard)
    assert len(told) >= 5 and told == sorted(told) and told[-1] == 1000
