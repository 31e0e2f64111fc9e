"""What comes from elsewhere and goes there: flow in the field's files, one-way flow, pieces drawn as masks."""

from .fields import fill_unknown, reverse_flow
from .flow_files import FORMATS, FlowFile, flow_series, read_flow, write_flow
from .masks import labels_from_colours, labels_from_masks

__all__ = [
    "FORMATS",
    "FlowFile",
    "fill_unknown",
    "flow_series",
    "labels_from_colours",
    "labels_from_masks",
    "read_flow",
    "reverse_flow",
    "write_flow",
]
