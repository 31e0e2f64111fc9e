"""The imitated coarse flow against what was measured of the real one, looked at in the same way."""

import numpy as np
import pytest
import torch

from animeinterp.datasets.cartoon import CartoonConfig, draw_batch
from animeinterp.flow import CoarseFlow, Matches
from animeinterp.training.sgm_errors import MISSING, MOTIONS, RIGHT, SIZES, WRONG, Observed, observe, shares
from animeinterp.training.sgm_errors import errors as measured_errors
from animeinterp.training.simulated_sgm import FOLLOWED, OFFSET, ROUGH, SHARES, simulate

SPEEDS = ((0.0, 0.01), (0.01, 0.03), (0.03, 0.08), (0.08, 0.25))


@pytest.fixture(scope="module")
def observed():
    seen = Observed()
    for k in range(12):
        sample = draw_batch(range(500 + 2 * k, 502 + 2 * k), size=(108, 192), config=CartoonConfig(motion=SPEEDS[k % 4]))
        for index, flow in enumerate(simulate(sample, [1, k])):
            observe(flow, sample, seen, index)
    return seen


def test_right_wrong_and_missing_are_as_often_as_measured(observed):
    table, counts = shares(observed)
    assert counts.sum() > 3000
    for state in (RIGHT, WRONG, MISSING):
        for row in range(len(SIZES) + 1):
            wanted = (SHARES[row, :, state] * counts[row]).sum() / counts[row].sum()
            found = (table[row, :, state] * counts[row]).sum() / counts[row].sum()
            assert found == pytest.approx(wanted, abs=0.05), (state, "size", row)
        for column in range(len(MOTIONS) + 1):
            wanted = (SHARES[:, column, state] * counts[:, column]).sum() / counts[:, column].sum()
            found = (table[:, column, state] * counts[:, column]).sum() / counts[:, column].sum()
            assert found == pytest.approx(wanted, abs=0.08), (state, "motion", column)


def test_right_pieces_err_as_much_as_measured(observed):
    found = measured_errors(observed)
    for name, wanted in (("offset", OFFSET), ("rough", ROUGH)):
        middle = slice(2, 5)  # the median to the ninth tenth, of motions that there are hundreds of
        np.testing.assert_allclose(found[name][1:4, middle], wanted[1:4, middle], rtol=0.5, atol=0.002)
    # The share followed is found from the few pieces that deform most.
    np.testing.assert_allclose(found["followed"][1:4], FOLLOWED[1:4], atol=0.15)


def test_it_is_the_same_for_the_same_seeds_and_different_for_others():
    sample = draw_batch([7, 8], size=(108, 192), config=CartoonConfig(motion=(0.05, 0.1)))
    first, again, other = (simulate(sample, seeds) for seeds in ([3, 4], [3, 4], [3, 5]))
    for index in (0, 1):
        assert torch.equal(first[index].flow_01, again[index].flow_01)
        assert torch.equal(first[index].flow_10, again[index].flow_10)
        assert not torch.equal(first[index].flow_01, other[index].flow_01)
    assert first[0].flow_01.shape == (1, 2, 108, 192) and first[0].flow_01.dtype == torch.float32


def test_both_ways_of_a_match_agree():
    """A piece that is missed one way is missed the other, and matches lead there and back."""
    sample = draw_batch([9], size=(108, 192), config=CartoonConfig(motion=(0.05, 0.1)))
    flow = simulate(sample, [0])[0]
    labels, matches = flow.labels.long(), flow.matches[0]
    assert len(matches.pieces_0.unique()) == len(matches.pieces_1.unique()) == len(matches.pieces_0)
    missing = set(sample.matches[0][:, 0].tolist()) - set(matches.pieces_0.tolist())
    partner = dict(sample.matches[0].tolist())
    assert missing
    for piece in missing:
        assert not flow.flow_01[0][:, labels[0] == piece].any()
        if partner[piece] not in matches.pieces_1:
            assert not flow.flow_10[0][:, labels[1] == partner[piece]].any()


def test_observing_tells_right_wrong_and_missing_apart():
    """On flows made by hand: the truth, a swap of two pieces, nothing."""
    sample = draw_batch([9], size=(108, 192), config=CartoonConfig(motion=(0.05, 0.1)))
    labels = torch.stack([sample.labels_0[0], sample.labels_1[0]])
    ours, theirs = sample.matches[0].unbind(1)

    def states(other):
        seen = Observed()
        flow = CoarseFlow(labels, [Matches(ours, other, torch.ones(len(ours)))], sample.flow_01, sample.flow_10)
        observe(flow, sample, seen)
        known = np.array(seen.known)
        return np.array(seen.state)[known], np.array(seen.offset)[known]

    right, offset = states(theirs)
    assert (right == RIGHT).all() and offset.max() == 0
    wrong, _ = states(theirs.roll(1))
    assert (wrong == WRONG).all()
    nothing = Observed()
    still = torch.zeros_like(sample.flow_01)
    empty = torch.zeros(0, dtype=torch.int64)
    observe(CoarseFlow(labels, [Matches(empty, empty, torch.zeros(0))], still, still), sample, nothing)
    assert set(nothing.state) == {MISSING}
