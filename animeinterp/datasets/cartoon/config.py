"""The generator's knobs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class CartoonConfig:
    """What is drawn and how it moves. The defaults are what training draws: clean pictures, every kind of shot.

    ``motion`` fixes the size of the largest motion in a clip, as a share of the width (low, high),
    drawn evenly; None draws
    it from the heavy-tailed mixture: half of the clips under 2 px of a 384 px wide frame, 7 % from 12 to 25 % of the
    width. ``hold`` is the share of clips whose figures stand still while the background pans, ``ease`` that of joints
    which accelerate and brake. ``line_art``, ``plain`` (pure black or white ground) and ``inverted`` (light lines on
    dark) are shares of clips. ``grain``, ``jpeg`` and ``blur`` are shares of clips degraded so, all frames of a clip
    alike. ``subsamples`` is the number of lines a pixel is sampled on by the rasteriser. ``sprites`` is a folder or zip of
    drawings (see ``sprites.SpriteSet``), of which ``sprite_share`` of the clips in colour show some.
    """

    motion: tuple[float, float] | None = None
    figures: tuple[int, int] = (1, 3)
    hold: float = 0.12
    ease: float = 0.0
    line_art: float = 0.06
    plain: float = 0.05
    inverted: float = 0.03
    grain: float = 0.0
    jpeg: float = 0.0
    blur: float = 0.0
    subsamples: int = 5
    sprites: str | None = None
    sprite_share: float = 0.0
