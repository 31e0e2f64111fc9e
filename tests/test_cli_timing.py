"""``python -m animeinterp interpolate`` with rates, cuts, twos, parts of films: as files go in and come out."""

from fractions import Fraction

import av
import numpy as np
import pytest
import torch

from animeinterp.cli import main
from animeinterp.media import VideoReader, VideoWriter, read_image

SIZE = 64


def drawing(x, hue=0.9, ground=0.25):
    frame = torch.full((1, 3, SIZE, SIZE), ground)
    frame[..., 18:46, x : x + 24] = torch.tensor([hue, 0.3, 0.2]).view(1, 3, 1, 1)
    frame[..., 26:34, x + 8 : x + 16] = 0.05
    return frame


def film(path, frames, rate=24):
    with VideoWriter(path, rate) as writer:
        for frame in frames:
            writer.write(frame)
    return path


def with_sound(path, source, seconds):
    """The film with a tone of its length, beside it."""
    with av.open(str(source)) as pictures, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(pictures.streams.video[0])
        sound = out.add_stream("aac", rate=44100, layout="mono")
        for packet in pictures.demux(pictures.streams.video[0]):
            if packet.dts is not None:
                packet.stream = stream
                out.mux(packet)
        samples = np.sin(np.arange(int(44100 * seconds)) * 440 * 2 * np.pi / 44100).astype(np.float32)
        for start in range(0, len(samples), 1024):
            chunk = av.AudioFrame.from_ndarray(samples[None, start : start + 1024], format="fltp", layout="mono")
            chunk.sample_rate, chunk.pts = 44100, start
            out.mux(sound.encode(chunk))
        out.mux(sound.encode())
    return path


def run(*arguments):
    return main(["interpolate", "--quiet", "--model", "none", *map(str, arguments)])


def probe(path):
    """Rate, count, duration of the pictures, and of the sound, as ffprobe tells them."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        times = [frame.pts * Fraction(video.time_base) for frame in container.decode(video)]
    with av.open(str(path)) as container:
        sound = [frame.samples for stream in container.streams.audio for frame in container.decode(stream)]
        video = container.streams.video[0]
        return video.average_rate, times, video.duration * Fraction(video.time_base), sum(sound) / 44100


@pytest.fixture
def shots(tmp_path):
    """Twelve drawings at 24 a second, a cut, then six drawings on twos: with a tone. 24 frames, a second."""
    frames = [drawing(4 + 2 * k) for k in range(12)] + [drawing(34 - 4 * (k // 2), 0.1, 0.8) for k in range(12)]
    return with_sound(tmp_path / "in.mp4", film(tmp_path / "silent.mp4", frames), 1.0)


@pytest.mark.parametrize("parts", [(), ("--resume",)])
def test_24_frames_a_second_become_60(shots, tmp_path, parts):
    assert run(shots, "-o", tmp_path / "out.mp4", "--target-fps", 60, *parts) == 0
    rate, times, duration, sound = probe(tmp_path / "out.mp4")
    assert rate == 60 and len(times) == 60 and duration == 1
    assert times == [Fraction(k, 60) for k in range(60)]
    assert sound == pytest.approx(1.0, abs=0.06)
    given, found = list(VideoReader(shots)), list(VideoReader(tmp_path / "out.mp4"))
    for k in (0, 2, 4, 6, 8, 10, 12, 16, 20):  # frames at 24 a second that are frames at 60, too
        assert (found[k * 5 // 2] - given[k]).abs().mean() < 0.02, "at its time"
    # What the twelfth frame cuts off is there until then, and never a mixture.
    for k, frame in enumerate(found):
        ground = float(frame[..., 2:8, 2:60].mean())
        assert abs(ground - 0.25) < 0.03 or abs(ground - 0.8) < 0.03, f"frame {k}"
    assert not list(tmp_path.glob("*.parts"))


def test_a_rate_that_is_no_whole_number(shots, tmp_path):
    assert run(shots, "-o", tmp_path / "out.mp4", "--target-fps", "30000/1001") == 0
    rate, times, duration, _ = probe(tmp_path / "out.mp4")
    assert rate == Fraction(30000, 1001)
    assert all(abs(time - k * Fraction(1001, 30000)) < Fraction(1, 50000) for k, time in enumerate(times))


def test_the_dry_run_prints_a_table_and_draws_nothing(shots, tmp_path, capsys):
    assert run(shots, "-o", tmp_path / "out.mp4", "-m", 2, "--plan") == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 47 + 2
    assert lines[2].split() == ["1", "0.0208", "0", ">", "1", "at", "0.500"]
    assert lines[25].split()[2:] == ["12", "(cut)"]
    assert "24 frames in, 47 out (48 a second)" in lines[-2] and "1 cuts, 6 held" in lines[-2]
    assert not (tmp_path / "out.mp4").exists()
    strip = read_image(tmp_path / "out.mp4.plan.png")
    red = (strip[0, 0] > 0.8) & (strip[0, 1] < 0.25) & (strip[0, 2] < 0.25)
    assert red.sum() > 100, "the bar of the cut"
    blue = (strip[0, 2] > 0.8) & (strip[0, 0] < 0.2)
    assert blue.sum() > 200, "the marks of what will be drawn"
    assert run(shots, "-o", tmp_path / "out.mp4", "-m", 2, "--plan") == 2, "nor is the strip overwritten"


def test_a_part_of_it(shots, tmp_path):
    assert run(shots, "-o", tmp_path / "out.mp4", "-m", 2, "--start", "0.25", "--end", "0:00.5") == 0
    _, times, duration, sound = probe(tmp_path / "out.mp4")
    assert len(times) == 11 and times[0] == 0 and duration == Fraction(1, 4)
    assert 0.2 <= sound <= 0.33
    given, found = list(VideoReader(shots)), list(VideoReader(tmp_path / "out.mp4"))
    assert (found[0] - given[6]).abs().mean() < 0.02


def test_twos_are_smoothed_or_kept_or_dropped(shots, tmp_path):
    counts = {}
    for holds in ("smooth", "keep", "drop"):
        assert run(shots, "-o", tmp_path / holds, "-m", 2, "--holds", holds, "--start", 0.5) == 0
        counts[holds] = len(list((tmp_path / holds).iterdir()))
    assert counts == {"smooth": 23, "keep": 23, "drop": 11}


def test_by_hand_and_as_a_loop(shots, tmp_path):
    assert run(shots, "-o", tmp_path / "out", "--end", 0.2, "--schedule", "0-2: x4; 2-3: hold", "-m", 2, "--loop") == 0
    assert len(list((tmp_path / "out").iterdir())) == 4 + 4 + 2 + 2 + 2


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("-o", "out", "--times", "0.5", "--loop"), "--times draws the same moments"),
        (("-o", "out", "--resume"), "--resume is for films"),
        (("-o", "out.mp4", "--resume", "--fps", "24"), "--target-fps"),
        (("-o", "out.mp4", "--cuts", "99"), 'cuts is "99"; it should be auto, off, or frames from 1 to 23'),
        (("-o", "out.mp4", "--schedule", "0-2: slowly"), '"slowly" is unknown'),
        (("-o", "out.mp4", "--start", "9"), "0 of them in the part"),
    ],
)
def test_what_cannot_be_is_told(shots, tmp_path, monkeypatch, capsys, arguments, said):
    monkeypatch.chdir(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    assert run(shots, *arguments) == 2
    assert said in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == before
