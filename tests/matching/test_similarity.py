"""The similarity of a match: what turned, grew and went somewhere is told by the numbers that it was moved by."""

import numpy as np
import pytest

from animeinterp.matching.similarity import fit_similarities

HEIGHT, WIDTH = 40, 60


def box(left, top, size):
    labels = np.zeros((HEIGHT, WIDTH), np.int32)
    labels[top : top + size, left : left + size] = 1
    return labels


def field(linear, about, to):
    """The flow (H, W, 2) of all that goes from ``about`` to ``to`` by a matrix."""
    at = np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT)), axis=-1).astype(float)
    return ((at - about) @ linear.T + to - at).astype(np.float32)


@pytest.mark.parametrize("turn, scale", [(0.0, 1.0), (0.4, 1.0), (-0.7, 1.0), (0.0, 1.3), (0.25, 0.8)])
def test_turn_scale_and_shift_are_those_of_the_flow(turn, scale):
    linear = scale * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    one, other = box(10, 8, 12), box(30, 15, 12)
    from_, to = np.array([15.5, 13.5]), np.array([35.5, 20.5])
    forward, backward = field(linear, from_, to), field(np.linalg.inv(linear), to, from_)
    moved = np.array([True])
    fit = fit_similarities((one, forward, np.array([1]), moved), (other, backward, np.array([1]), moved), np.zeros((2, 6)))
    assert fit[0, 4:] == pytest.approx([turn, np.log(scale)], abs=1e-5)
    assert linear @ (fit[0, :2] - from_) + to == pytest.approx(fit[0, 2:4], abs=1e-4)


def test_one_that_moved_nothing_stays_about_its_own_centre():
    moments = np.array([[0.0] * 6, [144, 15.5, 13.5, 1, 1, 0]])
    still, none = np.zeros((HEIGHT, WIDTH, 2), np.float32), np.array([False])
    way = box(10, 8, 12), still, np.array([1]), none
    assert fit_similarities(way, way, moments)[0].tolist() == [15.5, 13.5, 15.5, 13.5, 0, 0]
