"""The example workflows in the real editor, in a real browser."""

import json

import pytest
from browser import Editor

from tools.comfy_host import PACK
from tools.workflow import to_prompt

NAMES = ["animeinterp.json", "animeinterp_before_after.json", "animeinterp_stages.json", "animeinterp_video.json"]


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
    made, info = editor.prompt(), host.server.object_info()
    for node in made.values():
        known = [*info[node["class_type"]]["input_order"].values()]
        # What the editor alone adds, to show text in, the server does not know.
        node["inputs"] = {key: value for key, value in node["inputs"].items() if any(key in names for names in known)}
    assert to_prompt(workflow(name), info) == made


def test_muted_bypassed_rerouted_and_primitive_nodes_too(editor, host):
    """A workflow with all that the editor alone knows of, made in the editor itself."""
    editor.load(workflow(NAMES[0]))
    editor.evaluate(
        """(() => {
            const graph = window.app.graph;
            const find = type => graph._nodes.find(node => node.type === type);
            const make = type => { const node = LiteGraph.createNode(type); graph.add(node); return node; };
            const drawings = find("AnimeInterpExample"), between = find("AnimeInterp");
            const reroute = make("Reroute");
            drawings.connect(0, reroute, 0);
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
    """The button that users press: a template as it is loaded, run; the pictures, and what was done, on the nodes."""
    editor.load(workflow(NAMES[0]))
    editor.evaluate("window.app.queuePrompt(0)")
    editor.wait_for("window.app.graph._nodes.find(n => n.type === 'PreviewImage').imgs?.length === 5", 300)
    told = "window.app.graph._nodes.find(n => n.type === 'AnimeInterp').widgets.map(w => w.value)"
    assert "5 frames from 2; " in " ".join(map(str, editor.evaluate(told)))


def test_the_first_words_of_an_error_are_what_to_mend(editor):
    wrong = workflow(NAMES[0])
    next(node for node in wrong["nodes"] if node["type"] == "AnimeInterp")["widgets_values"][3] = "0.5, 2"
    editor.load(wrong)
    editor.evaluate("window.app.queuePrompt(0)")
    editor.wait_for("document.body.innerText.includes('times is \"0.5, 2\"; it should be numbers between 0 and 1')")
    shown = editor.evaluate("document.body.innerText")
    assert "AnimeInterpError" not in shown and "custom_nodes" not in shown


# What people type who look for us. Where ComfyUI knows no aliases, it looks at ids and names alone.
WORDS = ["interpolate", "in-between", "tween", "anime"]
MORE_WORDS = ["fps", "slow motion", "smooth", "RIFE", "frame interpolation"]


def test_search_finds_the_node_by_what_people_type(editor, host):
    knows_aliases = "search_aliases" in host.server.object_info()["AnimeInterp"]
    for word in WORDS + MORE_WORDS * knows_aliases:
        found = editor.evaluate(
            "document.querySelector('#vue-app').__vue_app__.config.globalProperties.$pinia._s.get('nodeDef')"
            f".nodeSearchService.searchNode({json.dumps(word)}, [], {{limit: 64}}).map(node => node.name)"
        )
        assert "AnimeInterp" in found[:10], word  # as many as the list shows at once
