"""The numbers that the score node gives are the library's."""

import pytest
from prompts import CLIP, drawing, loading, with_node

from animeinterp.evaluation import score, to_8bit
from tools.comfy_host import HostError


def scoring(first: str, second: str, **inputs):
    prompt = {name: {"class_type": "LoadImage", "inputs": {"image": file}} for name, file in (("a", first), ("b", second))}
    prompt = with_node(prompt, "score", "AnimeInterpScore", images=["a", 0], reference=["b", 0], **inputs)
    return with_node(prompt, "text", "PreviewAny", source=["score", 4])


def text(host, prompt) -> str:
    return host.server.run(prompt)["text"]["text"][0]


def test_the_numbers_are_the_librarys(host, clip):
    ours = score(to_8bit(drawing(0)), to_8bit(drawing(1)))
    found = text(host, scoring(CLIP[0], CLIP[1]))
    assert found.startswith("all: ") and "\n" not in found
    assert f"PSNR {ours['psnr']:.4g} dB" in found and f"line distance {ours['chamfer']:.4g} " in found


def test_equal_frames_are_the_same(host, clip):
    assert "the same pixels, PSNR infinite dB" in text(host, scoring(CLIP[0], CLIP[0]))


def test_a_mask_leaves_out_what_is_black(host, clip):
    prompt = scoring(CLIP[0], CLIP[1])
    prompt["mask"] = {"class_type": "SolidMask", "inputs": {"value": 1.0, "width": 160, "height": 96}}
    prompt["score"]["inputs"]["mask"] = ["mask", 0]
    whole = text(host, prompt)
    assert whole == text(host, scoring(CLIP[0], CLIP[1]))
    prompt["mask"]["inputs"]["value"] = 0.0
    with pytest.raises(HostError, match="mask is black"):
        host.server.run(prompt)


def test_frames_that_are_not_as_many_are_named(host, clip):
    prompt = with_node(loading(), "single", "LoadImage", image=CLIP[0])
    prompt = with_node(prompt, "score", "AnimeInterpScore", images=["images", 0], reference=["single", 0])
    prompt = with_node(prompt, "text", "PreviewAny", source=["score", 4])
    with pytest.raises(HostError, match="reference is of 1 frames"):
        host.server.run(prompt)
