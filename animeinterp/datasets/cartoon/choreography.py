"""How figures move between times 0 and 1, given the distance that the clip's largest motion should go."""

from __future__ import annotations

import numpy as np

from .creatures import Actor, Bird, Thing
from .person import Person
from .scene import Scene


def act(figure: Person | Actor, rng: np.random.Generator, amount: float, sign: float) -> None:
    """Move a figure by about ``amount`` points where it moves most; ``sign`` is the way it walks, +1 to the right."""
    if isinstance(figure, Person):
        _act_person(figure, rng, amount, sign)
    else:
        _act_creature(figure, rng, amount, sign)


def _add(scene: Scene, joint: int, x: float = 0.0, y: float = 0.0, turn: float = 0.0, sx: float = 0.0,
         sy: float = 0.0) -> None:
    """Let the joint be moved on by so much at time 1."""
    pose = scene.joints[joint].pose_1
    scene.joints[joint].pose_1 = tuple(a + b for a, b in zip(pose, (x, y, turn, sx, sy), strict=True))


def _about(rng: np.random.Generator, spread: float, limit: float) -> float:
    return float(np.clip(rng.normal(0, spread), -limit, limit))


def _act_person(person: Person, rng: np.random.Generator, amount: float, sign: float) -> None:
    scene, joints = person.scene, person.joints
    reach = amount / person.scale  # in head heights
    share = float(rng.uniform(0.25, 1.0))
    if rng.random() < 0.55:  # the figure as a whole walks, leans, jumps
        x, y = (sign, rng.normal(0, 0.15)) if rng.random() < 0.65 else (0.2 * sign, -0.8)
        _add(scene, joints["root"], x * amount * share, float(y) * amount * share, _about(rng, 0.03, 0.06) * min(1.0,
                                                                                                                 reach))
        reach *= 1 - 0.5 * share
    if rng.random() < 0.6:
        _add(scene, joints["torso"], turn=_about(rng, 0.25 * reach, 0.3))
    if rng.random() < 0.75:
        _add(scene, joints["head"], turn=_about(rng, 0.5 * reach, 0.45), y=_about(rng, 0.1 * reach, 0.12))
        look = _about(rng, 0.3 * reach, 0.12)
        _add(scene, joints["face"], x=look, sx=-0.5 * abs(look))
        _add(scene, joints["fringe"], x=look * 0.45)
    for tag in ("_l", "_r"):
        if rng.random() < 0.75:
            turn = float(np.clip(rng.choice([-1, 1]) * reach / 1.3 * rng.uniform(0.5, 1.0), -1.9, 1.9))
            _add(scene, joints["arm" + tag], turn=turn)
            _add(scene, joints["fore" + tag], turn=turn * float(rng.uniform(-0.4, 0.6)))
            _add(scene, joints["hand" + tag], turn=_about(rng, 0.3 * reach, 0.5))
    if rng.random() < 0.5:
        step = _about(rng, 0.35 * reach, 0.6)
        for tag, way in (("_l", 1), ("_r", -1)):
            _add(scene, joints["leg" + tag], turn=way * step)
            _add(scene, joints["shin" + tag], turn=abs(step) * float(rng.random()))
    _act_face(person, rng, min(1.0, 4 * reach))
    for joint, length in person.sway:
        _act_cloth(scene, joint, max(length, 0.5), rng, reach)


def _act_cloth(scene: Scene, joint: int, length: float, rng: np.random.Generator, reach: float) -> None:
    """Hair and cloth: a bend that changes, a wave that runs on; the free end goes at most about 0.4 head heights."""
    bend, wave = _about(rng, 0.08, 0.2) / length**2, _about(rng, 0.04, 0.1) / length
    phase, swing = float(rng.uniform(0, 2 * np.pi)), min(0.35, 0.4 * reach)
    scene.joints[joint].bend_0 = (bend, wave, phase, 0.0)
    scene.joints[joint].bend_1 = (bend + swing * _about(rng, 0.6, 1.0) / length**2, wave + swing * _about(rng, 0.3,
                                                                                                          0.6) / length,
                                  phase + min(1.0, reach) * _about(rng, 0.5, 1.0), 0.0)


def _act_face(person: Person, rng: np.random.Generator, strength: float) -> None:
    """Blink, talk, look elsewhere. A lid shifted by its eye's height shuts it."""
    scene, joints = person.scene, person.joints
    shut = person.head.eye_height
    start = 0.0 if rng.random() < 0.75 else float(rng.uniform(0.3, 0.95))
    end = start if rng.random() < 0.6 else start + (float(rng.uniform(0, 1.0)) - start) * strength
    for lid in ("lid_l", "lid_r"):
        joint = scene.joints[joints[lid]]
        joint.pose_0 = (0.0, start * shut, *joint.pose_0[2:])
        joint.pose_1 = (0.0, end * shut, *joint.pose_1[2:])
    if rng.random() < 0.5:
        _add(scene, joints["mouth"], sx=_about(rng, 0.25 * strength, 0.4), sy=_about(rng, 0.4 * strength, 0.7))
    if rng.random() < 0.4:
        _add(scene, joints["iris"], x=_about(rng, 0.02 * strength, 0.04), y=_about(rng, 0.012 * strength, 0.02))
    if rng.random() < 0.4:
        _add(scene, joints["brow"], y=_about(rng, 0.03 * strength, 0.06))


def _act_creature(actor: Actor, rng: np.random.Generator, amount: float, sign: float) -> None:
    scene = actor.scene
    reach = amount / actor.scale
    if isinstance(actor, Bird | Thing) or rng.random() < 0.6:
        rise = rng.normal(0, 0.35)
        share = float(rng.uniform(0.4, 1.0))
        _add(scene, actor.joints["root"], sign * amount * share, float(rise) * amount * share,
             _about(rng, 0.1 * min(1.0, reach), 0.2))
    for name, limit in actor.swing.items():
        if rng.random() < 0.8:
            _add(scene, actor.joints[name], turn=_about(rng, min(limit, 1.2 * reach), limit))
    for name in actor.stretch:
        squash = _about(rng, 0.15 * min(1.0, 2 * reach), 0.25)
        _add(scene, actor.joints[name], sx=squash, sy=-squash)
