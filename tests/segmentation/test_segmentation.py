"""Pieces are what a person would call pieces: what a line closes off, gaps included, whatever the line's colour."""

import cv2
import numpy as np
import pytest
import reported
import torch

import animeinterp.segmentation as segmentation
from animeinterp import AnimeInterpError
from animeinterp.config import SegmentConfig
from animeinterp.segmentation.contours import compression_noise
from animeinterp.segmentation.merging import compact, merge_small, neighbours


def frame_of(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255


def canvas(colour, height=180, width=240) -> np.ndarray:
    return np.full((height, width, 3), colour, np.uint8)


def assert_partition(labels: torch.Tensor) -> None:
    for one in labels:
        assert torch.equal(one.unique(), torch.arange(int(one.max()) + 1, dtype=torch.int32))


def test_a_frame_of_one_colour_is_one_piece():
    labels = segmentation.segment(torch.full((1, 3, 90, 120), 0.4))
    assert labels.shape == (1, 90, 120) and labels.dtype == torch.int32
    assert int(labels.max()) == 0


def test_a_frame_of_one_colour_with_compression_noise_is_one_piece():
    noise = np.random.default_rng(0).normal(0, 0.6, (90, 120, 3))
    image = np.clip(128 + noise, 0, 255).astype(np.uint8)
    assert int(segmentation.segment(frame_of(image)).max()) == 0


@pytest.mark.parametrize(("paper", "ink"), [((250, 240, 230), (20, 20, 20)), ((0, 0, 0), (255, 255, 255)),
                                            ((40, 60, 120), (240, 220, 90)), ((200, 160, 150), (120, 70, 60))])
@pytest.mark.parametrize("width", [1, 2, 3])
def test_line_art_in_any_colours_closes_its_shapes_off(paper, ink, width):
    image = canvas(paper)
    cv2.circle(image, (80, 90), 50, ink, width, cv2.LINE_AA)
    cv2.rectangle(image, (160, 40), (220, 140), ink, width, cv2.LINE_AA)
    labels = segmentation.segment(frame_of(image))
    assert_partition(labels)
    inside, box, outside = labels[0, 90, 80], labels[0, 90, 190], labels[0, 10, 10]
    assert len({int(inside), int(box), int(outside)}) == 3
    assert int(labels.max()) == 2


@pytest.mark.parametrize("gap", [1, 2, 3])
def test_a_gap_in_an_outline_does_not_leak(gap):
    image = canvas((255, 255, 255))
    cv2.rectangle(image, (60, 50), (180, 130), (0, 0, 0), 2)
    image[49:53, 118 : 118 + gap] = 255
    labels = segmentation.segment(frame_of(image))[0]
    assert int(labels[90, 120]) != int(labels[10, 10])


def test_a_gap_wider_than_the_ball_leaks_and_a_larger_ball_holds_it():
    image = canvas((255, 255, 255))
    cv2.rectangle(image, (60, 50), (180, 130), (0, 0, 0), 2)
    image[49:53, 112:124] = 255
    leaks = segmentation.segment(frame_of(image), SegmentConfig(ball_radius=3))[0]
    holds = segmentation.segment(frame_of(image), SegmentConfig(ball_radius=8))[0]
    assert int(leaks[90, 120]) == int(leaks[10, 10])
    assert int(holds[90, 120]) != int(holds[10, 10])


def test_colours_without_an_outline_are_pieces_of_their_own_with_exact_borders():
    image = canvas((230, 200, 180))
    image[40:140, 60:180] = (90, 120, 200)
    labels = segmentation.segment(frame_of(image))[0].numpy()
    truth = np.zeros(labels.shape, bool)
    truth[40:140, 60:180] = True
    found = labels == labels[90, 120]
    assert int(labels.max()) == 1
    assert (found ^ truth).sum() <= 2 * (100 + 120) * 2  # two pixels along the border: the filter's and the line's


def test_small_pieces_join_the_neighbour_of_their_colour_not_the_larger_one():
    image = canvas((200, 200, 200))
    image[:, :60] = (210, 40, 40)
    labels = np.zeros(image.shape[:2], np.int32)
    labels[:, :60] = 1
    labels[80:90, 60:70] = 2  # on the grey side of the border, and red
    image[80:90, 60:70] = (205, 50, 45)
    merged = merge_small(labels, image, 500)
    assert merged.max() == 1 and merged[85, 65] == merged[85, 10] != merged[85, 200]


def test_merging_rings_of_equal_pieces_ends():
    labels = np.arange(36, dtype=np.int32).reshape(6, 6).repeat(5, 0).repeat(5, 1)
    merged = merge_small(labels, np.full((30, 30, 3), 7, np.uint8), 500)
    assert merged.max() == 0 or (np.bincount(merged.ravel()) >= 500).all()


def test_compact_and_neighbours():
    labels = compact(np.array([[5, 5, 9], [5, 2, 9]], np.int32))
    assert labels.tolist() == [[1, 1, 2], [1, 0, 2]]
    a, b, border = neighbours(labels)
    assert list(zip(a, b, border, strict=True)) == [(0, 1, 2), (0, 2, 1), (1, 2, 1)]


def test_every_pixel_is_in_a_piece_and_frames_are_independent():
    rng = np.random.default_rng(1)
    images = []
    for _ in range(2):
        image = canvas((255, 255, 255))
        for _ in range(12):
            x, y = rng.integers(0, 240), rng.integers(0, 180)
            cv2.circle(image, (int(x), int(y)), int(rng.integers(8, 60)), tuple(int(v) for v in rng.integers(0, 255, 3)), -1)
            cv2.circle(image, (int(x), int(y)), int(rng.integers(8, 60)), (0, 0, 0), 1, cv2.LINE_AA)
        images.append(image)
    both = segmentation.segment(torch.cat([frame_of(i) for i in images]))
    assert_partition(both)
    assert torch.equal(both[1:], segmentation.segment(frame_of(images[1])))


@pytest.mark.parametrize("style", ["japanese", "disney"])
def test_both_styles_cut_soft_shading_only_where_there_is_a_line(style):
    ramp = np.linspace(90, 200, 240)[None, :, None].repeat(180, 0).repeat(3, 2)
    image = ramp.astype(np.uint8).copy()
    cv2.ellipse(image, (120, 90), (70, 50), 0, 0, 360, (10, 10, 10), 2, cv2.LINE_AA)
    labels = segmentation.segment(frame_of(image), SegmentConfig(style=style))[0]
    assert int(labels[90, 120]) != int(labels[5, 5])
    assert int(labels.max()) == 1


def test_alpha_cuts_and_half_precision_is_read():
    frame = torch.full((1, 4, 100, 100), 0.9)
    frame[:, 3] = 0
    frame[:, 3, 20:80, 20:80] = 1
    labels = segmentation.segment(frame.half())[0]
    assert int(labels[50, 50]) != int(labels[2, 2])


@pytest.mark.parametrize(
    ("frames", "config", "says"),
    [
        (torch.zeros(1, 20, 20, 3), None, "channels before height"),
        (torch.zeros(1, 3, 20, 20, dtype=torch.uint8), None, "0..1"),
        (torch.zeros(1, 3, 20, 20), SegmentConfig(style="french"), "japanese"),
        (torch.zeros(1, 3, 20, 20), SegmentConfig(style=np.zeros((3, 3))), r"^[^\n]*japanese[^\n]*$"),
        (torch.zeros(1, 3, 20, 20), SegmentConfig(ball_radius=-1), "ball_radius"),
        (torch.zeros(1, 3, 20, 20), SegmentConfig(min_piece=0), "min_piece"),
    ],
)
def test_wrong_input_is_named(frames, config, says):
    with pytest.raises(AnimeInterpError, match=says):
        segmentation.segment(frames, config)


@pytest.mark.parametrize("quality", [50, 70, 85])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_pieces_of_a_lossy_picture_are_those_of_the_picture(seed, quality):
    """What is narrow too: ripples beside lines are no lines."""
    whole = reported.display(seed)(0.0)
    lossy = reported.jpeg(quality)(whole)
    assert compression_noise(whole) == 0 < compression_noise(lossy)
    one, other = (segmentation.segment(frame_of(image))[0].numpy() for image in (whole, lossy))
    shared = np.zeros((one.max() + 1, other.max() + 1), int)
    np.add.at(shared, (one.ravel(), other.ravel()), 1)
    assert shared.max(axis=1).sum() > 0.97 * one.size and shared.max(axis=0).sum() > 0.97 * one.size
