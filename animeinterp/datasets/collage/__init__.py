"""Collages: drawings under free licences laid over one another and moved, drawn on the device that trains.

Puppets shift and swing. What real animation does besides (turn, squash, breathe, be drawn anew) is brought by the drawings
themselves, of which many are short clips (``art``), and by smooth fields that bend every layer and go on in time
(``motion``). ``draw`` makes a batch of triplets with exact motion at the time between; nothing travels but a seed.
"""

from .art import Art, read_art
from .draw import Collage, CollageConfig, draw

__all__ = ["Art", "Collage", "CollageConfig", "draw", "read_art"]
