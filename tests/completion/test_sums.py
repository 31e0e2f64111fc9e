"""Sums by piece, and what is worked out of some pieces alone, against the same of all pixels."""

import numpy as np
import pytest
import torch

from animeinterp.completion.alignment import _Seen, align
from animeinterp.completion.motion import PieceGrid
from animeinterp.completion.sums import PieceSums
from animeinterp.matching.features import piece_moments

PIECES = 7  # of which the last but one has no pixels


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    found = np.random.default_rng(3).integers(0, PIECES, (40, 50)).astype(np.int32)
    found[found == PIECES - 2] = 0
    return found


@pytest.fixture(scope="module")
def grid(labels) -> PieceGrid:
    rng = np.random.default_rng(4)
    image, other = (rng.integers(0, 256, (40, 50, 3)).astype(np.uint8) for _ in range(2))
    moments = piece_moments(torch.from_numpy(labels), PIECES).numpy()
    return PieceGrid.of(image, other, labels, moments, 1)


def test_pieces_are_summed_as_bincount_does(labels):
    values = np.random.default_rng(5).standard_normal(labels.shape).astype(np.float32)
    sums = PieceSums.of(labels, PIECES)
    assert np.array_equal(sums.total(sums.take(values)), np.bincount(labels.ravel(), values.ravel(), PIECES))


def test_pixels_can_be_left_out_and_so_can_pieces(labels):
    values, use = np.random.default_rng(6).standard_normal((2, *labels.shape))
    use = (use > 0) & (labels != 2)
    some = PieceSums.of(labels, PIECES).where(use)
    expected = np.bincount(labels.ravel(), np.where(use, values, 0).ravel(), PIECES)
    assert some.total(some.take(values)) == pytest.approx(expected) and expected[2] == 0 and (expected != 0).sum() == 5
    few = PieceSums.of(labels, PIECES).of_pieces(np.array([4, 5, 1]))
    expected = [(labels == piece).sum() if piece in (1, 4) else 0 for piece in range(PIECES)]
    assert np.bincount(few.at, minlength=PIECES).tolist() == expected
    nothing = PieceSums.of(labels, PIECES).where(np.zeros_like(use))
    assert not nothing.total(nothing.take(values)).any()


def test_what_a_shift_costs_some_pieces_is_what_it_costs_them_among_all(grid):
    pieces, shift = np.array([6, 1, 3]), np.float32([2.3, -41.7])  # some of it leaves the frame
    motion = np.zeros((PIECES, 6), np.float32)
    motion[:, :2] = shift
    assert np.array_equal(grid.cost_of(motion[pieces], pieces), grid.cost(motion)[pieces])


def test_the_cost_of_what_was_aligned_is_that_of_the_motions_returned(grid):
    motion, cost = align(grid, np.zeros((PIECES, 6), np.float32), steps=3)  # noise: some steps help and some do not
    assert np.array_equal(cost, grid.cost(motion)) and (cost <= grid.cost(0 * motion)).all()
    assert motion.any()


def test_what_is_seen_along_some_of_the_motions_is_put_together(grid):
    one, other = np.random.default_rng(8).normal(0, 9, (2, PIECES, 6)).astype(np.float32) * (1, 1, 0, 0, 0, 0)
    which = np.arange(PIECES) % 2 == 0
    mixed, both = _Seen.of(grid, one).but(_Seen.of(grid, other), which[grid.index]), np.where(which[:, None], other, one)
    for name in ("warped", "inside", "unlike"):
        assert np.array_equal(getattr(mixed, name), getattr(_Seen.of(grid, both), name)), name
