"""A film drawn by its plan in segments: each is written to a file of its own, whole or not there, and all are joined at the end.

So a film that was interrupted goes on where it was, and several processes may share one: each takes segments that nobody has.
Whoever draws elsewhere needs a film, its plan and ``segments``; what is made comes together in one folder.
"""

from .clip import Clip
from .segments import Segment, draw_segments, split
from .shared import Shared
from .together import draw_shared

__all__ = ["Clip", "Segment", "Shared", "draw_segments", "draw_shared", "split"]
