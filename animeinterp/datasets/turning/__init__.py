"""Cel-shaded figures that turn: transparent clips of 3D characters, from a seed each, to train an interpolation network on.

Drawn animation turns heads, swings limbs towards the viewer, opens eyes and lets hair lag behind; cut-out puppets do
none of that. Here figures are built of lofted tubes and bent grids (``geometry``, ``head``, ``hair``, ``body``, ``clothes``),
act (``acting``, ``motion``), and are drawn in software as a cel would be (``raster``, ``render``, ``outlines``): two or
three tones, dark lines where one part ends over another, and faces as drawings laid over the head (``face``).
"""

from .clip import draw_figure

__all__ = ["draw_figure"]
