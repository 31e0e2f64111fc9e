"""Every node is there, under its id, with the inputs and outputs that people's workflow files rely on."""

import json

import pytest

from tools.comfy_host import PACK

GOLDEN = json.loads((PACK / "tests" / "comfyui" / "nodes.json").read_text("utf-8"))


@pytest.fixture(scope="module")
def info(host):
    return {name: node for name, node in host.server.object_info().items() if name.startswith("AnimeInterp")}


def face(node: dict) -> dict:
    """What a saved workflow depends on: names, order, types and defaults, but no words and no lists of files."""
    inputs = {}
    for section in ("required", "optional"):
        for name in node["input_order"].get(section, []):
            kind, *options = node["input"][section][name]
            kept = {k: options[0][k] for k in ("default", "min", "max", "options") if options and k in options[0]}
            if name.endswith("_name"):
                kept.pop("options")
            inputs[name] = [section, kind, kept]
    return {
        "shown as": node["display_name"],
        "inputs": inputs,
        "outputs": list(zip(node["output_name"], node["output"], strict=True)),
    }


def test_ids_names_orders_and_types_are_those_of_the_golden_file(info):
    # Adding an input at the end is fine: add it to nodes.json too. Anything else breaks workflows that people share.
    found = json.loads(json.dumps({name: face(node) for name, node in info.items()}))
    assert found == GOLDEN
    for name, node in found.items():
        assert list(node["inputs"]) == list(GOLDEN[name]["inputs"]), f"{name}: widget values are kept by position"


def test_every_input_and_output_is_explained(info):
    for name, node in info.items():
        assert node["description"], name
        for section in ("required", "optional"):
            for input_name, specification in (node["input"].get(section) or {}).items():
                assert len(specification[1]["tooltip"]) > 10, f"{name}.{input_name}"
        assert all(node["output_tooltips"]) and len(node["output_tooltips"]) == len(node["output"]), name


def test_every_node_has_a_help_page_that_names_its_inputs(info, host):
    for name, node in info.items():
        page = host.server.get(f"/extensions/ComfyUI-AnimeInterp/docs/{name}.md").decode()
        assert page.startswith(f"# {node['display_name']}\n"), name
        for section in ("required", "optional"):
            for input_name in node["input"].get(section) or {}:
                assert f"**{input_name}**" in page, f"{name}.{input_name} is not on its help page"


def test_node_list_is_complete(info):
    assert set(json.loads((PACK / "node_list.json").read_text())) == set(info)


def test_models_are_listed_bundled_first(info):
    choices = info["AnimeInterpLoadModel"]["input"]["required"]["model_name"][1]["options"]
    assert choices == ["bundled", "bundled: animeinterp_light", "random.safetensors"]


def test_example_workflows_are_in_the_template_browser(host):
    listed = set(host.server.get("/workflow_templates")["ComfyUI-AnimeInterp"])
    assert listed == {"animeinterp", "animeinterp_before_after", "animeinterp_stages", "animeinterp_video"}
    served = host.server.get("/api/workflow_templates/ComfyUI-AnimeInterp/animeinterp.json")
    assert served == json.loads((PACK / "example_workflows" / "animeinterp.json").read_text("utf-8"))
    assert host.server.get("/api/workflow_templates/ComfyUI-AnimeInterp/animeinterp.jpg")[:2] == b"\xff\xd8"
