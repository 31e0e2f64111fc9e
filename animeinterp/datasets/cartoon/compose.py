"""From a seed to a scene: who is in the shot, where, before what, and how everything moves."""

from __future__ import annotations

import numpy as np

from .backgrounds import PLACES, blank
from .choreography import act
from .config import CartoonConfig
from .creatures import Actor, Beast, Bird, Mascot, Thing
from .fit import fit_motion
from .furniture import foreground
from .palette import Style
from .person import Person
from .place import Place
from .scene import Scene
from .sprites import SpriteSet, put_background, put_sprites, sprite_set

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
    drawn = _sprites(seed, config, style)
    plain = rng.random() < config.plain or (style.ground is not None and rng.random() < 0.6)
    name = str(rng.choice(list(PLACES), p=[0.24, 0.3, 0.18, 0.1, 0.1, 0.08]))
    (blank if plain else PLACES[name])(place)
    scene.blur = float(rng.uniform(0.4, 1.8)) if rng.random() < 0.5 and not place.inked else 0.0
    dice = np.random.default_rng([seed, 13])  # so that a shot without sprites is the one it was before there were any
    if drawn is not None and drawn.backgrounds and dice.random() < 0.6:
        put_background(scene, drawn, dice, camera.plane(0.3), wide, height)
    scene.backdrop = False

    hold = rng.random() < config.hold and camera.moves
    count = int(rng.integers(config.figures[0], config.figures[1] + 1))
    if drawn is not None and drawn.sprites and dice.random() < 0.5:
        count = 0  # the sprites have the shot to themselves
    figures = cast(scene, rng, style, camera.plane(1.0), wide, count)
    if style.ground is None and rng.random() < 0.2:
        foreground(place)
    sign = float(rng.choice([-1, 1]))
    for figure in figures:
        sign = -sign if rng.random() < 0.7 else sign
        if not hold:
            act(figure, rng, amount, sign)
    if drawn is not None and drawn.sprites:
        put_sprites(scene, drawn, dice, camera.plane(1.0), wide, 0.0 if hold else amount, height)
    fit_motion(scene, amount, (360.0, wide))
    if config.ease:
        for joint in scene.joints:
            joint.ease = float(rng.uniform(-0.6, 1.0)) if rng.random() < config.ease else 0.0
    return scene


def _sprites(seed: int, config: CartoonConfig, style: Style) -> SpriteSet | None:
    """The set of drawings that the shot of ``seed`` shows some of, if it does."""
    if config.sprites is None or style.ground is not None:
        return None
    if np.random.default_rng([seed, 12]).random() >= config.sprite_share:
        return None
    return sprite_set(config.sprites)


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
    if roll < config.line_art:
        return "line art"
    return "inverted" if roll < config.line_art + config.inverted else "colour"


class Camera:
    """Pans, and zooms, over planes of several depths; the planes are joints, made when first asked for."""

    def __init__(self, scene: Scene, rng: np.random.Generator, canvas: int, wide: float, amount: float) -> None:
        self.scene, self.canvas, self.wide = scene, canvas, wide
        self.planes: dict[float, int] = {}
        roll = rng.random()
        self.pan, self.zoom = np.zeros(2), 0.0
        if roll < 0.4:
            angle = rng.choice([0.0, np.pi, np.pi / 2, -np.pi / 2, rng.uniform(0, 2 * np.pi)], p=[0.3, 0.3, 0.1, 0.1,
                                                                                                  0.2])
            self.pan = amount * rng.uniform(0.3, 1.0) * np.array([np.cos(angle), np.sin(angle)])
        elif roll < 0.55:
            self.zoom = float(rng.choice([-1, 1]) * amount / (0.6 * wide) * rng.uniform(0.3, 0.8))
        # 1: the camera stays with the figures, and the ground runs under them.
        self.follow = float(rng.choice([0.0, 1.0]))

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
            self.planes[depth] = self.scene.joint(self.canvas, (self.wide / 2, 180.0), pose_1=(float(x), float(y), 0.0,
                                                                                               zoom, zoom))
        return self.planes[depth]


def cast(scene: Scene, rng: np.random.Generator, style: Style, plane: int, wide: float,
         count: int) -> list[Person | Actor]:
    """One figure that fills the shot, others beside or behind it, at times a beast, a bird or a ball among them."""
    figures: list[Person | Actor] = []
    framing = rng.random()
    if framing < 0.25:  # the face fills the picture
        unit, chin = rng.uniform(150, 240), rng.uniform(225, 290)
        count = 1 if rng.random() < 0.8 else min(count, 2)
    elif framing < 0.75:  # to the hips or knees
        unit, chin = rng.uniform(75, 130), rng.uniform(135, 190)
    else:  # whole
        unit, chin = rng.uniform(48, 66), rng.uniform(110, 140)
    if rng.random() < 0.3:
        figures.append(Bird(scene, rng, style, plane, _spot(rng, wide, 30, 150), float(rng.uniform(40, 90))))
    if behind := rng.random() < 0.15:
        figures.append(Thing(scene, rng, style, plane, _spot(rng, wide, 60, 320), float(rng.uniform(30, 80))))
    centres = (np.arange(count) + 0.5) / count * wide + rng.uniform(-0.5, 0.5, count) * wide * 0.4 / count
    if rng.random() < 0.3:  # close together, so that they pass before one another
        centres = wide / 2 + 0.5 * (centres - wide / 2)
    for n, k in enumerate(rng.permutation(count)):
        size = float(unit * 0.82 ** (count - 1 - n) * rng.uniform(0.95, 1.05))
        x = float(centres[k])
        if count > 1 and rng.random() < 0.2 or count == 1 and rng.random() < 0.1:
            kind = (Beast, Mascot)[int(rng.integers(2))]
            scale = float(min(size * (2.0 if count > 1 else 2.6), 210))
            low = min(chin + 4 * unit, rng.uniform(335, 355))  # where the feet are
            figures.append(kind(scene, rng, style, plane, (x, float(low) - kind.FEET * scale), scale))
        else:
            figures.append(Person(scene, rng, style, plane, (x, float(chin + 0.15 * (unit - size))), size))
    if not behind and rng.random() < 0.15:
        figures.append(Thing(scene, rng, style, plane, _spot(rng, wide, 60, 320), float(rng.uniform(30, 80))))
    return figures


def _spot(rng: np.random.Generator, wide: float, high: float, low: float) -> tuple[float, float]:
    return float(rng.uniform(0.08, 0.92) * wide), float(rng.uniform(high, low))
