"""What stands in for the refinement where no network refines: a coarse flow made dense, with an order in depth (``complete``)."""

from .complete import complete
from .config import CompletionConfig
from .refiner import Completion, CutoutCompletion

__all__ = ["Completion", "CompletionConfig", "CutoutCompletion", "complete"]
