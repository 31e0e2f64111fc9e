"""Films and pictures that are cut off or damaged: read as far as they go, or refused in one line that names them."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
import torch
from hostile_files import Short, bounded, damaged
from hypothesis import given
from hypothesis import strategies as st

import animeinterp as ai
from animeinterp.media import MediaInfo, VideoWriter, images_in, kind_of, open_film, read_image, write_image

FILMS = ["a.mp4", "a.mkv", "a.webm", "a.mov", "a.gif", "a.png", "a.webp", "alpha.webm", "deep.mp4", "a.ts", "a.avi", "sound.mkv"]
PICTURES = ["a.png", "deep.png", "a.jpg", "a.webp", "a.bmp", "a.tif", "a.exr", "alpha.png"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Small whole files of each kind, by name."""
    folder = tmp_path_factory.mktemp("whole")
    generator = torch.Generator().manual_seed(0)
    patches = torch.rand(5, 4, 6, 8, generator=generator)
    frames = torch.nn.functional.interpolate(patches, (48, 64), mode="nearest").split(1)
    found = Short()
    for name in FILMS:
        path = folder / name
        if name in ("a.ts", "a.avi", "sound.mkv"):
            by_hand(path, frames)
        else:
            alpha = "alpha" in name
            like = MediaInfo((48, 64), Fraction(12), alpha=alpha, bit_depth=10 if "deep" in name else 8)
            with VideoWriter(path, 12, like=like) as film:
                for frame in frames:
                    film.write(frame if alpha else frame[:, :3])
        found["film", name] = path.read_bytes()
    for name in PICTURES:
        frame = frames[0] if "alpha" in name else frames[0][:, :3]
        write_image(folder / name, frame, bit_depth=16 if "deep" in name else 8)
        found["picture", name] = (folder / name).read_bytes()
    return found


def by_hand(path, frames):
    with av.open(str(path), "w") as container:
        video = container.add_stream("mpeg4" if path.suffix == ".avi" else "libx264", rate=12)
        video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
        audio = container.add_stream("aac", rate=44100, layout="mono") if "sound" in path.name else None
        for frame in frames:
            pixels = (frame[0, :3].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
            container.mux(video.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")))
        container.mux(video.encode(None))
        if audio is not None:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            silence.sample_rate = 44100
            container.mux(audio.encode(silence))
            container.mux(audio.encode(None))


def reads(path, read):
    """The frames of a file, or None where it is refused; in time, in bounded memory."""
    with bounded():
        try:
            frames = read()
        except ai.AnimeInterpError as error:
            assert path.name in str(error) and "\n" not in str(error)
            frames = None
        for frame in frames or ():
            assert frame.ndim == 4 and frame.shape[1] in (3, 4) and bool(torch.isfinite(frame).all())
    return frames


def first_frames(path):
    """Some frames of a film (a header may claim that it goes on for ever), and its timeline."""
    film, frames = open_film(path), []
    film.timeline()
    last = None
    for frame in film.frames():
        assert frame.duration > 0 and (last is None or frame.time == last.end)
        frames.append(frame.pixels)
        last = frame
        if len(frames) == 30:
            break
    return frames


@pytest.mark.parametrize("name", FILMS)
def test_whole_films_are_read(whole, tmp_path, name):
    (tmp_path / name).write_bytes(whole["film", name])
    assert len(reads(tmp_path / name, lambda: first_frames(tmp_path / name))) == 5


@given(data=st.data())
@pytest.mark.parametrize("name", FILMS)
def test_damaged_films(whole, tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data.draw(damaged(whole["film", name])))
    reads(path, lambda: first_frames(path))


@pytest.mark.parametrize("name", FILMS)
def test_films_that_are_cut_off_are_not_taken_for_shorter_ones(whole, tmp_path, name):
    """At any place: an error, or all the frames there are; what the end lacks may be no picture. TS tells of no end."""
    data, path = whole["film", name], tmp_path / name
    for share in (0.1, 0.3, 0.5, 0.7, 0.9, 0.97):
        path.write_bytes(data[: int(len(data) * share)])
        frames = reads(path, lambda: first_frames(path))
        if path.suffix != ".ts":
            assert frames is None or len(frames) == 5


@given(data=st.data())
@pytest.mark.parametrize("name", PICTURES)
def test_damaged_pictures(whole, tmp_path, name, data):
    path = tmp_path / name
    path.write_bytes(data.draw(damaged(whole["picture", name])))
    reads(path, lambda: [read_image(path)])


STARTS = [
    b"GIF89a", b"\x89PNG\r\n\x1a\n", b"RIFF\x10\0\0\0WEBPVP8X", b"\xff\xd8\xff", b"BM", b"II*\0", b"\x76\x2f\x31\x01",
    b"\0\0\0\x18ftypmp42", b"\x1aE\xdf\xa3", b"RIFF\xff\0\0\0AVI ", b"",
]  # fmt: skip


@given(data=st.binary(max_size=200), start=st.sampled_from(STARTS))
def test_what_only_begins_like_one(tmp_path, data, start):
    path = tmp_path / "a.png"
    path.write_bytes(start + data)
    kind_of(path)
    reads(path, lambda: [read_image(path)])
    reads(path, lambda: first_frames(path))
    assert images_in(tmp_path) == [path]


def test_a_picture_that_claims_to_be_huge(tmp_path):
    done, data = cv2.imencode(".png", np.zeros((8, 8, 3), np.uint8))
    data = bytearray(data.tobytes())
    data[16:24] = (40_000).to_bytes(4, "big") * 2
    (tmp_path / "a.png").write_bytes(data)
    with pytest.raises(ai.AnimeInterpError, match="a.png claims to be 40000x40000"):
        read_image(tmp_path / "a.png")
