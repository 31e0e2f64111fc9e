"""Who matches whom: affinity, penalties and the mutual matching map (paper 3.1, "Color Piece Matching")."""

from __future__ import annotations

import torch
from torch import Tensor

from ..config import MatchConfig
from ..flow import Matches

TIE_BREAK = 0.02  # of the distance over the diagonal: among pieces that are alike otherwise, the nearest


def affinity(vectors_0: Tensor, vectors_1: Tensor) -> Tensor:
    """A(i, j) = sum_n min(F0(i, n), F1(j, n)), the paper's equation 1.

    With vectors of unit L1 norm this is 1 - |F0(i) - F1(j)|_1 / 2: one distance matrix.

    :param vectors_0: (K0, C) of unit L1 norm.
    :param vectors_1: (K1, C) of unit L1 norm.
    :return: (K0, K1) in 0..1.
    """
    return 1 - torch.cdist(vectors_0, vectors_1, p=1) / 2


def penalised(
    score: Tensor, moments_0: Tensor, moments_1: Tensor, size: tuple[int, int], config: MatchConfig
) -> Tensor:
    """C = A - lambda_dist L_dist - lambda_size L_size (paper, equations 2 to 4).

    :param score: A, (K0, K1).
    :param moments_0: (K0, 6) as ``piece_moments`` gives them; ``moments_1`` likewise (K1, 6).
    :param size: (H, W) of the frame in pixels.
    :return: (K0, K1).
    """
    height, width = size
    distance = torch.cdist(moments_0[:, 1:3], moments_1[:, 1:3]) / (height**2 + width**2) ** 0.5
    far = torch.where(distance > config.free_distance, distance, 0.0)
    area = (moments_0[:, None, 0] - moments_1[None, :, 0]).abs() / (height * width)
    penalty = config.distance_weight * far + config.size_weight * area + TIE_BREAK * config.distance_weight * distance
    return score - penalty.to(score.device, score.dtype)


def mutual_matches(scores: Tensor) -> Matches:
    """Pieces that choose each other: j = argmax C(i, .) and i = argmax C(., j).

    :param scores: C, (K0, K1).
    :return: Matches, sorted by the piece in frame 0, on the CPU.
    """
    forward, backward = scores.argmax(dim=1), scores.argmax(dim=0)
    index = torch.arange(scores.shape[0], device=scores.device)
    stands = backward[forward] == index
    pieces_0, pieces_1 = index[stands], forward[stands]
    return Matches(pieces_0.cpu(), pieces_1.cpu(), scores[pieces_0, pieces_1].float().cpu())
