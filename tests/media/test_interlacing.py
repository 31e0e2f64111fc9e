"""Interlaced films are known as such and made whole; all others are left alone."""

from fractions import Fraction

import av
import cv2
import numpy as np
import pytest

from animeinterp import AnimeInterpError
from animeinterp.cli import main
from animeinterp.media import open_film

HEIGHT, WIDTH, FRAMES = 96, 160, 20


def scene(time, speed=5):
    """A figure that moves to the right before blocks of colour."""
    picture = np.full((HEIGHT, WIDTH, 3), (120, 180, 230), np.uint8)
    for index in range(5):
        cv2.rectangle(picture, (index * 40, 60), (index * 40 + 25, HEIGHT), (60 + index * 30, 90, 50), -1)
    centre = (24 + int(time * speed), 40)
    cv2.circle(picture, centre, 18, (220, 60, 40), -1)
    cv2.circle(picture, centre, 18, (0, 0, 0), 2)
    return picture


def woven(upper, lower):
    frame = upper.copy()
    frame[1::2] = lower[1::2]
    return frame


def film(path, frames, flag=None):
    options = {"crf": "10"} | ({"x264-params": f"{flag}=1"} if flag else {})
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.width, stream.height, stream.pix_fmt = frames[0].shape[1], frames[0].shape[0], "yuv420p"
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode(None))
    return path


WHOLE = {
    "on ones": [scene(i) for i in range(FRAMES)],
    "on twos": [scene(i // 2 * 2) for i in range(FRAMES)],
    "still": [scene(0)] * FRAMES,
    "pan": [np.roll(scene(0), 3 * i, 1) for i in range(FRAMES)],
    "vertical pan": [np.roll(scene(0), 3 * i, 0) for i in range(FRAMES)],
    "scanlines": [scene(i) * np.array([1.0, 0.6])[np.arange(HEIGHT) % 2][:, None, None] for i in range(FRAMES)],
}


@pytest.mark.parametrize("name", WHOLE)
def test_whole_frames_are_left_alone(tmp_path, name):
    reader = open_film(film(tmp_path / "a.mp4", [frame.astype(np.uint8) for frame in WHOLE[name]]))
    assert not reader.info.deinterlaced
    assert len(list(reader)) == FRAMES


@pytest.mark.parametrize("order", ["tff", "bff"])
@pytest.mark.parametrize("flagged", [False, True])
def test_half_pictures_become_whole_ones(tmp_path, order, flagged):
    halves = [woven(*((scene(i), scene(i + 0.5)) if order == "tff" else (scene(i + 0.5), scene(i)))) for i in range(FRAMES)]
    reader = open_film(film(tmp_path / "a.mp4", halves, order if flagged else None))
    assert reader.info.deinterlaced
    frames = list(reader.frames())
    assert len(frames) == FRAMES and frames[-1].end == reader.timeline().end == Fraction(FRAMES, 25)
    raw = list(open_film(tmp_path / "a.mp4", deinterlace="off"))
    for index in (5, 9):
        truth = scene(index).astype(float)
        made, given = ((x[0].permute(1, 2, 0).numpy() * 255 - truth)[18:62] for x in (frames[index].pixels, raw[index]))
        assert (made**2).mean() < 0.5 * (given**2).mean()


def test_whole_frames_under_a_wrong_flag_are_left_alone(tmp_path):
    assert not open_film(film(tmp_path / "a.mp4", WHOLE["on ones"], "tff")).info.deinterlaced


def test_it_can_be_asked_for(tmp_path):
    film(tmp_path / "a.mp4", WHOLE["on ones"])
    assert open_film(tmp_path / "a.mp4", deinterlace="on").info.deinterlaced
    with pytest.raises(AnimeInterpError, match="deinterlace is 'never'"):
        open_film(tmp_path / "a.mp4", deinterlace="never")


def test_the_command_says_what_it_does(tmp_path, capsys):
    film(tmp_path / "a.mp4", [woven(scene(i), scene(i + 0.5)) for i in range(8)], "tff")
    assert main(["interpolate", str(tmp_path / "a.mp4"), "-o", str(tmp_path / "b.mp4"), "-m", "1", "--quiet"]) == 0
    assert "a.mp4 is interlaced" in capsys.readouterr().err
