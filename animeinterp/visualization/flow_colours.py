"""Flow as colours: the flow wheel of the Middlebury benchmark, written from its published description.

Baker, Scharstein, Lewis, Roth, Black and Szeliski, "A Database and Evaluation Methodology for Optical Flow" (IJCV
2011), section 4: hue tells the direction, saturation the length; no motion is white. The hues are not evenly spaced but
given as many steps as the eye tells apart: red to yellow 15, to green 6, to cyan 4, to blue 11, to magenta 13, back
to red 6. Motion to the right is red, down yellow, left cyan, up blue.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from ..errors import AnimeInterpError

# (steps to the next corner, the corner's colour)
_CORNERS = ((15, (1, 0, 0)), (6, (1, 1, 0)), (4, (0, 1, 0)), (11, (0, 1, 1)), (13, (0, 0, 1)), (6, (1, 0, 1)))
_TOO_LONG = 0.75  # vectors longer than the wheel's rim are darkened to this


def colour_wheel() -> Tensor:
    """The 55 hues of the wheel as (55, 3) RGB in 0..1, in the order red, yellow, green, cyan, blue, magenta."""
    hues = []
    for i, (steps, corner) in enumerate(_CORNERS):
        here = torch.tensor(corner, dtype=torch.float32)
        there = torch.tensor(_CORNERS[(i + 1) % len(_CORNERS)][1], dtype=torch.float32)
        share = torch.arange(steps, dtype=torch.float32)[:, None] / steps
        hues.append(here + (there - here) * share)
    return torch.cat(hues)


def largest_motion(flow: Tensor) -> float:
    """The length in pixels that 99.9 % of the vectors of ``flow`` (N, 2, H, W) keep to: a few strays set no scale."""
    lengths = flow.float().square().sum(1).sqrt().flatten()
    if not lengths.numel():
        return 0.0
    rank = max(0, math.ceil(0.999 * lengths.numel()) - 1)
    return float(lengths.sort().values[rank])


def flow_to_colours(flow: Tensor, *, max_motion: float | None = None) -> Tensor:
    """Draw flow (N, 2, H, W), dx then dy in pixels, as RGB (N, 3, H, W) in 0..1, float32 on the flow's device.

    ``max_motion`` is the length in pixels that is drawn in full colour; None takes `largest_motion`. Longer vectors
    are darkened. Fields without motion come out white.

    Raises AnimeInterpError for anything that is not a (N, 2, H, W) tensor or a max_motion that is not positive.
    """
    if not isinstance(flow, Tensor) or flow.ndim != 4 or flow.shape[1] != 2:
        was = tuple(flow.shape) if isinstance(flow, Tensor) else type(flow).__name__
        raise AnimeInterpError(f"flow is {was}; it should be a tensor (N, 2, H, W), dx then dy in pixels.")
    if max_motion is not None and not max_motion > 0:
        raise AnimeInterpError(f"max_motion is {max_motion}; it should be a length in pixels over 0, or None.")
    flow = flow.float()
    scale = largest_motion(flow) if max_motion is None else float(max_motion)
    x, y = (flow / max(scale, 1e-6)).unbind(1)  # (N, H, W) each, 1 at the rim
    length = torch.sqrt(x * x + y * y)
    wheel = colour_wheel().to(flow.device)
    # Angle 0 (to the right) is the wheel's first hue; it grows clockwise as seen, y being down.
    position = torch.atan2(y, x).remainder(2 * math.pi) / (2 * math.pi) * len(wheel)
    low = position.floor().long().remainder(len(wheel))
    share = (position - position.floor())[..., None]
    hue = wheel[low] * (1 - share) + wheel[(low + 1) % len(wheel)] * share  # (N, H, W, 3)
    length = length[..., None]
    inside = 1 - length.clamp(max=1) * (1 - hue)  # white at the hub, pure hue at the rim
    return torch.where(length <= 1, inside, hue * _TOO_LONG).permute(0, 3, 1, 2).contiguous()
