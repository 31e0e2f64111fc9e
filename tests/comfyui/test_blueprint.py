"""The subgraph blueprint: the combined node taken apart, as one node that anybody can put into a workflow and open."""

import json

import pytest
from browser import Editor

from tools.comfy_host import PACK
from tools.templates import BLUEPRINT, FILES, text

# What the editor does when the blueprint is chosen in its search, connected as a user would, beside the combined node.
PLACED = """(() => {
    window.app.graph.clear();
    const store = document.querySelector('#vue-app').__vue_app__.config.globalProperties.$pinia._s.get('subgraph');
    const blueprint = store.getBlueprint(store.subgraphBlueprints.find(found => found.display_name === %s).name);
    const copied = value => JSON.parse(JSON.stringify(value));
    const items = {nodes: copied(blueprint.nodes), subgraphs: copied(blueprint.definitions.subgraphs)};
    const node = [...window.app.canvas._deserializeItems(items, {position: [400, 0]}).nodes.values()][0];
    const add = type => { const made = LiteGraph.createNode(type); window.app.graph.add(made); return made; };
    const [drawings, whole, score, text] = ['AnimeInterpExample', 'AnimeInterp', 'AnimeInterpScore', 'PreviewAny'].map(add);
    drawings.connect(0, node, 0);
    drawings.connect(0, whole, 0);
    node.connect(0, score, 0);
    whole.connect(0, score, 1);
    score.connect(4, text, 0);
    for (const slot of [1, 2]) node.connect(slot, add('PreviewImage'), 0);
    node.widgets.find(widget => widget.name === 'multiplier').value = 3;
    whole.widgets.find(widget => widget.name === 'multiplier').value = 3;
    return [node.title, node.outputs.map(output => output.name), node.widgets.map(widget => widget.name)];
})()"""


@pytest.fixture(scope="module")
def editor(host):
    with Editor() as editor:
        editor.open(host.server.url)
        editor.wait_for(
            "document.querySelector('#vue-app').__vue_app__.config.globalProperties.$pinia._s.get('subgraph')"
            f".subgraphBlueprints.some(found => found.display_name === {json.dumps(BLUEPRINT)})"
        )
        yield editor


def test_the_server_lists_it_with_the_pack(host):
    listed = host.server.get("/global_subgraphs")
    mine, found = next((key, entry) for key, entry in listed.items() if entry["name"] == BLUEPRINT)
    assert found["info"]["node_pack"] == "custom_nodes.ComfyUI-AnimeInterp"
    assert json.loads(host.server.get(f"/global_subgraphs/{mine}")["data"])["definitions"]["subgraphs"]


def test_placed_and_run_it_is_the_combined_node_pixel_for_pixel(editor, host):
    title, outputs, widgets = editor.evaluate(PLACED % json.dumps(BLUEPRINT))
    assert title == BLUEPRINT and outputs == ["images", "pieces", "matches", "flow"]
    assert widgets == ["multiplier", "model_name", "style", "times"]
    prompt = editor.prompt()
    shown = next(node for node, found in prompt.items() if found["class_type"] == "PreviewAny")
    ran = host.server.run(prompt)
    lines = ran[shown]["text"][0].splitlines()
    assert len(lines) == 5 and all("the same pixels, PSNR infinite dB" in line for line in lines), lines
    pictures = sorted(len(found["images"]) for node, found in ran.items() if prompt[node]["class_type"] == "PreviewImage")
    assert pictures == [1, 2], "the matches of the pair, and the pieces of both drawings"


@pytest.mark.parametrize("name", FILES)
def test_the_files_are_those_that_the_tool_writes(name):
    assert (PACK / name).read_text("utf-8") == text(FILES[name]()), "python -m tools.templates writes them anew"
