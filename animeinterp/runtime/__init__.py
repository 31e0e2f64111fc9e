"""What a long run needs whatever it computes: progress and cancelling, memory and running out of it, work begun ahead."""

from .run import Runtime

__all__ = ["Runtime"]
