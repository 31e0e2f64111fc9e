"""Work spread over a Ray cluster of several nodes on this machine: the same bits, whatever dies on the way."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import fsspec
import pytest
from drawings import drawing

from animeinterp.cli import main
from animeinterp.errors import AnimeInterpError
from animeinterp.media import VideoWriter, write_image

ray = pytest.importorskip("ray", reason="Ray is an extra: pip install 'animeinterp[ray]'")
from cluster_tasks import (  # noqa: E402
    Cramped,
    Writing,
    begun,
    dies_once,
    draws_and_dies_once,
    for_two,
    hangs_once,
    missing,
    nothing,
    on_the_third,
    who_began,
)
from store import Store  # noqa: E402

from animeinterp.cluster import Cluster, Spread, connect, spread  # noqa: E402
from animeinterp.cluster import spreading as loop  # noqa: E402
from animeinterp.film import claiming, segments  # noqa: E402

PACK = Path(__file__).resolve().parent.parent


@pytest.fixture
def connected(machines):
    with connect(machines.address, Cluster(1.0)) as cluster:
        yield cluster


def run_tasks(cluster, folder, how, count=8):
    found = {}
    report = spread(range(count), Spread("test", Writing(folder, how)), cluster, found.__setitem__)
    return found, report


def test_each_is_done_once(connected, tmp_path):
    found, report = run_tasks(connected, tmp_path, nothing, 30)
    assert found == {k: k * k for k in range(30)} and sorted(begun(tmp_path)) == list(range(30))
    assert (report.done, report.retried, report.lost) == (30, 0, 0)


def test_a_worker_that_is_killed(connected, tmp_path):
    found, report = run_tasks(connected, tmp_path, dies_once)
    assert sorted(found) == list(range(8)) and (report.lost, report.retried) == (1, 1)
    assert sorted(begun(tmp_path)) == [0, 1, 2, 3, 3, 4, 5, 6, 7], "nothing was done twice that was whole"


def test_a_straggler_is_begun_again_elsewhere(connected, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "PATIENT", 1.0)
    before = time.monotonic()
    found, report = run_tasks(connected, tmp_path, hangs_once)
    assert sorted(found) == list(range(8)) and report.doubled == 1 and time.monotonic() - before < 40


def test_what_cannot_be_done_is_told_when_the_rest_is(connected, tmp_path):
    with pytest.raises(AnimeInterpError, match="1 of 8 tasks of test .* 4: drawing_0004.png is not there"):
        run_tasks(connected, tmp_path, missing)
    assert sorted(path.stem for path in tmp_path.glob("*.done")) == [str(k) for k in range(8) if k != 4]


def test_no_room_and_no_cluster_are_told(machines, connected):
    with pytest.raises(AnimeInterpError, match="no machine of the cluster has that"):
        Cluster(64.0).room()


def test_two_workers_share_a_gpu(machines, connected, tmp_path):
    """Told of by the node, and not there: what is tried is who gets which."""
    fourth = machines.add_node(num_cpus=4, num_gpus=1)
    machines.wait_for_nodes()
    try:
        cluster = Cluster(1.0, gpus=0.5)
        assert cluster.room() == 2 and Cluster(1.0, gpus=0.6).room() == 1 and Cluster(1.0, gpus=1.0).room() == 1
        assert Cluster(1.0, gpus=0.6)._places({"CPU": 8.0, "GPU": 2.0}) == 2  # a share lies within one
        assert Cluster(0.3)._places({"CPU": 0.9}) == 3
        run_tasks(cluster, tmp_path, for_two)
        assert len(who_began(tmp_path)) == 2
    finally:
        machines.remove_node(fourth)


def test_an_evaluation_has_the_same_figures(machines, connected, tmp_path, capsys):
    """Pictures of the worst included; a second run finds all of it there; a broken triplet is passed over and named."""
    for k in range(3):
        folder = tmp_path / "clips" / f"{k}"
        folder.mkdir(parents=True)
        for number in (1, 2, 3):
            write_image(folder / f"frame{number}.png", drawing(10 + 6 * k + 4 * number)[..., :64, :96])
    (tmp_path / "clips" / "3").mkdir()

    def evaluate(out, *more):
        assert main(["evaluate", str(tmp_path / "clips"), "--model", "none", "--peers", "overlay", "--skip-broken", "--quiet",
                     "--contact", "--out", str(tmp_path / out), *more]) == 0
        lines = [json.loads(line) for line in (tmp_path / out / "results.jsonl").read_text().splitlines()]
        return {(line["triplet"], line["method"]): line["frame"] for line in lines}

    plain, many = evaluate("plain"), evaluate("many", "--ray", machines.address)
    assert "4 triplets measured by workers" in capsys.readouterr().out and len(plain) == 6 and plain.keys() == many.keys()
    for key, scores in plain.items():
        assert many[key] == pytest.approx(scores, abs=1e-4, nan_ok=True)
    names = [sorted(str(p.relative_to(tmp_path / out)) for p in (tmp_path / out).rglob("*")) for out in ("plain", "many")]
    assert names[0] == names[1] and "broken.txt" in names[0]
    evaluate("many", "--ray", machines.address)
    assert "1 triplets measured by workers" in capsys.readouterr().out  # the broken one is looked at again


@pytest.mark.usefixtures("one_thread")
def test_samples_of_a_training_are_the_same(machines, connected, tmp_path, monkeypatch, capsys):
    """One worker dies over a sample, which is made again; what draws anew in each step is refused."""
    def train(out, *more):
        return main(["train", *more, "--out", str(tmp_path / out), "--size", "72", "104", "--side", "64", "--batch", "1",
                     "--steps", "1", "--samples", "2", "--held-out", "1", "--device", "cpu"])

    assert train("plain", "paint") == 0
    capsys.readouterr()
    monkeypatch.setattr("animeinterp.training.paint.draw_warped", draws_and_dies_once)
    assert train("many", "paint", "--ray", machines.address) == 0
    assert "3 samples made by workers, 1 tried again, 1 workers lost" in capsys.readouterr().out
    names = [sorted(path.name for path in (tmp_path / out / "samples").iterdir()) for out in ("plain", "many")]
    assert names[0] == names[1] and len(names[0]) == 4
    for name in names[0]:
        assert (tmp_path / "plain" / "samples" / name).read_bytes() == (tmp_path / "many" / "samples" / name).read_bytes()
    assert train("other", "flow", "--ray", machines.address) == 2
    assert "draws anew in each step" in capsys.readouterr().err and not (tmp_path / "other").exists()


def test_whoever_joins_gives_signs_of_life(film, tmp_path, monkeypatch):
    signs = []
    monkeypatch.setattr(segments.split, "__defaults__", (8,))
    monkeypatch.setattr(claiming, "SIGNS", -1.0)
    monkeypatch.setattr(claiming.os, "utime", lambda path: signs.append(path.name))
    assert run(film, "-o", tmp_path / "out.mp4", "--resume") == 0
    assert signs.count("join.claim") > 20


def test_a_node_that_goes_down(machines, connected, tmp_path):
    third = machines.add_node(num_cpus=1)
    machines.wait_for_nodes()
    (tmp_path / "third").write_text(third.node_id)
    found, gone = {}, []

    def going():
        if (tmp_path / "begun there").exists() and not gone:
            gone.append(third)
            machines.remove_node(third, allow_graceful=False)

    report = spread(range(9), Spread("test", Writing(tmp_path, on_the_third)), Cluster(1.0), found.__setitem__, waiting=going)
    assert sorted(found) == list(range(9)) and gone and report.lost == 1 and report.retried + report.doubled >= 1


@pytest.fixture
def film(tmp_path):
    """Sixteen drawings in two shots."""
    with VideoWriter(tmp_path / "in.mp4", 12) as writer:
        for k in range(16):
            writer.write(drawing(10 + 2 * (k % 8))[..., :64, :96] * (0.5 if k < 8 else 1.0))
    return tmp_path / "in.mp4"


def run(*arguments):
    return main(["interpolate", "--quiet", "--model", "none", "--threads", "1", *map(str, arguments)])


def test_a_film_is_the_same_to_the_bit(machines, connected, film, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(segments.split, "__defaults__", (8,))
    assert run(film, "-o", tmp_path / "one.mp4") == 0
    assert run(film, "-o", tmp_path / "many.mp4", "--ray", machines.address) == 0
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "many.mp4").read_bytes()
    said = capsys.readouterr().out
    assert "4 drawn, 0 there before; 0 tried again" in said and "times as fast as one worker" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "many.mp4", "one.mp4"]


@pytest.fixture
def short(tmp_path, monkeypatch):
    """Eight drawings, the parts that they are drawn in, and what a single run makes of them."""
    monkeypatch.setattr(segments.split, "__defaults__", (4,))
    (tmp_path / "short").mkdir()
    with VideoWriter(tmp_path / "short" / "in.mp4", 12) as writer:
        for k in range(8):
            writer.write(drawing(10 + 2 * k)[..., :64, :96])
    assert run(tmp_path / "short" / "in.mp4", "-o", tmp_path / "one.mp4") == 0
    return tmp_path / "short" / "in.mp4", (tmp_path / "one.mp4").read_bytes()


def test_a_film_from_url_to_url(machines, connected, short, tmp_path, capsys):
    """Which fsspec reaches by what is installed, here and in the workers."""
    fsspec.register_implementation("store", Store, clobber=True)
    film, one = short
    assert run(f"store://{film}", "-o", f"store://{tmp_path}/new/out.mp4", "--ray", machines.address) == 0
    assert (tmp_path / "new" / "out.mp4").read_bytes() == one and os.listdir(tmp_path / "new") == ["out.mp4"]
    assert os.listdir(film.parent) == ["in.mp4"] and " 0 tried again" in capsys.readouterr().out
    assert run(film, "-o", "memory://films/out.mp4", "--ray", machines.address) == 2
    said = capsys.readouterr().err
    assert "memory://films/out.mp4.parts is not to be seen from here" in said and said.splitlines()[-1].startswith("error: ")


def test_full_disks_of_workers(machines, connected, short, tmp_path, monkeypatch, capsys):
    """Those of all: what was finished is kept, and gone on with. Of one: what it cannot hold is drawn by the other."""
    monkeypatch.setattr("animeinterp.cli.interpolate.Recipe", Cramped)
    monkeypatch.setattr(loop, "PAUSES", (0.1,))
    film, one = short
    command, parts = [film, "-o", tmp_path / "out.mp4", "--ray", machines.address, "--resume"], tmp_path / "out.mp4.parts"
    parts.mkdir()
    (parts / "all are cramped").touch()
    assert run(*command) == 2
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error: ")]
    assert len(told) == 1 and "File too large" in told[0] and "What was done is kept" in told[0]
    done = sorted(path.name for path in parts.glob("0*.mp4"))
    assert 1 <= len(done) < 4 and not (tmp_path / "out.mp4").exists()
    (parts / "all are cramped").unlink()
    assert run(*command) == 0
    said = capsys.readouterr().out
    assert f"{len(done)} there before" in said and " 0 tried again" not in said
    assert (tmp_path / "out.mp4").read_bytes() == one and not parts.exists()


def test_the_driver_is_killed_and_goes_on(machines, connected, film, tmp_path):
    """One segment is there when it is killed: it is not drawn again, and what comes out is what a single run writes."""
    begin = ("from animeinterp.film import segments; segments.split.__defaults__ = (8,); import sys; "
             "from animeinterp.cli import main; sys.exit(main(sys.argv[1:]))")
    command = [sys.executable, "-c", begin, "interpolate", str(film), "--quiet", "--model", "none", "--threads", "1", "-o"]
    out, parts = tmp_path / "out.mp4", tmp_path / "out.mp4.parts"
    spread_out = [*command, str(out), "--ray", machines.address]
    driver = subprocess.Popen(spread_out, cwd=PACK)
    while not list(parts.glob("0*.mp4")):
        assert driver.poll() is None
        time.sleep(0.02)
    driver.kill()
    driver.wait()
    whole = {path.name: path.stat().st_mtime_ns for path in parts.glob("0*.mp4")}
    assert 1 <= len(whole) < 4 and not out.exists()
    refused = subprocess.run(spread_out, cwd=PACK, capture_output=True, text=True)
    assert refused.returncode == 2 and "Go on with it by --resume" in refused.stderr
    going_on = subprocess.run([*spread_out, "--resume"], cwd=PACK, capture_output=True, text=True)
    assert going_on.returncode == 0, going_on.stderr
    assert f"{len(whole)} there before" in going_on.stdout
    assert subprocess.run([*command, str(tmp_path / "one.mp4")], cwd=PACK).returncode == 0
    assert out.read_bytes() == (tmp_path / "one.mp4").read_bytes() and not parts.exists()


def test_a_picture_that_goes_in_the_middle_is_named_and_put_back(machines, connected, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(segments.split, "__defaults__", (8,))
    folder = tmp_path / "in"
    folder.mkdir()
    for k in range(10):
        write_image(folder / f"{k:02d}.png", drawing(10 + k)[..., :64, :96])
    from animeinterp.film import Shared

    plain = Shared.open

    def losing(self, *arguments):
        plan = plain(self, *arguments)
        (folder / "08.png").rename(tmp_path / "08.png")
        return plan

    monkeypatch.setattr(Shared, "open", losing)
    assert run(folder, "-o", tmp_path / "out.mp4", "--ray", machines.address) == 2
    assert "08.png" in capsys.readouterr().err and not (tmp_path / "out.mp4").exists()
    (tmp_path / "08.png").rename(folder / "08.png")
    monkeypatch.undo()
    monkeypatch.setattr(segments.split, "__defaults__", (8,))
    assert run(folder, "-o", tmp_path / "out.mp4", "--ray", machines.address, "--resume") == 0
    assert run(folder, "-o", tmp_path / "one.mp4") == 0
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "one.mp4").read_bytes()


def test_without_ray_the_remedy_is_told(film, tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ray", None)
    assert run(film, "-o", tmp_path / "out.mp4", "--ray", "auto") == 2
    assert "pip install 'animeinterp[ray]'" in capsys.readouterr().err
    assert run(film, "-o", tmp_path / "out.mp4", "--workers", "2") == 2
    assert "--workers is given without --ray" in capsys.readouterr().err


def test_nothing_of_ray_is_imported_unasked():
    code = "import sys, animeinterp.cli.interpolate, animeinterp.film; sys.exit('ray' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=PACK).returncode == 0
