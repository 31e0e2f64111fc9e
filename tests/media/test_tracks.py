"""Sound and subtitles are taken along as they are, in step with the pictures."""

from fractions import Fraction

import av
import numpy as np
import pytest

from animeinterp.media import Tracks, VideoWriter, open_film

RATE, SOUND_RATE = 12, 48_000
SUBTITLES = "1\n00:00:00,000 --> 00:00:00,500\nhello\n\n2\n00:00:01,000 --> 00:00:01,500\nbeep\n"


def film(path, *, subtitles=False, late=0, codec="aac"):
    """Two seconds; at 1 s a beep is heard, and, ``late`` frames later, a flash is seen."""
    (path.parent / "words.srt").write_text(SUBTITLES)
    with av.open(str(path), "w") as container, av.open(str(path.parent / "words.srt")) as words:
        video = container.add_stream("libx264", rate=RATE)
        video.width, video.height, video.pix_fmt = 64, 64, "yuv420p"
        audio = container.add_stream(codec, rate=SOUND_RATE, layout="stereo")
        audio.metadata["language"] = "jpn"
        text = container.add_stream_from_template(words.streams.subtitles[0]) if subtitles else None
        for index in range(2 * RATE):
            pixels = np.full((64, 64, 3), 255 if index >= RATE else 20, np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = index + late, Fraction(1, RATE)
            container.mux(video.encode(frame))
        container.mux(video.encode(None))
        seconds = np.arange(2 * SOUND_RATE) / SOUND_RATE
        wave = (0.5 * np.sin(2 * np.pi * 440 * seconds) * (seconds >= 1) * (seconds < 1.1)).astype(np.float32)
        for start in range(0, len(wave), 1024):
            frame = av.AudioFrame.from_ndarray(np.stack([wave[start : start + 1024]] * 2), format="fltp", layout="stereo")
            frame.sample_rate, frame.pts, frame.time_base = SOUND_RATE, start, Fraction(1, SOUND_RATE)
            container.mux(audio.encode(frame))
        container.mux(audio.encode(None))
        for packet in words.demux() if subtitles else ():
            if packet.dts is not None:
                packet.stream = text
                container.mux(packet)
    return path


def copy(source, target, **options):
    reader, told = open_film(source), []
    tracks = Tracks(source, tell=told.append, **options)
    with VideoWriter(target, reader.rate, like=reader.info, tracks=tracks) as writer:
        for frame in reader.frames():
            writer.write(frame.pixels, frame.time, frame.duration)
    return told


def flash_and_beep(path):
    """When the picture turns white, and when something is heard, in seconds from the start of the file."""
    with av.open(str(path)) as container:
        zero = max(container.start_time, 0) / 1e6
        flash = next(f.time for f in container.decode(video=0) if f.to_ndarray(format="gray").mean() > 128)
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            loud = np.abs(frame.to_ndarray()[0]) > 0.1
            if loud.any():
                return flash - zero, frame.time + loud.argmax() / SOUND_RATE - zero
    raise AssertionError("nothing is heard")


@pytest.mark.parametrize("late", [0, 6])
@pytest.mark.parametrize("names", ["a.mp4 b.mp4", "a.mkv b.mp4", "a.mp4 b.mkv", "a.ts b.mp4", "a.mkv b.mov"])
def test_sound_stays_in_step(tmp_path, names, late):
    source, target = (tmp_path / name for name in names.split())
    film(source, late=late)
    assert copy(source, target) == []
    flash, beep = flash_and_beep(target)
    assert flash - beep == pytest.approx(late / RATE, abs=0.002)
    if source.suffix != ".ts":  # whose beginning is somewhere
        assert beep == pytest.approx(1, abs=0.002)
    with av.open(str(source)) as before, av.open(str(target)) as after:
        assert after.streams.audio[0].codec_context.name == before.streams.audio[0].codec_context.name
        assert source.suffix == ".ts" or after.streams.audio[0].language == "jpn"
        given = [bytes(packet) for packet in before.demux(audio=0)]
        taken = [bytes(packet) for packet in after.demux(audio=0)]
    if target.suffix == ".mkv":  # it cannot hold what MP4 has before the start
        given = given[-len(taken) :]
        assert len(taken) > 90
    assert source.suffix == ".ts" or given == taken  # not coded anew; TS frames them differently


def test_subtitles_are_kept_where_they_can_be_and_else_it_is_said(tmp_path):
    film(tmp_path / "a.mkv", subtitles=True)
    assert copy(tmp_path / "a.mkv", tmp_path / "b.mkv") == []
    with av.open(str(tmp_path / "b.mkv")) as container:
        said = [(packet.pts * packet.time_base, bytes(packet)) for packet in container.demux(subtitles=0) if packet.size]
    assert said == [(0, b"hello"), (1, b"beep")]
    (told,) = copy(tmp_path / "a.mkv", tmp_path / "b.mp4")
    assert "b.mp4 cannot hold" in told and "subtitle (subrip)" in told and ".mkv" in told


def test_without_sound(tmp_path):
    copy(film(tmp_path / "a.mp4"), tmp_path / "b.mp4", audio=False)
    with av.open(str(tmp_path / "b.mp4")) as container:
        assert [stream.type for stream in container.streams] == ["video"]


def test_a_part_begins_at_nought(tmp_path):
    film(tmp_path / "a.mkv")
    reader = open_film(tmp_path / "a.mkv")
    start, end = Fraction(1, 2), Fraction(3, 2)
    with VideoWriter(tmp_path / "b.mkv", 12, tracks=Tracks(tmp_path / "a.mkv", start=start, end=end)) as writer:
        for frame in reader.frames():
            if start <= frame.time < end:
                writer.write(frame.pixels, frame.time - start, frame.duration)
    flash, beep = flash_and_beep(tmp_path / "b.mkv")
    assert (flash, beep) == (pytest.approx(0.5, abs=0.03), pytest.approx(0.5, abs=0.03))
    with av.open(str(tmp_path / "b.mkv")) as container:
        assert container.duration / 1e6 == pytest.approx(1, abs=0.05)


def test_sound_lies_beside_the_pictures_in_the_file(tmp_path):
    """A player that reads from the start has both at once: no track waits for the end of the other."""
    copy(film(tmp_path / "a.mp4"), tmp_path / "b.mp4")
    with av.open(str(tmp_path / "b.mp4")) as container:
        packets = [(p.pos, p.stream.type, float(p.pts * p.time_base)) for p in container.demux() if p.size]
    sound = [pos for pos, kind, time in packets if kind == "audio" and time < 0.5]
    late_pictures = [pos for pos, kind, time in packets if kind == "video" and time > 1.8]
    assert max(sound) < min(late_pictures)
