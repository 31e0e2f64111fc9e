"""What comes out of the nodes in a real server is what the library gives when it is called directly."""

import json

import pytest
import torch
from prompts import CLIP, MODEL, as_saved, drawing, loading, shown, with_node

import animeinterp as ai
from animeinterp.matching.vgg import VGGFeatures
from animeinterp.media import VideoReader, read_image
from animeinterp.runtime import precision
from animeinterp.visualization.flow_colours import flow_to_colours, largest_motion
from animeinterp.visualization.pieces import draw_matches, draw_pieces
from animeinterp.weights import bundled_models
from tools.comfy_host import PACK, HostError
from tools.workflow import to_prompt

WORKFLOWS = PACK / "example_workflows"


def workflow(name: str) -> dict:
    return json.loads((WORKFLOWS / name).read_text("utf-8"))


def combined(model: bool = False, files=CLIP, name: str = MODEL, **inputs) -> dict:
    inputs = {"method": "auto", "multiplier": 2, "style": "japanese", **inputs}
    prompt = loading(files)
    if model:
        prompt = with_node(prompt, "model", "AnimeInterpLoadModel", model_name=name)
        inputs["model"] = ["model", 0]
    return shown(with_node(prompt, "between", "AnimeInterp", images=["images", 0], **inputs), "between")


def stages(model: bool = False, **inputs) -> dict:
    prompt = with_node(
        loading(), "pieces", "AnimeInterpSegment", images=["images", 0], style="japanese", ball_radius=3, min_piece=500
    )
    penalties = {"distance_weight": 0.2, "size_weight": 0.05, "free_distance": 0.15, "deformation": True}
    prompt = with_node(
        prompt, "flow", "AnimeInterpCoarseFlow", images=["images", 0], segments=["pieces", 0], **penalties
    )
    last, networks = "flow", {}
    if model:
        networks = {"model": ["model", 0]}
        prompt = with_node(prompt, "model", "AnimeInterpLoadModel", model_name=MODEL)
        prompt["flow"]["inputs"].update(networks)
        prompt = with_node(
            prompt, "fine", "AnimeInterpRefineFlow", images=["images", 0], flow=["flow", 0], iterations=0, **networks
        )
        last = "fine"
    inputs = {"multiplier": 2, **networks, **inputs}
    return with_node(prompt, "between", "AnimeInterpSynthesize", images=["images", 0], flow=[last, 0], **inputs)


# --- the combined node ---


def test_weights_free_is_what_the_library_gives(host, clip):
    found = host.images(combined(method="weights-free", multiplier=3))
    assert torch.equal(found, as_saved(ai.interpolate(clip, 3, model=None)))
    assert torch.equal(found[::3], as_saved(clip)), "the drawings themselves are kept"


def test_a_list_of_times(host, clip):
    found = host.images(combined(method="weights-free", times="3/4; 0.25"))
    assert torch.equal(found, as_saved(ai.interpolate(clip, times=[0.25, 0.75], model=None)))


def test_with_a_model(host, clip, model_file):
    found = host.images(combined(model=True))
    wanted = as_saved(ai.interpolate(clip, 2, model=ai.load_model(model_file)))
    assert (found - wanted).abs().max() <= 1 / 255
    assert wanted[1].std() > 0.02, "the random model paints nothing to compare"


def test_weights_free_ignores_a_connected_model(host, clip):
    found = host.images(combined(model=True, method="weights-free"))
    assert torch.equal(found, as_saved(ai.interpolate(clip, 2, model=None)))


def test_only_images_connected(host, clip):
    found, unlike = host.images(combined()), []
    try:
        for pays in (True, False):  # the host's process may have found bfloat16 to pay, or not: it is one of the two
            precision.decide(pays)
            unlike.append((255 * (found - as_saved(ai.interpolate(clip, 2, model="auto")))).round().abs())  # levels
    finally:
        precision.decide(None)
    off = min(unlike, key=lambda levels: levels.sum())
    # Another process, other threads: a network's last bits may turn a rounding to 8 bits, and no more.
    assert off.max() <= 1 and (off > 0).float().mean() < 1e-3


def test_the_other_weights_that_ship(host, clip):
    light = next(path for path in bundled_models() if "light" in path.stem)
    found = host.images(combined(model=True, name="bundled: animeinterp_light"))
    # The host's process may have found bfloat16 to pay, and this one not.
    off = (found - as_saved(ai.interpolate(clip, 2, model=ai.load_model(light)))).abs()
    assert off.mean() < 1e-3 and (off > 2 / 255).float().mean() < 0.005


# --- the single stages ---


def test_stages_without_a_model_are_the_combined_node(host):
    one_by_one = host.images(shown(stages(multiplier=4), "between"))
    whole = host.images(combined(method="weights-free", multiplier=4))
    # The flow between the nodes is in fixed point, which may turn a last bit.
    assert (one_by_one - whole).abs().mean() < 1e-3
    assert ((one_by_one - whole).abs() > 2 / 255).float().mean() < 0.002


def test_stages_with_a_model_are_the_combined_node(host):
    one_by_one = host.images(shown(stages(model=True), "between"))
    whole = host.images(combined(model=True))
    assert (one_by_one - whole).abs().mean() < 1e-3
    assert ((one_by_one - whole).abs() > 2 / 255).float().mean() < 0.002


def test_previews(host, clip):
    labels = ai.segment(clip)
    assert torch.equal(host.images(shown(stages(), "pieces", 1)), as_saved(draw_pieces(labels)))
    flow = ai.coarse_flow(clip[:1], clip[1:2], labels[:1], labels[1:2])
    assert len(flow.matches[0].pieces_0) >= 3
    prompt = with_node(stages(), "wheel", "AnimeInterpFlowPreview", flow=["flow", 0], max_motion=0)
    found = host.images(shown(prompt, "wheel"))
    assert found.shape == (2, 3, 96, 2 * 160 + 4)
    both = torch.cat([flow.flow_01, flow.flow_10])
    wanted = flow_to_colours(both, max_motion=max(1.0, largest_motion(both)))
    # The node's flow is in fixed point; a vector at the rim of the wheel may fall on its other side, which is darker.
    for half, whole in ((found[0, :, :, :160], wanted[0]), (found[0, :, :, -160:], wanted[1])):
        assert ((half - whole).abs() > 0.02).float().mean() < 0.01
    matches = host.images(shown(stages(), "flow", 1))
    assert matches.shape == (2, 3, 96, 2 * 160 + 4)
    colourful = (matches.amax(1) - matches.amin(1)) > 0.05
    assert colourful.float().mean() > 0.5, "most of these drawings' area has a partner"


def test_vgg_features(host, clip):
    torch.manual_seed(1)
    features = VGGFeatures().eval()
    torch.save(features.state_dict(), host.server.base / "models" / "animeinterp" / "vgg19-random.pth")
    prompt = with_node(stages(), "vgg", "AnimeInterpLoadFeatures", features_name="vgg19-random.pth")
    prompt["flow"]["inputs"]["features"] = ["vgg", 0]
    found = host.images(shown(prompt, "flow", 1))
    labels = ai.segment(clip)
    pair = clip[:1], clip[1:2], labels[:1], labels[1:2]
    with torch.inference_mode():
        flow = ai.coarse_flow(*pair, features=features)
    assert torch.equal(found[:1], as_saved(draw_matches(*pair, flow.matches[0])))


def test_alpha_goes_through(host, clip):
    prompt = with_node(loading(), "mask", "ImageToMask", image=["images", 0], channel="red")
    prompt = with_node(prompt, "rgba", "JoinImageWithAlpha", image=["images", 0], alpha=["mask", 0])
    prompt = with_node(
        prompt, "between", "AnimeInterp", images=["rgba", 0], method="weights-free", multiplier=2, style="japanese"
    )
    found = host.images(shown(prompt, "between"))
    wanted = ai.interpolate(torch.cat([clip, 1 - clip[:, :1]], dim=1), 2, model=None)
    assert found.shape == (5, 4, 96, 160)
    assert torch.equal(found, as_saved(wanted))


# --- the example workflows, as the files have them ---


def test_example_workflow(host):
    prompt = to_prompt(workflow("animeinterp.json"), host.server.object_info())
    outputs = host.server.run(prompt)
    by_class = {prompt[node]["class_type"]: found for node, found in outputs.items()}
    assert len(by_class["PreviewImage"]["images"]) == 5
    video = by_class["SaveVideo"]["images"][0]
    path = host.server.base / "output" / video["subfolder"] / video["filename"]
    assert len(list(VideoReader(path))) == 5


def test_example_workflow_of_the_stages_is_the_combined_node_pixel_for_pixel(host):
    prompt = to_prompt(workflow("animeinterp_stages.json"), host.server.object_info())
    outputs = host.server.run(prompt)
    shown_by = {prompt[node]["_meta"]["title"]: found for node, found in outputs.items()}
    counts = {title: len(found["images"]) for title, found in shown_by.items() if "images" in found}
    assert counts == {"Pieces": 2, "Matches": 1, "Preview Flow": 1, "In-betweens": 5, "Confidence": 1, "Preview Warped Frames": 1}
    lines = shown_by["One by one against the one node"]["text"][0].splitlines()
    assert len(lines) == 6 and all("the same pixels, PSNR infinite dB" in line for line in lines)


def test_without_a_flow_it_is_the_combined_node_for_drawings_made_anew_too(host):
    """As the template's note says: these go another way, which starts from no flow."""
    prompt = to_prompt(workflow("animeinterp_stages.json"), host.server.object_info())
    by_class = {node["class_type"]: node["inputs"] for node in prompt.values()}
    by_class["AnimeInterpExample"]["which"] = "fish swimming"
    for name in ("AnimeInterp", "AnimeInterpSynthesize"):
        by_class[name]["multiplier"] = 2
    compared = next(node for node, found in prompt.items() if found["class_type"] == "PreviewAny")
    assert "the same" not in host.server.run(prompt)[compared]["text"][0].splitlines()[2]
    del by_class["AnimeInterpSynthesize"]["flow"]
    assert all("the same pixels, PSNR inf" in line for line in host.server.run(prompt)[compared]["text"][0].splitlines())


def test_example_workflow_of_before_and_after_shows_both_as_long_as_before(host):
    prompt = to_prompt(workflow("animeinterp_before_after.json"), host.server.object_info())
    outputs = host.server.run(prompt)
    found = next(outputs[node]["images"][0] for node, made in prompt.items() if made["class_type"] == "SaveVideo")
    frames = list(VideoReader(host.server.base / "output" / found["subfolder"] / found["filename"]))
    drawings = [read_image(PACK / "example_workflows" / "frames" / f"animeinterp_{number:02d}.png") for number in (1, 2, 3, 4)]
    assert len(frames) == 13
    for index, frame in enumerate(frames):
        before, after = frame[..., :640], frame[..., -640:]
        given = drawings[index // 4]
        assert (before - given).abs().mean() < 0.01, f"frame {index}: each drawing is held"
        assert ((after - given).abs().mean() < 0.01) == (index % 4 == 0), f"frame {index}: others are between them"


@pytest.mark.parametrize("name", sorted(file.name for file in (PACK / "example_workflows").glob("*.json")))
def test_example_workflows_use_current_nodes_and_bring_their_pictures(host, name):
    info = host.server.object_info()
    for node in workflow(name)["nodes"]:
        assert node["type"] == "MarkdownNote" or not info[node["type"]].get("deprecated"), node["type"]
        assert node["type"] not in ("LoadImage", "LoadVideo")


@pytest.mark.parametrize("which, size", [("girl waving", (360, 640, 3)), ("head turning", (320, 320, 4))])
def test_example_drawings(host, which, size):
    prompt = with_node({}, "drawings", "AnimeInterpExample", which=which, count=3)
    height, width, channels = size
    assert host.images(shown(prompt, "drawings")).shape == (3, channels, height, width)


def test_splat_and_synthesize_without_a_flow_is_the_combined_node(host):
    prompt = with_node(loading(), "between", "AnimeInterpSynthesize", images=["images", 0], multiplier=3)
    assert torch.equal(host.images(shown(prompt, "between")), host.images(combined(method="weights-free", multiplier=3)))


# --- wrong input ---


@pytest.mark.parametrize(
    "prompt, complaint",
    [
        (combined(files=CLIP[:1]), "AnimeInterp: .*images holds one image; it should hold at least 2.*Batch Images"),
        (combined(times="0.5, 2"), 'AnimeInterp: .*times is "0.5, 2"; it should be numbers between 0 and 1'),
        (
            with_node(
                stages(), "flow", "AnimeInterpCoarseFlow", images=["images", 0], segments=["short", 0],
                distance_weight=0.2, size_weight=0.05, free_distance=0.15, deformation=True,
            )
            | {
                "short": {
                    "class_type": "AnimeInterpSegment",
                    "inputs": {"images": ["load0", 0], "style": "japanese", "ball_radius": 3, "min_piece": 500},
                },
                "save": {"class_type": "PreviewImage", "inputs": {"images": ["between", 0]}},
            },
            "AnimeInterpCoarseFlow: .*segments is of 1 frames, images of 3. Connect the same images",
        ),
    ],
    ids=["one image", "a time over 1", "segments of another clip"],
)  # fmt: skip
def test_wrong_input_is_one_clear_error_and_the_server_lives_on(host, prompt, complaint):
    with pytest.raises(HostError, match=complaint):
        host.server.run(prompt)
    assert host.server.alive()
    assert host.images(shown(loading(), "images")).shape[0] == 3


def test_a_file_that_is_no_model(host):
    file = host.server.base / "models" / "animeinterp" / "torn.safetensors"
    file.write_bytes(b"not a model")
    try:
        prompt = combined(model=True)
        prompt["model"]["inputs"]["model_name"] = file.name
        with pytest.raises(HostError, match="AnimeInterpLoadModel: .*torn.safetensors.*Download it again"):
            host.server.run(prompt)
    finally:
        file.unlink()


def test_an_image_of_a_few_pixels(host):
    host.put("tiny.png", drawing(0)[..., :3, :2])
    prompt = combined(files=("tiny.png", "tiny.png"), method="weights-free")
    try:
        assert host.images(prompt).shape == (3, 3, 3, 2)
    except HostError as error:
        assert "64" in str(error), "either it works, or the error says what size it should be"
    assert host.server.alive()
