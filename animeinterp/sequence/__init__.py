"""Clips: what is kept of all their pairs."""

from .compact import ClipFlow, ClipLabels, FixedPoint

__all__ = ["ClipFlow", "ClipLabels", "FixedPoint"]
