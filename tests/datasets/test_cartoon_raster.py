"""Coverage and bends against what geometry says."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from animeinterp.datasets.cartoon.kinematics import backward, forward, motion_table
from animeinterp.datasets.cartoon.pack import flatten, pack
from animeinterp.datasets.cartoon.render import render
from animeinterp.datasets.cartoon.scene import Scene
from animeinterp.datasets.cartoon.shapes import area, box, contour, ellipse, hole, limb, mirrored, stroke


def painted(outlines: object, *, size: tuple[int, int] = (40, 60), offset: float = 0.0) -> torch.Tensor:
    """Coverage (H, W) of a black shape on white."""
    scene = Scene()
    joint = scene.joint(-1)
    scene.mark(box(-100, -100, 200, 200), joint, (1.0, 1.0, 1.0))
    scene.mark(outlines, joint, (0.0, 0.0, 0.0), offset=offset)
    pictures = render(pack([flatten(scene)], "cpu"), torch.zeros(1), size, [0.0], 8)
    return 1 - pictures.frames[0, 0, 0]


def test_a_rectangle_covers_its_area_to_the_fraction() -> None:
    cover = painted(box(10.25, 5.5, 20.75, 15.5))
    assert cover.sum().item() == pytest.approx(10.5 * 10, abs=1e-3)
    for side in (10, 20):
        assert cover[10, side].item() == pytest.approx(0.75, abs=1e-3)
    assert cover[5, 15].item() == pytest.approx(0.5) and cover[10, 15].item() == pytest.approx(1.0)
    assert cover[3].sum() == 0 and cover[10, 22:].sum() == 0


def test_a_disc_a_hole_and_a_line_round_it() -> None:
    disc = painted(ellipse(30, 20, 12, n=12)).sum().item()
    assert disc == pytest.approx(np.pi * 144, rel=0.01)
    ring = painted([ellipse(30, 20, 12, n=12), hole(ellipse(30, 20, 8, n=12))])
    assert ring.sum().item() == pytest.approx(np.pi * (144 - 64), rel=0.02) and ring[20, 30] == 0
    assert painted(ellipse(30, 20, 12, n=12), offset=1.5).sum().item() == pytest.approx(np.pi * 13.5**2, rel=0.01)
    wider = painted([ellipse(30, 20, 12, n=12), hole(ellipse(30, 20, 8, n=12))], offset=1.0)
    assert wider.sum().item() == pytest.approx(np.pi * (169 - 49), rel=0.02)


def test_shapes_beyond_the_border_are_cut_not_wrapped() -> None:
    assert painted(box(-10, -10, 30, 20)).sum().item() == pytest.approx(30 * 20, abs=1e-2)
    assert painted(box(30, 20, 90, 70)).sum().item() == pytest.approx(30 * 20, abs=1e-2)
    assert painted(box(70, 5, 90, 30)).sum() == 0 and painted(box(5, -30, 20, -2)).sum() == 0
    assert painted(box(-50, -50, 150, 150)).min() == 1


def test_every_outline_runs_clockwise() -> None:
    shapes = [box(0, 0, 2, 1), ellipse(0, 0, 1), limb((0, 0), (1, 2), 0.3, 0.2), stroke([(0, 0), (1, 0), (2, 1)], 0.3)]
    for outline in (*shapes, contour([(0, 0), (0, 1), (1, 1)]), mirrored(contour([(0, 0), (1, 0), (1, 1)]))):
        assert area(outline) > 0
    assert area(hole(box(0, 0, 1, 1))) < 0


def test_a_gate_is_not_painted_and_clips() -> None:
    scene = Scene()
    joint = scene.joint(-1)
    scene.mark(box(-9, -9, 99, 99), joint, (1.0, 1.0, 1.0))
    gate = scene.gate(box(10, 10, 20, 20), joint)
    scene.mark(box(0, 0, 40, 15), joint, (0.0, 0.0, 0.0), clip=gate)
    dark = 1 - render(pack([flatten(scene)], "cpu"), torch.zeros(1), (40, 40), [0.0], 4).frames[0, 0, 0]
    assert dark.sum().item() == pytest.approx(50, abs=1e-2) and dark[12, 15].item() == pytest.approx(1)


def test_joints_bend_and_unbend_exactly() -> None:
    scene = Scene()
    root = scene.joint(-1, pose_0=(5, 3, 0.2, 0.5, 0.5), pose_1=(9, -4, 1.1, 0.7, 0.4))
    arm = scene.joint(root, (4.0, 2.0), pose_1=(0.0, 0.0, -1.4, 0.0, 0.0), bend_root=1.0, wave=2.0,
                      bend_0=(0.1, 0.2, 0.3, 0.05), bend_1=(-0.2, 0.3, 1.0, 0.1))
    scene.mark(box(0, 0, 1, 1), arm, (0.0, 0.0, 0.0))
    table = motion_table(pack([flatten(scene)], "cpu").joints, torch.tensor([0.0, 0.4, 1.0], dtype=torch.float64))
    points = torch.rand(50, 1, 2, dtype=torch.float64) * 8
    there = forward(points, table[arm])
    assert (backward(there, table[arm]) - points).abs().max() < 1e-9
    assert (there[:, 0] - there[:, 2]).norm(dim=-1).min() > 0.1
    # A joint turns about its pivot, which stays where its parent carries it (the bend does not reach so far up).
    pivot = torch.tensor([4.0, 1.0], dtype=torch.float64)
    scene.joints[arm].pivot, scene.joints[arm].bend_1 = (4.0, 1.0), scene.joints[arm].bend_0
    table = motion_table(pack([flatten(scene)], "cpu").joints, torch.tensor([0.0, 1.0], dtype=torch.float64))
    torch.testing.assert_close(forward(pivot, table[arm]), forward(pivot, table[root]))
