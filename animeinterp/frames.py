"""Frames on their way through the stages: one with what is known of it alone, and two of them as a pair."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from .alpha import over_grey, premultiply, straighten
from .value_range import ValueRange


class EncodedFrame:
    """A frame, and what is known of it alone: found when it is first asked for, and kept for its next pair.

    ``frame`` (1, 3 or 4, H, W) float32 (or float64) where the work is done; ``rgb`` (1, 3, H, W), what networks see: laid
    over mid-grey where there is alpha; ``opaque``: whether there is none, or nothing is seen through. ``size`` (H, W) is that
    of the frame that was given, where this one is padded; ``values``, how far its colours go. ``lock``: whoever finds something
    of it out holds it, so that the pair beside waits for it and does not find it again.
    """

    def __init__(self, frame: Tensor) -> None:
        self.frame = frame
        self.size = (frame.shape[-2], frame.shape[-1])
        self.values = ValueRange()
        self.rgb = over_grey(frame)
        self.opaque = frame.shape[1] == 3 or bool((frame[:, 3:] >= 1).all())
        self.segmentation: Future | None = None  # of a thread that segments the frame meanwhile
        self.pieces: Any = None  # its colour pieces and their features, see ``matching.Pieces``
        self.protected: Tensor | None = None  # (1, 1, H, W) of ``size``: where nothing is interpolated
        self.lock = threading.RLock()
        self._features: dict[Any, Any] = {}
        self._smaller: EncodedFrame | None = None

    def features(self, network: Any) -> Any:
        """What ``network.encode`` makes of ``rgb``: computed once."""
        with self.lock:
            if network not in self._features:
                self._features[network] = network.encode(self.rgb)
            return self._features[network]

    def at_most(self, side: int | None) -> EncodedFrame:
        """The frame with ``side`` pixels on its longer side, made once; itself where it has no more, or ``side`` is None."""
        longer = max(self.frame.shape[-2:])
        if side is None or longer <= side:
            return self
        with self.lock:
            if self._smaller is None or max(self._smaller.frame.shape[-2:]) != side:
                self._smaller = EncodedFrame(smaller(self.frame, side / longer))
            return self._smaller

    def has_features(self, network: Any) -> bool:
        """Whether ``features`` of this network are there already."""
        return network in self._features


@dataclass(frozen=True)
class FramePair:
    """Two frames of one size, between which others are to be drawn."""

    frame0: EncodedFrame
    frame1: EncodedFrame

    @classmethod
    def of(cls, frame0: Tensor, frame1: Tensor) -> FramePair:
        """A pair of frames (1, 3 or 4, H, W) in 0..1, of which nothing is known yet."""
        return cls(EncodedFrame(frame0), EncodedFrame(frame1))

    @property
    def frames(self) -> tuple[Tensor, Tensor]:
        """Both as they came, (1, 3 or 4, H, W)."""
        return self.frame0.frame, self.frame1.frame

    @property
    def rgb(self) -> tuple[Tensor, Tensor]:
        """Both as networks see them, (1, 3, H, W)."""
        return self.frame0.rgb, self.frame1.rgb

    @property
    def opaque(self) -> bool:
        """Whether nothing is seen through either: then three channels tell all."""
        return self.frame0.opaque and self.frame1.opaque

    @property
    def device(self) -> torch.device:
        """Where both are."""
        return self.frame0.frame.device

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.frame0.frame.shape[-2], self.frame0.frame.shape[-1]

    def at_most(self, side: int | None) -> FramePair:
        """Both with ``side`` pixels on the longer side (``EncodedFrame.at_most``)."""
        return FramePair(self.frame0.at_most(side), self.frame1.at_most(side))

    def features(self, network: Any) -> tuple[Any, Any]:
        """What ``network.encode`` makes of each frame (``EncodedFrame.features``)."""
        return self.frame0.features(network), self.frame1.features(network)

    def to_encode(self, network: Any) -> int:
        """Of how many of the two frames ``features`` are not there yet."""
        return sum(not frame.has_features(network) for frame in (self.frame0, self.frame1))


def smaller(frame: Tensor, scale: float) -> Tensor:
    """Frames (N, 3 or 4, H, W) made smaller; alpha is straight, and colours that are not seen do not bleed."""
    if scale >= 1.0:
        return frame
    size = [max(round(n * scale), 1) for n in frame.shape[-2:]]
    less = F.interpolate(premultiply(frame).float(), size, mode="bilinear", align_corners=False, antialias=True).to(frame.dtype)
    return less if frame.shape[1] == 3 else straighten(less[:, :3], less[:, 3:])
