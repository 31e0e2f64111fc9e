"""The weights-free flow: known motion is found, lines keep to their piece, what covers is in front."""

import cv2
import numpy as np
import pytest
import torch

from animeinterp import AnimeInterpError, coarse_flow, segment
from animeinterp.completion import complete
from animeinterp.completion.config import DEFAULT
from animeinterp.completion.motion import PieceGrid, half_way, inverse, is_possible, moved_centre, similarity
from animeinterp.completion.motion_search import MotionSearch
from animeinterp.config import SegmentConfig
from animeinterp.dense_flow import dis_flow, warp
from animeinterp.flow import Flow
from animeinterp.matching.features import piece_moments
from animeinterp.synthesis.blend import blend

HEIGHT, WIDTH = 192, 256


def painted(seed=0) -> np.ndarray:
    """A background with something to hold on to everywhere."""
    noise = np.random.default_rng(seed).uniform(60, 200, (HEIGHT // 16, WIDTH // 16, 3)).astype(np.float32)
    return cv2.resize(noise, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype(np.uint8)


def with_box(background, x, y, *, size=60, turn=0.0, colour=(230, 40, 40)) -> np.ndarray:
    corners = cv2.boxPoints(((x, y), (size, size * 0.6), turn)).astype(np.float32)
    image = background.copy()
    cv2.fillPoly(image, [np.round(corners * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)
    cv2.polylines(image, [np.round(corners * 16).astype(np.int32)], True, (10, 10, 10), 2, cv2.LINE_AA, 4)
    return image


def tensor(image: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255


def completed(image0, image1) -> Flow:
    frame0, frame1 = tensor(image0), tensor(image1)
    return complete(frame0, frame1, coarse_flow(frame0, frame1))


def inside_box(x, y, size=60, margin=6):
    half_w, half_h = size // 2 - margin, int(size * 0.3) - margin
    return (0, slice(None), slice(y - half_h, y + half_h), slice(x - half_w, x + half_w))


def test_no_motion_is_exactly_none():
    image = with_box(painted(), 120, 90)
    flow = completed(image, image)
    assert not flow.flow_01.any() and not flow.flow_10.any()


@pytest.mark.parametrize("shift", [(6, -3), (40, 10), (-55, 20)])
def test_a_shift_is_found_both_ways_and_the_background_stays(shift):
    dx, dy = shift
    flow = completed(with_box(painted(), 128, 96), with_box(painted(), 128 + dx, 96 + dy))
    found = flow.flow_01[inside_box(128, 96)].flatten(1)
    assert (found - torch.tensor([[dx], [dy]])).abs().median(dim=1).values.max() < 0.5
    back = flow.flow_10[inside_box(128 + dx, 96 + dy)].flatten(1)
    assert (back + torch.tensor([[dx], [dy]])).abs().median(dim=1).values.max() < 0.5
    far = flow.flow_01[:, :, :30, :40]
    assert far.abs().max() < 0.5


def test_the_outline_moves_with_the_box_not_with_what_it_passes_over():
    flow = completed(with_box(painted(), 100, 96), with_box(painted(), 140, 96))
    left_line = flow.flow_01[0, 0, 84:108, 70]
    assert (left_line - 40).abs().median() < 1.5


def test_a_strand_moves_with_what_it_grows_from():
    """A line in the middle of what it passes over is no border between two pieces."""

    def drawn(dx):
        image = with_box(painted(), 110 + dx, 120, size=70)
        cv2.line(image, (100 + dx, 100), (84 + dx, 60), (10, 10, 10), 2, cv2.LINE_AA)
        return image

    flow = completed(drawn(0), drawn(14))
    x, y = np.linspace(86, 97, 8).round().astype(int), np.linspace(65, 92, 8).round().astype(int)
    assert (flow.flow_01[0, 0, y, x] - 14).abs().median() < 1.5
    assert (flow.flow_10[0, 0, y, x + 14] + 14).abs().median() < 1.5


def test_posts_of_a_fence_are_not_taken_for_their_neighbours():
    """A motion that looks as well, but is far off what dense flow is sure of, is doubted."""

    def drawn(dx):
        image = np.full((HEIGHT, WIDTH, 3), 180, np.uint8)
        for x in range(-12, WIDTH, 40):
            cv2.rectangle(image, (x + dx, 0), (x + dx + 12, HEIGHT), (120, 60, 60), -1)
        return image

    images = drawn(0), drawn(3)
    labels = np.zeros((HEIGHT, WIDTH), np.int32)
    moments = piece_moments(torch.from_numpy(labels), 1).numpy()
    side = MotionSearch(*images, labels, moments, dis_flow(*images), dis_flow(*images[::-1]))
    true, next_post = (np.array([[dx, 0, 0, 0, 0, 0]], np.float32) for dx in (3, 43))
    assert side.tried(next_post)[0] > side.tried(true)[0] + DEFAULT.doubt / 2


def test_a_turn_is_found():
    flow = completed(with_box(painted(), 128, 96, turn=0), with_box(painted(), 128, 96, turn=25))
    x, y = 20, 0  # about the box's centre
    turn = np.deg2rad(25)
    expected = torch.tensor([x * np.cos(turn) - x, x * np.sin(turn)])
    assert (flow.flow_01[0, :, 96 + y, 128 + x] - expected).abs().max() < 1.0


def test_what_covers_is_in_front_in_both_frames():
    flow = completed(with_box(painted(), 90, 96), with_box(painted(), 150, 96))
    assert flow.depth_0[0, 0, 96, 90] > flow.depth_0[0, 0, 20, 20] + 0.3
    assert flow.depth_1[0, 0, 96, 150] > flow.depth_1[0, 0, 20, 20] + 0.3


def test_confidence_is_high_where_both_frames_see_and_low_where_something_covers():
    flow = completed(with_box(painted(), 90, 96), with_box(painted(), 150, 96))
    assert flow.confidence_01[0, 0, 96, 90] > 0.5
    assert flow.confidence_01[0, 0, 20, 200] > 0.9
    assert flow.confidence_01[0, 0, 86:106, 130:170].median() < flow.confidence_01[0, 0, 20, 200]


def test_the_same_bits_twice():
    image0, image1 = with_box(painted(), 100, 96), with_box(painted(), 130, 90, turn=10)
    one, two = completed(image0, image1), completed(image0, image1)
    assert torch.equal(one.flow_01, two.flow_01) and torch.equal(one.depth_0, two.depth_0)


@pytest.mark.parametrize("size", [(64, 64), (65, 97), (70, 200)])
def test_small_and_odd_sizes(size):
    generator = torch.Generator().manual_seed(0)
    frame0 = torch.rand(1, 3, *size, generator=generator)
    flow = complete(frame0, frame0.roll(3, dims=3), coarse_flow(frame0, frame0.roll(3, dims=3)))
    assert flow.flow_01.shape == (1, 2, *size) and flow.flow_01.isfinite().all()


def test_dense_flow_comes_along_as_a_second_opinion():
    images = with_box(painted(), 100, 96), with_box(painted(), 106, 94)
    flow = completed(*images)
    for k, dense in enumerate((flow.dense_01, flow.dense_10)):
        assert np.array_equal(dense[0].permute(1, 2, 0).numpy(), dis_flow(images[k], images[1 - k]))


def test_no_piece_turns_inside_out_or_stretches_until_it_fits():
    """What gets covered may shrink to nothing; what shows up elsewhere in its colour is not the piece, stretched."""
    still = np.zeros((1, 2))

    def scaled(along_x, along_y, turn=0.0):
        motion = similarity(still, np.array([turn]), np.ones(1))
        motion[0, 2:] = ((motion[0, 2:].reshape(2, 2) + np.eye(2)) @ np.diag([along_x, along_y]) - np.eye(2)).ravel()
        return motion

    possible = [scaled(1, 1), scaled(1.8, 1), scaled(0.05, 1), scaled(1.5, 0.7, turn=3.0)]
    impossible = [scaled(2.5, 1), scaled(1, 3, turn=1.0), scaled(-1, 1), scaled(2.5, 0.2)]
    assert is_possible(np.concatenate(possible)).all() and not is_possible(np.concatenate(impossible)).any()
    plain = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)  # all of it looks alike under any motion
    grid = PieceGrid.of(plain, plain, np.zeros((HEIGHT, WIDTH), np.int32), np.array([[1, 128, 96, 900, 900, 0]]), 1)
    assert grid.cost(possible[1])[0] < np.inf and grid.cost(impossible[0])[0] == np.inf


def test_a_flow_that_is_not_coarse_is_refused():
    frame = torch.zeros(1, 3, 64, 64)
    with pytest.raises(AnimeInterpError, match="coarse_flow"):
        complete(frame, frame, Flow(torch.zeros(1, 2, 64, 64), torch.zeros(1, 2, 64, 64)))


def grid_of(image0, image1, step=1) -> PieceGrid:
    labels = segment(tensor(image0), SegmentConfig())[0]
    moments = piece_moments(labels, int(labels.max()) + 1).numpy()
    return PieceGrid.of(image0, image1, labels.numpy(), moments, step)


@pytest.mark.parametrize("step", [1, 2, 3])
def test_a_grids_flow_is_its_motion_at_every_step(step):
    grid = grid_of(painted(), painted(), step)
    motion = similarity(np.full((grid.count, 2), 4.0), np.full(grid.count, 0.2), np.full(grid.count, 1.1))
    flow = grid.flow(motion) * step
    piece = grid.labels[5, 7]
    at = np.array([7, 5]) * step + (step - 1) / 2 - grid.centres[piece]
    linear = motion[piece, 2:].reshape(2, 2)
    assert np.allclose(flow[5, 7], motion[piece, :2] + linear @ at, atol=1e-3)


def test_motions_move_between_centres_and_lead_back():
    rng = np.random.default_rng(0)
    motion = rng.normal(0, 0.1, (5, 6)).astype(np.float32)
    centres, others = rng.uniform(0, 50, (5, 2)).astype(np.float32), rng.uniform(0, 50, (5, 2)).astype(np.float32)
    points = rng.uniform(0, 50, (5, 2))

    def go(m, c, p):
        return p + m[:, :2] + np.einsum("kij,kj->ki", m[:, 2:].reshape(-1, 2, 2), p - c)

    landed = go(motion, centres, points)
    assert np.allclose(go(moved_centre(motion, centres, others), others, points), landed, atol=1e-4)
    back, about = inverse(motion, centres)
    assert np.allclose(go(back, about, landed), points, atol=1e-3)


def test_warp_reads_where_the_flow_points():
    image = np.arange(20 * 30 * 3, dtype=np.float32).reshape(20, 30, 3)
    warped, inside = warp(image, np.full((20, 30, 2), (3, -2), np.float32))
    assert np.array_equal(warped[5, 5], image[3, 8])
    assert inside[5, 5] and not inside[5, 28] and not inside[1, 5]


def test_half_a_turn_goes_round_the_joint_and_half_a_shift_is_straight():
    centre, joint = np.array([[40.0, 50.0]], np.float32), np.array([30.0, 42.0])
    for angle in (0.3, -1.0):
        whole, half = (np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]]) for a in (angle, angle / 2))
        shift = whole @ (centre[0] - joint) + joint - centre[0]
        motion = np.concatenate([shift, (whole - np.eye(2)).ravel()])[None].astype(np.float32)
        found = half_way(motion, centre, np.array([20.0]))[0]
        point = np.array([60.0, 55.0])
        moved = point + found[:2] + found[2:].reshape(2, 2) @ (point - centre[0])
        assert np.allclose(moved, half @ (point - joint) + joint, atol=1e-3)
    straight = np.array([[8.0, -4, 0, 0, 0, 0]], np.float32)
    assert np.allclose(half_way(straight, centre, np.array([20.0])), straight / 2)


def test_a_far_pivot_is_a_shift_and_a_spin():
    motion = similarity(np.array([[60.0, 0.0]]), np.array([0.2]), np.array([1.0]))
    half = half_way(motion, np.zeros((1, 2), np.float32), np.array([20.0]))
    assert np.allclose(half[0, :2], [30, 0])
    assert np.allclose(half[0, 2:], similarity(np.zeros((1, 2)), np.array([0.1]), np.array([1.0]))[0, 2:], atol=1e-6)


def test_what_leans_turns_about_no_point():
    """A shear is half a turn, and has a line of points that stay, not one."""
    motion = np.array([[4, 2, 0, 0.5, 0, 0]], np.float32)
    half = half_way(motion, np.zeros((1, 2), np.float32), np.array([20.0]))
    assert np.allclose(half[:, :2], motion[:, :2] / 2) and np.isfinite(half).all()


def test_what_turns_is_drawn_on_its_arc():
    image0, image1, truth = (with_box(painted(), 128, 96, turn=a, size=100) for a in (-20, 20, 0))
    mid = blend(tensor(image0), tensor(image1), completed(image0, image1), [0.5])
    assert (mid - tensor(truth)).abs().mean() < 0.006
