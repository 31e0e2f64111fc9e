"""What stands in for the refinement where no network refines: a coarse flow made dense, with an order in depth (``complete``)."""

from .complete import complete
from .refiner import Completion

__all__ = ["Completion", "complete"]
