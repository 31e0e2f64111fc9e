"""What stands in rooms, hangs on walls, or is near the camera, before the figures."""

from __future__ import annotations

import numpy as np

from .palette import Colour, darker, hsv, lighter
from .place import OUT, Place
from .shapes import box, contour, ellipse, hole, leafy, rounded
from .textures import BLOTCHED, BRUSHED, CLOUDY, GRASSY


def window(p: Place, x: float, wood: Colour, floor: float) -> None:
    rng = p.rng
    w, h, y = float(rng.uniform(80, 150)), float(rng.uniform(90, 150)), float(rng.uniform(35, 70))
    frame = lighter(wood, 0.6) if rng.random() < 0.5 else wood
    p.put(box(x - w / 2 - 8, y - 8, x + w / 2 + 8, y + h + 8), 0.45, frame)
    pane = p.put(box(x - w / 2, y, x + w / 2, y + h), 0.2, (0.62, 0.82, 0.96), slope=(y, y + h, (0.94, 0.97, 0.98)))
    p.scene.marks[pane].joint = p.plane(0.45)
    p.put(leafy(rng, x + rng.uniform(-30, 30), y + h, w * 0.5, h * 0.35, bumps=8), 0.2, hsv(rng.uniform(0.22, 0.38),
                                                                                            0.4, 0.6), clip=pane,
          grain=(BLOTCHED, 4, 1, 0.12))
    p.put(box(x - 3, y, x + 3, y + h), 0.45, frame)
    p.put(box(x - w / 2, y + h * 0.45, x + w / 2, y + h * 0.45 + 6), 0.45, frame)
    if rng.random() < 0.6:
        cloth = hsv(rng.random(), rng.uniform(0.1, 0.5), rng.uniform(0.6, 0.95))
        for side in (-1, 1):
            a, b = x + side * (w / 2 + 22), x + side * (w / 2 - 20)
            p.put(contour([(a, y - 16, 1), (b, y - 16, 1), (b - side * 4, y + h * 0.5), (b + side * 12, y + h + 30, 1),
                           (a, y + h + 32, 1)]),
                  0.5, cloth, grain=(GRASSY, 1.2, 0.2, 0.12))


def door(p: Place, x: float, wood: Colour, floor: float) -> None:
    w, top = float(p.rng.uniform(80, 110)), float(p.rng.uniform(50, 90))
    p.put(box(x - w / 2 - 8, top - 8, x + w / 2 + 8, floor), 0.45, lighter(wood, 0.15))
    p.put(box(x - w / 2, top, x + w / 2, floor), 0.45, darker(wood, 0.1), grain=(GRASSY, 1.2, 0.35, 0.12))
    middle = 0.5 * (top + floor)
    for y0, y1 in ((top + 14, middle - 8), (middle + 8, floor - 14)):
        p.put(box(x - w / 2 + 14, y0, x + w / 2 - 14, y1), 0.45, darker(wood, 0.25), grain=(GRASSY, 1.2, 0.35, 0.12))
    p.put(ellipse(x + w / 2 - 9, middle, 4), 0.45, (0.85, 0.72, 0.35))


def shelf(p: Place, x: float, wood: Colour, floor: float) -> None:
    rng = p.rng
    w, top = float(rng.uniform(90, 140)), float(rng.uniform(60, 130))
    p.put(box(x - w / 2, top, x + w / 2, floor + 4), 0.48, wood, grain=(GRASSY, 1.2, 0.35, 0.12))
    for y in np.arange(top + 7, floor - 40, 46):
        p.put(box(x - w / 2 + 6, y, x + w / 2 - 6, y + 39), 0.48, darker(wood, 0.5))
        left = x - w / 2 + 8
        while left < x + w / 2 - 16:
            thick, tall = float(rng.uniform(5, 12)), float(rng.uniform(22, 35))
            if rng.random() < 0.85:
                p.put(box(left, y + 39 - tall, left + thick, y + 39), 0.48, hsv(rng.random(), rng.uniform(0.25, 0.7),
                                                                                rng.uniform(0.4, 0.85)))
            left += thick + 1.5


def pictures(p: Place, x: float, wood: Colour, floor: float) -> None:
    rng = p.rng
    for _ in range(int(rng.integers(1, 4))):
        w, h, y = float(rng.uniform(30, 60)), float(rng.uniform(30, 60)), float(rng.uniform(50, 140))
        p.put(box(x - w / 2 - 5, y - 5, x + w / 2 + 5, y + h + 5), 0.45, darker(wood, 0.1))
        picture = p.put(box(x - w / 2, y, x + w / 2, y + h), 0.45, hsv(rng.random(), 0.25, 0.85))
        p.put(leafy(rng, x, y + h, w * 0.5, h * 0.5), 0.45, hsv(rng.random(), 0.5, 0.6), clip=picture)
        x += w + 22


def foreground(p: Place) -> None:
    """Something near the camera, before the figures: leaves, a fence, a table's edge, a pillar, a window's frame."""
    rng = p.rng
    kind, tone = int(rng.integers(5)), hsv(rng.random(), rng.uniform(0.2, 0.5), rng.uniform(0.2, 0.6))
    if kind == 0:
        side = 0 if rng.random() < 0.5 else p.wide
        for _ in range(int(rng.integers(4, 9))):
            x, y, r = side + float(rng.uniform(-70, 70)), float(rng.uniform(-30, 120)), float(rng.uniform(30, 60))
            p.put(leafy(rng, x, y, r, r * 0.7, bumps=7), 1.5, darker(hsv(0.3, 0.5, 0.6), float(rng.uniform(0, 0.3))))
    elif kind == 1:
        p.put(box(-OUT * 2, 318, p.wide + OUT * 2, 328), 1.3, tone)
        for x in np.arange(-OUT, p.wide + OUT, float(rng.uniform(34, 60))):
            p.put(contour([(x, 300, 1), (x + 8, 290, 1), (x + 16, 300, 1), (x + 16, 640, 1), (x, 640, 1)]), 1.3,
                  lighter(tone, 0.3))
    elif kind == 2:
        p.put(box(-OUT * 2, 312, p.wide + OUT * 2, 325), 1.2, lighter(tone, 0.25))
        p.put(box(-OUT * 2, 325, p.wide + OUT * 2, 700), 1.2, tone, grain=(BRUSHED, 2, 5, 0.15))
    elif kind == 3:
        x = float(rng.choice([rng.uniform(-20, 60), p.wide - rng.uniform(-20, 60)]))
        p.put(box(x - 24, -OUT, x + 24, 700), 1.5, tone, grain=(CLOUDY, 2, 1, 0.1))
    else:
        outer = box(-OUT * 2, -OUT * 2, p.wide + OUT * 2, 360 + OUT * 2)
        p.put([outer, hole(rounded(26, 22, p.wide - 26, 338, 20))], 1.6, tone)
