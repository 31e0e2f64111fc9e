"""The shot that the pack shows itself with: a girl on a hill waves, turns her head and blinks; her cat looks on."""

from __future__ import annotations

import numpy as np

from .backgrounds import hills
from .creatures import Beast, Bird
from .palette import Style
from .person import Person
from .place import Place
from .scene import Scene


def compose_demo(size: tuple[int, int], *, person: int = 5, ground: int = 13, cat: int = 3) -> Scene:
    """The demo's scene for a picture of ``size`` (H, W); the numbers choose who and where."""
    height, width = size
    wide = 360.0 * width / height
    log = float(np.log(height / 360.0))
    style = Style(width=1.5, line=(0.16, 0.10, 0.13), ground=None, shades=True, shade_depth=0.22, light=(-0.8, -0.5))
    scene = Scene()
    canvas = scene.joint(-1, pose_0=(0, 0, 0, log, log), pose_1=(0, 0, 0, log, log))
    planes: dict[float, int] = {}

    def plane(depth: float) -> int:
        if depth not in planes:  # a slow pan to the left
            planes[depth] = scene.joint(canvas, (wide / 2, 180.0), pose_1=(-14.0 * depth, 0.0, 0.0, 0.0, 0.0))
        return planes[depth]

    scene.backdrop = True
    place = Place(scene, np.random.default_rng([ground, 91]), style, wide, plane)
    place.inked = False
    hills(place)
    scene.blur, scene.backdrop = 0.9, False

    here = plane(1.0)
    bird = Bird(scene, np.random.default_rng([5, 94]), style, here, (0.2 * wide, 70.0), 58.0)
    beast = Beast(scene, np.random.default_rng([cat, 93]), style, here, (0.80 * wide, 262.0), 105.0)
    girl = Person(scene, np.random.default_rng([person, 92]), style, here, (0.44 * wide, 178.0), 118.0)

    _pose(scene, girl, "root", turn=(0.03, -0.03), x=(0, 6))
    _pose(scene, girl, "head", turn=(-0.10, 0.13))
    _pose(scene, girl, "face", x=(-0.07, 0.08))
    _pose(scene, girl, "fringe", x=(-0.03, 0.035))
    for name, turns in (("arm_r", (-1.8, -2.75)), ("fore_r", (-0.25, 0.15)), ("hand_r", (0.25, -0.25)),
                        ("arm_l", (0.2, 0.3)), ("fore_l", (0.15, -0.25))):
        _pose(scene, girl, name, turn=turns)
    for lid in ("lid_l", "lid_r"):
        _pose(scene, girl, lid, y=(0.0, 1.05 * girl.head.eye_height))
    for n, (joint, _) in enumerate(girl.sway):
        scene.joints[joint].bend_0 = (0.10, 0.05, 1.0 * n, 0.0)
        scene.joints[joint].bend_1 = (-0.16, 0.05, 1.0 * n + 1.2, 0.0)
    for n, name in enumerate(("tail0", "tail1", "tail2")):
        _pose(scene, beast, name, turn=(-0.25, 0.3 + 0.1 * n))
    _pose(scene, beast, "head", turn=(0.0, -0.2 * beast.side))
    _pose(scene, bird, "root", x=(0, 95 * bird.side), y=(0, -22))
    for wing in ("far", "near"):
        _pose(scene, bird, wing, turn=(0.5, -0.6))
    return scene


def _pose(scene: Scene, figure: Person | Beast | Bird, joint: str, *, x: tuple = (0, 0), y: tuple = (0, 0),
          turn: tuple = (0, 0)) -> None:
    """Set a joint's poses at both times; the root's are added to where it stands."""
    entry = scene.joints[figure.joints[joint]]
    stand = entry.pose_0 if joint == "root" else (0.0, 0.0, 0.0, *entry.pose_0[3:])
    entry.pose_0, entry.pose_1 = (
        (stand[0] + x[k], stand[1] + y[k], stand[2] + turn[k], stand[3], stand[4]) for k in (0, 1))
