"""A batch of scenes as flat tensors: splines sampled, offset for the width of lines, put in painter's order."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from .kinematics import Joints
from .scene import Scene

SAMPLES = 6  # vertices to a control point of a smooth outline; straight edges need only their ends


@dataclass
class Packed:
    """B scenes. Marks are sorted by rank, the position in painter's order, then by scene; M marks, V vertices."""

    joints: Joints
    vertices: Tensor  # (V, 2) rest pose, float64
    follower: Tensor  # (V,) int64: the vertex at the other end of the edge that starts here
    mark: Tensor  # (V,) int64: whose outline
    scene: Tensor  # (M,) int64
    joint: Tensor  # (M,) int64
    colour: Tensor  # (M, 3) float32
    paint: Tensor  # (M, 13) float32
    painted: Tensor  # (M,) bool: whether ``paint`` adds anything
    clip: Tensor  # (M,) int64, -1 for none
    clip_level: Tensor  # (M,) int64: 0 without a clip, else one more than that of the mark that clips
    piece: Tensor  # (M,) int64
    rank: Tensor  # (M,) int64, greater is in front
    clip_levels: int
    gate: Tensor  # (M,) bool: clips others and is not painted itself
    backdrop_marks: int  # marks before this one are of backdrops
    pieces: int  # the largest number of pieces of a scene


def pack(scenes: list[Scene], device: torch.device | str) -> Packed:
    """Lists to tensors on ``device``."""
    joints, first_joint = _pack_joints(scenes, device)
    deepest = max(sum(m.backdrop for m in s.marks) for s in scenes)
    rows = []  # (rank, scene, index within the scene)
    for b, scene in enumerate(scenes):
        shift = deepest - sum(m.backdrop for m in scene.marks)
        rows += [(i if m.backdrop else i + shift, b, i) for i, m in enumerate(scene.marks)]
    rows.sort()
    position = {(b, i): k for k, (_, b, i) in enumerate(rows)}
    marks = [scenes[b].marks[i] for _, b, i in rows]
    ranks = np.array([r for r, _, _ in rows])
    clip = np.array([position[b, m.clip] if m.clip >= 0 else -1 for m, (_, b, _) in zip(marks, rows, strict=True)])
    paint = np.array([m.paint for m in marks])
    levels = np.zeros(len(marks), dtype=np.int64)
    for k in np.nonzero(clip >= 0)[0]:  # a mark comes after what clips it
        levels[k] = levels[clip[k]] + 1

    rings = [c for m in marks for c in m.contours]
    owner = np.array([k for k, m in enumerate(marks) for _ in m.contours])
    offset = np.array([m.offset for m in marks])
    vertices, follower, ring_of = _outline(rings, offset[owner], device)

    def tensor(values: object, dtype: torch.dtype) -> Tensor:
        return torch.as_tensor(np.asarray(values), dtype=dtype).to(device)

    return Packed(
        joints=joints, vertices=vertices, follower=follower, mark=tensor(owner, torch.int64)[ring_of],
        scene=tensor([b for _, b, _ in rows], torch.int64),
        joint=tensor([first_joint[b] + m.joint for m, (_, b, _) in zip(marks, rows, strict=True)], torch.int64),
        colour=tensor([m.colour for m in marks], torch.float32),
        paint=tensor(paint, torch.float32), painted=tensor(np.abs(paint).any(1), torch.bool),
        clip=tensor(clip, torch.int64), clip_level=tensor(levels, torch.int64),
        piece=tensor([m.piece for m in marks], torch.int64), rank=tensor(ranks, torch.int64),
        clip_levels=int(levels.max()), gate=tensor([not m.painted for m in marks], torch.bool),
        backdrop_marks=sum(m.backdrop for m in marks), pieces=max(s.pieces for s in scenes),
    )


def _pack_joints(scenes: list[Scene], device: torch.device | str) -> tuple[Joints, list[int]]:
    first, parents, depth, rows = [], [], [], []
    for scene in scenes:
        base = len(parents)
        first.append(base)
        for i, j in enumerate(scene.joints):
            parents.append(base + (j.parent if j.parent >= 0 else i))
            depth.append(depth[base + j.parent] + 1 if j.parent >= 0 else 0)
            rows.append((*j.pivot, *j.pose_0, *j.pose_1, *j.bend_0, *j.bend_1, j.bend_root, j.wave, j.ease))
    table = torch.tensor(rows, dtype=torch.float64).to(device)
    depth = np.array(depth)
    levels = [torch.as_tensor(np.nonzero(depth == d)[0]).to(device) for d in range(depth.max() + 1)]
    joints = Joints(
        parent=torch.tensor(parents).to(device), pivot=table[:, :2], pose=table[:, 2:12].unflatten(1, (2, 5)),
        bend=table[:, 12:20].unflatten(1, (2, 4)), fixed=table[:, 20:23], levels=levels,
    )
    return joints, first


def _outline(rings: list[np.ndarray], offset: np.ndarray, device: torch.device | str) -> tuple[Tensor, Tensor, Tensor]:
    """Sample closed cubic Hermite splines (tangent zero at corners) and push them outwards by ``offset``.

    Returns vertices (V, 2), the follower of each (V,), and the ring of each (V,).
    """
    counts = np.array([len(r) for r in rings])
    points = np.concatenate(rings)
    first = np.repeat(np.cumsum(counts) - counts, counts)
    size = np.repeat(counts, counts)
    local = np.arange(len(points)) - first
    ahead, behind = first + (local + 1) % size, first + (local - 1) % size
    corner = points[:, 2] > 0
    straight = corner & corner[ahead]
    steps = np.where(straight, 1, SAMPLES)  # vertices on the span that starts at each control point
    ring_of = np.repeat(np.repeat(np.arange(len(rings)), counts), steps)

    def on(values: np.ndarray, dtype: torch.dtype = torch.float64) -> Tensor:
        return torch.as_tensor(values, dtype=dtype).to(device)

    xy, flag = on(points[:, :2]), on(points[:, 2:])
    ahead_t, behind_t = on(ahead, torch.int64), on(behind, torch.int64)
    # The direction at a point leans towards the nearer neighbour (Bessel's tangent); its length is that of the span, so
    # that a long straight side does not overshoot into a short round corner.
    before, after = xy - xy[behind_t], xy[ahead_t] - xy
    h0, h1 = (e.norm(dim=1, keepdim=True).clamp(min=1e-9) for e in (before, after))
    way = before / h0 * h1 + after / h1 * h0
    way = way / way.norm(dim=1, keepdim=True).clamp(min=1e-9) * (1 - flag)
    steps_t = on(steps, torch.int64)
    span = torch.repeat_interleave(torch.arange(len(points), device=device), steps_t, output_size=int(steps.sum()))
    start = torch.cumsum(steps_t, 0) - steps_t
    index = torch.arange(len(span), device=device)
    t = ((index - start[span]) / steps_t[span])[:, None]
    p0, p1 = xy[span], xy[ahead_t[span]]
    m0, m1 = way[span] * h1[span], way[ahead_t[span]] * h1[span]
    t2, t3 = t * t, t * t * t
    vertices = (2 * t3 - 3 * t2 + 1) * p0 + (t3 - 2 * t2 + t) * m0 + (3 * t2 - 2 * t3) * p1 + (t3 - t2) * m1

    ring = on(ring_of, torch.int64)
    totals = np.bincount(ring_of, minlength=len(rings))
    begin = on(np.cumsum(totals) - totals, torch.int64)[ring]
    total = on(totals, torch.int64)[ring]
    follower = begin + (index - begin + 1) % total
    leader = begin + (index - begin - 1) % total
    e0, e1 = vertices - vertices[leader], vertices[follower] - vertices
    e0 = e0 / e0.norm(dim=1, keepdim=True).clamp(min=1e-9)
    e1 = e1 / e1.norm(dim=1, keepdim=True).clamp(min=1e-9)
    half = e0 + e1
    # Clockwise with y down: the outward normal of an edge (dx, dy) is (dy, -dx). A mitre is held to twice the width.
    normal = torch.stack([half[:, 1], -half[:, 0]], 1)
    normal = normal * (2 / (half * half).sum(1, keepdim=True).clamp(min=1.0))
    return vertices + normal * on(offset)[ring][:, None], follower, ring
