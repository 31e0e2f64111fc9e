"""Segment-guided matching (paper 3.1): which piece became which, and how it moved. Coarse flow, both ways."""

from .coarse import Pieces, coarse_flow, describe_pieces, match_pieces, pair_flow, pair_matches

__all__ = ["Pieces", "coarse_flow", "describe_pieces", "match_pieces", "pair_flow", "pair_matches"]
