"""ATD-12K's reader on a miniature tree in the published layout, whole and damaged."""

import json

import numpy as np
import pytest
import torch

from animeinterp.datasets.atd12k import ATD12K, is_atd12k
from animeinterp.errors import AnimeInterpError

ALPHA_1, ALPHA_2, BETA = "Disney_Alpha_S1_001", "Disney_Alpha_S1_002", "Japan_Beta_S2_001"


def replace(path, content: bytes):
    path.unlink()
    path.write_bytes(content)


def edit_annotation(root, name, **changes):
    path = root / "test_2k_annotations" / name / f"{name}.json"
    content = json.loads(path.read_text())
    for key, value in changes.items():
        if value is None:
            del content[key]
        else:
            content[key] = value
    replace(path, json.dumps(content).encode())


def test_the_test_split_is_read_as_published(atd12k):
    triplets = ATD12K(atd12k)
    assert triplets.names == [ALPHA_1, ALPHA_2, BETA]
    first = next(iter(triplets))
    assert first.name == ALPHA_1
    assert first.frame0.shape == first.middle.shape == first.frame1.shape == (1, 3, 540, 960)
    # frame1, frame2, frame3 are t = 0, 0.5, 1: the square goes 12 px to the right.
    assert torch.equal(first.frame0[..., :-12], first.frame1[..., 12:])
    assert torch.equal(first.frame0[..., :-6], first.middle[..., 6:])
    assert torch.allclose(first.frame0[0, :, 0, 0] * 255, torch.tensor([90.0, 200.0, 180.0])), "RGB, not BGR"
    assert first.tags == {"origin": ("Disney",), "level": ("easy",), "motion type": ("translation",),
                          "behaviour": ("walking",)}
    assert first.roi == (75, 38, 249, 152), "scaled from 1280x720 to 960x540 and floored"
    assert first.flow_01 is None and first.flow_10 is None


def test_the_original_size_keeps_the_region_as_annotated(atd12k):
    triplet = ATD12K(atd12k, size="original").read(ALPHA_1)
    assert triplet.frame0.shape == (1, 3, 720, 1280)
    assert triplet.roi == (101, 51, 333, 203)


def test_the_train_split_has_no_annotations(atd12k):
    triplets = ATD12K(atd12k, "train", origins=["Japan"])
    assert triplets.names == [f"{BETA}_train"]
    triplet = triplets.read(triplets.names[0])
    assert triplet.frame0.shape == (1, 3, 108, 192)
    assert triplet.tags == {"origin": ("Japan",)} and triplet.roi is None


def test_sgm_flows_are_dx_then_dy_there_and_back(atd12k):
    triplet = ATD12K(atd12k, flows=True).read(BETA)
    assert triplet.flow_01.shape == triplet.flow_10.shape == (1, 2, 540, 960)
    assert torch.equal(triplet.flow_01[0, :, 5, 7], torch.tensor([60.0, -20.0]))
    assert torch.equal(triplet.flow_10, -triplet.flow_01)


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"levels": ["easy", "hard"]}, [ALPHA_1, BETA]),
        ({"levels": "medium"}, [ALPHA_2]),
        ({"motion_types": ["deformation"]}, [BETA]),
        ({"behaviours": ["others", "speaking"]}, [ALPHA_2, BETA]),
        ({"origins": ["Disney"]}, [ALPHA_1, ALPHA_2]),
        ({"origins": ["Disney"], "levels": ["medium", "hard"]}, [ALPHA_2]),
    ],
)
def test_filters(atd12k, filters, expected):
    assert ATD12K(atd12k, **filters).names == expected


def test_a_triplet_with_several_motion_types_passes_for_any(atd12k):
    edit_annotation(atd12k, ALPHA_1, general_motion_type=["Translation", "scaling"])
    edit_annotation(atd12k, ALPHA_2, general_motion_type="rotation, scaling")
    assert ATD12K(atd12k, motion_types=["scaling"]).names == [ALPHA_1, ALPHA_2]
    assert ATD12K(atd12k).read(ALPHA_1).tags["motion type"] == ("translation", "scaling")


def test_nothing_is_read_before_it_is_asked_for(atd12k):
    for path in atd12k.rglob("*.*"):
        if path.is_symlink():
            replace(path, b"broken")
    assert len(ATD12K(atd12k)) == len(ATD12K(atd12k, origins=["Disney", "Japan"])) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"levels": ["impossible"]}, "impossible"),
        ({"behaviours": ["sleeping"]}, "speaking, walking"),
        ({"levels": ["easy"], "origins": ["Japan"]}, "None of the 3"),
        ({"split": "train", "levels": ["easy"]}, "no annotations"),
        ({"split": "train", "size": "original"}, "train"),
        ({"split": "validation"}, "validation"),
    ],
)
def test_questions_that_have_no_answer(atd12k, arguments, said):
    with pytest.raises(AnimeInterpError, match=said):
        ATD12K(atd12k, **arguments)


def test_a_tree_that_is_not_there(tmp_path, atd12k):
    with pytest.raises(AnimeInterpError, match="test_2k_540p"):
        ATD12K(tmp_path)
    assert is_atd12k(atd12k) and not is_atd12k(tmp_path)


def remove_frame(root):
    (root / "test_2k_540p" / ALPHA_2 / "frame2.png").unlink()


def truncate_frame(root):
    path = root / "test_2k_540p" / ALPHA_2 / "frame3.png"
    replace(path, path.read_bytes()[:60])


def shrink_all_frames(root):
    for number in (1, 2, 3):
        path = root / "test_2k_540p" / ALPHA_2 / f"frame{number}.png"
        replace(path, encoded(180, 320))


def shrink_one_frame(root):
    replace(root / "test_2k_540p" / ALPHA_2 / "frame2.png", encoded(540, 959))


def encoded(height, width):
    import cv2

    return cv2.imencode(".png", np.zeros((height, width, 3), np.uint8))[1].tobytes()


def remove_annotation(root):
    (root / "test_2k_annotations" / ALPHA_2 / f"{ALPHA_2}.json").unlink()


def tear_annotation(root):
    replace(root / "test_2k_annotations" / ALPHA_2 / f"{ALPHA_2}.json", b'{"level": 1, "motion')


def flow_of(content):
    def damage(root):
        path = root / "test_2k_pre_calc_sgm_flows" / ALPHA_2 / "guide_flo31.npy"
        path.unlink()
        if content is not None:
            np.save(path, content, allow_pickle=True)

    return damage


def tear_flow(root):
    path = root / "test_2k_pre_calc_sgm_flows" / ALPHA_2 / "guide_flo13.npy"
    replace(path, path.read_bytes()[:1000])


def annotated(**changes):
    return lambda root: edit_annotation(root, ALPHA_2, **changes)


NOT_FINITE = np.full((2, 540, 960), np.nan, np.float32)
DAMAGE = {
    "frame missing": (remove_frame, "frame2"),
    "frame truncated": (truncate_frame, "frame3.png"),
    "frames of a wrong size": (shrink_all_frames, "320x180.*960x540"),
    "one frame of a wrong size": (shrink_one_frame, "frame2.png is 959x540"),
    "annotation missing": (remove_annotation, f"{ALPHA_2}.json"),
    "annotation torn": (tear_annotation, f"{ALPHA_2}.json"),
    "annotation is a list": (lambda root: replace(
        root / "test_2k_annotations" / ALPHA_2 / f"{ALPHA_2}.json", b"[]"), f"{ALPHA_2}.json"),
    "annotation lacks the level": (annotated(level=None), "level"),
    "annotation lacks the behaviour": (annotated(behavior=None), "behavior"),
    "level unknown": (annotated(level=3), f"{ALPHA_2}.json"),
    "level negative": (annotated(level=-1), f"{ALPHA_2}.json"),
    "region outside": (annotated(motion_RoI={"x": 1280, "y": 0, "width": 5, "height": 5}), "motion_RoI"),
    "region empty": (annotated(motion_RoI={"x": 0, "y": 0, "width": 0, "height": 5}), "motion_RoI"),
    "region incomplete": (annotated(motion_RoI={"x": 0}), "motion_RoI"),
    "flow missing": (flow_of(None), "guide_flo31.npy"),
    "flow of a wrong size": (flow_of(np.zeros((540, 960, 2), np.float32)), "guide_flo31.npy"),
    "flow of whole numbers": (flow_of(np.zeros((2, 540, 960), np.int32)), "guide_flo31.npy"),
    "flow pickled": (flow_of(np.array([{"a": 1}], dtype=object)), "guide_flo31.npy"),
    "flow not finite": (flow_of(NOT_FINITE), "guide_flo31.npy"),
    "flow torn": (tear_flow, "guide_flo13.npy"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_broken_is_named_and_never_silently_left_out(atd12k, damage):
    do, said = DAMAGE[damage]
    do(atd12k)
    with pytest.raises(AnimeInterpError, match=said):
        list(ATD12K(atd12k, flows=True))
    lenient = ATD12K(atd12k, flows=True, skip_broken=True)
    assert [triplet.name for triplet in lenient] == [ALPHA_1, BETA]
    assert [item.name for item in lenient.broken] == [ALPHA_2]
    assert ALPHA_2 in lenient.broken[0].reason


def test_originals_of_another_size_than_annotated_are_broken(atd12k):
    edit_annotation(atd12k, ALPHA_2, image_size=[1920, 1080])
    with pytest.raises(AnimeInterpError, match="1280x720.*1920x1080"):
        ATD12K(atd12k, size="original").read(ALPHA_2)


def test_a_broken_annotation_under_a_filter_is_listed_too(atd12k):
    tear_annotation(atd12k)
    with pytest.raises(AnimeInterpError, match=f"{ALPHA_2}.json"):
        ATD12K(atd12k, levels=["easy"])
    lenient = ATD12K(atd12k, levels=["easy"], skip_broken=True)
    assert lenient.names == [ALPHA_1]
    assert [item.name for item in lenient.broken] == [ALPHA_2]


def test_a_region_that_reaches_over_the_border_is_cut(atd12k):
    edit_annotation(atd12k, ALPHA_2, motion_RoI={"x": 1000, "y": 700, "width": 400, "height": 40})
    assert ATD12K(atd12k).read(ALPHA_2).roi == (750, 525, 210, 15)
