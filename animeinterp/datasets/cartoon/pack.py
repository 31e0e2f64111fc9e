"""A batch of scenes as flat tensors: splines sampled, offset for the width of lines, put in painter's order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from .kinematics import Joints
from .scene import Scene, Texture

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
    gate: Tensor  # (M,) bool: clips others and is not painted itself
    texture: Tensor  # (M,) int64, -1 for none
    texture_table: Tensor  # (X, 7) float64: x, y, width, height of the box; the first texel, rows, columns
    texels: Tensor  # (N, 4) float32, colours multiplied with alpha
    clip_levels: int
    backdrop_marks: int  # marks before this one are of backdrops
    pieces: int  # the largest number of pieces of a scene


@dataclass
class FlatScene:
    """One scene as arrays: small, quick to pickle, so that a loader's workers can compose and a GPU draw.

    ``joints`` (J, 25): parent (-1 for roots), depth in the tree, then a Joint's numbers in order. ``marks`` (M, 10):
    joint, piece, clip, clip level, gate, backdrop, colour, texture. ``paint`` (M, 13). ``points`` (P, 3) of all contours,
    ``counts`` (C,) points each, ``owners`` (C,) the mark of each and ``offsets`` (C,) how far out it is pushed.
    """

    joints: np.ndarray
    marks: np.ndarray
    paint: np.ndarray
    points: np.ndarray
    counts: np.ndarray
    owners: np.ndarray
    offsets: np.ndarray
    pieces: int
    blur: float
    textures: list[Texture] = field(default_factory=list)


def flatten(scene: Scene) -> FlatScene:
    """The scene's lists as arrays."""
    joints, depth = [], []
    for j in scene.joints:
        depth.append(depth[j.parent] + 1 if j.parent >= 0 else 0)
        poses = (*j.pose_0, *j.pose_1, *j.bend_0, *j.bend_1)
        joints.append((j.parent, depth[-1], *j.pivot, *poses, j.bend_root, j.wave, j.ease))
    level: list[int] = []
    marks = []
    for m in scene.marks:  # a mark comes after what clips it
        level.append(level[m.clip] + 1 if m.clip >= 0 else 0)
        marks.append((m.joint, m.piece, m.clip, level[-1], not m.painted, m.backdrop, *m.colour, m.texture))
    rings = [(c, i, m.offset) for i, m in enumerate(scene.marks) for c in m.contours]
    return FlatScene(
        joints=np.array(joints), marks=np.array(marks), paint=np.array([m.paint for m in scene.marks]),
        points=np.concatenate([c for c, _, _ in rings]), counts=np.array([len(c) for c, _, _ in rings]),
        owners=np.array([i for _, i, _ in rings]), offsets=np.array([o for _, _, o in rings]), pieces=scene.pieces,
        blur=scene.blur, textures=scene.textures,
    )


def pack(scenes: Sequence[FlatScene], device: torch.device | str) -> Packed:
    """A batch of scenes as tensors on ``device``."""
    sizes = [len(s.marks) for s in scenes]
    first = np.cumsum([0, *sizes])
    scene = np.repeat(np.arange(len(scenes)), sizes)
    marks = np.concatenate([s.marks for s in scenes])
    paint = np.concatenate([s.paint for s in scenes])
    behind = [int(s.marks[:, 5].sum()) for s in scenes]  # marks of the backdrop, which come first in each scene
    local = np.arange(len(marks)) - first[scene]
    rank = np.where(marks[:, 5] > 0, local, local + max(behind) - np.array(behind)[scene])
    order = np.lexsort((scene, rank))
    position = np.empty_like(order)
    position[order] = np.arange(len(order))
    clip = np.where(marks[:, 2] >= 0, position[(marks[:, 2] + first[scene]).astype(np.int64).clip(0)], -1)
    owner = position[np.concatenate([s.owners + k for s, k in zip(scenes, first[:-1], strict=True)])]
    offset = np.concatenate([s.offsets for s in scenes])
    counts, points = np.concatenate([s.counts for s in scenes]), np.concatenate([s.points for s in scenes])
    vertices, follower, ring_of = _outline(points, counts, offset, device)
    first_texture = np.cumsum([0, *(len(s.textures) for s in scenes)])
    texture = np.where(marks[:, 9] >= 0, marks[:, 9] + first_texture[scene], -1)
    table, texels = _pack_textures(scenes, device)
    first_joint = np.cumsum([0, *(len(s.joints) for s in scenes)])

    def tensor(values: np.ndarray, dtype: torch.dtype) -> Tensor:
        return torch.as_tensor(values[order], dtype=dtype).to(device)

    return Packed(
        joints=_pack_joints(scenes, first_joint, device), vertices=vertices, follower=follower,
        mark=torch.as_tensor(owner).to(device)[ring_of], scene=tensor(scene, torch.int64),
        joint=tensor(marks[:, 0] + first_joint[scene], torch.int64), colour=tensor(marks[:, 6:9], torch.float32),
        paint=tensor(paint, torch.float32), painted=tensor(np.abs(paint).any(1), torch.bool),
        clip=tensor(clip, torch.int64), clip_level=tensor(marks[:, 3], torch.int64),
        piece=tensor(marks[:, 1], torch.int64), rank=tensor(rank, torch.int64), gate=tensor(marks[:, 4], torch.bool),
        texture=tensor(texture, torch.int64), texture_table=table, texels=texels,
        clip_levels=int(marks[:, 3].max()), backdrop_marks=sum(behind), pieces=max(s.pieces for s in scenes),
    )


def _pack_textures(scenes: Sequence[FlatScene], device: torch.device | str) -> tuple[Tensor, Tensor]:
    textures = [t for s in scenes for t in s.textures]
    sizes = [t.pixels.shape[0] * t.pixels.shape[1] for t in textures]
    first = np.cumsum([0, *sizes])
    rows = [(*t.box, begin, *t.pixels.shape[:2]) for t, begin in zip(textures, first, strict=False)]
    texels = np.concatenate([np.zeros((0, 4), np.float32), *(t.pixels.reshape(-1, 4) for t in textures)])
    table = np.array(rows, np.float64).reshape(-1, 7)
    return torch.from_numpy(table).to(device), torch.from_numpy(texels).to(device)


def _pack_joints(scenes: Sequence[FlatScene], first: np.ndarray, device: torch.device | str) -> Joints:
    rows = np.concatenate([s.joints for s in scenes])
    base = np.repeat(first[:-1], [len(s.joints) for s in scenes])
    parent = np.where(rows[:, 0] < 0, np.arange(len(rows)), rows[:, 0] + base).astype(np.int64)
    depth = rows[:, 1]
    table = torch.as_tensor(rows[:, 2:]).to(device)
    levels = [torch.as_tensor(np.nonzero(depth == d)[0]).to(device) for d in range(int(depth.max()) + 1)]
    return Joints(
        parent=torch.as_tensor(parent).to(device), pivot=table[:, :2], pose=table[:, 2:12].unflatten(1, (2, 5)),
        bend=table[:, 12:20].unflatten(1, (2, 4)), fixed=table[:, 20:23], levels=levels,
    )


def _outline(points: np.ndarray, counts: np.ndarray, offset: np.ndarray,
             device: torch.device | str) -> tuple[Tensor, Tensor, Tensor]:
    """Sample closed cubic Hermite splines (tangent zero at corners) and push them outwards by ``offset``.

    Returns vertices (V, 2), the follower of each (V,), and the ring of each (V,).
    """
    first = np.repeat(np.cumsum(counts) - counts, counts)
    size = np.repeat(counts, counts)
    local = np.arange(len(points)) - first
    ahead, behind = first + (local + 1) % size, first + (local - 1) % size
    corner = points[:, 2] > 0
    straight = corner & corner[ahead]
    steps = np.where(straight, 1, SAMPLES)  # vertices on the span that starts at each control point
    ring_of = np.repeat(np.repeat(np.arange(len(counts)), counts), steps)

    def on(values: np.ndarray, dtype: torch.dtype = torch.float64) -> Tensor:
        return torch.as_tensor(values, dtype=dtype).to(device)

    xy, flag = on(points[:, :2]), on(points[:, 2:])
    ahead_t, behind_t = on(ahead, torch.int64), on(behind, torch.int64)
    # Catmull-Rom tangents, but none longer than the span: a long straight side must not overshoot into a short round
    # corner.
    tangent = 0.5 * (xy[ahead_t] - xy[behind_t]) * (1 - flag)
    length = tangent.norm(dim=1, keepdim=True).clamp(min=1e-9)
    steps_t = on(steps, torch.int64)
    span = torch.repeat_interleave(torch.arange(len(points), device=device), steps_t, output_size=int(steps.sum()))
    start = torch.cumsum(steps_t, 0) - steps_t
    index = torch.arange(len(span), device=device)
    t = ((index - start[span]) / steps_t[span])[:, None]
    p0, p1 = xy[span], xy[ahead_t[span]]
    limit = (p1 - p0).norm(dim=1, keepdim=True)
    m0, m1 = (tangent[k] * (limit / length[k]).clamp(max=1.0) for k in (span, ahead_t[span]))
    t2, t3 = t * t, t * t * t
    vertices = (2 * t3 - 3 * t2 + 1) * p0 + (t3 - 2 * t2 + t) * m0 + (3 * t2 - 2 * t3) * p1 + (t3 - t2) * m1

    ring = on(ring_of, torch.int64)
    totals = np.bincount(ring_of, minlength=len(counts))
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
