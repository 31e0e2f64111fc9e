"""What the last bit of a result hangs on beside what is drawn: held fast, two processes draw the same, wherever they are."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import torch

from . import precision


@dataclass(frozen=True)
class Arithmetic:
    """On how many threads sums are split, by torch and by OpenCV, and whether convolutions on a CPU are done in bfloat16."""

    threads: int
    vision_threads: int
    bfloat16: bool

    @staticmethod
    def here(threads: int | None = None, bfloat16: bool | None = None) -> Arithmetic:
        """This process' own, but for what is given; what pays is measured once a process."""
        return Arithmetic(
            threads or torch.get_num_threads(),
            threads or cv2.getNumThreads(),
            precision.bfloat16_pays() if bfloat16 is None else bfloat16,
        )

    def hold(self) -> None:
        """Have this process keep to it."""
        if torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)
        if cv2.getNumThreads() != self.vision_threads:
            cv2.setNumThreads(self.vision_threads)
        precision.decide(self.bfloat16)
