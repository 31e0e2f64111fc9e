"""Drawings of what people report of tools like this one: each kind by a seed that chooses sizes, colours and ways.

A kind is a function of a seed and a time in 0..1 that gives a picture (H, W, 3) uint8; ``triplet`` draws both frames and the
truth between them.
"""

from collections.abc import Callable

import cv2
import numpy as np
import torch

FINE = 4  # times as large as shown that things are drawn
INK = (24, 20, 28)
Scene = Callable[[float], np.ndarray]


class Canvas:
    """What is drawn on, in pixels of the picture, with soft edges."""

    def __init__(self, size: tuple[int, int], colour):
        self._size = size
        self._image = np.full((size[0] * FINE, size[1] * FINE, 3), colour, np.uint8)

    def shape(self, points, colour, line: float = 2.0) -> None:
        """A polygon (N, 2) filled with ``colour`` (None: not) and outlined."""
        fixed = np.round(np.asarray(points, np.float64) * FINE * 16).astype(np.int32)
        if colour is not None:
            cv2.fillPoly(self._image, [fixed], colour, cv2.LINE_AA, 4)
        if line:
            cv2.polylines(self._image, [fixed], True, INK, round(line * FINE), cv2.LINE_AA, 4)

    def disc(self, centre, radius, colour, line: float = 2.0) -> None:
        angles = np.linspace(0, 2 * np.pi, 96, endpoint=False)
        self.shape(np.stack([centre[0] + radius * np.cos(angles), centre[1] + radius * np.sin(angles)], 1), colour, line)

    def box(self, x, y, width, height, colour, line: float = 2.0) -> None:
        self.shape([(x, y), (x + width, y), (x + width, y + height), (x, y + height)], colour, line)

    def limb(self, joint, angle, length, thick, colour, line: float = 2.0, narrow: float = 1.0) -> None:
        """A bar from a joint, ``narrow`` times as thick at its end."""
        along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
        joint, end = np.asarray(joint, np.float64), np.asarray(joint) + length * along
        side, far = across * thick / 2, narrow * across * thick / 2
        self.shape([joint - side, end - far, end + far, joint + side], colour, line)

    def picture(self) -> np.ndarray:
        return cv2.resize(self._image, self._size[::-1], interpolation=cv2.INTER_AREA)


def triplet(scene: Scene, spoil: Callable[[np.ndarray], np.ndarray] = lambda picture: picture) -> tuple[torch.Tensor, ...]:
    """Frame 0, the truth half-way and frame 1, (1, 3, H, W) in 0..1, each as a lossy file may leave it."""
    return tuple(torch.from_numpy(spoil(scene(t)).copy()).permute(2, 0, 1)[None].float() / 255 for t in (0.0, 0.5, 1.0))


def moving_decibels(made: torch.Tensor, frame0: torch.Tensor, truth: torch.Tensor, frame1: torch.Tensor) -> float:
    """PSNR over the pixels in which the frames differ, or the truth from the first."""
    moves = ((frame0 - frame1).abs().amax(1) > 2 / 255) | ((frame0 - truth).abs().amax(1) > 2 / 255)
    made = (made.clamp(0, 1) * 255).round() / 255
    return float(-10 * torch.log10(((made - truth) ** 2).mean(1)[moves].mean().clamp(min=1e-9)))


def jpeg(quality: int) -> Callable[[np.ndarray], np.ndarray]:
    return lambda picture: cv2.imdecode(cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, quality])[1], cv2.IMREAD_COLOR)


def _bright(random: np.random.Generator) -> tuple[int, int, int]:
    return tuple(int(level) for level in random.integers(90, 250, 3))


def _town(canvas: Canvas, random: np.random.Generator, size, ground: float, shift: float = 0.0) -> None:
    """Houses with windows, the ground below."""
    height, width = size
    x = -0.3 * width
    while x < 1.6 * width:
        wide, tall = random.uniform(0.12, 0.22) * width, random.uniform(0.2, 0.38) * height
        colour, light = _bright(random), (255, 240, int(random.integers(140, 200)))
        canvas.box(x + shift, ground - tall, wide, tall, colour, 1.6)
        step = random.uniform(0.07, 0.1) * width
        for row in range(int((tall - 8) / (0.16 * height)) + 1):
            for column in range(int((wide - 10) / step)):
                at = x + 10 + column * step, ground - tall + 9 + row * 0.13 * height
                canvas.box(at[0] + shift, at[1], 0.03 * width, 0.055 * height, light, 1.2)
        x += wide + random.uniform(0.02, 0.1) * width
    canvas.box(-10, ground, width + 20, height, (112, 112, 122), 1.6)


def _figure(canvas: Canvas, at, tall, skin, hair, dress, arm: float) -> None:
    """Somebody with one arm, whose angle is given; ``at`` is the middle of the feet."""
    x, y = at
    for side in (-1, 1):
        canvas.box(x + side * 0.065 * tall - 0.035 * tall, y - 0.24 * tall, 0.07 * tall, 0.24 * tall, skin)
    canvas.shape([(x - 0.11 * tall, y - 0.58 * tall), (x + 0.11 * tall, y - 0.58 * tall), (x + 0.2 * tall, y - 0.2 * tall),
                  (x - 0.2 * tall, y - 0.2 * tall)], dress)  # fmt: skip
    head = x, y - 0.76 * tall
    canvas.disc(head, 0.23 * tall, hair)
    canvas.disc((head[0], head[1] + 0.02 * tall), 0.17 * tall, skin)
    for side in (-1, 1):
        canvas.disc((head[0] + side * 0.06 * tall, head[1] + 0.03 * tall), 0.028 * tall, (50, 40, 90), 1.2)
    canvas.limb((x + 0.11 * tall, y - 0.53 * tall), arm, 0.34 * tall, 0.075 * tall, skin)


def display(seed: int, size=(288, 512)) -> Scene:
    """Somebody crosses a town and lowers an arm, under a display that stands still but for its bar."""
    random = np.random.default_rng(seed)
    height, width = size
    colours = [_bright(random) for _ in range(2)]
    sky, skin = (140 + int(random.integers(0, 40)), 200, 235), (250, 220, 200)
    start, way = random.uniform(0.3, 0.45) * width, random.uniform(22, 40)
    angles = np.deg2rad([random.uniform(-35, -20), random.uniform(-10, 2)])
    town = int(random.integers(1 << 30))

    def draw(t: float) -> np.ndarray:
        canvas = Canvas(size, sky)
        _town(canvas, np.random.default_rng(town), size, 0.74 * height)
        arm = (1 - t) * angles[0] + t * angles[1]
        _figure(canvas, (start + t * way, 0.84 * height), 0.75 * height, skin, *colours, arm)
        canvas.box(8, 8, 0.25 * width, 15, (60, 60, 64))
        canvas.box(9, 9, (0.21 - 0.03 * t) * width, 13, (220, 40, 40), 0)
        picture = canvas.picture()
        return cv2.putText(picture, f"HP {seed:04d}", (round(0.29 * width), 22), cv2.FONT_HERSHEY_SIMPLEX, 0.45, (255, 255, 0), 1,
                           cv2.LINE_AA)

    return draw


def fence(seed: int, size=(288, 512)) -> Scene:
    """A pan over a town, and over a fence before it that goes by more than its period."""
    random = np.random.default_rng(seed)
    height, width = size
    period, town = random.uniform(17, 28), int(random.integers(1 << 30))
    way, nearer = -random.uniform(16, 30), random.uniform(1.0, 1.25)
    thick = random.uniform(3.5, 5.5)

    def draw(t: float) -> np.ndarray:
        canvas = Canvas(size, (150, 205, 235))
        _town(canvas, np.random.default_rng(town), size, 0.74 * height, t * way)
        for post in range(-3, int(2 * width / period)):
            canvas.box(post * period + t * way * nearer, 0.56 * height, thick, 0.42 * height, (252, 252, 252), 0)
        for rail in (0.64, 0.88):
            canvas.box(-40, rail * height, width + 80, 5, (252, 252, 252), 1.0)
        return canvas.picture()

    return draw


def ball(seed: int, size=(288, 512), *, textured: bool = False, drawn: bool = False) -> Scene:
    """A ball that crosses a quarter of the width, plain or with a pattern that turns, over a plain ground or a drawn one."""
    random = np.random.default_rng(seed)
    height, width = size
    radius, colour, other = random.uniform(0.05, 0.085) * height, _bright(random), _bright(random)
    begin = np.array([random.uniform(0.2, 0.45) * width, random.uniform(0.25, 0.5) * height])
    way = np.array([random.choice([-1, 1]) * 0.26 * width, random.uniform(-0.1, 0.25) * height])
    begin[0] = width - begin[0] if way[0] < 0 else begin[0]
    turn, town, sky = random.uniform(-0.6, 0.6), int(random.integers(1 << 30)), _bright(random)

    def draw(t: float) -> np.ndarray:
        canvas = Canvas(size, sky)
        if drawn:
            _town(canvas, np.random.default_rng(town), size, 0.74 * height)
        at = begin + t * way
        canvas.disc(at, radius, colour)
        if textured:
            for spot in range(4):  # of different sizes: a pattern that is the same when turned leaves its turn open
                angle = spot * np.pi / 2 + t * turn
                place = at + 0.5 * radius * np.array([np.cos(angle), np.sin(angle)])
                canvas.disc(place, (0.12 + 0.06 * spot) * radius, other, 1.0)
            canvas.disc(at, 0.2 * radius, INK, 0)
        return canvas.picture()

    return draw


def line_art(seed: int, size=(288, 512)) -> Scene:
    """Two figures of lines alone, who shift a little, and whose arms turn."""
    random = np.random.default_rng(seed)
    height, width = size
    people = []  # their place, size, way, and the angle and turn of the arm
    for place, tall, way, angle, turn in (((0.22, 0.32), (0.62, 0.8), (-4, 4), (-65, 10), (30, 50)),
                                          ((0.6, 0.7), (0.5, 0.65), (-22, -8), (-20, 20), (25, 40))):
        at = random.uniform(*place) * width, random.uniform(*tall), random.uniform(*way), np.deg2rad(random.uniform(*angle))
        people.append((*at, np.deg2rad(random.choice([-1, 1]) * random.uniform(*turn))))

    def draw(t: float) -> np.ndarray:
        canvas = Canvas(size, (255, 255, 255))
        for x, tall, way, angle, turn in people:
            x, y, tall = x + t * way, 0.88 * height, tall * height
            _outline(canvas, x, y, tall)
            canvas.limb((x + 0.12 * tall, y - 0.5 * tall), angle + t * turn, 0.3 * tall, 0.065 * tall, None)
        return canvas.picture()

    return draw


def walking(seed: int, size=(270, 480)) -> Scene:
    """Two figures of lines alone who walk, and whose arms turn about a shoulder that keeps its slant."""
    random = np.random.default_rng(1000 + seed)
    height, width = size
    people = []  # their place, size, way, the angle and turn of the arm, its length and thickness
    for place, tall, way, angle, turn in (((0.25, 0.36), (0.62, 0.8), (20, 44), (-70, 10), (30, 50)),
                                          ((0.65, 0.75), (0.5, 0.65), (-28, -10), (-20, 20), (25, 40))):
        at = random.uniform(*place) * width, random.uniform(*tall) * height, random.uniform(*way)
        turns = np.deg2rad(random.uniform(*angle)), np.deg2rad(random.choice([-1, 1]) * random.uniform(*turn))
        people.append((*at, *turns, random.uniform(0.24, 0.38), random.uniform(0.05, 0.08)))
    line = random.uniform(1.2, 2.6)

    def draw(t: float) -> np.ndarray:
        canvas = Canvas(size, (255, 255, 255))
        for x, tall, way, angle, turn, long, thick in people:
            x, y, angle = x + t * way, 0.88 * height, angle + t * turn
            _outline(canvas, x, y, tall, line)
            joint, along = np.array([x + 0.12 * tall, y - 0.5 * tall]), np.array([np.cos(angle), np.sin(angle)])
            end, across = joint + long * tall * along, np.array([-along[1], along[0]]) * thick * tall / 2
            slant = np.array([0.3, -0.95]) * thick * tall / 2
            canvas.shape([joint + slant, end - across, end + across, joint - slant], None, line)
        return canvas.picture()

    return draw


def _outline(canvas: Canvas, x: float, y: float, tall: float, line: float = 2.0) -> None:
    """Somebody of lines alone but for the arms, (x, y) the middle of the feet."""
    for side in (-0.07, 0.07):
        canvas.shape([(x + side * tall, y), (x + side * tall, y - 0.2 * tall)], None, line)
    above, below = y - 0.56 * tall, y - 0.2 * tall
    canvas.shape([(x - 0.13 * tall, above), (x + 0.13 * tall, above), (x + 0.22 * tall, below), (x - 0.22 * tall, below)],
                 None, line)  # fmt: skip
    head = x, y - 0.76 * tall
    canvas.disc(head, 0.23 * tall, None, line)
    canvas.disc((head[0], head[1] + 0.02 * tall), 0.17 * tall, None, line)
    for side in (-1, 1):
        canvas.disc((head[0] + side * 0.06 * tall, head[1] + 0.03 * tall), 0.03 * tall, None, 0.7 * line)


def wheel(seed: int, size=(288, 512)) -> Scene:
    """A wheel that turns about its hub, and a hand of a clock that turns about its end."""
    random = np.random.default_rng(seed)
    height, width = size
    hub = np.array([random.uniform(0.24, 0.34) * width, random.uniform(0.45, 0.55) * height])
    radius, spokes = random.uniform(0.28, 0.36) * height, int(random.integers(4, 7))
    turn = np.deg2rad(random.choice([-1, 1]) * random.uniform(25, 40))
    first, wood, ground = random.uniform(0, 1), _bright(random), (236, 220, 190)
    joint = np.array([random.uniform(0.66, 0.74) * width, 0.7 * height])
    hand, swing = np.deg2rad(random.uniform(-80, -50)), np.deg2rad(random.choice([-1, 1]) * random.uniform(30, 60))

    def draw(t: float) -> np.ndarray:
        canvas = Canvas(size, ground)
        canvas.disc(hub, radius, wood)
        canvas.disc(hub, 0.84 * radius, ground)
        for spoke in range(spokes):
            canvas.limb(hub, first + t * turn + spoke * 2 * np.pi / spokes, 0.86 * radius, 0.11 * radius, wood)
        canvas.disc(hub, 0.18 * radius, wood)
        canvas.limb(joint, hand + t * swing, 0.5 * height, 4, (200, 210, 230), narrow=2.2)
        canvas.disc(joint, 0.065 * height, (170, 60, 60))
        return canvas.picture()

    return draw


def marked_wheel(seed: int, size=(270, 480)) -> tuple[Scene, tuple[float, float], float]:
    """A wheel of five spokes alike that turns by more than half-way to the next, as a ball between them shows; and where that
    ball is half-way, x, y and its radius."""
    random = np.random.default_rng(seed)
    height, width = size
    hub, radius = np.array([random.uniform(0.28, 0.7) * width, 0.5 * height]), random.uniform(0.3, 0.36) * height
    turn, first = np.deg2rad(random.choice([-1, 1]) * random.uniform(38, 44)), random.uniform(0, 6)
    wood, ground = (random.uniform(70, 130), random.uniform(60, 90), 50), (random.uniform(215, 240), 222, 190)
    far, little = random.uniform(0.5, 0.62) * radius, random.uniform(0.09, 0.11) * radius

    def at(t: float) -> np.ndarray:
        angle = first + np.pi / 5 + t * turn
        return hub + far * np.array([np.cos(angle), np.sin(angle)])

    def draw(t: float) -> np.ndarray:
        canvas = Canvas(size, ground)
        canvas.disc(hub, radius, wood, 3.0)
        canvas.disc(hub, 0.84 * radius, ground)
        for spoke in range(5):
            canvas.limb(hub, first + t * turn + spoke * 2 * np.pi / 5, 0.86 * radius, 0.2 * radius, wood, narrow=0.65)
        canvas.disc(at(t), little, (220, 50, 40))
        canvas.disc(hub, 0.18 * radius, (90, 60, 45))
        return canvas.picture()

    return draw, tuple(at(0.5)), little


def blade(seed: int, degrees: float, size=(270, 480)) -> Scene:
    """A blade that turns by so many degrees about its root, which a disc covers, over plain ground or a town."""
    random = np.random.default_rng(2000 + seed)
    height, width = size
    root, long = np.array([random.uniform(0.35, 0.65) * width, 0.75 * height]), random.uniform(0.4, 0.6) * height
    thick, first = random.uniform(6, 12), np.deg2rad(random.uniform(-130, -60))
    turn, colour = np.deg2rad(random.choice([-1, 1]) * degrees), tuple(int(level) for level in random.integers(170, 250, 3))
    ground, line = tuple(int(level) for level in random.integers(140, 235, 3)), random.uniform(1.4, 2.4)
    town = int(random.integers(1 << 30))

    def draw(t: float) -> np.ndarray:
        canvas = Canvas(size, ground)
        if seed % 2:
            _town(canvas, np.random.default_rng(town), size, 0.8 * height)
        along = np.array([np.cos(first + t * turn), np.sin(first + t * turn)])
        across, wide = np.array([-along[1], along[0]]), root + 0.88 * long * along
        points = [root - 1.5 * across, wide - across * thick / 2, root + long * along, wide + across * thick / 2]
        canvas.shape([*points, root + 1.5 * across], colour, line)
        canvas.disc(root, 0.06 * height, (60, 60, 170), line)
        return canvas.picture()

    return draw
