"""The example workflows in the real editor, in a real browser."""

import json

import pytest
from browser import Editor

from tools.comfy_host import PACK
from tools.workflow import to_prompt

NAMES = ["animeinterp.json", "animeinterp_stages.json"]


@pytest.fixture(scope="module")
def editor(host):
    with Editor() as editor:
        editor.open(host.server.url)
        yield editor


def workflow(name: str) -> dict:
    return json.loads((PACK / "example_workflows" / name).read_text("utf-8"))


@pytest.mark.parametrize("name", NAMES)
def test_the_prompt_made_from_a_file_is_the_one_the_editor_makes(editor, host, name):
    editor.load(workflow(name))
    assert to_prompt(workflow(name), host.server.object_info()) == editor.prompt()


def test_muted_bypassed_rerouted_and_primitive_nodes_too(editor, host):
    """A workflow with all that the editor alone knows of, made in the editor itself."""
    editor.load(workflow(NAMES[0]))
    editor.evaluate(
        """(() => {
            const graph = window.app.graph;
            const find = type => graph._nodes.find(node => node.type === type);
            const make = type => { const node = LiteGraph.createNode(type); graph.add(node); return node; };
            const batch = find("ImageBatch"), between = find("AnimeInterp");
            const reroute = make("Reroute");
            batch.connect(0, reroute, 0);
            const invert = make("ImageInvert");
            reroute.connect(0, invert, 0);
            invert.mode = 4;
            invert.connect(0, between, 0);
            find("PreviewImage").mode = 2;
            const sampler = make("KSampler");
            sampler.widgets.find(w => w.name === "seed").value = 7;
            sampler.widgets.find(w => w.name === "steps").value = 9;
            const model = make("AnimeInterpLoadModel");
            model.mode = 2;
            model.connect(0, between, between.inputs.findIndex(i => i.name === "model"));
            const number = make("PrimitiveNode");
            number.connect(0, between, between.inputs.findIndex(i => i.name === "multiplier"));
            number.widgets[0].value = 5;
            return 0;
        })()"""
    )
    saved, wanted = editor.saved(), editor.prompt()
    made = to_prompt(saved, host.server.object_info())
    by_class = {node["class_type"]: node["inputs"] for node in wanted.values()}
    assert by_class["AnimeInterp"]["multiplier"] == 5 and "model" not in by_class["AnimeInterp"]
    assert by_class["KSampler"]["steps"] == 9
    assert made == wanted


@pytest.mark.parametrize("name", NAMES)
def test_nodes_do_not_overlap_and_nothing_is_missing(editor, name):
    editor.load(workflow(name))
    boxes = editor.evaluate(
        "window.app.graph._nodes.map(n => [n.title, n.pos[0], n.pos[1] - 30, n.size[0], n.size[1] + 30, n.has_errors])"
    )
    assert not any(box[5] for box in boxes)
    for i, (title, x, y, w, h, _) in enumerate(boxes):
        for other, x2, y2, w2, h2, _ in boxes[:i]:
            assert x >= x2 + w2 or x2 >= x + w or y >= y2 + h2 or y2 >= y + h, f"{title} overlaps {other}"


def test_a_run_from_the_editor(editor, host):
    """The button that users press: queue, run, and see the pictures on the nodes."""
    for file in (PACK / "example_workflows" / "frames").glob("*.png"):
        (host.server.base / "input" / file.name).write_bytes(file.read_bytes())
    editor.load(workflow(NAMES[0]))
    editor.evaluate("window.app.queuePrompt(0)")
    editor.wait_for("window.app.graph._nodes.find(n => n.type === 'PreviewImage').imgs?.length === 5", 120)
