"""Affinity, penalties and the matching map against the paper's formulas, written out."""

import math

import pytest
import torch

from animeinterp.config import MatchConfig
from animeinterp.matching.affinity import TIE_BREAK, affinity, mutual_matches, penalised
from animeinterp.matching.features import unit_vectors


def test_affinity_is_the_sum_of_minima():
    generator = torch.Generator().manual_seed(0)
    one, other = (unit_vectors(torch.rand(k, 40, generator=generator)) for k in (5, 7))
    found = affinity(one, other)
    for i in range(5):
        for j in range(7):
            wanted = sum(min(a, b) for a, b in zip(one[i].tolist(), other[j].tolist(), strict=True))
            assert found[i, j].item() == pytest.approx(wanted, abs=1e-5)
    torch.testing.assert_close(affinity(one, one).diagonal(), torch.ones(5))


def piece(area, x, y):
    return [area, x, y, 1.0, 1.0, 0.0]


def test_penalties_by_hand():
    """A frame of 300x400 has a diagonal of 500."""
    score = torch.full((1, 3), 0.9)
    here = torch.tensor([piece(1000, 50, 50)], dtype=torch.float64)
    there = torch.tensor([piece(1000, 50, 100), piece(7000, 50, 50), piece(1000, 350, 50)], dtype=torch.float64)
    found = penalised(score, here, there, (300, 400), MatchConfig(0.2, 0.05, 0.15))
    wanted = [
        0.9 - TIE_BREAK * 0.2 * 0.1,  # 50 px are a tenth of the diagonal: free, but for the tie-break
        0.9 - 0.05 * 6000 / 120000,
        0.9 - 0.2 * 0.6 - TIE_BREAK * 0.2 * 0.6,
    ]
    torch.testing.assert_close(found, torch.tensor([wanted]))


def test_penalties_of_no_weight_are_none():
    score = torch.rand(2, 3, generator=torch.Generator().manual_seed(0))
    moments = torch.rand(3, 6, dtype=torch.float64) * 100
    found = penalised(score, moments[:2], moments, (100, 100), MatchConfig(0.0, 0.0))
    torch.testing.assert_close(found, score)


def test_among_equals_the_nearest():
    moments = torch.tensor([piece(9, 10, 10), piece(9, 40, 10), piece(9, 70, 10)], dtype=torch.float64)
    found = mutual_matches(penalised(torch.ones(3, 3), moments, moments, (100, 100), MatchConfig()))
    assert found.pieces_0.tolist() == found.pieces_1.tolist() == [0, 1, 2]


def test_only_mutual_choices_stand():
    scores = torch.tensor([[0.9, 0.1, 0.2], [0.8, 0.3, 0.1], [0.1, 0.2, 0.7]])
    found = mutual_matches(scores)  # piece 1 would like 0, which is taken
    assert found.pieces_0.tolist() == [0, 2] and found.pieces_1.tolist() == [0, 2]
    torch.testing.assert_close(found.scores, torch.tensor([0.9, 0.7]))
    swapped = mutual_matches(scores.t())
    pairs = set(zip(swapped.pieces_1.tolist(), swapped.pieces_0.tolist(), strict=True))
    assert pairs == {(0, 0), (2, 2)}


def test_mutual_matches_against_the_literal_loop():
    scores = torch.rand(20, 30, generator=torch.Generator().manual_seed(3))
    wanted = []
    for i in range(20):
        j = max(range(30), key=lambda j: scores[i, j].item())
        if max(range(20), key=lambda k: scores[k, j].item()) == i:
            wanted.append((i, j))
    found = mutual_matches(scores)
    assert list(zip(found.pieces_0.tolist(), found.pieces_1.tolist(), strict=True)) == wanted
    assert 0 < len(wanted) < 20


def test_the_diagonal_is_that_of_the_frame():
    """The same motion as a share of the frame costs the same at any size."""
    costs = []
    for scale in (1, 4):
        one = torch.tensor([piece(100 * scale**2, 10 * scale, 10 * scale)], dtype=torch.float64)
        other = torch.tensor([piece(100 * scale**2, 80 * scale, 30 * scale)], dtype=torch.float64)
        costs.append(penalised(torch.ones(1, 1), one, other, (60 * scale, 90 * scale), MatchConfig()).item())
    assert costs[0] == pytest.approx(costs[1]) and not math.isclose(costs[0], 1.0, abs_tol=0.05)
