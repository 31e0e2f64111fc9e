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


def incoherence(made: Tensor, drawings: Sequence[Tensor], ways: Sequence[Tensor], around: int) -> Tensor:
    """How far, (1, 1, H, W), in colours of 0..1, each place of ``made`` differs from the likest that either drawing has.

    :param made: (1, 3, H, W) in 0..1; ``drawings`` both likewise.
    :param ways: (1, 2, H, W) in pixels, from ``made`` to each drawing, where the search begins.
    :param around: pixels to each side of a place that are compared.
    """
    image = to_image(made[0])

    def unlike(k: int) -> Tensor:
        begin = ways[k][0].permute(1, 2, 0).float().contiguous().cpu().numpy()
        way = to_tensor(dis_flow(image, to_image(drawings[k][0]), begin), made.device)
        return window_mean(mean_difference(made, backwarp(drawings[k], way)), around)

    return minimum(*for_both(unlike, made.device))
