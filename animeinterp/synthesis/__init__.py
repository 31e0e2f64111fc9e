"""From flows to frames (paper 3.3): forward splatting and the synthesis network."""

from .network import SynthesisNetwork
from .splatting import splat, splat_average, splat_softmax

__all__ = ["SynthesisNetwork", "splat", "splat_average", "splat_softmax"]
