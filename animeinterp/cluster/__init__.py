"""Work spread over many machines by Ray, which is an extra: whoever asks for none of this needs none of it.

``connect`` once, then ``spread`` tasks. All that knows of Ray is in this room.
"""

from .connection import Cluster, connect
from .spreading import Report, Spread, spread

__all__ = ["Cluster", "Report", "Spread", "connect", "spread"]
