"""From a seed to a scene: who is in the shot, where, before what, and how everything moves."""

from __future__ import annotations

import numpy as np

from .backgrounds import PLACES, Place, blank
from .config import CartoonConfig
from .fit import fit_motion
from .palette import Style
from .person import Person
from .scene import Scene

STILL = 2.0 / 384  # of the width: under this nothing moves much


def compose(seed: int, size: tuple[int, int], config: CartoonConfig) -> Scene:
    """The shot of ``seed``, for a picture of ``size`` (H, W)."""
    rng = np.random.default_rng([seed, 1])
    height, width = size
    wide = 360.0 * width / height
    scene = Scene()
    log = float(np.log(height / 360.0))
    canvas = scene.joint(-1, (0.0, 0.0), pose_0=(0, 0, 0, log, log), pose_1=(0, 0, 0, log, log))
    amount = travel(rng, config) * wide
    style = Style.pick(rng, _kind(rng, config))

    camera = Camera(scene, rng, canvas, wide, amount)
    scene.backdrop = True
    place = Place(scene, rng, style, wide, camera.plane)
    plain = rng.random() < config.plain or (style.ground is not None and rng.random() < 0.6)
    name = str(rng.choice(list(PLACES), p=[0.24, 0.3, 0.18, 0.1, 0.1, 0.08]))
    (blank if plain else PLACES[name])(place)
    scene.blur = float(rng.uniform(0.4, 1.8)) if rng.random() < 0.5 and not place.inked else 0.0
    scene.backdrop = False

    hold = rng.random() < config.hold and camera.moves
    count = int(rng.integers(config.figures[0], config.figures[1] + 1))
    people = _cast(scene, rng, style, camera.plane(1.0), wide, count)
    for person in people:
        if not hold:
            act(person, rng, amount, wide)
    fit_motion(scene, amount, (360.0, wide))
    if config.ease:
        for joint in scene.joints:
            joint.ease = float(rng.uniform(-0.6, 1.0)) if rng.random() < config.ease else 0.0
    return scene


def travel(rng: np.random.Generator, config: CartoonConfig) -> float:
    """The size of a clip's largest motion, as a share of the width."""
    if config.motion is not None:
        return float(rng.uniform(*config.motion))
    roll = rng.random()
    if roll < 0.12:
        return 0.0
    if roll < 0.5:
        return STILL * float(rng.random())
    if roll < 0.93:
        return float(np.exp(rng.uniform(np.log(STILL), np.log(0.12))))
    return float(rng.uniform(0.12, 0.25))


def _kind(rng: np.random.Generator, config: CartoonConfig) -> str:
    roll = rng.random()
    return "line art" if roll < config.line_art else "inverted" if roll < config.line_art + config.inverted else "colour"


class Camera:
    """Pans, and zooms, over planes of several depths; the planes are joints, made when first asked for."""

    def __init__(self, scene: Scene, rng: np.random.Generator, canvas: int, wide: float, amount: float) -> None:
        self.scene, self.canvas, self.wide = scene, canvas, wide
        self.planes: dict[float, int] = {}
        roll = rng.random()
        self.pan, self.zoom = np.zeros(2), 0.0
        if roll < 0.4:
            angle = rng.choice([0.0, np.pi, np.pi / 2, -np.pi / 2, rng.uniform(0, 2 * np.pi)], p=[0.3, 0.3, 0.1, 0.1, 0.2])
            self.pan = amount * rng.uniform(0.3, 1.0) * np.array([np.cos(angle), np.sin(angle)])
        elif roll < 0.55:
            self.zoom = float(rng.choice([-1, 1]) * amount / (0.6 * wide) * rng.uniform(0.3, 0.8))
        self.follow = float(rng.choice([0.0, 1.0]))  # 1: the camera stays with the figures, and the ground runs under them

    @property
    def moves(self) -> bool:
        """Whether the background goes anywhere."""
        return bool(self.zoom or self.pan.any())

    def plane(self, depth: float) -> int:
        """The joint of things at ``depth`` 0 (far) to 1 (where the figures are)."""
        if depth not in self.planes:
            share = depth - self.follow
            x, y = self.pan * share
            zoom = self.zoom * (0.25 + 0.75 * depth)
            self.planes[depth] = self.scene.joint(self.canvas, (self.wide / 2, 180.0), pose_1=(float(x), float(y), 0.0, zoom, zoom))
        return self.planes[depth]


def _cast(scene: Scene, rng: np.random.Generator, style: Style, plane: int, wide: float, count: int) -> list[Person]:
    """One figure that fills the shot, others beside or behind it."""
    people = []
    framing = rng.random()
    if framing < 0.25:  # the face fills the picture
        unit, chin = rng.uniform(150, 240), rng.uniform(225, 290)
        count = 1 if rng.random() < 0.8 else 2
    elif framing < 0.75:  # to the hips or knees
        unit, chin = rng.uniform(75, 130), rng.uniform(135, 190)
    else:  # whole
        unit, chin = rng.uniform(48, 66), rng.uniform(110, 140)
    centres = (np.arange(count) + 0.5) / count * wide + rng.uniform(-0.5, 0.5, count) * wide * 0.3 / count
    order = rng.permutation(count)
    for n, k in enumerate(order):
        size = unit * (0.82 ** (count - 1 - n)) * rng.uniform(0.95, 1.05)
        people.append(Person(scene, rng, style, plane, (float(centres[k]), float(chin + 0.15 * (unit - size))), float(size)))
    return people


def _add(scene: Scene, joint: int, x: float = 0.0, y: float = 0.0, turn: float = 0.0, sx: float = 0.0, sy: float = 0.0) -> None:
    """Let the joint be moved on by so much at time 1."""
    pose = scene.joints[joint].pose_0
    scene.joints[joint].pose_1 = tuple(a + b for a, b in zip(pose, (x, y, turn, sx, sy), strict=True))


def act(person: Person, rng: np.random.Generator, amount: float, wide: float) -> None:
    """Move a person so that what moves most goes about ``amount`` points between times 0 and 1."""
    scene, joints = person.scene, person.joints
    reach = amount / person.scale  # in head heights
    share = rng.uniform(0.25, 1.0)
    sign = float(rng.choice([-1, 1]))
    if rng.random() < 0.55:  # the figure as a whole walks, leans, jumps
        way = rng.random()
        x, y = (sign, rng.normal(0, 0.15)) if way < 0.6 else (0.2 * sign, -0.8)
        _add(scene, joints["root"], x * amount * share, y * amount * share, rng.normal(0, 0.03) * min(1.0, reach))
        reach *= 1 - 0.5 * share
    if rng.random() < 0.6:
        _add(scene, joints["torso"], turn=float(np.clip(rng.normal(0, 0.25) * reach, -0.3, 0.3)))
    if rng.random() < 0.75:
        turn = float(np.clip(rng.normal(0, 0.5) * reach, -0.45, 0.45))
        _add(scene, joints["head"], turn=turn, y=float(np.clip(rng.normal(0, 0.1) * reach, -0.12, 0.12)))
        look = float(np.clip(rng.normal(0, 0.3) * reach, -0.12, 0.12))
        _add(scene, joints["face"], x=look, sx=-0.5 * abs(look))
        _add(scene, joints["fringe"], x=look * 0.45)
    limbs = [n + t for n in ("arm",) for t in ("_l", "_r") if rng.random() < 0.75]
    for limb in limbs:
        side = -1 if limb.endswith("l") else 1
        turn = np.clip(rng.choice([-1, 1]) * reach / 1.3 * rng.uniform(0.5, 1.0), -1.9, 1.9)
        fore = turn * rng.uniform(-0.4, 0.6)
        _add(scene, joints[limb], turn=float(turn))
        _add(scene, joints["fore" + limb[3:]], turn=float(fore))
        _add(scene, joints["hand" + limb[3:]], turn=float(np.clip(side * rng.normal(0, 0.3) * reach, -0.5, 0.5)))
    if rng.random() < 0.5:
        step = float(np.clip(rng.normal(0, 0.35) * reach, -0.6, 0.6))
        for tag, way in (("_l", 1), ("_r", -1)):
            _add(scene, joints["leg" + tag], turn=way * step)
            _add(scene, joints["shin" + tag], turn=abs(step) * float(rng.random()))
    _face(person, rng, min(1.0, 4 * reach))
    for joint in person.sway:
        b0 = rng.normal(0, 0.06, 2)
        d = rng.normal(0, 1, 2) * min(0.35, 0.4 * reach)
        phase = float(rng.uniform(0, 6.3))
        scene.joints[joint].bend_0 = (float(b0[0]), float(b0[1] * 0.6), phase, 0.0)
        scene.joints[joint].bend_1 = (float(b0[0] + 0.5 * d[0]), float(b0[1] * 0.6 + 0.3 * d[1]), phase + float(rng.normal(0, 0.5) * min(1, reach)), 0.0)


def _face(person: Person, rng: np.random.Generator, strength: float) -> None:
    """Blink, talk, look elsewhere."""
    scene, joints = person.scene, person.joints
    start = 0.0 if rng.random() < 0.75 else float(rng.uniform(0.05, 0.2))
    end = start if rng.random() < 0.6 else float(rng.uniform(0, 0.24)) * strength
    for lid in ("lid_l", "lid_r"):
        pose = scene.joints[joints[lid]].pose_0
        scene.joints[joints[lid]].pose_0 = (pose[0], start, *pose[2:])
        scene.joints[joints[lid]].pose_1 = (pose[0], end, *pose[2:])
    if rng.random() < 0.5:
        _add(scene, joints["mouth"], sx=float(rng.normal(0, 0.25) * strength), sy=float(rng.normal(0, 0.4) * strength))
    if rng.random() < 0.4:
        _add(scene, joints["iris"], x=float(rng.normal(0, 0.02) * strength), y=float(rng.normal(0, 0.012) * strength))
    if rng.random() < 0.4:
        _add(scene, joints["brow"], y=float(rng.normal(0, 0.03) * strength))
