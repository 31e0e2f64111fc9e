"""The published way of working, plainly written down: what the library's speed is measured against (``steps``, ``networks``,
``ratio``)."""
