"""What is true of drawn pictures: where each pixel goes, whether it can be seen there, which piece it shows."""

from __future__ import annotations

import torch
from torch import Tensor

from .kinematics import AFFINE, BEND, INVERSE, backward, forward
from .pack import Packed
from .render import Pictures


def flow_between(pictures: Pictures, a: int, b: int) -> Tensor:
    """Flow (B, 2, H, W) float32 on the grid of time index ``a`` towards index ``b``; exactly 0 where nothing moves."""
    shown = pictures.shown[:, a]
    here, there = pictures.motion[:, a], pictures.motion[:, b]
    # Without a bend the way there is one affine map a mark; what it adds to a point is the flow.
    back, on = here[:, INVERSE], there[:, AFFINE]
    turn = on[:, :4].unflatten(1, (2, 2))
    change = turn @ back[:, :4].unflatten(1, (2, 2)) - torch.eye(2, dtype=turn.dtype, device=turn.device)
    shift = (turn @ back[:, 4:, None])[..., 0] + on[:, 4:]
    still = (here == there).all(-1, keepdim=True)
    table = torch.where(still, 0.0, torch.cat([change.flatten(1), shift], 1)).float()

    height, width = shown.shape[-2:]
    y = (torch.arange(height, device=shown.device) + 0.5)[:, None]
    x = torch.arange(width, device=shown.device) + 0.5
    m = table[shown]
    flow = torch.stack([m[..., 0] * x + m[..., 1] * y + m[..., 4], m[..., 2] * x + m[..., 3] * y + m[..., 5]], -1)
    bends = ((here[:, BEND][:, :4] != 0) | (there[:, BEND][:, :4] != 0)).any(1) & ~still[:, 0]
    bent = bends[shown].nonzero()
    mark = shown[tuple(bent.T)]
    grid = bent[:, [2, 1]] + 0.5
    flow[tuple(bent.T)] = forward(backward(grid, here[mark]), there[mark]).sub_(grid).float()
    return flow.permute(0, 3, 1, 2).contiguous()


def hidden(pictures: Pictures, a: int, b: int, flow_ab: Tensor, flow_ba: Tensor) -> Tensor:
    """Occlusion (B, 1, H, W) bool: pixels at time ``a`` that cannot be seen at time ``b``, for lying outside or behind.

    A pixel is seen again where it lands on a mark of the same motion, or on one that comes back to within half a pixel.
    """
    shown_a, shown_b = pictures.shown[:, a], pictures.shown[:, b]
    height, width = shown_a.shape[-2:]
    y = torch.arange(height, device=shown_a.device)[:, None] + flow_ab[:, 1]
    x = torch.arange(width, device=shown_a.device) + flow_ab[:, 0]
    outside = (x < -0.5) | (x > width - 0.5) | (y < -0.5) | (y > height - 0.5)
    place = y.round().long().clamp(0, height - 1) * width + x.round().long().clamp(0, width - 1)
    landed = shown_b.flatten(1).gather(1, place.flatten(1)).view_as(shown_a)
    back = flow_ba.flatten(2).gather(2, place.flatten(1)[:, None].expand(-1, 2, -1)).view_as(flow_ab)
    astray = (flow_ab + back).square().sum(1) > 0.25
    other = pictures.joint[shown_a] != pictures.joint[landed]
    return (outside | (astray & other))[:, None]


def label(packed: Packed, pictures: Pictures) -> tuple[Tensor, list[Tensor]]:
    """Labels (B, 2, H, W) int32 of the first two times, 0..K-1 without gaps, and the matches (M, 2) of each clip."""
    shown = pictures.shown[:, :2]
    piece = packed.piece[shown]  # (B, 2, H, W)
    present = torch.zeros(*shown.shape[:2], packed.pieces, dtype=torch.bool, device=shown.device)
    present.scatter_(2, piece.flatten(2), True)
    number = torch.cumsum(present, 2) - 1
    labels = number.gather(2, piece.flatten(2)).view_as(piece).to(torch.int32)
    both = (present[:, 0] & present[:, 1]).cpu()
    number = number.cpu()
    return labels, [torch.stack([number[b, 0, k], number[b, 1, k]], 1) for b, k in enumerate(both)]
