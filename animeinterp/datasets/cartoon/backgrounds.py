"""Painted places to put figures before: each draws on planes of its own depth, so that a pan shows parallax.

Coordinates are points: 360 to the picture's height, ``wide`` to its width. Everything reaches well beyond the
picture, so that a camera may move. Depth is 0 far away and 1 where the figures stand.
"""

from __future__ import annotations

import numpy as np

from .furniture import door, pictures, shelf, window
from .palette import Colour, darker, hsv, lighter, mix
from .place import OUT, Place
from .shapes import box, contour, ellipse, leafy, polygon, rounded, stroke
from .textures import BLOTCHED, BRUSHED, CLOUDY, GRASSY, SPECKLED


def _sky(p: Place, depth: float = 0.04) -> None:
    rng = p.rng
    top, low = [((0.32, 0.58, 0.88), (0.78, 0.90, 0.97)), ((0.45, 0.72, 0.95), (0.93, 0.96, 0.98)),
                ((0.30, 0.30, 0.55), (0.98, 0.70, 0.52)), ((0.98, 0.72, 0.50), (0.99, 0.90, 0.72)),
                ((0.55, 0.62, 0.72), (0.84, 0.86, 0.88))][int(rng.choice(5, p=[0.34, 0.26, 0.14, 0.12, 0.14]))]
    p.wash(depth * 0.5, top, low, (CLOUDY, 0.7, 1.5, 0.05), (-20, 240))
    for _ in range(int(rng.integers(1, 5))):
        x, y, r = rng.uniform(-60, p.wide + 60), rng.uniform(15, 150), rng.uniform(26, 80)
        white = lighter(low, 0.75)
        cloud = p.put(leafy(rng, x, y, r * 1.7, r * 0.6, bumps=int(rng.integers(6, 10))), depth,
                      darker(mix(white, top, 0.25), 0.03),
                      grain=(CLOUDY, 1.5, 1, 0.05))
        p.put(leafy(rng, x - 5, y - 0.16 * r, r * 1.55, r * 0.5, bumps=int(rng.integers(6, 10))), depth, white,
              inked=False, clip=cloud)


def hills(p: Place) -> None:
    """Sky, far mountains, hills with trees, grass."""
    rng = p.rng
    _sky(p)
    green = hsv(rng.uniform(0.2, 0.4), rng.uniform(0.3, 0.55), rng.uniform(0.55, 0.78))
    haze = mix(green, (0.6, 0.75, 0.92), 0.7)
    p.put(p.across(175, 40, 9), 0.12, haze, slope=(120, 260, lighter(haze, 0.4)), grain=(BRUSHED, 2, 0.5, 0.08))
    p.put(p.across(215, 22, 8), 0.25, mix(green, haze, 0.5), slope=(180, 300, lighter(green, 0.3)), grain=(BLOTCHED, 2,
                                                                                                           2, 0.06))
    for _ in range(int(rng.integers(3, 8))):
        _tree(p, float(rng.uniform(-80, p.wide + 80)), float(rng.uniform(235, 262)), float(rng.uniform(34, 80)), 0.4,
              darker(green, 0.18))
    p.put(p.across(258, 10, 7), 0.6, green, slope=(250, 380, darker(green, 0.2)), grain=(GRASSY, 2.2, 1.3, 0.11))
    if rng.random() < 0.6:
        road = mix((0.85, 0.76, 0.62), green, 0.15)
        x = float(rng.uniform(0.2, 0.8)) * p.wide
        p.put(contour([(x - 6, 262), (x + 8, 262), (x + 40, 300), (x + 200, 500, 1), (x - 160, 500, 1),
                       (x - 20, 300)]), 0.6, road,
              grain=(SPECKLED, 2, 1, 0.12))
    for _ in range(int(rng.integers(0, 14))):
        x, y = float(rng.uniform(-100, p.wide + 100)), float(rng.uniform(290, 370))
        p.put(polygon([(x - 5, y), (x - 7, y - 13), (x - 2, y - 3), (x + 1, y - 18), (x + 3, y - 3), (x + 8, y - 12),
                       (x + 6, y)]), 0.75,
              darker(green, 0.25), inked=False)


def _tree(p: Place, x: float, y: float, size: float, depth: float, colour: Colour) -> None:
    rng = p.rng
    trunk = darker((0.5, 0.36, 0.26), float(rng.uniform(0, 0.3)))
    p.put(contour([(x - 0.06 * size, y - 0.5 * size, 1), (x + 0.06 * size, y - 0.5 * size, 1), (x + 0.05 * size, y),
                   (x + 0.12 * size, y + 4, 1),
                   (x - 0.12 * size, y + 4, 1), (x - 0.05 * size, y)]), depth, trunk)
    crown = p.put(leafy(rng, x, y - 0.95 * size, 0.5 * size, 0.6 * size, bumps=int(rng.integers(7, 12))), depth, colour,
                  grain=(BLOTCHED, 4, 1, 0.12))
    p.put(leafy(rng, x - 0.1 * size, y - 1.1 * size, 0.38 * size, 0.4 * size, bumps=8), depth, lighter(colour, 0.18),
          inked=False, clip=crown,
          grain=(BLOTCHED, 4, 1, 0.12))


def room(p: Place) -> None:
    """A wall with wainscot, a window, pictures, a shelf or a door; a floor."""
    rng = p.rng
    wall = hsv(rng.uniform(0.02, 0.18) if rng.random() < 0.6 else rng.random(), rng.uniform(0.06, 0.28),
               rng.uniform(0.68, 0.92))
    p.wash(0.45, lighter(wall, 0.12), darker(wall, 0.12), (CLOUDY, 1.3, 1, 0.09))
    wood = hsv(rng.uniform(0.03, 0.09), rng.uniform(0.3, 0.6), rng.uniform(0.3, 0.62))
    floor = float(rng.uniform(280, 325))
    if rng.random() < 0.5:
        pattern = float(rng.uniform(24, 60))
        for x in np.arange(-OUT, p.wide + OUT, pattern):
            p.put(box(x, -OUT, x + pattern * 0.3, 500), 0.45, mix(wall, lighter(wall, 0.5), 0.5), inked=False)
    slots = rng.permutation(4)[: int(rng.integers(1, 4))]
    for slot in slots:
        x = float((slot + rng.uniform(0.2, 0.8)) / 4 * (p.wide + 120) - 60)
        (window, door, shelf, pictures)[int(rng.integers(4))](p, x, wood, floor)
    if rng.random() < 0.6:
        top = float(rng.uniform(235, 262))
        p.put(box(-OUT * 2, top, p.wide + OUT * 2, 600), 0.47, darker(wood, 0.15), grain=(GRASSY, 1.2, 0.35, 0.12))
        for x in np.arange(-OUT, p.wide + OUT, float(rng.uniform(32, 60))):
            p.put(box(x, top + 9, x + 3, 600), 0.47, darker(wood, 0.45), inked=False)
        p.put(box(-OUT * 2, top - 5, p.wide + OUT * 2, top + 4), 0.47, lighter(wood, 0.12))
    p.put(box(-OUT * 2, floor, p.wide + OUT * 2, 700), 0.55, wood, slope=(floor, 400, lighter(wood, 0.2)),
          grain=(BRUSHED, 1.5, 6, 0.16))
    p.put(box(-OUT * 2, floor - 8, p.wide + OUT * 2, floor), 0.5, darker(wood, 0.3))
    if rng.random() < 0.5:
        sofa = hsv(rng.random(), 0.4, rng.uniform(0.4, 0.8))
        x, w = float(rng.uniform(-40, p.wide)), float(rng.uniform(120, 220))
        p.put(rounded(x - w / 2, 215, x + w / 2, 320, 18), 0.62, darker(sofa, 0.15), grain=(CLOUDY, 2, 1, 0.08))
        p.put(rounded(x - w / 2 - 14, 262, x + w / 2 + 14, 345, 14), 0.66, sofa, grain=(CLOUDY, 2, 1, 0.08))


def street(p: Place) -> None:
    """Houses with rows of windows, a pavement, a road, poles and wires."""
    rng = p.rng
    _sky(p)
    for depth, base in ((0.25, 240), (0.45, 275)):
        left = -OUT
        while left < p.wide + OUT:
            w, h = float(rng.uniform(70, 150)), float(rng.uniform(70, 190) * (0.7 + 0.6 * depth))
            _house(p, left, base, w, h, depth)
            left += w + (float(rng.uniform(10, 60)) if rng.random() < 0.3 else 0)
    pave = hsv(0.1, 0.08, rng.uniform(0.6, 0.8))
    p.put(box(-OUT * 2, 272, p.wide + OUT * 2, 700), 0.55, pave, grain=(SPECKLED, 3, 1, 0.08), slope=(270, 380,
                                                                                                      darker(pave,
                                                                                                             0.1)))
    p.put(box(-OUT * 2, 312, p.wide + OUT * 2, 700), 0.7, darker(pave, 0.35), grain=(SPECKLED, 3, 1, 0.1))
    p.put(box(-OUT * 2, 306, p.wide + OUT * 2, 313), 0.7, lighter(pave, 0.35))
    for x in np.arange(-OUT, p.wide + OUT, float(rng.uniform(200, 320))) + float(rng.uniform(0, 150)):
        pole = darker((0.45, 0.44, 0.46), float(rng.uniform(0, 0.4)))
        p.put(box(x - 3.5, 20, x + 3.5, 306), 0.6, pole)
        p.put(box(x - 24, 40, x + 24, 45), 0.6, pole)
        for wire in (42, 58):
            p.put(stroke([(x, wire), (x + 110, wire + 16), (x + 220, wire)], 1.2), 0.6, (0.2, 0.2, 0.22), inked=False)


def _house(p: Place, x: float, base: float, w: float, h: float, depth: float) -> None:
    rng = p.rng
    wall = hsv(rng.uniform(0, 0.15) if rng.random() < 0.6 else rng.random(), rng.uniform(0.05, 0.35), rng.uniform(0.6,
                                                                                                                  0.95))
    wall = mix(wall, (0.75, 0.85, 0.95), 0.5 * (0.6 - depth))
    p.put(box(x, base - h, x + w, base + 60), depth, wall, slope=(base - h, base, darker(wall, 0.1)), grain=(CLOUDY, 2,
                                                                                                             1, 0.06))
    roof = hsv(rng.random(), 0.3, rng.uniform(0.35, 0.6))
    if rng.random() < 0.5:
        p.put(polygon([(x - 8, base - h + 3), (x + w * 0.2, base - h - 32), (x + w * 0.8, base - h - 32),
                       (x + w + 8, base - h + 3)]), depth, roof,
              grain=(BRUSHED, 3, 3, 0.1))
    else:
        p.put(box(x - 3, base - h - 8, x + w + 3, base - h + 3), depth, roof)
    glass = darker((0.55, 0.7, 0.82), float(rng.uniform(0, 0.5)))
    columns = max(1, int(w // 38))
    for row in np.arange(base - h + 18, base - 36, 44):
        for c in range(columns):
            cx = x + (c + 0.5) * w / columns
            pane = p.put(box(cx - 10, row, cx + 10, row + 26), depth, glass, slope=(row, row + 26, lighter(glass, 0.3)))
            p.put(polygon([(cx - 10, row + 18), (cx + 2, row), (cx + 7, row), (cx - 10, row + 25)]), depth,
                  lighter(glass, 0.4), inked=False, clip=pane)


def night(p: Place) -> None:
    """Stars and a moon over dark roofs or firs."""
    rng = p.rng
    deep = hsv(rng.uniform(0.6, 0.72), rng.uniform(0.5, 0.8), rng.uniform(0.12, 0.28))
    p.wash(0.02, deep, mix(deep, (0.5, 0.4, 0.65), 0.5), (CLOUDY, 0.8, 1, 0.3), (0, 300))
    for _ in range(int(rng.integers(12, 30))):
        p.put(ellipse(float(rng.uniform(-80, p.wide + 80)), float(rng.uniform(-20, 220)), float(rng.uniform(0.7, 2.0)),
                      n=5), 0.02, (0.96, 0.95, 0.85),
              inked=False)
    x, y, r = float(rng.uniform(40, p.wide - 40)), float(rng.uniform(40, 110)), float(rng.uniform(18, 42))
    p.put(ellipse(x, y, r), 0.03, (0.98, 0.95, 0.80), grain=(BLOTCHED, 6, 1, 0.06), inked=False)
    for depth, y, tone in ((0.2, 210, 0.25), (0.45, 245, 0.5)):
        colour = darker(mix(deep, (0.25, 0.3, 0.5), 0.4), tone - 0.2)
        p.put(p.across(y + 25, 12, 7), depth, colour, grain=(BLOTCHED, 2, 1, 0.1))
        for x in np.arange(-OUT, p.wide + OUT, float(rng.uniform(45, 90))):
            x += float(rng.uniform(-20, 20))
            h = float(rng.uniform(50, 110))
            p.put(polygon([(x, y - h), (x + 12, y - 0.55 * h), (x + 7, y - 0.55 * h), (x + 22, y + 24),
                           (x - 22, y + 24), (x - 7, y - 0.55 * h),
                           (x - 12, y - 0.55 * h)]), depth, colour)
    ground = darker(deep, -0.4)
    p.put(p.across(292, 6, 6), 0.7, ground, slope=(285, 380, darker(ground, 0.3)), grain=(GRASSY, 2.2, 1.3, 0.15))


def shore(p: Place) -> None:
    """Sea and beach."""
    rng = p.rng
    _sky(p)
    sea = hsv(rng.uniform(0.48, 0.6), rng.uniform(0.4, 0.7), rng.uniform(0.6, 0.85))
    y = float(rng.uniform(165, 215))
    p.put(box(-OUT * 2, y, p.wide + OUT * 2, 700), 0.15, sea, slope=(y, 330, lighter(sea, 0.35)), grain=(BRUSHED, 1.2,
                                                                                                         7, 0.1))
    if rng.random() < 0.6:
        x = float(rng.uniform(0, p.wide))
        p.put(contour([(x - 90, y + 1, 1), (x - 50, y - 22), (x, y - 40), (x + 60, y - 16), (x + 110, y + 1, 1)]),
              0.12, (0.5, 0.66, 0.62),
              grain=(BLOTCHED, 3, 1, 0.1))
    for _ in range(8):
        x, yy, w = float(rng.uniform(-80, p.wide + 80)), float(rng.uniform(y + 12, 275)), float(rng.uniform(14, 60))
        p.put(stroke([(x - w, yy), (x, yy - 2), (x + w, yy)], 3, taper=(0.1, 0.1)), 0.3, lighter(sea, 0.6), inked=False)
    sand = (0.95, 0.87, 0.70)
    p.put(p.across(275, 7, 8), 0.5, (0.97, 0.98, 0.98), inked=False)
    p.put(p.across(284, 6, 8), 0.55, sand, slope=(280, 380, darker(sand, 0.12)), grain=(SPECKLED, 4, 1, 0.1))


def burst(p: Place) -> None:
    """The ground of an excited moment: rays or spots or a plain gradient."""
    rng = p.rng
    a = hsv(p.hue, rng.uniform(0.15, 0.55), rng.uniform(0.6, 0.95))
    b = hsv(p.hue + rng.uniform(-0.12, 0.12), rng.uniform(0.1, 0.5), 0.97)
    p.wash(0.3, a, b, (CLOUDY, 1, 1, 0.05))
    kind = int(rng.integers(3))
    cx, cy = p.wide * float(rng.uniform(0.3, 0.7)), 360 * float(rng.uniform(0.3, 0.6))
    if kind == 0:
        for angle in np.arange(0, 2 * np.pi, 2 * np.pi / int(rng.integers(10, 20))):
            t = angle + 0.1 * float(rng.uniform(-1, 1))
            far = 900.0
            p.put(polygon([(cx + 40 * np.cos(t), cy + 40 * np.sin(t)), (cx + far * np.cos(t - 0.09),
                                                                        cy + far * np.sin(t - 0.09)),
                           (cx + far * np.cos(t + 0.09), cy + far * np.sin(t + 0.09))]), 0.3, lighter(b, 0.4),
                           inked=False)
    elif kind == 1:
        gap = float(rng.uniform(40, 80))
        for i, y in enumerate(np.arange(-OUT / 2, 360 + OUT / 2, gap * 0.8)):
            for x in np.arange(-OUT / 2 + (i % 2) * gap / 2, p.wide + OUT / 2, gap):
                p.put(ellipse(x, y, gap * 0.2, n=6), 0.3, lighter(a, 0.35), inked=False)


def blank(p: Place) -> None:
    """Nothing: paper, or ink."""
    p.wash(0.3, p.style.ground or (1.0, 1.0, 1.0), p.style.ground or (1.0, 1.0, 1.0))


PLACES = {"hills": hills, "room": room, "street": street, "night": night, "shore": shore, "burst": burst}
