"""Workflow files as the editor saves them, made into prompts as ComfyUI's HTTP API takes them.

The editor does this in its ``graphToPrompt``; here it is done from the same two things, the file and ``/object_info``,
for the version 0.4 format without subgraphs. A test compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .comfy_host import HostError

ALWAYS, NEVER, BYPASS = 0, 2, 4  # a node's mode
NOTES = frozenset({"Note", "MarkdownNote"})
_WIDGET_TYPES = frozenset({"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO"})
_SEEDS = frozenset({"seed", "noise_seed"})


class WorkflowError(HostError):
    """A workflow file that cannot be made into a prompt."""


def to_prompt(workflow: dict[str, Any], object_info: dict[str, Any]) -> dict[str, Any]:
    """The prompt, by node id, that the editor would queue for ``workflow``.

    Raises WorkflowError for subgraphs and for nodes that the server does not have.
    """
    if (workflow.get("definitions") or {}).get("subgraphs"):
        raise WorkflowError("The workflow holds subgraphs, which are not supported here. Unpack them in the editor.")
    graph = _Graph(workflow)
    prompt = {}
    for node in graph.nodes.values():
        if node["type"] in NOTES or graph.is_virtual(node) or node.get("mode", ALWAYS) in (NEVER, BYPASS):
            continue
        info = object_info.get(node["type"])
        if info is None:
            raise WorkflowError(f"The workflow uses the node {node['type']}, which this ComfyUI does not have.")
        inputs = dict(_widget_values(node, info))
        for slot in node.get("inputs") or []:
            if slot.get("link") is None:
                continue
            source = graph.source(slot["link"])
            if isinstance(source, _Value):
                inputs[slot["name"]] = source.value
            elif source is not None:
                inputs[slot["name"]] = [str(source[0]), source[1]]
        prompt[str(node["id"])] = {
            "inputs": inputs,
            "class_type": node["type"],
            "_meta": {"title": node.get("title") or info.get("display_name") or node["type"]},
        }
    return prompt


class _Value:
    """What a primitive node gives instead of a link."""

    def __init__(self, value: Any) -> None:
        self.value = value


class _Graph:
    """The nodes and links of a workflow, with links followed through what only the editor knows."""

    def __init__(self, workflow: dict[str, Any]) -> None:
        self.nodes = {node["id"]: node for node in workflow["nodes"]}
        # [id, from node, from slot, to node, to slot, type]
        self.links = {link[0]: link for link in workflow["links"]}

    @staticmethod
    def is_virtual(node: dict[str, Any]) -> bool:
        return node["type"] in ("Reroute", "PrimitiveNode")

    def source(self, link_id: int) -> tuple[int, int] | _Value | None:
        """The node and slot that a link comes from in the end; None where a muted or an unfed node cuts it."""
        _, node_id, slot, _, _, kind = self.links[link_id][:6]
        node = self.nodes[node_id]
        mode = node.get("mode", ALWAYS)
        if mode == NEVER:
            return None
        if node["type"] == "PrimitiveNode":
            return _Value((node.get("widgets_values") or [None])[0])
        if node["type"] == "Reroute":
            through = (node.get("inputs") or [{}])[0].get("link")
        elif mode == BYPASS:
            through = self._bypass(node, slot, kind)
        else:
            return node_id, slot
        return None if through is None else self.source(through)

    @staticmethod
    def _bypass(node: dict[str, Any], slot: int, kind: str) -> int | None:
        """The link that a bypassed node passes on: of the input at the same place if of its type, else of the first."""
        inputs = node.get("inputs") or []
        for candidate in [*inputs[slot : slot + 1], *inputs]:
            if candidate["type"] == kind:
                return candidate.get("link")
        return None


def _widget_values(node: dict[str, Any], info: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """The names and values of a node's widgets, which the file keeps by position."""
    saved = node.get("widgets_values") or []
    position = 0
    for name, kind, options in _inputs(info):
        has_widget = isinstance(kind, list) or kind in _WIDGET_TYPES or options.get("widgetType")
        if options.get("forceInput") or not has_widget:
            continue
        if isinstance(saved, dict):
            value, known = saved.get(name), name in saved
        else:
            known = position < len(saved)
            value = saved[position] if known else None
        position += 1
        # The editor adds a widget of its own after a number that it can change from run to run.
        if options.get("control_after_generate") or (kind == "INT" and name in _SEEDS):
            position += 1
        yield name, value if known else _default(kind, options)


def _inputs(info: dict[str, Any]) -> Iterator[tuple[str, Any, dict[str, Any]]]:
    for section in ("required", "optional"):
        declared = info["input"].get(section) or {}
        for name in (info.get("input_order") or {}).get(section) or declared:
            specification = declared[name]
            yield name, specification[0], specification[1] if len(specification) > 1 else {}


def _default(kind: Any, options: dict[str, Any]) -> Any:
    """What a new widget shows."""
    if "default" in options:
        return options["default"]
    choices = kind if isinstance(kind, list) else options.get("options")
    if choices:
        return choices[0]
    return {"INT": 0, "FLOAT": 0.0, "BOOLEAN": False}.get(kind, "")
