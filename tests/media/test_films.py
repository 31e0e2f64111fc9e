"""A film comes out as it went in: times, turn, pixel shape, colours, depth, transparency."""

import struct
from fractions import Fraction

import av
import cv2
import numpy as np
import pytest
import torch

from animeinterp import AnimeInterpError
from animeinterp.media import Colour, MediaInfo, VideoWriter, join_films, open_film

# Seven frames, one of them long, as a recording of a screen or an animation has them; the last longer than the rate says.
TIMES = [Fraction(n, 100) for n in (0, 4, 8, 12, 36, 40, 44)]
END = Fraction(61, 100)
HEIGHT, WIDTH = 48, 64


def drawings(*, alpha=False):
    """A box that moves over plain blue; with alpha, a corner that is see-through (and black)."""
    frames = []
    for index in range(len(TIMES)):
        frame = torch.tensor([0.2, 0.4, 0.8]).view(1, 3, 1, 1).expand(1, 3, HEIGHT, WIDTH).clone()
        frame[..., 12:24, 4 * index : 4 * index + 16] = torch.tensor([0.9, 0.3, 0.1]).view(1, 3, 1, 1)
        if alpha:
            opacity = torch.ones(1, 1, HEIGHT, WIDTH)
            opacity[..., 24:, :32] = 0
            frame = torch.cat([frame * opacity, opacity], dim=1)
        frames.append(frame)
    return frames


def write(path, frames, **info):
    alpha = frames[0].shape[1] == 4
    with VideoWriter(path, 25, like=MediaInfo((HEIGHT, WIDTH), Fraction(25), alpha=alpha, **info)) as film:
        for frame, time in zip(frames, TIMES, strict=True):
            film.write(frame, time, END - time)
    return open_film(path)


def by_hand(path, frames, pixel_format="yuv420p", codec="libx264", matrix=1, **settings):
    """A film by PyAV alone, with nothing told but ``settings`` of its codec."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=12, options={"crf": "4"} if codec == "libx264" else {})
        stream.width, stream.height, stream.pix_fmt = frames[0].shape[1], frames[0].shape[0], pixel_format
        for name, value in settings.items():
            setattr(stream.codec_context, name, value)
        for pixels in frames:
            yuv = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(
                format=pixel_format, dst_colorspace=matrix, dst_color_range=settings.get("color_range", 1)
            )
            container.mux(stream.encode(yuv))
        container.mux(stream.encode(None))


@pytest.mark.parametrize(
    "name", ["a.mp4", "a.mov", "a.mkv", "a.webm", "a.gif", "a.webp", "a.png", "deep.mp4", "deep.mkv", "deep.webm", "deep.png"]
)
def test_every_frame_stays_at_its_own_time(tmp_path, name):
    frames = drawings()
    reader = write(tmp_path / name, frames, bit_depth=10 if "deep" in name else 8)
    back = list(reader.frames())
    assert [frame.time for frame in back] == TIMES
    assert back[-1].end == END
    assert all(a.end == b.time for a, b in zip(back, back[1:], strict=False))
    assert reader.timeline().times == tuple(TIMES) and reader.timeline().end == END
    assert max(float((a - b.pixels).abs().mean()) for a, b in zip(frames, back, strict=True)) < 0.02
    assert (reader.info.bit_depth > 8) == ("deep" in name)


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "deep.mp4", "a.mkv"])
@pytest.mark.parametrize("joined", [False, True])
def test_films_of_uneven_times_are_as_long_as_told(tmp_path, name, joined):
    """MP4's own clock is told by the header, which is what players go by; gaps of several lengths, the last of which varies."""
    for seed in range(4):
        random = np.random.default_rng(seed)
        gaps = [Fraction(int(n), 50) for n in random.choice([1, 1, 1, 2, 7, 14], 5 + 4 * seed)]
        path, time = tmp_path / f"{seed}{name}", Fraction(0)
        like = MediaInfo((HEIGHT, WIDTH), Fraction(25), bit_depth=10 if "deep" in name else 8)
        with VideoWriter(path, 25, like=like, uneven=True) as film:
            for index, gap in enumerate(gaps):
                film.write(drawings()[0].roll(2 * index, 3), time, gap)
                time += gap
        if joined:
            join_films([path], path.with_stem("joined"))
            path = path.with_stem("joined")
        assert open_film(path).timeline().end == sum(gaps)
        with av.open(str(path)) as container:
            assert container.duration == pytest.approx(float(sum(gaps)) * av.time_base, abs=1000)
        if path.suffix != ".mkv":
            assert _header_seconds(path) == pytest.approx(float(sum(gaps)), abs=1e-3)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_short_films_of_ten_bits_can_be_decoded_in_time(tmp_path, count):
    """H.265's encoder leaves the time of decoding to chance in films that are shorter than what it looks ahead."""
    for _ in range(20):
        with VideoWriter(tmp_path / "a.mp4", 25, bit_depth=10) as film:
            for index in range(count):
                film.write(drawings()[index])
        with av.open(str(tmp_path / "a.mp4")) as container:
            packets = [packet for packet in container.demux(video=0) if packet.size]
        assert sorted(packet.pts for packet in packets) == [3600 * index for index in range(count)]
        assert all(abs(packet.dts) <= 3600 * count and packet.dts <= packet.pts for packet in packets)


def _header_seconds(path) -> float:
    """How long an MP4 film says it is shown: its edit list, which counts in the header's ticks."""
    data = path.read_bytes()
    ticks = struct.unpack_from(">I", data, data.index(b"mvhd") + 16)[0]
    at = data.index(b"elst")
    count = struct.unpack_from(">I", data, at + 8)[0]
    return sum(struct.unpack_from(">I", data, at + 12 + 12 * n)[0] for n in range(count)) / ticks


@pytest.mark.parametrize("name", ["a.mov", "a.mkv", "a.webm", "a.gif", "a.webp", "a.png"])
def test_transparency_is_kept_where_the_file_can_hold_it(tmp_path, name):
    frames = drawings(alpha=True)
    reader = write(tmp_path / name, frames)
    assert reader.info.alpha
    for given, back in zip(frames, reader, strict=True):
        assert float((given[:, 3] - back[:, 3]).abs().mean()) < 0.01
        assert float((given[:, :3] - back[:, :3] * back[:, 3:]).abs().mean()) < 0.02


def test_transparency_that_is_not_made_use_of_is_none(tmp_path):
    assert not write(tmp_path / "a.gif", drawings()).info.alpha


@pytest.mark.parametrize("loops", [0, 1, 3])
@pytest.mark.parametrize("name", ["a.gif", "a.webp", "a.png"])
def test_loops_are_kept(tmp_path, name, loops):
    assert write(tmp_path / name, drawings(), loops=loops).info.loops == loops


@pytest.mark.parametrize("suffix", [".gif", ".webp", ".apng"])
def test_an_animation_is_known_by_its_content(tmp_path, suffix):
    write(tmp_path / f"a{suffix}", drawings())
    wrong = (tmp_path / f"a{suffix}").rename(tmp_path / "a.jpg")
    assert len(list(open_film(wrong))) == len(TIMES)


def test_sixteen_bits_stay_sixteen_in_an_animated_png(tmp_path):
    frames = [frame * 0.123456 for frame in drawings()]
    reader = write(tmp_path / "a.png", frames, bit_depth=16)
    assert max(float((a - b).abs().max()) for a, b in zip(frames, reader, strict=True)) < 1 / 65535


@pytest.mark.parametrize("name", ["a.mp4", "a.mov", "a.mkv"])
def test_the_shape_of_pixels_is_kept(tmp_path, name):
    reader = write(tmp_path / name, drawings(), pixel_aspect=Fraction(32, 27))
    assert (reader.info.pixel_aspect, reader.size) == (Fraction(32, 27), (HEIGHT, WIDTH))


@pytest.mark.parametrize("name", ["a.webm", "a.gif", "a.png"])
def test_where_pixels_can_only_be_square_they_are_made_so(tmp_path, name):
    assert write(tmp_path / name, drawings(), pixel_aspect=Fraction(3, 2)).size == (HEIGHT, 96)
    assert write(tmp_path / name, drawings(), pixel_aspect=Fraction(1, 2)).size == (96, WIDTH)


@pytest.mark.parametrize(
    "colour", [Colour(1, 1, 1), Colour(6, 6, 6), Colour(5, 6, 5), Colour(9, 16, 9)], ids=["709", "NTSC", "PAL", "PQ"]
)
@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_colours_are_told_and_kept(tmp_path, name, colour):
    frames = drawings()
    reader = write(tmp_path / name, frames, colour=colour, bit_depth=10)
    assert reader.info.colour == colour
    assert float((next(iter(reader))[..., 40:, 40:] - frames[0][..., 40:, 40:]).abs().max()) < 0.01


@pytest.mark.parametrize(("lines", "matrix", "wanted"), [(720, 1, 1), (576, 5, 5), (480, 5, 6)])
def test_what_tells_no_colours_is_read_as_players_do(tmp_path, lines, matrix, wanted):
    red = np.full((lines, 64, 3), (220, 40, 30), np.uint8)
    by_hand(tmp_path / "a.mp4", [red] * 2, matrix=matrix, colorspace=2, color_primaries=2, color_trc=2)
    reader = open_film(tmp_path / "a.mp4")
    assert reader.info.colour.matrix == wanted
    assert float((next(iter(reader))[0, :, 20, 20] * 255 - torch.tensor([220.0, 40, 30])).abs().max()) < 3


def test_full_range_is_read_as_such(tmp_path):
    grey = np.full((48, 64, 3), 235, np.uint8)
    by_hand(tmp_path / "a.mp4", [grey] * 2, color_range=2, colorspace=1)
    assert float(next(iter(open_film(tmp_path / "a.mp4"))).max() * 255) == pytest.approx(235, abs=1)


# How a picture is to be turned, as MP4's matrix (a, b, c, d) says it: x' = a x + c y, y' = b x + d y; and what NumPy makes of it.
TURNS = {
    "90": ((0, 1, -1, 0), lambda a: np.rot90(a, -1)),
    "180": ((-1, 0, 0, -1), lambda a: np.rot90(a, 2)),
    "270": ((0, -1, 1, 0), lambda a: np.rot90(a, 1)),
    "mirrored": ((-1, 0, 0, 1), lambda a: a[:, ::-1]),
    "upside down": ((1, 0, 0, -1), lambda a: a[::-1]),
}


def ask_to_turn(path, matrix):
    """Write the matrix into the header of an MP4's only track, by hand: not every PyAV can."""
    data = bytearray(path.read_bytes())
    a, b, c, d = (number << 16 for number in matrix)
    at = data.index(b"tkhd") + 44  # in the box's version 0
    assert struct.unpack(">9i", data[at : at + 36]) == (1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    data[at : at + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(data)


@pytest.mark.parametrize("turn", TURNS)
def test_frames_are_turned_as_the_file_asks(tmp_path, turn):
    matrix, turned = TURNS[turn]
    pixels = np.zeros((48, 64, 3), np.uint8)
    pixels[:24, :32], pixels[:24, 32:], pixels[24:, :32] = (200, 0, 0), (0, 200, 0), (0, 0, 200)
    by_hand(tmp_path / "a.mp4", [pixels], matrix=5, sample_aspect_ratio=Fraction(4, 3))
    ask_to_turn(tmp_path / "a.mp4", matrix)
    reader = open_film(tmp_path / "a.mp4")
    wanted = turned(pixels)
    back = next(iter(reader))
    assert reader.size == wanted.shape[:2] == tuple(back.shape[-2:])
    assert reader.info.pixel_aspect == (Fraction(3, 4) if turn in ("90", "270") else Fraction(4, 3))
    small = cv2.resize(back[0].permute(1, 2, 0).numpy() * 255, (2, 2), interpolation=cv2.INTER_AREA)
    assert np.abs(small - cv2.resize(wanted.astype(np.float32), (2, 2), interpolation=cv2.INTER_AREA)).max() < 12


def test_times_have_to_ascend(tmp_path):
    with pytest.raises(AnimeInterpError, match="ascend"), VideoWriter(tmp_path / "a.mp4", 24) as film:
        for time in (Fraction(0), Fraction(1), Fraction(1)):
            film.write(drawings()[0], time)
    assert list(tmp_path.iterdir()) == []


def test_an_hour_does_not_drift(tmp_path):
    """Thirds of a frame at 23.976, an hour on: rounded each for itself, not one after the other."""
    rate = Fraction(24000, 1001)
    frame = drawings()[0][..., :16, :16]
    with VideoWriter(tmp_path / "a.mp4", 3 * rate) as film:
        for index in (0, 1, 2, 3, 259_000, 259_001, 259_002):
            film.write(frame, index / (3 * rate))
    times = open_film(tmp_path / "a.mp4").timeline().times
    assert times == tuple(index / (3 * rate) for index in (0, 1, 2, 3, 259_000, 259_001, 259_002))


def test_a_name_that_no_film_has(tmp_path):
    with pytest.raises(AnimeInterpError, match="ends in .xyz"):
        VideoWriter(tmp_path / "a.xyz", 24)
