"""What is shot: the clips out of Debian's ``synfig-examples``, their seeds, backgrounds and figures.

Settled before anything was measured on them; a change here makes figures that were published incomparable.
"""

from __future__ import annotations

from dataclasses import dataclass

# Largest displacement, from and to, as shares of the width.
SPEEDS = {"slow": (0.01, 0.02), "medium": (0.025, 0.05), "fast": (0.07, 0.24)}

# A drawing, its layers, and the part of it that is seen (x0, y0, x1, y1 as fractions).
BACKGROUNDS = {
    "room": ("backdrop", ("0", "2", "3", "4"), (0.0, 0.0, 1.0, 1.0)),
    "wall": ("wallpaper", ("0", "1", "2", "3", "4"), (0.05, 0.1, 0.95, 0.85)),
    "sea": ("pirates", ("1.0", "1.1"), (0.0, 0.1, 1.0, 0.95)),
    "ship": ("pirates", ("1.0", "1.1", "1.23"), (0.2, 0.3, 1.0, 1.0)),
    "rays": ("macwolfen", ("1", "2"), (0.0, 0.0, 1.0, 0.8)),
    "parchment": ("prologue_kid", ("1",), (0.0, 0.0, 1.0, 1.0)),
    "sun": ("japan", (), (0.0, 0.0, 1.0, 1.0)),
    "skin": ("eye", ("0", "5", "6"), (0.0, 0.0, 1.0, 1.0)),
}


@dataclass(frozen=True)
class Stand:
    """Where a figure stands: the middle of its drawing in pixels of the frame, its drawing's height in pixels."""

    figure: str
    x: float
    y: float
    height: float
    mirrored: bool = False
    still: bool = False  # only its limbs move
    free: bool = False  # turns as a whole, as something thrown does


@dataclass(frozen=True)
class Clip:
    name: str
    seed: int
    speed: str
    background: str
    stands: tuple[Stand, ...]
    pan: float = 0.0  # of the clip's largest displacement, with which the background moves


@dataclass(frozen=True)
class OwnAnimation:
    """A drawing that is animated already: seconds at t = 0 and t = 1."""

    name: str
    file: str
    start: float
    end: float
    speed: str


CLIPS: tuple[Clip, ...] = (
    Clip("slow_kid_room", 101, "slow", "room", (Stand("kid", 330, 215, 430),), pan=0.4),
    Clip("slow_wolf_rays", 102, "slow", "rays", (Stand("wolf", 460, 200, 430),)),
    Clip("slow_skull_sea", 103, "slow", "sea", (
        Stand("skull", 290, 235, 560), Stand("barrel", 590, 260, 520),
    ), pan=1.0),
    Clip("slow_dog_ship", 104, "slow", "ship", (Stand("dog", 230, 160, 560, still=True),)),
    Clip("slow_head_wall", 105, "slow", "wall", (Stand("headmo", 200, 190, 330), Stand("ball eye", 460, 240, 200))),
    Clip("slow_sheep_sea", 106, "slow", "sea", (Stand("sheep", 370, 90, 780, still=True),), pan=0.6),
    Clip("slow_pig_room", 107, "slow", "room", (Stand("pig", 190, 310, 640),)),
    Clip("medium_kid_parchment", 201, "medium", "parchment", (
        Stand("kid", 300, 215, 420), Stand("kid", 500, 235, 430, mirrored=True),
    )),
    Clip("medium_wolf_wall", 202, "medium", "wall", (Stand("wolf", 455, 205, 440, still=True),), pan=0.3),
    Clip("medium_sheep_ship", 203, "medium", "ship", (Stand("sheep", 330, 110, 720),)),
    Clip("medium_pig_sun", 204, "medium", "sun", (Stand("pig", 120, 330, 700, still=True),)),
    Clip("medium_dog_sea", 205, "medium", "sea", (
        Stand("dog", 260, 160, 520), Stand("octopus", 330, 310, 760),
    ), pan=1.0),
    Clip("medium_skull_room", 206, "medium", "room", (Stand("skull", 330, 240, 520),)),
    Clip("medium_heads_rays", 207, "medium", "rays", (
        Stand("long head", 60, 60, 720), Stand("bald head", 260, 60, 720), Stand("candy", 560, 90, 150, free=True),
    )),
    Clip("fast_kid_room", 301, "fast", "room", (Stand("kid", 320, 215, 410, still=True),)),
    Clip("fast_kid_sea", 302, "fast", "sea", (Stand("kid", 220, 225, 400), Stand("octopus", 420, 330, 640)), pan=0.3),
    Clip("fast_wolf_rays", 303, "fast", "rays", (Stand("wolf", 470, 205, 440, still=True),)),
    Clip("fast_skull_ship", 304, "fast", "ship", (Stand("skull", 300, 225, 480, still=True),)),
    Clip("fast_pig_sea", 305, "fast", "sea", (Stand("pig", 110, 330, 660),), pan=0.2),
    Clip("fast_sheep_wall", 306, "fast", "wall", (Stand("sheep", 380, 90, 760, still=True),)),
    Clip("fast_barrels_ship", 307, "fast", "ship", (
        Stand("barrel", 300, 200, 560, free=True), Stand("cannon", 480, 40, 560, free=True),
        Stand("dog", 220, 190, 520, still=True),
    )),
    Clip("fast_heads_room", 308, "fast", "room", (
        Stand("long head", 150, 20, 700, free=True), Stand("ball eye", 470, 250, 190, free=True),
    ), pan=0.25),
)
OWN: tuple[OwnAnimation, ...] = (
    OwnAnimation("medium_eye_gaze", "eye", 4.9, 5.25, "medium"),
    OwnAnimation("fast_eye_opens", "eye", 2.9, 3.2, "fast"),
)
