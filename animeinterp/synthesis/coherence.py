"""How well two drawings explain an in-between: what is torn, smeared or in crumbs looks like nothing in either.

Simakov, Caspi, Shechtman and Irani, "Summarizing Visual Data Using Bidirectional Similarity" (CVPR 2008), call a picture that
was made of another coherent where each of its patches has its like there. Here the like is looked for by dense flow, begun along
a motion that is known, and a place is as coherent as the drawing says that explains it better.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, minimum

from ..dense_flow import dis_flow
from ..flow import backwarp, mean_difference
from ..images import to_image, to_tensor
from ..runtime.sides import for_both
from .windows import window_mean


class Coherence:
    """Two drawings, ready to be asked how well they explain in-betweens of theirs."""

    def __init__(self, drawings: Sequence[Tensor]) -> None:
        """``drawings``: both (1, 3, H, W) in 0..1."""
        self._drawings, self._images = drawings, [to_image(drawing[0]) for drawing in drawings]

    def lack_of(self, made: Tensor, ways: Sequence[Tensor], around: int) -> Tensor:
        """How far, (1, 1, H, W), in colours of 0..1, each place of ``made`` differs from the likest that either drawing has.

        :param made: (1, 3, H, W) in 0..1.
        :param ways: (1, 2, H, W) in pixels, from ``made`` to each drawing, where the search begins.
        :param around: pixels to each side of a place that are compared.
        """
        image = to_image(made[0])

        def unlike(k: int) -> Tensor:
            begin = ways[k][0].permute(1, 2, 0).float().contiguous().cpu().numpy()
            way = to_tensor(dis_flow(image, self._images[k], begin), made.device)
            return window_mean(mean_difference(made, backwarp(self._drawings[k], way)), around)

        return minimum(*for_both(unlike, made.device))
