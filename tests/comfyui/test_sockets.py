"""The sockets of others: flow files, masks as pieces, ComfyUI's frame interpolation and optical flow models, protect masks."""

import numpy as np
import pytest
import torch
from prompts import CLIP, HEIGHT, WIDTH, as_saved, drawing, loading, shown, with_node
from test_runs import combined, stages

import animeinterp as ai
from animeinterp.cels import compose
from animeinterp.foreign import read_flow
from tools.comfy_host import HostError

BY_NAME = "by name, else reversed"


def wheel(prompt: dict, source: str) -> dict:
    return shown(with_node(prompt, "wheel", "AnimeInterpFlowPreview", flow=[source, 0], max_motion=20.0), "wheel")


def loaded(name: str, **inputs) -> dict:
    inputs = {"flow_name": name, "backward_name": BY_NAME, "sequence": True, **inputs}
    return with_node({}, "loaded", "AnimeInterpLoadFlow", **inputs)


# --- flow files ---


@pytest.mark.parametrize(
    "kind, files", [("npz", "_.npz"), ("flo", "_0000_01.flo"), ("npy", "_0000_01.npy"), ("png", "_0000_01.png")]
)
def test_flow_comes_back_from_files(host, clip, kind, files):
    prompt = stages()
    prompt = with_node(prompt, "saved", "AnimeInterpSaveFlow", flow=["flow", 0], filename_prefix=f"flows/{kind}", format=kind)
    host.server.run(prompt)
    name = f"flows/{kind}_00001{files} [output]"
    before, after = host.images(wheel(prompt, "flow")), host.images(wheel(loaded(name), "loaded"))
    assert before.shape == after.shape and before.shape[0] == 2
    assert torch.equal(before, after) or (kind == "png" and (before - after).abs().mean() < 2e-3)
    host.server.run(prompt | {"saved": prompt["saved"] | {"inputs": prompt["saved"]["inputs"] | {"format": kind}}})
    assert len(list((host.server.base / "output" / "flows").glob(f"{kind}_00001*"))) == (1 if kind == "npz" else 4)


def test_a_foreign_flow_of_another_size_is_scaled_and_turned_round(host, clip):
    np.save(host.server.base / "input" / "half.npy", np.full((2, 2, HEIGHT // 2, WIDTH // 2), 3, np.float32))
    prompt = loading() | loaded("half.npy", images=["images", 0])
    prompt = with_node(prompt, "saved", "AnimeInterpSaveFlow", flow=["loaded", 0], filename_prefix="flows/twice", format="npz")
    host.server.run(prompt)
    both = read_flow(host.server.base / "output" / "flows" / "twice_00001_.npz").both
    assert both.flow_01.shape == (2, 2, HEIGHT, WIDTH)
    assert (both.flow_01 == 6).all() and (both.flow_10 == -6).all()
    mids = host.images(shown(with_node(prompt, "between", "AnimeInterpSynthesize", images=["images", 0], flow=["loaded", 0],
                                       multiplier=2), "between"))  # fmt: skip
    assert mids.shape == (5, 3, HEIGHT, WIDTH)


def test_a_torn_flow_file_is_named(host, clip):
    (host.server.base / "input" / "torn.flo").write_bytes(b"PIEH")
    with pytest.raises(HostError, match="torn.flo cannot be read as flow"):
        host.server.run(wheel(loaded("torn.flo"), "loaded"))


# --- masks as pieces ---


def masks_node(prompt: dict, **inputs) -> dict:
    inputs = {"images": ["images", 0], "order": "frame by frame", "style": "japanese", **inputs}
    return with_node(prompt, "pieces", "AnimeInterpSegmentsFromMasks", **inputs)


def test_a_picture_of_the_pieces_gives_the_pieces_again(host, clip):
    cut = with_node(
        loading(), "cut", "AnimeInterpSegment", images=["images", 0], style="japanese", ball_radius=3, min_piece=500
    )
    prompt = masks_node(cut, colours=["cut", 1])
    one, other = host.images(shown(prompt, "cut", 1)), host.images(shown(prompt, "pieces", 1))
    for before, after in zip(one, other, strict=True):
        codes = torch.cat([before, after]).flatten(1).unique(dim=1)
        assert codes.shape[1] == before.flatten(1).unique(dim=1).shape[1] == after.flatten(1).unique(dim=1).shape[1]


def test_a_mask_for_each_drawing_is_a_piece_in_it(host, clip):
    prompt = with_node(loading(), "masks", "ImageToMask", image=["images", 0], channel="red")
    found = host.images(shown(masks_node(prompt, masks=["masks", 0]), "pieces", 1))
    bright = clip[:, 0] > 0.5
    for pieces, inside in zip(found, bright, strict=True):
        assert len(pieces[:, inside].unique(dim=1).T) == 1 and len(pieces.flatten(1).unique(dim=1).T) > 2


def test_masks_that_do_not_fit_are_named(host, clip):
    prompt = with_node(loading(), "masks", "SolidMask", value=1.0, width=WIDTH, height=HEIGHT)
    with pytest.raises(HostError, match="masks holds 1 masks and images 3 drawings"):
        host.images(shown(masks_node(prompt, masks=["masks", 0]), "pieces", 1))


# --- frame interpolation models ---


def interpolated(host, prompt: dict, many: bool = True, multiplier: int = 3) -> dict:
    """With ComfyUI's own node where it has it, else with the stand-in."""
    inputs = {"interp_model": ["ours", 0], "images": ["images", 0], "multiplier": multiplier}
    if many and "FrameInterpolate" in host.server.object_info():
        return shown(with_node(prompt, "core", "FrameInterpolate", **inputs), "core")
    return shown(with_node(prompt, "core", "StandInFrameInterpolate", **inputs, many=many), "core")


@pytest.mark.parametrize("many", [True, False], ids=["all times at once", "a batch of times"])
@pytest.mark.parametrize("method", ["auto", "weights-free"])
def test_our_model_in_comfyuis_node_gives_what_our_node_gives(host, clip, method, many):
    prompt = with_node(loading(), "ours", "AnimeInterpAsInterpModel", method=method, style="japanese")
    found = host.images(interpolated(host, prompt, many))
    wanted = host.images(combined(method=method, multiplier=3))
    assert found.shape == wanted.shape
    # Times drawn in batches of another size are rounded otherwise where convolutions are in bfloat16.
    off = (found - wanted).abs()
    assert off.mean() < 1e-3 and (off > 2 / 255).float().mean() < 0.005


def test_another_model_serves_our_node(host, clip):
    prompt = with_node(loading(), "others", "StandInLoader")
    prompt = with_node(prompt, "model", "AnimeInterpFromInterpModel", interp_model=["others", 0])
    prompt = with_node(
        prompt, "between", "AnimeInterp", images=["images", 0], model=["model", 0], method="auto", multiplier=2,
        style="japanese", times="0.25",
    )  # fmt: skip
    found = host.images(shown(prompt, "between"))
    faded = torch.lerp(clip[:-1], clip[1:], 0.25)
    assert found.shape[0] == 5 and (found[1::2] - as_saved(faded)).abs().max() <= 1 / 255


def test_alpha_goes_through_another_model(host, clip):
    prompt = with_node(loading(), "others", "StandInLoader")
    prompt = with_node(prompt, "model", "AnimeInterpFromInterpModel", interp_model=["others", 0])
    prompt = with_node(prompt, "mask", "ImageToMask", image=["images", 0], channel="red")
    prompt = with_node(prompt, "rgba", "JoinImageWithAlpha", image=["images", 0], alpha=["mask", 0])
    prompt = with_node(
        prompt, "between", "AnimeInterp", images=["rgba", 0], model=["model", 0], method="auto", multiplier=2, style="japanese"
    )
    found = host.images(shown(prompt, "between"))
    assert found.shape == (5, 4, HEIGHT, WIDTH)
    assert (found[1, 3] - (1 - clip[:2, 0].mean(0))).abs().max() <= 2 / 255


# --- optical flow models ---


def test_an_optical_flow_model_refines(host, clip):
    prompt = with_node(loading(), "others", "StandInLoader")
    prompt = with_node(
        prompt, "fine", "AnimeInterpRefineFlow", images=["images", 0], optical_flow=["others", 1], iterations=0
    )
    again = with_node(
        prompt, "finer", "AnimeInterpRefineFlow", images=["images", 0], optical_flow=["others", 1], iterations=3,
        flow=["fine", 0],
    )  # fmt: skip
    for source, right in (("fine", 5.0), ("finer", 10.0)):
        saved = with_node(again, "saved", "AnimeInterpSaveFlow", flow=[source, 0], filename_prefix=source, format="npz")
        host.server.run(saved)
        both = read_flow(host.server.base / "output" / f"{source}_00001_.npz").both
        assert (both.flow_01[:, 0] == right).all() and (both.flow_10[:, 1] == 0).all()


def test_refining_by_nothing_is_refused(host, clip):
    prompt = with_node(loading(), "fine", "AnimeInterpRefineFlow", images=["images", 0], iterations=0)
    with pytest.raises(HostError, match="Neither model nor optical_flow is connected"):
        host.server.run(wheel(prompt, "fine"))


# --- protect ---


def test_a_protect_mask_shows_the_nearer_drawing(host, clip):
    prompt = combined(method="weights-free", multiplier=3)
    prompt = with_node(prompt, "mask", "SolidMask", value=1.0, width=WIDTH, height=HEIGHT)
    prompt["between"]["inputs"]["protect"] = ["mask", 0]
    found = host.images(prompt)
    assert torch.equal(found, as_saved(clip)[[0, 0, 1, 1, 1, 2, 2]])


def test_images_of_mixed_sizes_are_named(host, clip):
    """A list of images, as some packs hand it on, is run one by one: each is too few."""
    host.put("other.png", drawing(0, width=128, height=80))
    with pytest.raises(HostError, match="one image; it should hold at least 2"):
        host.images(shown(combined(files=CLIP[:1]), "between"))


def test_the_random_model_too(host, clip, model_file):
    """A model that refines goes through ComfyUI's socket as well."""
    prompt = with_node(loading(), "model", "AnimeInterpLoadModel", model_name="random.safetensors")
    prompt = with_node(
        prompt, "ours", "AnimeInterpAsInterpModel", model=["model", 0], method="auto", style="japanese"
    )
    found = host.images(interpolated(host, prompt, multiplier=2))
    wanted = as_saved(ai.interpolate(clip, 2, model=ai.load_model(model_file)))
    assert (found - wanted).abs().max() <= 1 / 255


# --- cel layers ---


def cels(prompt: dict, layers: list, **inputs) -> dict:
    inputs = {"drawings": 2, "method": "weights-free", "multiplier": 2, "style": "japanese", "times": "", **inputs}
    return shown(with_node(prompt, "cels", "AnimeInterpCelLayers", layers=layers, **inputs), "cels")


def test_layers_in_a_batch_are_composed(host):
    prompt = {}
    for name, which in (("front", "fish swimming"), ("back", "head turning")):
        prompt = with_node(prompt, name, "AnimeInterpExample", which=which, count=2)
    prompt = with_node(prompt, "both", "ImageBatch", image1=["front", 0], image2=["back", 0])
    found = host.images(cels(prompt, ["both", 0]))
    fish, head = (host.images(shown(prompt, name)) for name in ("front", "back"))
    assert found.shape == (3, 4, 320, 320)
    assert (found[::2] - compose([fish, head])).abs().max() < 3 / 255
    with pytest.raises(HostError, match="4 images, which is no multiple of drawings, 3"):
        host.images(cels(prompt, ["both", 0], drawings=3))


def test_masks_cut_layers_out_of_flat_drawings(host, clip):
    prompt = with_node(loading(), "mask", "ImageToMask", image=["images", 0], channel="red")
    prompt = with_node(prompt, "hard", "ThresholdMask", mask=["mask", 0], value=0.7)
    found = host.images(cels(prompt, ["images", 0], masks=["hard", 0]))
    assert found.shape == (5, 3, HEIGHT, WIDTH) and (found[::2] - as_saved(clip)).abs().max() <= 2 / 255


def test_what_the_flow_makes_of_each_drawing_is_shown(host, clip):
    prompt = with_node(stages(), "warped", "AnimeInterpWarpPreview", images=["images", 0], flow=["flow", 0], time=0.0)
    found = host.images(shown(prompt, "warped"))
    assert found.shape == (2, 3, HEIGHT, 3 * WIDTH + 8)
    assert (found[..., :WIDTH] - as_saved(clip[:2])).abs().mean() < 0.01, "at 0 the first drawing is where it was"
    trust = host.images(shown(with_node(stages(), "wheel", "AnimeInterpFlowPreview", flow=["flow", 0], max_motion=0), "wheel", 1))
    assert trust.shape == (2, 3, HEIGHT, 2 * WIDTH + 4) and 0.5 < trust.mean() <= 1
