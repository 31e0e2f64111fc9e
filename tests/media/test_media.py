"""Videos and pictures survive the way to a file and back."""

import numpy as np
import pytest
import torch

from animeinterp import AnimeInterpError
from animeinterp.media import VideoReader, VideoWriter, read_image, write_image


def clip(count: int, height: int, width: int) -> list[torch.Tensor]:
    """Flat, strongly coloured frames: they show a wrong colour matrix, and chroma subsampling leaves them be."""
    colours = torch.tensor([[0.9, 0.1, 0.1], [0.1, 0.8, 0.2], [0.2, 0.1, 0.9], [0.95, 0.9, 0.1]])
    return [colours[i % 4].view(1, 3, 1, 1).expand(1, 3, height, width).contiguous() for i in range(count)]


def test_video_round_trip_keeps_frames_colours_and_rate(tmp_path):
    frames = clip(7, 48, 64)
    with VideoWriter(tmp_path / "new" / "clip.mp4", 24000 / 1001) as video:
        for frame in frames:
            video.write(frame)
    reader = VideoReader(tmp_path / "new" / "clip.mp4")
    assert reader.size == (48, 64)
    assert reader.count == 7
    assert float(reader.rate) == pytest.approx(24000 / 1001, rel=1e-6)
    for _ in range(2):  # iterating starts anew
        back = list(reader)
        assert len(back) == 7
        assert max(float((a - b).abs().max()) for a, b in zip(frames, back, strict=True)) < 0.02


def test_odd_sizes_are_padded_with_what_is_at_the_edge(tmp_path):
    frame = torch.rand(1, 3, 1, 33).expand(1, 3, 49, 33).contiguous()
    frame[..., -5:] = 0.25
    with VideoWriter(tmp_path / "odd.mp4", 12) as video:
        video.write(frame)
    back = next(iter(VideoReader(tmp_path / "odd.mp4")))
    assert back.shape == (1, 3, 50, 34)
    assert float((back[..., -2:] - 0.25).abs().max()) < 0.02


def test_an_error_on_the_way_leaves_the_old_file_and_nothing_else(tmp_path):
    (tmp_path / "clip.mp4").write_bytes(b"what was there")
    with pytest.raises(AnimeInterpError, match="64x48.*one size"), VideoWriter(tmp_path / "clip.mp4", 24) as video:
        video.write(torch.zeros(1, 3, 48, 64))
        video.write(torch.zeros(1, 3, 50, 64))
    assert [p.name for p in tmp_path.iterdir()] == ["clip.mp4"]
    assert (tmp_path / "clip.mp4").read_bytes() == b"what was there"


def test_what_is_no_video_says_so(tmp_path):
    with pytest.raises(AnimeInterpError, match="not there"):
        VideoReader(tmp_path / "missing.mp4")
    (tmp_path / "text.mp4").write_text("not a video at all")
    with pytest.raises(AnimeInterpError, match="no video"):
        VideoReader(tmp_path / "text.mp4")


@pytest.mark.parametrize("channels", [3, 4])
def test_picture_round_trip(tmp_path, channels):
    frame = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (1, channels, 9, 11))).float() / 255
    write_image(tmp_path / "Bild-é.png", frame)
    assert torch.equal(read_image(tmp_path / "Bild-é.png"), frame)


def test_what_is_no_picture_says_so(tmp_path):
    with pytest.raises(AnimeInterpError, match="not there"):
        read_image(tmp_path / "missing.png")
    (tmp_path / "text.png").write_text("no")
    with pytest.raises(AnimeInterpError, match="no picture"):
        read_image(tmp_path / "text.png")
