"""Frames from the middle of a film: the same as they are in the whole of it, without decoding what comes before."""

from fractions import Fraction

import av
import pytest
import torch
from drawings import drawing

from animeinterp.media import PictureReader, VideoReader, VideoWriter, open_film, write_image

COUNT = 40


def whole_and_part(reader, first):
    everything, part = list(reader.frames()), list(reader.frames(first))
    assert len(everything) == COUNT and len(part) == COUNT - first
    for one, other in zip(everything[first:], part, strict=True):
        assert torch.equal(one.pixels, other.pixels) and (one.time, one.duration) == (other.time, other.duration)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.webm", "a.mov", "a.gif", "a.png"])
def test_films_written_here(tmp_path, name):
    with VideoWriter(tmp_path / name, 24) as writer:
        for k in range(COUNT):
            writer.write(drawing(10 + k)[..., :64, :96])
    for first in (0, 1, 17, COUNT - 1):
        whole_and_part(open_film(tmp_path / name), first)
    assert not list(open_film(tmp_path / name).frames(COUNT))


@pytest.mark.parametrize(
    ("codec", "options"),
    [
        ("libx264", {"x264-params": "keyint=12:bframes=3:open-gop=1:scenecut=0"}),
        ("libx264", {"x264-params": "keyint=12:intra-refresh=1:bframes=0"}),
        ("libx265", {"x265-params": "keyint=10:bframes=4:open-gop=1:log-level=error"}),
        ("mpeg4", {"g": "8", "bf": "2"}),
    ],
)
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_films_of_others(tmp_path, name, codec, options):
    with av.open(str(tmp_path / name), "w") as out:
        stream = out.add_stream(codec, rate=24, width=96, height=64, pix_fmt="yuv420p", options=options)
        for k in range(COUNT):
            pixels = (drawing(10 + k)[0, :, :64, :96].permute(1, 2, 0) * 255).byte().numpy()
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = k, Fraction(1, 24)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    reader = VideoReader(tmp_path / name)
    for first in (1, 11, 13, 25, 39):
        whole_and_part(reader, first)


def test_what_comes_before_is_not_decoded(tmp_path, monkeypatch):
    with VideoWriter(tmp_path / "a.mp4", 24) as writer:
        for k in range(600):
            writer.write(drawing(10 + k % 20)[..., :64, :96])
    reader, decoded = VideoReader(tmp_path / "a.mp4"), []
    plain = VideoReader._decoded

    def counting(self, *arguments, **options):
        for frame in plain(self, *arguments, **options):
            decoded.append(frame)
            yield frame

    monkeypatch.setattr(VideoReader, "_decoded", counting)
    assert len(list(reader.frames(590))) == 10
    assert len(decoded) < 300  # a key frame comes every 250


def test_pictures(tmp_path):
    paths = [tmp_path / f"{k:02d}.png" for k in range(COUNT)]
    for k, path in enumerate(paths):
        write_image(path, drawing(10 + k)[..., :64, :96])
    reader = PictureReader(paths)
    whole_and_part(reader, 23)
    assert PictureReader(paths, info=reader.info).timeline() == reader.timeline()
