"""AnimeInterp: the frames between two drawings of an animation.

The method of Siyao et al., "Deep Animation Video Interpolation in the Wild" (CVPR 2021, arXiv 2104.02495), as a library
that knows nothing of ComfyUI. Data flows one way through it::

    frames -> segments -> coarse flow -> refined flow -> in-between frames

Conventions, kept by every public function:

- Frames are float tensors (N, 3 or 4, H, W), RGB or RGBA, 0..1, straight alpha. A frame is (1, C, H, W), a clip
  (N, C, H, W); ``frame0`` and ``frame1`` are one pair.
- Flow is (N, 2, H, W): channel 0 is dx to the right, channel 1 is dy down, in pixels of its own size. ``flow_01`` sits
  on frame 0's grid and points to frame 1. Resizing a flow rescales it.
- Labels are (N, H, W) int32, 0..K-1 without gaps, every pixel in a piece.
- Time t is 0 at the first frame and 1 at the second. A ``multiplier`` m puts m - 1 frames between two, (N - 1) m + 1 in
  all.
- Device and dtype come from the inputs or the caller. Nothing is decided at import.
"""

from . import _requirements  # noqa: F401 - first of all: says in words that help what is not there
from .config import MatchConfig, RefineConfig, SegmentConfig, SynthesisConfig
from .errors import AnimeInterpError
from .flow import CoarseFlow, Flow, Matches
from .matching import coarse_flow
from .pipeline import interpolate, interpolate_stream
from .retiming import interpolate_timed
from .segmentation import segment
from .sequence.timing import Timing
from .weights import load_features, load_model

__version__ = "0.1.0"
__all__ = [
    "AnimeInterpError",
    "CoarseFlow",
    "Flow",
    "MatchConfig",
    "Matches",
    "RefineConfig",
    "SegmentConfig",
    "SynthesisConfig",
    "Timing",
    "coarse_flow",
    "interpolate",
    "interpolate_stream",
    "interpolate_timed",
    "load_features",
    "load_model",
    "segment",
]
