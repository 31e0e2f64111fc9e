"""Pictures come out as they went in: turned as they are seen, as deep as they were; animations as animations."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
import torch

from animeinterp import AnimeInterpError
from animeinterp.cli import main
from animeinterp.media import MediaInfo, PictureReader, VideoWriter, open_film, read_image, write_image

HEIGHT, WIDTH = 72, 96


def drawing(x, *, alpha=False):
    frame = torch.tensor([0.2, 0.4, 0.8]).view(1, 3, 1, 1).expand(1, 3, HEIGHT, WIDTH).clone()
    frame[..., 20:50, x : x + 24] = torch.tensor([0.9, 0.3, 0.1]).view(1, 3, 1, 1)
    if not alpha:
        return frame
    opacity = torch.zeros(1, 1, HEIGHT, WIDTH)
    opacity[..., 20:50, x : x + 24] = 1
    return torch.cat([frame * opacity, opacity], dim=1)


def animation(path, *, alpha=False, loops=0):
    """Three drawings, the second shown four times as long."""
    like = MediaInfo((HEIGHT, WIDTH), Fraction(10), alpha=alpha, loops=loops)
    with VideoWriter(path, 10, like=like) as writer:
        for x, time in ((10, Fraction(0)), (18, Fraction(1, 10)), (26, Fraction(5, 10))):
            writer.write(drawing(x, alpha=alpha), time)
    return path


def run(*arguments):
    return main(["interpolate", *map(str, arguments), "--model", "none", "--holds", "keep", "--cuts", "off", "--quiet"])


def exif(orientation, order="MM"):
    """The least EXIF that tells an orientation."""
    pack = (lambda n, size: n.to_bytes(size, "big")) if order == "MM" else (lambda n, size: n.to_bytes(size, "little"))
    entry = pack(0x0112, 2) + pack(3, 2) + pack(1, 4) + pack(orientation, 2) + bytes(2)
    return order.encode() + pack(42, 2) + pack(8, 4) + pack(1, 2) + entry + pack(0, 4)


# What each orientation makes of a picture, by EXIF's own words: where its row 0 and its column 0 are seen.
SEEN = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],  # top, right
    3: lambda a: a[::-1, ::-1],  # bottom, right
    4: lambda a: a[::-1],  # bottom, left
    5: lambda a: a.swapaxes(0, 1),  # left, top
    6: lambda a: a.swapaxes(0, 1)[:, ::-1],  # right, top
    7: lambda a: a.swapaxes(0, 1)[::-1, ::-1],  # right, bottom
    8: lambda a: a.swapaxes(0, 1)[::-1],  # left, bottom
}


@pytest.mark.parametrize("order", ["MM", "II"])
@pytest.mark.parametrize("orientation", SEEN)
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp"])
def test_pictures_are_turned_as_exif_says(tmp_path, suffix, orientation, order):
    pixels = np.zeros((32, 48, 3), np.uint8)
    pixels[:16, :24], pixels[:16, 24:], pixels[16:, :24] = (200, 30, 30), (30, 200, 30), (30, 30, 200)
    data = cv2.imencode(suffix, pixels[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 98] if suffix == ".jpg" else [])[1].tobytes()
    body = exif(orientation, order)
    if suffix == ".jpg":
        body = b"Exif\0\0" + body
        data = data[:2] + b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body + data[2:]
    elif suffix == ".png":
        import zlib

        chunk = b"eXIf" + body
        data = data[:33] + len(body).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big") + data[33:]
    else:
        extended = b"VP8X\x0a\0\0\0\x08\0\0\0" + (47).to_bytes(3, "little") + (31).to_bytes(3, "little")
        chunks = extended + data[12:] + b"EXIF" + len(body).to_bytes(4, "little") + body + b"\0" * (len(body) % 2)
        data = b"RIFF" + (len(chunks) + 4).to_bytes(4, "little") + b"WEBP" + chunks
    (tmp_path / f"a{suffix}").write_bytes(data)
    back = read_image(tmp_path / f"a{suffix}")[0].permute(1, 2, 0).numpy() * 255
    wanted = SEEN[orientation](pixels)
    assert back.shape == wanted.shape
    assert np.abs(back - wanted)[4:-4, 4:-4].mean() < 6


@pytest.mark.parametrize("grey", ["grey", "grey and alpha", "palette"])
def test_pictures_of_other_kinds(tmp_path, grey):
    from PIL import Image

    levels = np.arange(256, dtype=np.uint8).reshape(16, 16)
    if grey == "grey":
        Image.fromarray(levels).save(tmp_path / "a.png")
    elif grey == "grey and alpha":
        Image.fromarray(np.stack([levels, levels[::-1]], axis=2), "LA").save(tmp_path / "a.png")
    else:
        Image.fromarray(levels).convert("P").save(tmp_path / "a.png", transparency=0)
    frame = read_image(tmp_path / "a.png")
    assert frame.shape == (1, 3 if grey == "grey" else 4, 16, 16)
    assert torch.equal((frame[0, 0] * 255).round().byte()[1:], torch.from_numpy(levels)[1:])
    if grey == "grey and alpha":
        assert torch.equal((frame[0, 3] * 255).round().byte(), torch.from_numpy(levels[::-1].copy()))


def test_sixteen_bits_stay_sixteen_and_can_be_asked_for(tmp_path):
    frames = [drawing(x) * 0.1234567 for x in (10, 18)]
    paths = [tmp_path / f"{index}.png" for index in range(2)]
    for path, frame in zip(paths, frames, strict=True):
        write_image(path, frame, bit_depth=16)
    assert run(*paths, "-o", tmp_path / "out") == 0
    assert cv2.imread(str(tmp_path / "out" / "frame_00002.png"), cv2.IMREAD_UNCHANGED).dtype == np.uint16
    assert float((read_image(tmp_path / "out" / "frame_00001.png") - frames[0]).abs().max()) < 1 / 65535
    assert run(*paths, "-o", tmp_path / "eight", "--bit-depth", "8") == 0
    assert cv2.imread(str(tmp_path / "eight" / "frame_00001.png"), cv2.IMREAD_UNCHANGED).dtype == np.uint8
    assert run(*paths, "-o", tmp_path / "a.mp4") == 0  # which every player shows
    assert open_film(tmp_path / "a.mp4").info.bit_depth == 8
    assert run(*paths, "-o", tmp_path / "deep.mp4", "--bit-depth", "10") == 0
    deep = open_film(tmp_path / "deep.mp4")
    assert deep.info.bit_depth == 10
    assert float((next(iter(deep)) - frames[0]).abs().mean()) < 0.002


def test_a_film_of_ten_bits_stays_one(tmp_path):
    with VideoWriter(tmp_path / "a.mp4", 12, bit_depth=10) as film:
        for x in (10, 18, 26):
            film.write(drawing(x))
    assert run(tmp_path / "a.mp4", "-o", tmp_path / "b.mkv") == 0
    assert open_film(tmp_path / "b.mkv").info.bit_depth == 10
    assert run(tmp_path / "a.mp4", "-o", tmp_path / "c.mp4", "--bit-depth", "8") == 0
    assert open_film(tmp_path / "c.mp4").info.bit_depth == 8
    with av.open(str(tmp_path / "b.mkv")) as container:
        assert container.streams.video[0].codec_context.pix_fmt == "yuv420p10le"


def test_light_over_one_goes_through_exr(tmp_path):
    frames = [torch.where(drawing(x) > 0.85, 7.5, drawing(x)) for x in (10, 18)]
    for index, frame in enumerate(frames):
        write_image(tmp_path / f"{index}.exr", frame)
    assert torch.equal(read_image(tmp_path / "0.exr"), frames[0])
    assert run(tmp_path / "0.exr", tmp_path / "1.exr", "-o", tmp_path / "out") == 0
    back = [read_image(path) for path in sorted((tmp_path / "out").iterdir())]
    assert len(back) == 3 and torch.equal(back[0], frames[0]) and torch.equal(back[2], frames[1])
    assert float(back[1].max()) == pytest.approx(7.5, rel=0.05)


@pytest.mark.parametrize("names", ["a.gif b.gif", "a.png b.webp", "a.webp b.png", "a.apng b.gif", "a.gif b.webm", "a.webp b.mov"])
def test_animations_keep_their_times_and_their_transparency(tmp_path, names):
    source, target = (tmp_path / name for name in names.split())
    animation(source, alpha=True, loops=3)
    assert run(source, "-o", target) == 0
    film = open_film(target)
    times = [frame.time for frame in film.frames()]
    assert times == [Fraction(n, 1000) for n in (0, 50, 100, 300, 500)]
    assert film.timeline().end == open_film(source).timeline().end
    assert film.info.alpha and all(bool((frame[:, 3, :15] < 0.1).all()) for frame in film)
    if target.suffix in (".gif", ".png", ".webp"):
        assert film.info.loops == 3


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng"])
def test_animations_are_known_whatever_they_are_called(tmp_path, suffix):
    renamed = animation(tmp_path / f"a{suffix}", alpha=True).rename(tmp_path / "a.png")
    assert run(renamed, "-o", tmp_path / "out") == 0
    assert len(list((tmp_path / "out").iterdir())) == 5
    assert read_image(tmp_path / "out" / "frame_00002.png").shape == (1, 4, HEIGHT, WIDTH)


def test_what_cannot_be_transparent_is_said_so_in_one_line(tmp_path, capsys):
    assert run(animation(tmp_path / "a.gif", alpha=True), "-o", tmp_path / "b.mp4") == 0
    (said,) = [line for line in capsys.readouterr().err.splitlines() if "transparent" in line]
    assert "b.mp4 cannot be transparent" in said and ".webm" in said
    assert float(next(iter(open_film(tmp_path / "b.mp4")))[..., :15, :].max()) < 0.02  # black
    assert run(animation(tmp_path / "c.gif"), "-o", tmp_path / "d.mp4") == 0
    assert capsys.readouterr().err == ""  # an opaque one loses nothing


def test_an_animation_among_pictures_is_refused(tmp_path, capsys):
    animation(tmp_path / "a.png")
    write_image(tmp_path / "b.png", drawing(10))
    assert run(tmp_path / "a.png", tmp_path / "b.png", "-o", tmp_path / "out") == 2
    assert "a.png is no picture but an animation" in capsys.readouterr().err


def test_pictures_of_two_sizes_are_named(tmp_path):
    write_image(tmp_path / "a.png", drawing(10))
    write_image(tmp_path / "b.png", drawing(10)[..., :50])
    with pytest.raises(AnimeInterpError, match="b.png is 50x72.*a.png is 96x72"):
        PictureReader([tmp_path / "a.png", tmp_path / "b.png"])
