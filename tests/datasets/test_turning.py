"""The figures that turn: from a seed, whole, and smooth in time."""

import numpy as np
import pytest

from animeinterp.datasets.turning import draw_figure

SIZE = 96


@pytest.fixture(scope="module")
def clips() -> dict[int, np.ndarray]:
    return {seed: draw_figure(seed, size=SIZE) for seed in range(6)}


def premultiplied(frames: np.ndarray) -> np.ndarray:
    """Colours 0..1 that are 0 where nothing is drawn."""
    frames = frames.astype(np.float32) / 255
    return frames[..., :3] * frames[..., 3:]


def test_shape_and_type(clips):
    for clip in clips.values():
        assert clip.shape == (9, SIZE, SIZE, 4)
        assert clip.dtype == np.uint8


def test_frames_and_size_are_the_callers():
    assert draw_figure(3, size=64, frames=3).shape == (3, 64, 64, 4)


def test_same_seed_same_clip(clips):
    np.testing.assert_array_equal(draw_figure(1, size=SIZE), clips[1])


def test_seeds_differ(clips):
    first = list(clips.values())
    for a, b in zip(first, first[1:], strict=False):
        assert np.abs(premultiplied(a) - premultiplied(b)).mean() > 0.02


def test_a_figure_fills_some_of_each_frame(clips):
    for clip in clips.values():
        share = (clip[..., 3] > 127).mean((1, 2))
        assert share.min() > 0.01
        assert share.max() < 0.97


def test_neighbours_are_nearer_than_the_ends(clips):
    """Motion is smooth: no jump between neighbours, and the ends lie further apart than neighbours do."""
    for clip in clips.values():
        picture = premultiplied(clip)
        steps = np.abs(np.diff(picture, axis=0)).mean((1, 2, 3))
        assert steps.max() > 0  # something moves
        assert steps.mean() < np.abs(picture[-1] - picture[0]).mean()
        assert steps.max() < 6 * np.median(steps) + 0.01


def test_outlines_leave_no_holes(clips):
    """What lies inside the figure is opaque: alpha is 0 or 255 but for a thin border."""
    for clip in clips.values():
        between = (clip[..., 3] > 8) & (clip[..., 3] < 247)
        assert between.mean() < 0.12
