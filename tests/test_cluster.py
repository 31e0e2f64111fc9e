"""Work spread over a Ray cluster of several nodes on this machine: the same bits, whatever dies on the way."""

import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from drawings import drawing

from animeinterp.cli import main
from animeinterp.errors import AnimeInterpError
from animeinterp.media import VideoWriter, write_image

ray = pytest.importorskip("ray", reason="Ray is an extra: pip install 'animeinterp[ray]'")
from ray.cluster_utils import Cluster as Machines  # noqa: E402

from animeinterp.cluster import Cluster, Spread, connect, spread  # noqa: E402
from animeinterp.cluster import spreading as loop  # noqa: E402
from animeinterp.film import claiming, segments  # noqa: E402

PACK = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def machines():
    """A head that does no work, and two nodes of one CPU each."""
    # Ray's workers look for the library, and for what a test defines, where this process does.
    os.environ["PYTHONPATH"] = os.pathsep.join([str(PACK), str(PACK / "tests"), os.environ.get("PYTHONPATH", "")])
    os.environ["RAY_TMPDIR"] = "/tmp"
    cluster = Machines(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for _ in range(2):
        cluster.add_node(num_cpus=1)
    cluster.wait_for_nodes()
    yield cluster
    ray.shutdown()
    cluster.shutdown()


@pytest.fixture
def connected(machines):
    with connect(machines.address, Cluster(1.0)) as cluster:
        yield cluster


class Writing:
    """Writes a task's number to a file of its own; ``how`` may break it."""

    def __init__(self, folder, how=lambda folder, task: None):
        self.folder, self.how = folder, how

    def __call__(self):
        def do(task):
            with open(self.folder / "begun", "a") as file:
                file.write(f"{task} {os.getpid()}\n")
            self.how(self.folder, task)
            (self.folder / f"{task}.done").write_text(str(task))
            return task * task

        return do


def dies_once(folder, task):
    if task == 3 and not (folder / "died").exists():
        (folder / "died").write_text("")
        os.kill(os.getpid(), signal.SIGKILL)


def full_on_one(folder, task):
    """The first worker that comes here has a full disk, and stays so."""
    full = folder / "full"
    if not full.exists():
        full.write_text(str(os.getpid()))
    if full.read_text() == str(os.getpid()):
        raise OSError(errno.ENOSPC, "No space left on device")
    time.sleep(0.05)


def hangs_once(folder, task):
    if task == 5 and not (folder / "hung").exists():
        (folder / "hung").write_text("")
        time.sleep(60)


def missing(folder, task):
    if task == 4:
        raise AnimeInterpError("drawing_0004.png is not there")


def run_tasks(cluster, folder, how, count=8):
    found = {}
    report = spread(range(count), Spread("test", Writing(folder, how)), cluster, found.__setitem__)
    return found, report


def begun(folder):
    return [int(line.split()[0]) for line in (folder / "begun").read_text().splitlines()]


def nothing(folder, task):
    pass


def test_each_is_done_once(connected, tmp_path):
    found, report = run_tasks(connected, tmp_path, nothing, 30)
    assert found == {k: k * k for k in range(30)} and sorted(begun(tmp_path)) == list(range(30))
    assert (report.done, report.retried, report.lost) == (30, 0, 0)


def test_a_worker_that_is_killed(connected, tmp_path):
    found, report = run_tasks(connected, tmp_path, dies_once)
    assert sorted(found) == list(range(8)) and (report.lost, report.retried) == (1, 1)
    assert sorted(begun(tmp_path)) == [0, 1, 2, 3, 3, 4, 5, 6, 7], "nothing was done twice that was whole"


def test_a_full_disk_of_one_worker_is_left_to_the_other(connected, tmp_path):
    found, report = run_tasks(connected, tmp_path, full_on_one)
    assert sorted(found) == list(range(8)) and report.retried >= 1


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


def on_the_third(folder, task):
    """A task on the node that goes down lasts; the others wait until it is begun."""
    begun = folder / "begun there"
    if ray.get_runtime_context().get_node_id() == (folder / "third").read_text():
        begun.write_text("")
        time.sleep(120)
    until = time.monotonic() + 60
    while not begun.exists() and time.monotonic() < until:
        time.sleep(0.05)


def for_two(folder, task):
    until = time.monotonic() + 60
    while len(who_began(folder)) < 2 and time.monotonic() < until:
        time.sleep(0.05)


def who_began(folder):
    return {line.split()[1] for line in (folder / "begun").read_text().splitlines()}


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


def test_whoever_joins_gives_signs_of_life(film, tmp_path, monkeypatch):
    signs = []
    monkeypatch.setattr(segments.split, "__defaults__", (20,))
    monkeypatch.setattr(claiming, "SIGNS", -1.0)
    monkeypatch.setattr(claiming.os, "utime", lambda path: signs.append(path.name))
    assert run(film, "-o", tmp_path / "out.mp4", "--resume") == 0
    assert signs.count("join.claim") > 40


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
    """Forty drawings in two shots."""
    with VideoWriter(tmp_path / "in.mp4", 12) as writer:
        for k in range(40):
            writer.write(drawing(10 + 2 * (k % 20))[..., :64, :96] * (0.5 if k < 20 else 1.0))
    return tmp_path / "in.mp4"


def run(*arguments):
    return main(["interpolate", "--quiet", "--model", "none", "--threads", "1", *map(str, arguments)])


def test_a_film_is_the_same_to_the_bit(machines, connected, film, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(segments.split, "__defaults__", (20,))
    assert run(film, "-o", tmp_path / "one.mp4") == 0
    assert run(film, "-o", tmp_path / "many.mp4", "--ray", machines.address) == 0
    assert (tmp_path / "one.mp4").read_bytes() == (tmp_path / "many.mp4").read_bytes()
    said = capsys.readouterr().out
    assert "4 drawn, 0 there before; 0 tried again" in said and "times as fast as one worker" in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in.mp4", "many.mp4", "one.mp4"]


def test_the_driver_is_killed_and_goes_on(machines, connected, film, tmp_path):
    """One segment is there when it is killed: it is not drawn again, and what comes out is what a single run writes."""
    begin = ("from animeinterp.film import segments; segments.split.__defaults__ = (20,); import sys; "
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
    for k in range(24):
        write_image(folder / f"{k:02d}.png", drawing(10 + k)[..., :64, :96])
    from animeinterp.film import Shared

    plain = Shared.open

    def losing(self, *arguments):
        plan = plain(self, *arguments)
        (folder / "12.png").rename(tmp_path / "12.png")
        return plan

    monkeypatch.setattr(Shared, "open", losing)
    assert run(folder, "-o", tmp_path / "out.mp4", "--ray", machines.address) == 2
    assert "12.png" in capsys.readouterr().err and not (tmp_path / "out.mp4").exists()
    (tmp_path / "12.png").rename(folder / "12.png")
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
