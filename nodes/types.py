"""The sockets that the pack's nodes share. What travels through each:

- ANIMEINTERP_MODEL, ANIMEINTERP_FEATURES: ComfyUI's model patcher around the networks: ComfyUI owns their
  memory.
- ANIMEINTERP_SEGMENTS: ``animeinterp.sequence.ClipLabels``, the label maps of all frames.
- ANIMEINTERP_TIMING: ``animeinterp.sequence.timing.Timing``, which output frame lies where.
- ANIMEINTERP_FLOW: ``animeinterp.sequence.ClipFlow``, the flows of all pairs of neighbours, compact.
"""

from typing import Any

from comfy_api.latest import io

Model = io.Custom("ANIMEINTERP_MODEL")
Features = io.Custom("ANIMEINTERP_FEATURES")
Segments = io.Custom("ANIMEINTERP_SEGMENTS")
Flow = io.Custom("ANIMEINTERP_FLOW")
Timing = io.Custom("ANIMEINTERP_TIMING")

CATEGORY = "AnimeInterp"


def rate_input(name: str, **fields: Any) -> io.Input:
    """A number with a widget that takes links of whole numbers and of text too: other packs tell a rate as any of these."""
    return io.MultiType.Input(io.Float.Input(name, **fields), types=[io.Int, io.String])
