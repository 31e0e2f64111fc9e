"""The parts of the completion, each against what it has to give on a few numbers."""

import cv2
import numpy as np
import pytest
import torch

from animeinterp.completion.alignment import _solve_step, align, fit_motions
from animeinterp.completion.candidates import _offer_way_back
from animeinterp.completion.config import DEFAULT
from animeinterp.completion.deformation import add_residual, choose_flow, smooth_within
from animeinterp.completion.depth import _read, _solve, piece_depths
from animeinterp.completion.motion import PieceGrid
from animeinterp.completion.motion_search import MotionSearch, adjacency
from animeinterp.completion.ownership import _error_at, _other_side, line_owners
from animeinterp.completion.patterns import _pattern_shifts
from animeinterp.completion.registration import FrameWithBounds, ShapeRegistration
from animeinterp.completion.sums import PieceSums
from animeinterp.completion.swarms import _common_shift, _greedy
from animeinterp.completion.things import Things, possible_pairs
from animeinterp.matching.features import piece_moments

HEIGHT, WIDTH = 48, 64


def halves() -> np.ndarray:
    """A frame of two pieces, left and right."""
    labels = np.zeros((HEIGHT, WIDTH), np.int32)
    labels[:, 24:] = 1
    return labels


def texture(seed: int = 0) -> np.ndarray:
    """Waves, (H, W, 3) uint8: smooth enough to be followed by parts of a pixel."""
    rng, (y, x) = np.random.default_rng(seed), np.mgrid[:HEIGHT, :WIDTH]
    waves = sum(np.sin(a * x + b * y + c)[..., None] * d for a, b, c, *d in rng.uniform(-0.5, 0.5, (9, 6)))
    return np.clip(127 + 110 * waves, 0, 255).astype(np.uint8)


def grid_of(image, other, labels, step=1) -> PieceGrid:
    moments = piece_moments(torch.from_numpy(labels), int(labels.max()) + 1).numpy()
    return PieceGrid.of(image, other, labels, moments, step, DEFAULT)


def things(places, areas=None, colours=None) -> Things:
    """Loose things at places (N, 2), x and y, numbered from 1."""
    count = len(places) + 1
    moments = np.zeros((count, 6))
    moments[1:, 0] = 9 if areas is None else areas
    moments[1:, 1:3] = places
    colour = np.zeros((count, 3))
    colour[1:] = 100 if colours is None else colours
    none = np.zeros((count, 6), np.float32), np.zeros(count, bool), np.zeros(count, bool)
    flat = np.zeros((HEIGHT, WIDTH), np.int32)
    return Things(flat.astype(np.float32), flat, flat, moments, colour, np.ones(count), *none)


def thing_at(mask: np.ndarray) -> Things:
    """A single thing, numbered 1, where the mask is."""
    thing = things([(0, 0)])
    thing.labels = mask.astype(np.int32)
    thing.moments = piece_moments(torch.from_numpy(thing.labels), 2).numpy()
    return thing


@pytest.mark.parametrize("step", [1, 2])
def test_the_motion_that_fits_a_field_is_the_one_it_was_made_by(step):
    grid = grid_of(texture(), texture(1), halves(), step)
    moves = np.array([[2.0, -1.0, 0.05, -0.1, 0.08, 0.02], [-3.0, 0.5, 0.0, 0.1, -0.1, 0.0]], np.float32)
    flow = grid_of(texture(), texture(1), halves()).flow(moves)
    flow[::5] += 9  # a fifth of it is something else
    found = fit_motions(flow, grid, np.ones((HEIGHT, WIDTH), np.float32), rounds=8)
    assert found[:, :2] == pytest.approx(moves[:, :2], abs=0.15)
    assert found[:, 2:] == pytest.approx(moves[:, 2:], abs=0.02)


def test_neither_direction_is_another_than_the_other():
    """Transposed, a noisy field is fitted by the transposed motion."""
    field = np.random.default_rng(3).normal(0, 4, (HEIGHT, WIDTH, 2)).astype(np.float32)
    trust = np.ones((HEIGHT, WIDTH), np.float32)
    one = fit_motions(field, grid_of(texture(), texture(1), halves()), trust)
    turned = [np.ascontiguousarray(x.transpose(1, 0, 2)) for x in (texture(), texture(1))]
    other = fit_motions(field.transpose(1, 0, 2)[..., ::-1], grid_of(*turned, np.ascontiguousarray(halves().T)), trust.T)
    assert np.abs(one[:, 2:]).max() > 1e-3
    assert other[:, [1, 0, 5, 4, 3, 2]] == pytest.approx(one, abs=1e-4)


@pytest.mark.parametrize("sign", [1, -1])
def test_a_step_goes_no_farther_than_it_may_either_way(sign):
    y, x = (a.ravel().astype(np.float32) for a in np.mgrid[-3:4, -3:4])
    one, none = np.ones_like(x), np.zeros_like(x)
    pixels = PieceSums.of(np.zeros((7, 7), int), 1)
    step = _solve_step(pixels, (x, y), (one, none, one), (sign * 100 * one, none), np.zeros(1), np.ones(1), 4.0)
    assert step == pytest.approx(np.array([[-4.0 * sign, 0, 0, 0, 0, 0]]), abs=1e-4)


def test_the_motion_of_most_of_the_frame_is_each_piece_s_about_its_own_centre():
    labels = halves()
    turn = np.array([[6, -3, -0.02, 0.1, -0.1, -0.02]], np.float32)  # about the frame's middle
    whole = PieceGrid.of(*[np.zeros((HEIGHT, WIDTH, 3), np.uint8)] * 2, np.zeros_like(labels),
                         np.array([[1, (WIDTH - 1) / 2, (HEIGHT - 1) / 2, WIDTH**2 / 12, HEIGHT**2 / 12, 0]]), 1, DEFAULT)
    dense = whole.flow(turn)
    moments = piece_moments(torch.from_numpy(labels), 2).numpy()
    side = MotionSearch(texture(), texture(1), labels, moments, dense, -dense, DEFAULT)
    side.trust[:] = 1
    found = side.whole_frame()
    about = turn[0, :2] + (side.centres - whole.centres) @ turn[0, 2:].reshape(2, 2).T
    assert found[:, :2] == pytest.approx(about, abs=0.25)
    assert found[:, 2:] == pytest.approx(np.repeat(turn[:, 2:], 2, 0), abs=0.01)


def test_neighbours_are_those_of_the_longest_borders():
    labels = np.zeros((20, 30), np.int32)
    labels[:, 10:], labels[5:12, 10:], labels[12:14, 10:] = 1, 2, 3
    labels[14:, 10:] = 4
    assert adjacency(labels, 5, 2)[0].tolist() == [2, 4]
    assert sorted(adjacency(labels, 5, 2)[3].tolist()) == [2, 4]
    assert adjacency(labels, 5, 6)[1].tolist() == [2, 0, 1, 1, 1, 1]  # itself where there are no more


def test_a_pattern_may_have_gone_on_by_its_period_either_way():
    """Posts in a row whose gaps grow: the nearest is by turns on either side, and the period a distance all the same."""
    labels = np.zeros((HEIGHT, WIDTH), np.int32)
    for n, x in enumerate((4, 12, 22, 30, 40, 48)):
        labels[10:40, x : x + 3] = n + 1
    moments = piece_moments(torch.from_numpy(labels), 7).numpy()
    still = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    shifts = _pattern_shifts(MotionSearch(texture(), texture(), labels, moments, still, still, DEFAULT), np.arange(1, 7))
    for k in range(-DEFAULT.pattern_periods, DEFAULT.pattern_periods + 1):
        assert np.abs(shifts - (8 * k, 0)).sum(axis=1).min() < 1e-4


def test_aligning_finds_the_parts_of_a_pixel_and_takes_no_step_that_does_not_help():
    labels = np.zeros((HEIGHT, WIDTH), np.int32)
    x, y = np.meshgrid(np.arange(WIDTH, dtype=np.float32) - 1.4, np.arange(HEIGHT, dtype=np.float32))
    other = cv2.remap(texture(), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    grid = grid_of(texture(), other, labels)
    motion, cost = align(grid, np.zeros((1, 6), np.float32), steps=8)
    assert motion[0, :2] == pytest.approx([1.4, 0], abs=0.1) and np.abs(motion[0, 2:]).max() < 0.01
    assert cost[0] < 0.2 * grid.cost(np.zeros((1, 6), np.float32))[0]
    assert align(grid, motion, steps=3)[1][0] <= cost[0]


def test_a_flow_is_read_at_its_end():
    labels = np.arange(12).reshape(3, 4)
    flow = np.zeros((3, 4, 2), np.float32)
    flow[..., 0], flow[..., 1] = 1, -1
    assert _read(labels, flow).tolist() == [[1, 2, 3, 3], [1, 2, 3, 3], [5, 6, 7, 7]]


def test_votes_put_pieces_one_behind_the_other():
    net = np.zeros((4, 4))
    net[0, 1] = net[1, 2] = 100.0  # 0 before 1, 1 before 2; nothing is known of 3
    ties = np.zeros((4, 4))
    ties[2, 3] = ties[3, 2] = DEFAULT.match_tie
    depth = _solve(net, ties, DEFAULT)
    assert np.diff(depth)[:2] == pytest.approx([-1, -1], abs=0.1) and depth[3] == pytest.approx(depth[2], abs=0.05)
    net[0, 1] = 0  # nothing is known of 0
    assert abs(_solve(net, ties, DEFAULT)[0]) < 1e-9
    net[0, 1] = 1.0  # a single pixel says little against the pull to depth 0
    depth = _solve(net, ties, DEFAULT)
    assert 0 < depth[0] < depth[1] + 0.5


def test_what_covers_is_in_front_in_both_orders():
    """A box goes over half of what is left of it: what it covers is behind, whichever frame is first."""
    image, other = (np.full((HEIGHT, WIDTH, 3), 200, np.uint8) for _ in range(2))
    labels, there = (np.zeros((HEIGHT, WIDTH), np.int32) for _ in range(2))
    for picture, owner, left in ((image, labels, 30), (other, there, 12)):
        picture[16:32, left : left + 16] = 30
        owner[16:32, left : left + 16] = 1
    grids = grid_of(image, other, labels), grid_of(other, image, there)
    ways = [np.array([[0] * 6, [way, 0, 0, 0, 0, 0]], np.float32) for way in (-18, 18)]
    flows = [grid.flow(way) for grid, way in zip(grids, ways, strict=True)]
    for k in (0, 1):
        depths = piece_depths((grids[k], grids[1 - k]), ((labels, there)[k], (there, labels)[k]), (flows[k], flows[1 - k]))
        assert all(depth[1] - depth[0] > 0.5 for depth in depths)


def test_what_is_spread_stays_within_its_piece():
    field = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    field[:, :24], field[:, 24:] = (3, -1), (-2, 5)
    weight = np.zeros((HEIGHT, WIDTH), np.float32)
    weight[::6, ::6] = 1
    smooth = smooth_within(field, weight, halves(), 9.0)
    assert smooth[:, :24] == pytest.approx(np.broadcast_to((3, -1), (HEIGHT, 24, 2)), rel=0.05)
    assert smooth[:, 24:] == pytest.approx(np.broadcast_to((-2, 5), (HEIGHT, WIDTH - 24, 2)), rel=0.05)
    weight[:, 24:] = 0
    assert not smooth_within(field, weight, halves(), 9.0)[:, 24:].any()  # nothing is known of it


def test_each_piece_takes_the_flow_that_leads_to_what_looks_like_it():
    image = texture()
    other = np.empty_like(image)
    other[:, :24], other[:, 24:] = np.roll(image, 3, 1)[:, :24], np.roll(image, -4, 0)[:, 24:]
    right, up = np.zeros((2, HEIGHT, WIDTH, 2), np.float32)
    right[..., 0], up[..., 1] = 3, -4
    none = np.zeros_like(up)
    flows = [none, right, up]
    chosen = choose_flow(grid_of(image, other, halves()), halves(), flows, [-flow for flow in flows])
    assert (chosen[8:-8, 8:16] == (3, 0)).all() and (chosen[12:-12, 32:-8] == (0, -4)).all()


def test_of_flows_as_good_a_piece_keeps_its_own():
    """On flat ground any flow looks as well; and a far one has to look better by more than a little."""
    flat = np.full((HEIGHT, WIDTH, 3), 90, np.uint8)
    own, near, far = np.zeros((3, HEIGHT, WIDTH, 2), np.float32)
    own[..., 0], near[..., 0], far[..., 0] = 3, 5, 30
    chosen = choose_flow(grid_of(flat, flat, halves()), halves(), [own, near], [-own, -near])
    assert (chosen[8:-8, 12:-12] == (3, 0)).all()
    for level, taken in ((91, False), (93, True)):  # of three channels: better by 3 levels, and by 9
        image, other = (np.full((HEIGHT, WIDTH, 3), 100, np.uint8) for _ in range(2))
        image[20:36, 6:22], other[:, 36:] = 95, level
        whole = np.zeros((HEIGHT, WIDTH), np.int32)
        still = np.zeros_like(own)
        found = choose_flow(grid_of(image, other, whole), whole, [still, far], [-still, -far])
        assert (found[26:30, 12:16] == (30 if taken else 0, 0)).all()


def test_what_bends_a_piece_is_told_by_its_edges(monkeypatch):
    """Of a flat inside dense flow says nothing: what it says of the edge goes for all."""
    image = np.full((HEIGHT, WIDTH, 3), 200, np.uint8)
    image[12:36, 20:44] = 40
    residual = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    edge = np.zeros((HEIGHT, WIDTH), bool)
    edge[11:37, 19:45] = True
    edge[14:34, 22:42] = False
    residual[edge] = (1.0, 0.0)
    said = iter((residual, -residual))
    monkeypatch.setattr("animeinterp.completion.deformation.dis_flow", lambda *images: next(said))
    monkeypatch.setattr("animeinterp.completion.deformation.disagreement", lambda one, other: edge * np.float32(0))
    owner = np.zeros((HEIGHT, WIDTH), np.int32)
    owner[12:36, 20:44] = 1
    found = add_residual(grid_of(image, image, owner), image, image, owner, np.zeros_like(residual))
    assert found[20:28, 28:36, 0].min() > 0.6


def test_single_pixels_are_read_under_the_motion_of_their_piece():
    image, other = texture(2), texture(3)
    grid = grid_of(image, other, halves())
    motion = np.array([[3, -2, 0, 0, 0, 0], [1, 1, 0.25, 0, 0, -0.25]], np.float32)
    rng = np.random.default_rng(0)
    x, y, piece = rng.integers(0, WIDTH, 50), rng.integers(0, HEIGHT, 50), rng.integers(0, 2, 50)
    found, most = _error_at(grid, motion, x, y, piece), 3 * DEFAULT.truncate
    for n in range(50):
        off = np.array([x[n], y[n]]) - grid.centres[piece[n]]
        to = np.array([x[n], y[n]]) + motion[piece[n], :2] + motion[piece[n], 2:].reshape(2, 2) @ off
        if (to <= -0.5).any() or (to >= (WIDTH - 0.5, HEIGHT - 0.5)).any():
            assert found[n] == most
            continue
        low = np.floor(to).astype(int)
        part = to - low
        read = sum(
            (part[0] if i else 1 - part[0]) * (part[1] if j else 1 - part[1])
            * grid.other[np.clip(low[1] + j, 0, HEIGHT - 1), np.clip(low[0] + i, 0, WIDTH - 1)]
            for i in (0, 1) for j in (0, 1)
        )
        assert found[n] == pytest.approx(min(np.abs(read - grid.image[y[n], x[n]]).sum(), most), abs=2.5)


def test_the_piece_on_the_other_side_of_a_line():
    other = _other_side(halves(), (2, 4))
    assert (other[:, 20:24] == 1).all() and (other[:, 24:28] == 0).all()
    assert (other[:, :20] == 0).all() and (other[:, 28:] == 1).all()


def test_a_line_goes_to_the_side_whose_motion_explains_it():
    """A box's outline, halved between box and ground by the label map, moves with the box, wherever either stands still."""
    shapes = []
    for left in (20, 26):
        image = texture(8)
        image[16:32, left : left + 16], image[14:16, left - 2 : left + 18] = (180, 120, 60), 10
        image[32:34, left - 2 : left + 18] = image[14:34, left - 2 : left] = image[14:34, left + 16 : left + 18] = 10
        shapes.append(image)
    labels = np.zeros((HEIGHT, WIDTH), np.int32)
    labels[15:33, 19:37] = 1  # half of the line
    lines = np.zeros((HEIGHT, WIDTH), bool)
    lines[14:34, 18:38] = True
    lines[16:32, 20:36] = False
    ways = np.array([[0] * 6, [6, 0, 0, 0, 0, 0]], np.float32)
    for swap in (False, True):
        given = 1 - labels if swap else labels
        owner = line_owners(grid_of(*shapes, given), ways[::-1].copy() if swap else ways, lines)
        box = owner == (0 if swap else 1)
        assert box[lines].mean() > 0.97 and not box[:10].any() and not box[40:].any()


def test_most_things_agree_on_a_shift_and_those_that_leave_do_not_count_against_it():
    rng = np.random.default_rng(4)
    places = rng.uniform((4, 4), (WIDTH - 4, HEIGHT - 4), (14, 2))
    shift = np.array([9.0, -5.0])
    stay = ((places + shift > 0) & (places + shift < (WIDTH, HEIGHT))).all(axis=1)
    new = [(3.0, 40.0), (20.0, 45.0)]  # two that come
    one, other = things(places), things([*(places + shift)[stay], *new])
    ground = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    a, b, _ = possible_pairs(one, other, DEFAULT)
    found = _common_shift(one, other, a, b, ground, DEFAULT)
    assert stay.sum() >= DEFAULT.loose_swarm and found == pytest.approx(shift, abs=1e-4)
    scattered = things(rng.uniform((4, 4), (WIDTH - 4, HEIGHT - 4), (14, 2)))
    few = things(places[:3]), things(places[:3] + 2)
    a, b, _ = possible_pairs(*few, DEFAULT)
    assert _common_shift(*few, a, b, ground, DEFAULT) is None
    assert scattered.centres.shape == (15, 2)


def test_among_shifts_as_good_the_most_like_the_camera_s_is_taken():
    """Things in a row, a period apart: each shift by it is as good."""
    x, y = np.meshgrid(np.arange(4, WIDTH, 8.0), [12.0, 30.0])
    row = np.stack([x.ravel(), y.ravel()], 1)
    one, other = things(row), things(row)
    a, b, _ = possible_pairs(one, other, DEFAULT)
    for way in (0.0, 8.0, -8.0):
        ground = np.full((HEIGHT, WIDTH, 2), (way, 0), np.float32)
        assert _common_shift(one, other, a, b, ground, DEFAULT) == pytest.approx([way, 0], abs=1e-4)


def test_things_of_other_sizes_colours_and_places_are_not_one():
    one = things([(10, 10)], areas=[10], colours=[(100, 100, 100)])
    others = things([(12, 10), (12, 10), (12, 10), (60, 40)], areas=[12, 30, 12, 12],
                    colours=[(110, 100, 100), (100, 100, 100), (140, 140, 140), (100, 100, 100)])
    a, b, unlike = possible_pairs(one, others, DEFAULT)
    assert (a.tolist(), b.tolist()) == ([1], [1])
    far = 2 / np.hypot(HEIGHT, WIDTH)
    expected = np.log(1.2) + 10 / DEFAULT.loose_colours + far / DEFAULT.loose_farthest
    assert unlike == pytest.approx([expected])


def test_each_goes_with_one_the_best_first():
    assert _greedy(np.array([1, 1, 2, 3]), np.array([5, 6, 5, 6]), np.array([2.0, 3.0, 1.0, 4.0])) == [(2, 5), (1, 6)]


@pytest.mark.parametrize("turn, shift", [(0.0, (6, 3)), (0.6, (-4, 5)), (-1.1, (2, -7))])
def test_a_shape_is_laid_upon_itself_wherever_it_went(turn, shift):
    """An angle of two unlike legs: it lies upon the other in one way alone."""
    rng = np.random.default_rng(1)
    legs = np.concatenate([rng.uniform((0, 0), (22, 4), (260, 2)), rng.uniform((0, 0), (4, 11), (140, 2))])
    c, s = np.cos(turn), np.sin(turn)
    both = []
    for points in (legs, (legs - legs.mean(0)) @ np.array([[c, -s], [s, c]]).T + legs.mean(0) + shift):
        labels = np.zeros((HEIGHT, WIDTH), np.int32)
        at = np.round(points + (20, 18)).astype(int)
        labels[at[:, 1], at[:, 0]] = 1
        both.append(thing_at(labels))
    motion = ShapeRegistration(*both, DEFAULT).register(1, 1)[0]
    assert np.arctan2(motion[4], 1 + motion[2]) == pytest.approx(turn, abs=0.12)
    assert motion[:2] == pytest.approx(both[1].centres[1] - both[0].centres[1], abs=0.8)


def test_what_is_laid_on_is_covered_too():
    """A bar fits into either arm of a cross; it goes upon the longer one, though that takes a turn, and hides more of it."""
    bar, cross = np.zeros((2, HEIGHT, WIDTH), bool)
    bar[20:23, 15:45] = True
    cross[6:42, 30:33] = cross[22:25, 19:44] = True
    for one, other in ((bar, cross), (bar[:, ::-1], cross[:, ::-1])):
        motion = ShapeRegistration(thing_at(one), thing_at(other), DEFAULT).register(1, 1)[0]
        assert abs(np.arctan2(motion[4], 1 + motion[2])) == pytest.approx(np.pi / 2, abs=0.1)


def test_a_piece_may_go_the_way_that_what_lies_where_it_lands_came():
    image, other = texture(5), texture(6)
    labels, there = (np.zeros((HEIGHT, WIDTH), np.int32) for _ in range(2))
    labels[16:32, 14:26] = there[16:32, 26:38] = 1
    image[16:32, 14:26] = other[16:32, 26:38] = texture(7)[16:32, 14:26]
    none = np.zeros((HEIGHT, WIDTH, 2), np.float32)
    moments = [piece_moments(torch.from_numpy(one), 2).numpy() for one in (labels, there)]
    side = MotionSearch(image, other, labels, moments[0], none, none)
    far = MotionSearch(other, image, there, moments[1], none, none)
    nearly = np.array([[0] * 6, [10, 0, 0, 0, 0, 0]], np.float32)
    side.motion, side.cost = nearly, side.tried(nearly)
    far.motion[1, 0] = -12
    nobody = np.zeros(0, int)
    _offer_way_back(side, far, nobody, nobody)  # nothing has matched
    assert side.motion[1] == pytest.approx([12, 0, 0, 0, 0, 0])
    side.motion, side.cost = 0 * nearly, side.tried(0 * nearly)
    _offer_way_back(side, far, np.array([1]), np.array([1]))  # its match says so
    assert side.motion[1] == pytest.approx([12, 0, 0, 0, 0, 0])


def test_what_is_seen_is_as_unlike_as_its_colours_are():
    image = np.full((HEIGHT, WIDTH, 3), 50, np.uint8)
    image[:, 32:] = 90
    seen = FrameWithBounds.of(image)
    x, y, colours = np.array([10.0, 50.0, 10.0, -9.0]), np.full(4, 20.0), np.full((4, 3), 50.0)
    colours[2] = 250
    assert seen.unlike(colours, x, y, 200.0) == pytest.approx([0, 120, 200, 100])
    beside = seen.unlike(np.full((1, 3), 50.0), np.array([32.0]), np.array([20.0]), 200.0)
    assert 0 < beside[0] < 70  # a line may be off by a pixel: half of it is what is beside
