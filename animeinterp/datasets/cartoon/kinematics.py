"""Where a point of the rest pose is at a time, and back: exact maps for batches of joints, on any device."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

# Columns of the motion table: the affine map (a b c d x y) = ([[a, b], [c, d]], shift), its inverse likewise, and the
# bend (a, b, phase, c, root, wave, pivot x).
AFFINE, INVERSE, BEND = slice(0, 6), slice(6, 12), slice(12, 19)


@dataclass
class Joints:
    """All joints of a batch, packed. ``levels`` lists the joints of each depth of the trees, roots first."""

    parent: Tensor  # (J,) int64, an index into the batch; roots point to themselves
    pivot: Tensor  # (J, 2)
    pose: Tensor  # (J, 2, 5) at times 0 and 1
    bend: Tensor  # (J, 2, 4)
    fixed: Tensor  # (J, 3) bend root, wave, ease
    levels: list[Tensor]


def motion_table(joints: Joints, times: Tensor) -> Tensor:
    """The motion of every joint at every time: (J, T, 19) in float64, columns as named above."""
    ease = joints.fixed[:, 2:3]
    s = times + ease * (times * times * (3 - 2 * times) - times)  # (J, T)
    pose = torch.lerp(joints.pose[:, :1], joints.pose[:, 1:], s[..., None])  # (J, T, 5)
    bend = torch.lerp(joints.bend[:, :1], joints.bend[:, 1:], s[..., None])
    cos, sin = torch.cos(pose[..., 2]), torch.sin(pose[..., 2])
    sx, sy = torch.exp(pose[..., 3]), torch.exp(pose[..., 4])
    local = torch.stack([cos * sx, -sin * sy, sin * sx, cos * sy], -1).unflatten(-1, (2, 2))  # (J, T, 2, 2)
    pivot = joints.pivot[:, None]
    shift = pivot + pose[..., :2] - (local @ pivot[..., None])[..., 0]
    world, place = local.clone(), shift.clone()
    for level in joints.levels[1:]:
        up = joints.parent[level]
        world[level] = world[up] @ local[level]
        place[level] = (world[up] @ shift[level][..., None])[..., 0] + place[up]
    back = torch.linalg.inv(world)
    back_place = -(back @ place[..., None])[..., 0]
    count = len(times)
    fixed = torch.cat([joints.fixed[:, :2], joints.pivot[:, :1]], 1)[:, None].expand(-1, count, -1)
    return torch.cat([world.flatten(-2), place, back.flatten(-2), back_place, bend, fixed], -1)


def forward(points: Tensor, motion: Tensor) -> Tensor:
    """Rest pose (..., 2) to the picture, ``motion`` (..., 19) a row of the table for each point."""
    u, v = points.unbind(-1)
    a, b, phase, c, root, wave, px = motion[..., BEND].unbind(-1)
    r = (v - root).clamp(min=0)
    u = u + r * (a * r + b * torch.sin(wave * r + phase))
    v = v + c * (u - px) ** 2
    m = motion[..., AFFINE]
    return torch.stack([m[..., 0] * u + m[..., 1] * v + m[..., 4], m[..., 2] * u + m[..., 3] * v + m[..., 5]], -1)


def backward(points: Tensor, motion: Tensor) -> Tensor:
    """The picture (..., 2) to the rest pose: the inverse of ``forward``, exact."""
    x, y = points.unbind(-1)
    m = motion[..., INVERSE]
    u = m[..., 0] * x + m[..., 1] * y + m[..., 4]
    v = m[..., 2] * x + m[..., 3] * y + m[..., 5]
    a, b, phase, c, root, wave, px = motion[..., BEND].unbind(-1)
    v = v - c * (u - px) ** 2
    r = (v - root).clamp(min=0)
    u = u - r * (a * r + b * torch.sin(wave * r + phase))
    return torch.stack([u, v], -1)
