"""The cartoon generator: endless shots with everything known of them, from a seed each, on any torch device.

A shot is outlined, flat-shaded, articulated figures over a painted background. It is composed on the CPU as a list of
joints and of polygons that hang on them (``compose``, ``person``, ``backgrounds``), packed into tensors (``pack``),
moved
(``kinematics``), filled (``raster``) and laid over one another (``render``), a whole batch at once.

Motion is exact: each joint's parameters are linear in time, so that limbs go on arcs; every map has an exact inverse,
and flow is the inverse at one time followed by the map at the other. Frames between are drawn at their own time.

The recipe follows what the literature found for training optical flow on drawn data: Mayer et al., "What Makes Good
Synthetic Training Data for Learning Disparity and Optical Flow Estimation?" (IJCV 2018).
"""

from .config import CartoonConfig
from .sample import CartoonSample, draw, draw_batch, draw_scenes, prepare

__all__ = ["CartoonConfig", "CartoonSample", "draw", "draw_batch", "draw_scenes", "prepare"]
