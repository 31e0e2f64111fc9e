"""Recurrent flow refinement (paper 3.2): two frames and their coarse flows -> fine flows."""

from .network import RefineNetwork

__all__ = ["RefineNetwork"]
