"""The fast way cuts as the slow one does, and its Python does not grow with the pieces or the pixels."""

import sys

import cv2
import numpy as np
import pytest

from animeinterp.config import SegmentConfig
from animeinterp.datasets.cartoon import CartoonConfig, draw
from animeinterp.images import to_image
from animeinterp.segmentation import contours, merging, segment_image, trapped_ball
from tests.segmentation import exact

SIZE, LEAST = (540, 960), 500
SEEDS = [101, 104, 206, 306, 307]


@pytest.fixture(scope="module")
def drawn():
    config = CartoonConfig(figures=(1, 2), hold=0.0, line_art=0.0, plain=0.0, inverted=0.0, subsamples=4)
    return {seed: draw(seed, size=SIZE, times=(0.5,), config=config) for seed in SEEDS}


def rand_index(one: np.ndarray, other: np.ndarray) -> float:
    """The adjusted Rand index (Hubert and Arabie 1985)."""

    def pairs(counts):
        return float((counts * (counts - 1) / 2).sum())

    one, other = one.ravel().astype(np.int64), other.ravel().astype(np.int64)
    both = pairs(np.unique(one * (other.max() + 1) + other, return_counts=True)[1].astype(float))
    first, second = (pairs(np.bincount(labels).astype(float)) for labels in (one, other))
    chance = first * second / pairs(np.array([one.size], float))
    return (both - chance) / ((first + second) / 2 - chance)


def cut(image: np.ndarray) -> np.ndarray:
    return segment_image(image, SegmentConfig())


def test_the_index_knows_same_from_unlike():
    stripes = np.arange(400).reshape(20, 20)
    assert rand_index(stripes // 20, 19 - stripes // 20) == 1.0
    assert abs(rand_index(stripes // 20, stripes % 20)) < 0.06


def test_the_fast_way_cuts_drawn_frames_as_the_slow_one_does_or_nearer_to_the_truth(drawn):
    """A faint line may be closed by one way and left open by the other: then the true pieces say which is right."""
    same = 0
    for sample in drawn.values():
        image, true = to_image(sample.frame0[0]), sample.labels_0[0].numpy()
        fast, slow = cut(image), exact.segment_exactly(image, LEAST)
        alike = rand_index(fast, slow) >= 0.98
        same += alike
        assert alike or rand_index(fast, true) > rand_index(slow, true)
    assert same > len(SEEDS) / 2


@pytest.mark.parametrize("seed", SEEDS)
def test_balls_cut_as_distance_transforms_do(drawn, seed):
    lines = contours.find_contours(to_image(drawn[seed].frame1[0]))
    grown = trapped_ball.grow(trapped_ball.trapped_ball_fill(lines, 3, LEAST))
    assert rand_index(grown, exact.nearest(exact.fill(lines, 3, LEAST))[1]) >= 0.98


@pytest.mark.parametrize("seed", SEEDS[:3])
def test_merging_on_the_graph_is_merging_of_pixels(drawn, seed):
    image = to_image(drawn[seed].frame0[0])
    regions = trapped_ball.grow(trapped_ball.trapped_ball_fill(contours.find_contours(image), 0))
    assert regions.max() > 100
    assert np.array_equal(merging.merge_small(regions, image, LEAST), exact.merge(regions, image, LEAST))


@pytest.mark.parametrize("distance", [1, 2, 3, 5, 8, 9, 14])
def test_what_lies_within_a_distance_is_the_same_by_kernel_and_by_transform(distance):
    mask = np.random.default_rng(distance).random((90, 120)) > 0.997
    transform = cv2.distanceTransform((~mask).astype(np.uint8), cv2.DIST_L2, 5) <= distance
    assert np.array_equal(trapped_ball.within(mask, distance), transform)
    assert not trapped_ball.within(np.zeros((20, 20), bool), distance).any()


def test_labels_grow_to_the_farthest_pixel_and_the_nearest_wins():
    labels = np.zeros((60, 200), np.int32)
    labels[30, 20], labels[30, 170] = 70_000, 3  # more than 16 bits hold
    grown = trapped_ball.grow(labels)
    assert (grown[:, :94] == 70_000).all() and (grown[:, 97:] == 3).all()


def work(image: np.ndarray) -> int:
    """How many lines of the library's Python are run to cut a frame."""
    lines = 0

    def count(frame, event, arg):
        nonlocal lines
        if "segmentation" not in frame.f_code.co_filename:
            return None
        lines += event == "line"
        return count

    before = sys.gettrace()
    sys.settrace(count)
    try:
        cut(image)
    finally:
        sys.settrace(before)
    return lines


def test_more_pieces_take_no_more_steps():
    images = []
    for step in (90, 24):  # some 20 and some 250 pieces
        image = np.full((270, 480, 3), 255, np.uint8)
        for x in range(0, 480, step):
            for y in range(0, 270, step):
                colour = tuple(int(v) for v in np.random.default_rng(x * 999 + y).integers(60, 255, 3))
                cv2.rectangle(image, (x, y), (x + step, y + step), colour, -1)
                cv2.rectangle(image, (x, y), (x + step, y + step), (0, 0, 0), 2)
        images.append(image)
    few, many = (int(cut(image).max()) + 1 for image in images)
    assert many > 8 * few
    steps = [work(image) for image in images]
    assert 50 < steps[1] < 1.5 * steps[0]


def test_more_pixels_take_no_more_steps():
    small = np.full((135, 240, 3), 255, np.uint8)
    for x in range(20, 220, 40):
        cv2.circle(small, (x, 70), 17, (x, 90, 200), -1)
        cv2.circle(small, (x, 70), 17, (0, 0, 0), 2)
    large = np.tile(small, (4, 4, 1))
    steps = [work(image) for image in (small, large)]
    assert steps[1] < 1.5 * steps[0]
