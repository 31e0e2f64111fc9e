"""README's table of speed, made of what ``benchmark`` left."""

from benchmarks.speed import BEGIN, END, RUNS, table, write


def result(size, way, seconds, runs, drawings="anew"):
    rows = [{"stage": "synthesis, an in-between", "seconds": 0.1, "runs": [0.1] * 9, "peak_bytes": None}]
    for multiplier, taken in seconds.items():
        name = f"end to end, multiplier {multiplier}"
        rows.append({"stage": name, "seconds": taken, "runs": [taken] * runs, "peak_bytes": 3 * 2**30})
    return {"size": size, "way": way, "drawings": drawings, "rows": rows}


def test_each_size_is_said_with_its_runs_and_what_was_not_measured_is_left_blank(tmp_path):
    machine = {"gpus": {}, "cpu": "a processor", "usable_cores": 2, "load_average": 0.1, "torch": "2", "torch_threads": 2}
    results = [result("960x540", "bundled", {2: 1.25, 8: 2.5}, 3), result("3840x2160", "rife", {2: 7.0}, 1)]
    report = {"machine": machine, "settings": {"multipliers": [2, 8]}, "results": results}
    said = table(report)
    assert "3 at 960x540, 1 at 3840x2160" in said
    assert "| 960x540, **bundled, drawn anew** | 1.25 | 2.50 |" in said and "| 3840x2160, RIFE | 7.00 |  |" in said
    (tmp_path / "README.md").write_text(f"before\n{BEGIN}\nold\n{END}\nafter\n", encoding="utf-8")
    write(said, tmp_path / "README.md")
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == f"before\n{BEGIN}\n{said}\n{END}\nafter\n"


def test_every_size_that_the_bars_are_of_is_run():
    assert {size for run in RUNS for size in run if "x" in size} == {"960x540", "1920x1080", "3840x2160"}
