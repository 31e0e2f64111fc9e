"""A workflow in the editor's format, and this pack's nodes in it: what ``templates`` makes its files of."""

from __future__ import annotations

import uuid
from typing import Any

BYPASSED = 4
NAMES = uuid.UUID("6f1f4c1e-6a40-4d4b-9a5e-2a8a0c6f0a00")  # that workflows' ids are made of
Node = dict[str, Any]
_CORNER = 120, 110  # pixels of the editor's window that its bars lie over
IMAGES = ("images", "IMAGE")
_LATER = ("protect", "MASK"), ("timing", "ANIMEINTERP_TIMING")


class Graph:
    """A workflow in the editor's format 0.4."""

    def __init__(self, last_digits: str = "") -> None:
        self.id = str(NAMES)[:-2] + last_digits
        self.nodes: list[Node] = []
        self.links: list[list[Any]] = []
        self.groups: list[dict[str, Any]] = []

    def node(self, kind, pos, size, inputs=(), outputs=(), values=(), *, widgets=(), title=None, mode=0) -> Node:
        """``inputs`` (all sockets, in the editor's order), ``outputs`` and ``widgets`` are pairs of a name and a type; ``values``
        are the widgets'."""
        named = [{"name": name, "type": type_, "link": None} for name, type_ in inputs]
        named += [{"name": name, "type": type_, "widget": {"name": name}, "link": None} for name, type_ in widgets]
        node = {
            "id": len(self.nodes) + 1, "type": kind, "pos": list(pos), "size": list(size), "flags": {}, "order": len(self.nodes),
            "mode": mode, "inputs": named, "outputs": [{"name": name, "type": type_, "links": []} for name, type_ in outputs],
            "properties": {"Node name for S&R": kind}, "widgets_values": list(values),
        }  # fmt: skip
        if title:
            node["title"] = title
        self.nodes.append(node)
        return node

    def note(self, pos, size, text: str, title: str) -> None:
        node = self.node("MarkdownNote", pos, size, values=[text], title=title)
        node.update(properties={}, color="#432", bgcolor="#653")

    def link(self, source: Node, slot: int, *targets: Node, to: str = "images") -> None:
        for target in targets:
            index = [given["name"] for given in target["inputs"]].index(to)
            number, type_ = len(self.links) + 1, source["outputs"][slot]["type"]
            self.links.append([number, source["id"], slot, target["id"], index, type_])
            target["inputs"][index]["link"] = number
            source["outputs"][slot]["links"].append(number)

    def group(self, title: str, box: list[int], colour: str) -> None:
        number = len(self.groups) + 1
        self.groups.append({"id": number, "title": title, "bounding": box, "color": colour, "font_size": 24, "flags": {}})

    def workflow(self, scale: float) -> dict[str, Any]:
        for node in self.nodes:
            for output in node["outputs"]:
                output["links"] = output["links"] or None
        offset = [round(side / scale) for side in _CORNER]
        return {
            "id": self.id, "revision": 0, "last_node_id": len(self.nodes), "last_link_id": len(self.links), "nodes": self.nodes,
            "links": self.links, "groups": self.groups, "config": {}, "extra": {"ds": {"scale": scale, "offset": offset}},
            "version": 0.4,
        }  # fmt: skip

    # --- nodes that are used more than once ---

    def drawings(self, pos, size=(270, 90), count: int = 2) -> Node:
        widgets = [("which", "COMBO"), ("count", "INT")]
        values, outputs = ["girl waving", count], [IMAGES, ("video", "VIDEO")]
        return self.node("AnimeInterpExample", pos, size, (), outputs, values, widgets=widgets, title="Drawings")

    def model(self, pos, size) -> Node:
        outputs, widgets = [("model", "ANIMEINTERP_MODEL")], [("model_name", "COMBO")]
        return self.node("AnimeInterpLoadModel", pos, size, (), outputs, ["bundled"], widgets=widgets)

    def combined(self, pos, size, multiplier: int, title: str | None = None) -> Node:
        widgets = [("method", "COMBO"), ("multiplier", "INT"), ("style", "COMBO"), ("times", "STRING")]
        inputs, values = [IMAGES, ("model", "ANIMEINTERP_MODEL"), *_LATER], ["auto", multiplier, "japanese", ""]
        return self.node("AnimeInterp", pos, size, inputs, [IMAGES], values, widgets=widgets, title=title)

    def segment(self, pos, size) -> Node:
        outputs = [("segments", "ANIMEINTERP_SEGMENTS"), ("preview", "IMAGE")]
        widgets = [("style", "COMBO"), ("ball_radius", "INT"), ("min_piece", "INT")]
        return self.node("AnimeInterpSegment", pos, size, [IMAGES], outputs, ["japanese", 3, 500], widgets=widgets)

    def coarse(self, pos, size) -> Node:
        inputs = [IMAGES, ("segments", "ANIMEINTERP_SEGMENTS"), ("features", "ANIMEINTERP_FEATURES"),
                  ("model", "ANIMEINTERP_MODEL")]  # fmt: skip
        outputs = [("flow", "ANIMEINTERP_FLOW"), ("matches", "IMAGE")]
        widgets = [("distance_weight", "FLOAT"), ("size_weight", "FLOAT"), ("free_distance", "FLOAT"), ("deformation", "BOOLEAN")]
        return self.node("AnimeInterpCoarseFlow", pos, size, inputs, outputs, [0.2, 0.05, 0.15, True], widgets=widgets)

    def refine(self, pos, size) -> Node:
        inputs = [IMAGES, ("model", "ANIMEINTERP_MODEL"), ("flow", "ANIMEINTERP_FLOW"), ("optical_flow", "OPTICAL_FLOW")]
        outputs, widgets = [("flow", "ANIMEINTERP_FLOW")], [("iterations", "INT")]
        return self.node("AnimeInterpRefineFlow", pos, size, inputs, outputs, [0], widgets=widgets, mode=BYPASSED)

    def synthesize(self, pos, size, multiplier: int) -> Node:
        inputs = [IMAGES, ("flow", "ANIMEINTERP_FLOW"), ("model", "ANIMEINTERP_MODEL"), *_LATER]
        widgets = [("multiplier", "INT"), ("times", "STRING")]
        return self.node("AnimeInterpSynthesize", pos, size, inputs, [IMAGES], [multiplier, ""], widgets=widgets)

    def timing(self, pos, size, values, title: str | None = None) -> Node:
        widgets = [
            ("multiplier", "INT"), ("target_fps", "FLOAT"), ("source_fps", "FLOAT"), ("holds", "COMBO"), ("cuts", "STRING"),
            ("per_piece", "COMBO"), ("pace", "COMBO"), ("loop", "BOOLEAN"), ("longest_span", "FLOAT"), ("schedule", "STRING"),
            ("cut_side", "COMBO"), ("skip", "STRING"),
        ]  # fmt: skip
        outputs = [("timing", "ANIMEINTERP_TIMING"), ("strip", "IMAGE")]
        return self.node("AnimeInterpTiming", pos, size, [IMAGES], outputs, values, widgets=widgets, title=title)

    def preview(self, pos, size, title: str) -> Node:
        return self.node("PreviewImage", pos, size, [IMAGES], title=title)

    def create_video(self, pos, fps: float) -> Node:
        inputs, outputs = [IMAGES, ("audio", "AUDIO")], [("VIDEO", "VIDEO")]
        return self.node("CreateVideo", pos, (270, 80), inputs, outputs, [fps], widgets=[("fps", "FLOAT")])

    def save_video(self, pos, prefix: str, size=(400, 430)) -> Node:
        widgets = [("filename_prefix", "STRING"), ("format", "COMBO"), ("codec", "COMBO")]
        return self.node("SaveVideo", pos, size, [("video", "VIDEO")], (), [prefix, "auto", "auto"], widgets=widgets)
