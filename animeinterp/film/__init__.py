"""A film drawn by its plan in segments: each is written to a file of its own, whole or not there, and all are joined at the end.

So a film that was interrupted goes on where it was, and several processes may share one: each takes segments that nobody has.
Whoever draws elsewhere needs a film, its plan and ``segments``; what is made comes together in one folder. However it was drawn,
the film is the same, to the bit where the arithmetic is (``runtime.arithmetic``).
"""

from .clip import Clip
from .coding import Coding, draw_alone
from .segments import Segment, draw_segments, split
from .shared import Shared
from .spreading import Outcome, Progress, Recipe, draw_spread
from .together import draw_shared

__all__ = [
    "Clip", "Coding", "Outcome", "Progress", "Recipe", "Segment", "Shared", "draw_alone", "draw_segments",
    "draw_shared", "draw_spread", "split",
]
