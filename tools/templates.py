"""Writes the example workflows and the subgraph blueprint, so that all of them are made of the same parts.

    python -m tools.templates
"""

from __future__ import annotations

import json
import uuid
from pathlib import Path
from typing import Any

from .comfy_host import PACK
from .graph import IMAGES, NAMES, Graph

BLUEPRINT = "AnimeInterp Stage by Stage"
_INSIDE, _OUTSIDE = -10, -20  # the ids of a subgraph's own inputs and outputs

OWN = (
    "**Your own drawings**: add a *Load Image* for each and join them with *Batch Images*, or take the images of *Load Video* → "
    "*Get Video Components*, and connect them in place of *Example Drawings*. All of one size.\n"
)
_USUAL = [2, 0, 24, "smooth", "auto", "auto", "even", False, 4, "", "right", ""]  # Timing's widgets


def one_node() -> dict[str, Any]:
    graph = Graph("01")
    graph.note((0, 0), (330, 330), (
        "## AnimeInterp\n\nDraws the frames between the drawings of an animation. Press **Run**: this works as it is.\n\n" + OWN +
        "\n**multiplier** 4 puts three frames between every two drawings; the video's *fps* says how fast they are shown. "
        "No model has to be downloaded.\n\nHelp on any node: select it and press the **?** above it.\n"
    ), "What this does")  # fmt: skip
    drawings, between = graph.drawings((370, 0)), graph.combined((370, 210), (340, 280), 4)
    preview = graph.preview((370, 550), (340, 330), "Drawings and in-betweens")
    video, save = graph.create_video((750, 0), 12), graph.save_video((750, 190), "animeinterp/animeinterp")
    graph.link(video, 0, save, to="video")
    graph.link(drawings, 0, between)
    graph.link(between, 0, preview, video)
    return graph.workflow(0.8)


def stages() -> dict[str, Any]:
    graph = Graph("02")
    graph.note((0, 0), (330, 330), (
        "## AnimeInterp, stage by stage\n\nThe node **AnimeInterp** taken apart: pieces → matches and coarse flow → frames, with "
        "a look at each. The frames are those of the one node, pixel for pixel: it runs below with the same model, and *Score "
        "In-Betweens* compares.\n\nAny stage can be replaced, left out or fed from elsewhere.\n\n" + OWN
    ), "What this does")  # fmt: skip
    drawings, model = graph.drawings((0, 420), (330, 90)), graph.model((0, 630), (330, 60))
    graph.note((0, 780), (330, 290), (
        "*bundled* holds two ways of drawing. **Cut-out figures**, as these are, go the way that is shown here: pieces are "
        "moved, and networks mend what is torn.\n\n**Drawings made anew** (try "
        "*fish swimming*): the network finds its motion itself. "
        "Leave *flow* of *Splat and Synthesize* unconnected for these, as the one node "
        "does; a flow that is connected is where it begins.\n\n*bundled: animeinterp_light* always goes the way shown.\n"
    ), "Which way is taken")  # fmt: skip
    segment, pieces = graph.segment((390, 40), (330, 130)), graph.preview((390, 400), (330, 310), "Pieces")
    coarse, matches = graph.coarse((770, 40), (440, 230)), graph.preview((770, 400), (440, 310), "Matches")
    refine = graph.refine((1260, 40), (440, 130))
    graph.note((1260, 252), (440, 112), (
        "**RFR Refine Flow** is bypassed (purple): it is for models that refine, such as the paper's published one. Put that "
        "into `models/animeinterp`, choose it, and press Ctrl+B on the node.\n"
    ), "The bypassed node")  # fmt: skip
    wheel = graph.node("AnimeInterpFlowPreview", (1260, 400), (440, 310), [("flow", "ANIMEINTERP_FLOW")],
                       [("preview", "IMAGE"), ("confidence", "IMAGE")], [0], widgets=[("max_motion", "FLOAT")])  # fmt: skip
    synthesize = graph.synthesize((1750, 40), (330, 250), 4)
    frames = graph.preview((1750, 400), (330, 310), "In-betweens")
    whole = graph.combined((390, 820), (330, 290), 4)
    score = graph.node(
        "AnimeInterpScore", (770, 820), (210, 130), [IMAGES, ("reference", "IMAGE"), ("mask", "MASK")],
        [("psnr", "FLOAT"), ("ssim", "FLOAT"), ("ie", "FLOAT"), ("line distance", "FLOAT"), ("text", "STRING")],
    )  # fmt: skip
    text = graph.node("PreviewAny", (770, 1030), (440, 120), [("source", "*")], title="One by one against the one node")
    warped = graph.node("AnimeInterpWarpPreview", (1260, 820), (440, 290), [IMAGES, ("flow", "ANIMEINTERP_FLOW")],
                        [("preview", "IMAGE")], [0.5], widgets=[("time", "FLOAT")])  # fmt: skip
    confidence = graph.preview((1750, 820), (330, 290), "Confidence")
    graph.link(drawings, 0, segment, coarse, refine, synthesize, whole, warped)
    graph.link(model, 0, coarse, refine, synthesize, whole, to="model")
    graph.link(segment, 0, coarse, to="segments")
    graph.link(segment, 1, pieces)
    graph.link(coarse, 0, refine, to="flow")
    graph.link(coarse, 1, matches)
    graph.link(refine, 0, wheel, synthesize, warped, to="flow")
    graph.link(wheel, 1, confidence)
    graph.link(synthesize, 0, frames, score)
    graph.link(whole, 0, score, to="reference")
    graph.link(score, 4, text, to="source")
    for title, box, colour in (
        ("1  Pieces", [370, -40, 370, 770], "#3f789e"), ("2  Matches and coarse flow", [750, -40, 480, 770], "#8A8"),
        ("3  Refined flow", [1240, -40, 480, 770], "#b58b2a"), ("4  In-between frames", [1730, -40, 370, 770], "#88A"),
        ("The same in one node", [370, 750, 860, 420], "#A88"),
        ("What the flow makes of both drawings", [1240, 750, 860, 420], "#8AA"),
    ):  # fmt: skip
        graph.group(title, box, colour)
    return graph.workflow(0.62)


def before_and_after() -> dict[str, Any]:
    graph = Graph("04")
    graph.note((0, 0), (330, 400), (
        "## Before and after\n\nThe drawings as they were shown, each held as long as before, and beside them with frames "
        "between them, as one video. Press **Run**.\n\nBoth halves are *AnimeInterp*: the left one is told by *Timing* to hold "
        "all (schedule `0-: hold`). Give both the same multiplier.\n\n" + OWN +
        "\nNewer versions of ComfyUI have *Compare Images*, a slider over two pictures: give it any two of the frames.\n"
    ), "What this does")  # fmt: skip
    drawings = graph.drawings((370, 0), count=4)
    held = graph.timing((370, 210), (340, 480), [4, *_USUAL[1:9], "0-: hold", *_USUAL[10:]], "Timing: all held")
    before, after = graph.combined((750, 0), (340, 280), 4, "Before"), graph.combined((750, 350), (340, 280), 4, "After")
    stitch = graph.node(
        "ImageStitch", (1130, 0), (270, 150), [("image1", "IMAGE"), ("image2", "IMAGE")], [("IMAGE", "IMAGE")],
        ["right", True, 8, "white"],
        widgets=[("direction", "COMBO"), ("match_image_size", "BOOLEAN"), ("spacing_width", "INT"), ("spacing_color", "COMBO")],
    )  # fmt: skip
    video, save = graph.create_video((1130, 230), 12), graph.save_video((1130, 400), "animeinterp/before_after", (640, 400))
    graph.link(drawings, 0, before, after)
    graph.link(held, 0, before, to="timing")
    graph.link(before, 0, stitch, to="image1")
    graph.link(after, 0, stitch, to="image2")
    graph.link(stitch, 0, video)
    graph.link(video, 0, save, to="video")
    return graph.workflow(0.7)


def film() -> dict[str, Any]:
    graph = Graph("03")
    graph.note((0, 0), (330, 400), (
        "## Interpolate Video\n\nPuts new frames between those of a whole video of anime or other drawings. Press **Run**: "
        "this works as it is.\n\n**Your own video**: add *Load Video* and connect it in place of *Example Drawings*.\n\n"
        "**Timing**: *target_fps* 60 makes any rate 60 frames a second, as long as it was and with its sound. Set it to 0 to "
        "use the *multiplier*. "
        "Cuts are kept, and drawings on twos are drawn from one to the next.\n\nHowever long the video is, a few "
        "of its frames are in memory. *Save Video* on *auto* copies what comes out.\n\n"
        "Help on any node: select it and press the **?** above it.\n"
    ), "What this does")  # fmt: skip
    drawings = graph.drawings((370, 0))
    timing = graph.timing((370, 210), (300, 480), [2, 60, *_USUAL[2:]])
    draw = graph.node(
        "AnimeInterpVideo", (710, 0), (330, 190),
        [("video", "VIDEO"), ("model", "ANIMEINTERP_MODEL"), ("timing", "ANIMEINTERP_TIMING")], [("video", "VIDEO")],
        ["auto", 2, "japanese", "auto"],
        widgets=[("method", "COMBO"), ("multiplier", "INT"), ("style", "COMBO"), ("codec", "COMBO")],
    )  # fmt: skip
    save = graph.save_video((1080, 0), "animeinterp/animeinterp")
    graph.link(drawings, 1, draw, to="video")
    graph.link(timing, 0, draw, to="timing")
    graph.link(draw, 0, save, to="video")
    return graph.workflow(0.8)


def blueprint() -> dict[str, Any]:
    """The stages as one node that can be opened, for any workflow: AnimeInterp taken apart."""
    graph = Graph()
    model, segment = graph.model((0, 0), (330, 60)), graph.segment((0, 120), (330, 130))
    coarse, refine = graph.coarse((390, 0), (330, 230)), graph.refine((780, 0), (330, 130))
    synthesize = graph.synthesize((1170, 0), (330, 250), 2)
    graph.link(model, 0, coarse, refine, synthesize, to="model")
    graph.link(segment, 0, coarse, to="segments")
    graph.link(coarse, 0, refine, to="flow")
    graph.link(refine, 0, synthesize, to="flow")
    images, multiplier, name = (segment, coarse, refine, synthesize), (synthesize,), (model,)
    given = [("images", "IMAGE", images), ("multiplier", "INT", multiplier), ("model_name", "COMBO", name),
             ("style", "COMBO", (segment,)), ("times", "STRING", (synthesize,))]  # fmt: skip
    made = [("images", synthesize, 0), ("pieces", segment, 1), ("matches", coarse, 1), ("flow", refine, 0)]
    inside = graph.workflow(1)
    links = [dict(zip(("id", "origin_id", "origin_slot", "target_id", "target_slot", "type"), link, strict=True))
             for link in graph.links]  # fmt: skip
    inputs, outputs = [], []

    def joined(origin: int, slot: int, target: int, to: int, type_: str) -> int:
        links.append({"id": len(links) + 1, "origin_id": origin, "origin_slot": slot, "target_id": target, "target_slot": to,
                      "type": type_})  # fmt: skip
        return len(links)

    for slot, (name, type_, targets) in enumerate(given):
        numbers = []
        for target in targets:
            index = [one["name"] for one in target["inputs"]].index(name)
            target["inputs"][index]["link"] = joined(_INSIDE, slot, target["id"], index, type_)
            numbers.append(len(links))
        inputs.append({"id": _uuid("input", name), "name": name, "type": type_, "linkIds": numbers, "pos": [-80, 20 + 20 * slot]})
    for slot, (name, source, index) in enumerate(made):
        output = source["outputs"][index]
        output["links"] = [*(output["links"] or []), joined(source["id"], index, _OUTSIDE, slot, output["type"])]
        outputs.append({"id": _uuid("output", name), "name": name, "type": output["type"], "linkIds": [len(links)],
                        "pos": [1600, 20 + 20 * slot]})  # fmt: skip
    definition = {
        "id": _uuid("subgraph", BLUEPRINT), "version": 1, "revision": 0, "config": {}, "name": BLUEPRINT,
        "state": {"lastGroupId": 0, "lastNodeId": len(graph.nodes), "lastLinkId": len(links), "lastRerouteId": 0},
        "inputNode": {"id": _INSIDE, "bounding": [-200, 0, 120, 20 * len(inputs) + 40]},
        "outputNode": {"id": _OUTSIDE, "bounding": [1580, 0, 120, 20 * len(outputs) + 40]},
        "inputs": inputs, "outputs": outputs, "widgets": [], "nodes": inside["nodes"], "groups": [], "links": links,
        "extra": {}, "category": "AnimeInterp",
        "description": "The frames between drawings, as AnimeInterp draws them: its stages one by one, to open and rewire.",
    }  # fmt: skip
    shell = {
        "id": len(graph.nodes) + 1, "type": definition["id"], "pos": [0, 0], "size": [340, 220], "flags": {}, "order": 0,
        "mode": 0,
        "inputs": [{"name": name, "type": type_, "link": None, **({} if type_ == "IMAGE" else {"widget": {"name": name}})}
                   for name, type_, _ in given],
        "outputs": [{"name": one["name"], "type": one["type"], "links": []} for one in outputs],
        "properties": {"proxyWidgets": []}, "widgets_values": [], "title": BLUEPRINT,
    }  # fmt: skip
    return {
        "id": _uuid("workflow", BLUEPRINT), "revision": 0, "last_node_id": shell["id"], "last_link_id": 0, "nodes": [shell],
        "links": [], "groups": [], "definitions": {"subgraphs": [definition]}, "config": {}, "extra": {}, "version": 0.4,
    }  # fmt: skip


def _uuid(*words: str) -> str:
    return str(uuid.uuid5(NAMES, "/".join(words)))


FILES = {
    "example_workflows/animeinterp.json": one_node,
    "example_workflows/animeinterp_stages.json": stages,
    "example_workflows/animeinterp_video.json": film,
    "example_workflows/animeinterp_before_after.json": before_and_after,
    f"subgraphs/{BLUEPRINT}.json": blueprint,
}


def text(made: dict[str, Any]) -> str:
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    for name, make in FILES.items():
        path = Path(PACK / name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(text(make()), "utf-8")


if __name__ == "__main__":
    main()
