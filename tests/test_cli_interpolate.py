"""``python -m animeinterp interpolate``: what goes in, what comes out, and what is never left behind or overwritten."""

import io
import re

import pytest
import torch

from animeinterp.cli import interpolate as command
from animeinterp.cli import main
from animeinterp.cli.progress import ProgressBar
from animeinterp.film import segments
from animeinterp.media import FolderWriter, VideoReader, VideoWriter, read_image, write_image
from animeinterp.pipeline import interpolate
from animeinterp.retiming import retime

SIZE = 64


def drawing(x, *, height=SIZE, width=SIZE):
    """A dark-rimmed red box with its left side at column ``x`` on plain blue, 8-bit levels: (1, 3, H, W)."""
    frame = torch.tensor([51, 102, 204]).view(1, 3, 1, 1).expand(1, 3, height, width).clone()
    frame[..., 18:46, x : x + 24] = 13
    frame[..., 21:43, x + 3 : x + 21] = torch.tensor([230, 51, 51]).view(1, 3, 1, 1)
    return frame.float() / 255


def pictures(folder, positions=(10, 18, 26), *, name="{}.png", **size):
    folder.mkdir(exist_ok=True)
    paths = [folder / name.format(index) for index in range(8, 8 + len(positions))]  # 8, 9, 10: text sorts 10 first
    for path, x in zip(paths, positions, strict=True):
        write_image(path, drawing(x, **size))
    return paths


def video(path, positions=(10, 18, 26), *, rate=12, **size):
    with VideoWriter(path, rate) as writer:
        for x in positions:
            writer.write(drawing(x, **size))
    return path


def run(*arguments):
    return main(["interpolate", *map(str, arguments), "--model", "none", "--device", "cpu", "--quiet"])


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def left_side(frame):
    """The column where the red box begins, in the middle row."""
    row = frame[0, :, SIZE // 2]
    return int((row[0] > row[2] + 0.3).nonzero()[0])


def test_a_video_becomes_one_of_the_same_length_with_frames_between(tmp_path):
    source = video(tmp_path / "in.mp4", rate=24000 / 1001)
    assert run(source, "-o", tmp_path / "new" / "out.mp4", "-m", 3) == 0
    reader = VideoReader(tmp_path / "new" / "out.mp4")
    frames = list(reader)
    assert len(frames) == 2 * 3 + 1
    assert float(reader.rate) == pytest.approx(3 * 24000 / 1001, rel=1e-6)
    assert reader.timeline().end == pytest.approx(VideoReader(source).timeline().end)
    assert float((frames[3] - list(VideoReader(source))[1]).abs().mean()) < 0.01
    places = [left_side(frame) for frame in frames]
    assert places == sorted(places) and places[0] < places[1] < places[2] < places[3]
    assert names(tmp_path / "new") == ["out.mp4"]


def test_pictures_become_a_folder_with_what_the_library_draws(tmp_path):
    paths = pictures(tmp_path / "in")
    assert run(*paths, "-o", tmp_path / "out", "--times", "0.25,0.75") == 0
    assert names(tmp_path / "out") == [f"frame_{number:05d}.png" for number in range(1, 8)]
    result = torch.cat([read_image(path) for path in sorted((tmp_path / "out").iterdir())])
    given = torch.cat([drawing(x) for x in (10, 18, 26)])
    assert torch.equal(result[::3], given)
    assert float((result - interpolate(given, times=[0.25, 0.75], model=None)).abs().max()) <= 0.5 / 255 + 1e-6
    assert names(tmp_path) == ["in", "out"]


def test_a_folder_is_taken_in_counting_order_at_the_rate_of_drawings(tmp_path):
    pictures(tmp_path / "in")
    (tmp_path / "in" / "notes.txt").write_text("no picture")
    (tmp_path / "in" / "._8.png").write_bytes(b"what another system leaves")
    assert run(tmp_path / "in", "-o", tmp_path / "out.mp4", "-m", 1) == 0
    reader = VideoReader(tmp_path / "out.mp4")
    assert [left_side(frame) for frame in reader] == pytest.approx([13, 21, 29], abs=1)
    assert reader.rate == 12
    assert run(tmp_path / "in", "-o", tmp_path / "out.mp4", "--overwrite", "-m", 2) == 0
    assert (VideoReader(tmp_path / "out.mp4").rate, len(list(VideoReader(tmp_path / "out.mp4")))) == (24, 5)
    assert run(tmp_path / "in", "-o", tmp_path / "own.mp4", "--fps", "30000/1001") == 0
    assert float(VideoReader(tmp_path / "own.mp4").rate) == pytest.approx(30000 / 1001)


def test_alpha_is_kept_and_given_to_pictures_without(tmp_path):
    opaque, clear = tmp_path / "0.png", tmp_path / "1.png"
    write_image(opaque, drawing(10))
    alpha = torch.ones(1, 1, SIZE, SIZE)
    alpha[..., :8] = 0
    write_image(clear, torch.cat([drawing(10), alpha], dim=1))
    assert run(opaque, clear, "-o", tmp_path / "out") == 0
    first, _, last = (read_image(path) for path in sorted((tmp_path / "out").iterdir()))
    assert first.shape == last.shape == (1, 4, SIZE, SIZE)
    assert bool((first[:, 3] == 1).all()) and torch.equal(last[:, 3:], alpha)


def test_odd_sizes(tmp_path):
    paths = pictures(tmp_path / "in", (10, 18), height=65, width=71)
    assert run(*paths, "-o", tmp_path / "out") == 0
    assert {tuple(read_image(path).shape) for path in (tmp_path / "out").iterdir()} == {(1, 3, 65, 71)}
    assert run(*paths, "-o", tmp_path / "out.mp4") == 0
    assert VideoReader(tmp_path / "out.mp4").size == (66, 72)


def test_nothing_is_overwritten_unasked(tmp_path, capsys):
    paths = pictures(tmp_path / "in", (10, 18))
    (tmp_path / "old.mp4").write_bytes(b"precious")
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "mine.txt").write_text("precious")
    (tmp_path / "old" / "frame_00009.png").write_bytes(b"of a longer run")
    for old in ("old.mp4", "old", "old/mine.txt"):
        assert run(*paths, "-o", tmp_path / old) == 2
        assert f"{tmp_path / old} is there already" in capsys.readouterr().err
    assert (tmp_path / "old.mp4").read_bytes() == b"precious"
    assert names(tmp_path / "old") == ["frame_00009.png", "mine.txt"]

    assert run(*paths, "-o", tmp_path / "old.mp4", "--overwrite") == 0
    assert len(list(VideoReader(tmp_path / "old.mp4"))) == 3
    assert run(*paths, "-o", tmp_path / "old", "--overwrite") == 0
    assert names(tmp_path / "old") == ["frame_00001.png", "frame_00002.png", "frame_00003.png", "mine.txt"]
    assert (tmp_path / "old" / "mine.txt").read_text() == "precious"


@pytest.mark.parametrize("output", ["in", "in/8.png", "clip.mp4"])
def test_what_is_read_is_not_written_even_when_asked(tmp_path, capsys, output):
    paths = pictures(tmp_path / "in", (10, 18))
    video(tmp_path / "clip.mp4", (10, 18))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    inputs = [tmp_path / "clip.mp4"] if output == "clip.mp4" else paths
    assert run(*inputs, "-o", tmp_path / output, "--overwrite") == 2
    assert "read from" in capsys.readouterr().err
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


@pytest.mark.parametrize("output", ["new/out.mp4", "new/out", "there"])
@pytest.mark.parametrize(
    ("error", "status"), [(KeyboardInterrupt(), 130), (OSError(28, "No space left on device"), 2)], ids=["stop", "full"]
)
def test_stopped_half_way_nothing_is_left(tmp_path, monkeypatch, output, error, status):
    still, other = pictures(tmp_path / "in", (10, 18))
    paths = [still] * 60 + [other]  # the encoder keeps some dozens to itself before it writes
    (tmp_path / "there").mkdir()
    seen = []

    def breaking(*arguments, **options):
        for index, frame in enumerate(retime(*arguments, **options)):
            if index == 118:
                seen.extend(path for path in tmp_path.rglob("*part*"))
                raise error
            yield frame

    monkeypatch.setattr(segments, "retime", breaking)
    assert run(*paths, "-o", tmp_path / output) == status
    assert seen  # it was under way
    assert names(tmp_path) == ["in", "there"] and names(tmp_path / "there") == []


@pytest.mark.parametrize("output", ["out.mp4", "out"])
def test_what_came_up_meanwhile_is_not_overwritten_and_the_work_is_kept(tmp_path, monkeypatch, capsys, output):
    paths = pictures(tmp_path / "in", (10, 18))

    def meanwhile(*arguments, **options):
        yield from retime(*arguments, **options)
        (tmp_path / output).write_bytes(b"another's")

    monkeypatch.setattr(segments, "retime", meanwhile)
    assert run(*paths, "-o", tmp_path / output) == 2
    assert (tmp_path / output).read_bytes() == b"another's"
    kept = next(path for path in tmp_path.iterdir() if "part" in path.name)
    assert str(kept) in capsys.readouterr().err
    assert len(list(VideoReader(kept) if kept.is_file() else kept.iterdir())) == 3


def test_a_damaged_video_is_named_and_leaves_nothing(tmp_path, capsys):
    with VideoWriter(tmp_path / "in.mp4", 12) as writer:
        torch.manual_seed(0)
        for _ in range(3):
            writer.write(torch.rand(1, 3, SIZE, SIZE))
    data = bytearray((tmp_path / "in.mp4").read_bytes())
    begin = data.index(b"mdat") + 4
    data[begin:] = bytes(len(data) - begin)
    (tmp_path / "in.mp4").write_bytes(data)
    assert run(tmp_path / "in.mp4", "-o", tmp_path / "out.mp4") == 2
    assert str(tmp_path / "in.mp4") in capsys.readouterr().err
    assert names(tmp_path) == ["in.mp4"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("missing.png", "8.png", "-o", "out"), "missing.png is not there"),
        (("8.png", "-o", "out"), "8.png holds 1 frame;"),
        (("empty", "-o", "out"), "empty holds 0 frames"),
        (("one.mp4", "-o", "out.mp4"), "one.mp4 holds 1 frame;"),
        (("8.png", "one.mp4", "-o", "out"), "one.mp4 is no picture"),
        (("8.png", "empty", "-o", "out"), "empty is a folder"),
        (("text.png", "8.png", "-o", "out"), "text.png is no picture"),
        (("text.txt", "-o", "out"), "text.txt is no video"),
        (("8.png", "9.png", "large.png", "-o", "out"), "large.png is 80x64.*one size"),
        (("8.png", "9.png", "-o", "out.avi"), "ends in .avi"),
        (("8.png", "9.png", "-o", "out", "--fps", "24"), "--fps is for a video"),
        (("8.png", "9.png", "-o", "out.mp4", "-m", "0"), "multiplier is 0"),
        (("8.png", "9.png", "-o", "out", "--model", "no.safetensors"), "no.safetensors"),
        (("8.png", "9.png", "-o", "out", "--device", "toaster"), "--device is 'toaster'"),
    ],
)
def test_bad_input_is_named_and_nothing_written(tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    pictures(tmp_path, (10, 18))
    write_image("large.png", drawing(10, width=80))
    video("one.mp4", (10,))
    (tmp_path / "empty").mkdir()
    for name in ("text.png", "text.txt"):
        (tmp_path / name).write_text("no picture, no video")
    before = names(tmp_path)
    extra = [] if "--model" in arguments else ["--model", "none"]
    assert main(["interpolate", "--quiet", *arguments, *extra]) == 2
    error = capsys.readouterr().err
    assert re.search(said, error), error
    assert names(tmp_path) == before


@pytest.mark.parametrize("options", [("--times", "0.5,2"), ("--fps", "nan"), ("-m", "2", "--times", "0.5")])
def test_options_that_make_no_sense(tmp_path, options):
    with pytest.raises(SystemExit):
        run("a.png", "b.png", "-o", tmp_path / "out", *options)


def test_frames_are_read_only_as_they_are_needed(tmp_path, monkeypatch):
    """One frame in, frames out: the next is not read before those that need no more are written."""
    source = video(tmp_path / "in.mp4", range(8, 20, 2))
    events = []
    read, write = VideoReader.frames, FolderWriter.write

    def reading(self, *first):
        for frame in read(self, *first):
            events.append("read")
            yield frame

    def writing(self, *frame):
        events.append("write")
        write(self, *frame)

    monkeypatch.setattr(VideoReader, "frames", reading)
    monkeypatch.setattr(FolderWriter, "write", writing)
    assert run(source, "-o", tmp_path / "out", "--cuts", "off", "--holds", "keep") == 0
    assert events == ["read", "write"] + ["read", "write", "write"] * 5


def test_progress_within_a_pair_grows_to_its_end(tmp_path, monkeypatch):
    calls = []

    class Recorder(ProgressBar):
        def __call__(self, done, total):
            if self.label == "interpolating":
                calls.append((done, total))
            super().__call__(done, total)

    monkeypatch.setattr(command, "ProgressBar", Recorder)
    assert run(*pictures(tmp_path / "in"), "-o", tmp_path / "out") == 0
    assert [done for done, _ in calls] == sorted(done for done, _ in calls)
    assert any(done % 1 for done, _ in calls)
    assert calls[-1] == (5, 5) and {total for _, total in calls} == {5}


def test_the_bar_ends_its_line_before_anything_else_is_said():
    stream = io.StringIO()
    stream.isatty = lambda: True
    bar = ProgressBar("x", stream=stream)
    bar(0.5, 2)
    assert "] 0/2" in stream.getvalue() and not stream.getvalue().endswith("\n")
    bar.close()
    bar.close()
    assert stream.getvalue().endswith("\n") and stream.getvalue().count("\n") == 1
