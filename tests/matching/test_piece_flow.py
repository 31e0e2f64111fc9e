"""Coarse flow, whole: drawn shapes that move by known amounts are matched, and their flow is found."""

import cv2
import numpy as np
import pytest
import torch

from animeinterp import AnimeInterpError, CoarseFlow, MatchConfig, coarse_flow, segment
from animeinterp.images import to_image
from animeinterp.matching import describe_pieces, match_pieces, pair_flow
from animeinterp.matching.config import PIECE_FLOW
from animeinterp.matching.features import piece_moments
from animeinterp.matching.piece_flow import PieceMaps, _masked, _Pair, _shifted, _window, piece_boxes, piece_flow
from animeinterp.matching.vgg import VGGFeatures
from animeinterp.model import build

HEIGHT, WIDTH, FINE = 192, 320, 8
GROUND = (205, 215, 190)
# Name: outline about its own centre, colour.
SHAPES = {
    "bar": ([(-36, -9), (36, -9), (36, 9), (-36, 9)], (200, 60, 50)),
    "drop": ([(-18, 14), (-14, -14), (2, -22), (20, -4), (16, 16)], (60, 90, 200)),
    "tri": ([(-20, 18), (22, 14), (0, -22)], (240, 200, 60)),
}


def draw(places):
    """Outlined shapes over a ground; ``places``: name to (x, y, turn in degrees). Frame and label map by truth."""
    picture = np.full((HEIGHT, WIDTH, 3), GROUND, np.uint8)
    labels = np.zeros((HEIGHT, WIDTH), np.int32)
    for number, (name, (x, y, degrees)) in enumerate(places.items(), 1):
        outline, colour = SHAPES[name]
        c, s = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        points = np.array(outline) @ np.array([[c, s], [-s, c]]) + (x, y)
        points = np.round(points * FINE).astype(np.int32)
        options = {"lineType": cv2.LINE_AA, "shift": 3}
        cv2.fillPoly(picture, [points], colour, **options)
        cv2.polylines(picture, [points], True, (20, 20, 30), 3, **options)
        cover = np.zeros((HEIGHT, WIDTH), np.uint8)
        cv2.fillPoly(cover, [points], 255, **options)
        cv2.polylines(cover, [points], True, 255, 3, **options)
        labels[cover > 127] = number
    frame = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    return frame, torch.from_numpy(labels)[None]


AT = {"bar": (70, 50, 20), "drop": (200, 60, 0), "tri": (120, 140, 0)}
SHIFTS = {"bar": (14, 6), "drop": (-32.5, 21.25), "tri": (60, -3.5)}


def moved(at, shifts, turns=None):
    turns = turns or {}
    return {n: (x + shifts[n][0], y + shifts[n][1], d + turns.get(n, 0)) for n, (x, y, d) in at.items()}


def inside(labels, piece, rim=0):
    mask = (labels[0] == piece).numpy().astype(np.uint8)
    return torch.from_numpy(cv2.erode(mask, np.ones((2 * rim + 1,) * 2, np.uint8)) > 0)


@pytest.fixture(scope="module")
def pair():
    return draw(AT), draw(moved(AT, SHIFTS))


@pytest.fixture(scope="module")
def found(pair):
    (frame0, labels_0), (frame1, labels_1) = pair
    return coarse_flow(frame0, frame1, labels_0, labels_1)


def test_shifted_shapes_are_matched(found):
    assert found.matches[0].pieces_0.tolist() == found.matches[0].pieces_1.tolist() == [0, 1, 2, 3]
    assert (found.matches[0].scores > 0.8).all()


def test_shifts_are_found(found, pair):
    labels = [labels for _, labels in pair]
    for number, name in enumerate(SHIFTS, 1):
        shift = torch.tensor(SHIFTS[name])[:, None]
        for flow, label, sign in ((found.flow_01, labels[0], 1), (found.flow_10, labels[1], -1)):
            off = (flow[0][:, inside(label, number)] - sign * shift).norm(dim=0)
            assert off.mean() < 0.2 and off.max() < 0.5, name


def test_the_ground_lies_still(found, pair):
    """Its centroid shifts, as it is seen elsewhere; it does not."""
    still = (pair[0][1] == 0) & (pair[1][1] == 0)
    assert found.flow_01[0][:, still[0]].norm(dim=0).mean() < 0.1


def test_motion_is_a_similarity_of_each_match(found, pair):
    moments = piece_moments(pair[0][1][0], 4)
    for number, name in enumerate(SHIFTS, 1):
        x0, y0, x1, y1, turn, scale = found.motion[0][number].tolist()
        assert (x1 - x0, y1 - y0) == pytest.approx(SHIFTS[name], abs=0.5)
        assert (x0, y0) == pytest.approx(moments[number, 1:3].tolist(), abs=0.5)
        assert abs(turn) < 0.03 and abs(scale) < 0.03


def test_the_result_is_whole(found, pair):
    assert isinstance(found, CoarseFlow)
    for flow in (found.flow_01, found.flow_10):
        assert flow.shape == (1, 2, HEIGHT, WIDTH) and flow.dtype == torch.float32 and flow.isfinite().all()
    assert torch.equal(found.labels, torch.cat([labels for _, labels in pair])) and found.labels.dtype == torch.int32


def test_shapes_that_we_cut_ourselves_are_found_as_well(pair):
    """The same from the segmentation's pieces, whose lines belong to either side."""
    (frame0, labels_0), (frame1, _) = pair
    flow = coarse_flow(frame0, frame1).flow_01
    for number, name in enumerate(SHIFTS, 1):
        off = flow[0][:, inside(labels_0, number, 4)].mean(dim=1) - torch.tensor(SHIFTS[name])
        assert off.norm() < 0.5, name


@pytest.mark.parametrize("degrees", [12, 30, -40])
def test_a_turn_is_found(degrees):
    shift = (20, 8)
    at = {"bar": (120, 90, 10)}
    (frame0, labels_0), (frame1, labels_1) = draw(at), draw(moved(at, {"bar": shift}, {"bar": degrees}))
    found = coarse_flow(frame0, frame1, labels_0, labels_1)
    angle = np.deg2rad(degrees)
    y, x = torch.nonzero(inside(labels_0, 1), as_tuple=True)
    px, py = x - 120.0, y - 90.0
    wanted = torch.stack([
        np.cos(angle) * px - np.sin(angle) * py - px + shift[0],
        np.sin(angle) * px + np.cos(angle) * py - py + shift[1],
    ])  # fmt: skip
    off = (found.flow_01[0][:, y, x] - wanted).norm(dim=0)
    assert off.mean() < 0.7 and off.max() < 4
    assert found.motion[0][1, 4].item() == pytest.approx(angle, abs=0.03)
    back = coarse_flow(frame1, frame0, labels_1, labels_0)
    assert back.motion[0][1, 4].item() == pytest.approx(-angle, abs=0.03)


def test_a_growing_shape_has_its_scale():
    places = {"drop": (150, 90, 0)}
    frame0, labels_0 = draw(places)
    larger = {"drop": ([(1.15 * x, 1.15 * y) for x, y in SHAPES["drop"][0]], SHAPES["drop"][1])}
    original = dict(SHAPES)
    try:
        SHAPES.update(larger)
        frame1, labels_1 = draw(places)
    finally:
        SHAPES.update(original)
    found = coarse_flow(frame0, frame1, labels_0, labels_1)
    true = np.log((labels_1 == 1).sum().item() / (labels_0 == 1).sum().item()) / 2
    assert true > 0.1 and found.motion[0][1, 5].item() == pytest.approx(true, abs=0.04)
    rigid = coarse_flow(frame0, frame1, labels_0, labels_1, config=MatchConfig(deformation=False))
    spread = [flow.flow_01[0][:, inside(labels_0, 1)].std(dim=1).max().item() for flow in (found, rigid)]
    assert spread[0] > 0.5 and spread[1] < 1e-5


def test_no_motion_is_exactly_none():
    generator = torch.Generator().manual_seed(0)
    frame, labels = draw(AT)
    frame = (frame + 0.1 * torch.rand(frame.shape, generator=generator)).clamp(0, 1)
    for given in ((), (labels, labels)):
        found = coarse_flow(frame, frame.clone(), *given)
        assert found.matches[0].pieces_0.tolist() == list(range(int(found.labels.max()) + 1))
        assert torch.equal(found.matches[0].pieces_0, found.matches[0].pieces_1)
        assert not found.flow_01.any() and not found.flow_10.any()
        motion = found.motion[0]
        torch.testing.assert_close(motion[:, :2], motion[:, 2:4])
        assert motion[:, 4:].abs().max() < 1e-6


def test_the_other_way_round_it_is_the_same(found, pair):
    (frame0, labels_0), (frame1, labels_1) = pair
    swapped = coarse_flow(frame1, frame0, labels_1, labels_0)
    assert torch.equal(swapped.flow_10, found.flow_01) and torch.equal(swapped.flow_01, found.flow_10)
    torch.testing.assert_close(swapped.motion[0][:, [2, 3, 0, 1]], found.motion[0][:, :4], atol=1e-3, rtol=1e-5)
    torch.testing.assert_close(-swapped.motion[0][:, 4:], found.motion[0][:, 4:], atol=1e-4, rtol=1e-4)


def test_pieces_described_once_give_the_same(found, pair):
    (frame0, labels_0), (frame1, labels_1) = pair
    again = pair_flow(frame0, frame1, describe_pieces(frame0, labels_0[0]), describe_pieces(frame1, labels_1.long()))
    assert torch.equal(again.flow_01, found.flow_01) and torch.equal(again.motion[0], found.motion[0])


def test_a_piece_without_a_match_does_not_move():
    (frame0, labels_0), (frame1, labels_1) = draw(AT), draw({"bar": (84, 56, 20)})
    found = coarse_flow(frame0, frame1, labels_0, labels_1)
    unmatched = sorted(set(range(4)) - set(found.matches[0].pieces_0.tolist()))
    assert len(unmatched) == 2
    for piece in unmatched:
        assert not found.flow_01[0][:, inside(labels_0, piece)].any()


# --- the limits ---


def maps(areas, size=(300, 400)):
    """A frame of boxes given as (x, y, width, height), each in a grey of its own."""
    labels = np.zeros(size, np.int32)
    for number, (x, y, width, height) in enumerate(areas, 1):
        labels[y : y + height, x : x + width] = number
    image = np.repeat((labels * 60 + 20).astype(np.uint8)[..., None], 3, 2)
    moments = piece_moments(torch.from_numpy(labels), len(areas) + 1).numpy()
    return PieceMaps.of(image, labels, moments)


ONE = np.array([1])


@pytest.mark.parametrize(
    ("before", "after", "moves"),
    [
        ((10, 10, 40, 30), (30, 25, 40, 30), True),
        ((10, 10, 40, 30), (140, 25, 40, 30), False),  # 500 px of diagonal: 113.5 is the farthest
        ((10, 10, 40, 30), (100, 25, 40, 30), True),
        ((100, 100, 40, 20), (90, 95, 60, 45), False),  # 3.4 times as large
        ((100, 100, 60, 45), (110, 105, 40, 20), False),
        ((100, 100, 5, 5), (108, 103, 5, 5), True),  # tiny: as a whole
    ],
)
def test_limits_of_a_move(before, after, moves):
    flow, stands = piece_flow(maps([before]), maps([after]), ONE, ONE)
    assert PIECE_FLOW.farthest * 500 == pytest.approx(113.5, abs=0.1)
    assert stands.tolist() == [moves]
    piece = maps([before]).labels == 1
    wanted = np.array([after[0] - before[0], after[1] - before[1]], np.float32) if moves else np.zeros(2)
    np.testing.assert_allclose(flow[piece].mean(axis=0), wanted, atol=0.3)
    assert not flow[~piece].any()


def test_a_piece_that_ends_elsewhere_does_not_move():
    """A ring's centroid is in its hole: carried there, a disk of like size is not in its match."""
    labels = [np.zeros((300, 400), np.int32) for _ in range(2)]
    cv2.circle(labels[0], (100, 150), 30, 1, -1)
    cv2.circle(labels[1], (150, 150), 80, 1, 6)
    image = [np.repeat((label * 150 + 20).astype(np.uint8)[..., None], 3, 2) for label in labels]
    sides = [
        PieceMaps.of(i, label, piece_moments(torch.from_numpy(label), 2).numpy())
        for i, label in zip(image, labels, strict=True)
    ]
    flow, stands = piece_flow(*sides, ONE, ONE, deformation=False)
    assert not stands[0] and not flow.any()


def test_nothing_matched_is_no_motion():
    side = maps([(10, 10, 40, 30)])
    flow, stands = piece_flow(side, side, np.zeros(0, int), np.zeros(0, int))
    assert not flow.any() and stands.shape == (0,)


def test_the_window_holds_a_piece_and_its_match_moved_back_and_a_margin():
    rows, columns = _window(np.array([50, 59, 20, 29]), np.array([83, 90, 30, 45]), np.array([31, 12]), (100, 200), 8)
    assert (rows.start, rows.stop, columns.start, columns.stop) == (10, 42, 42, 68)
    rows, columns = _window(np.array([2, 9, 91, 95]), np.array([2, 9, 91, 95]), np.array([0, 0]), (100, 200), 8)
    assert (rows.start, rows.stop, columns.start, columns.stop) == (83, 100, 0, 18)


def test_a_shift_by_whole_pixels_is_exactly_that(pair):
    """Where a piece lies upon its match once its shift is rounded, nothing bends it."""
    (frame0, labels_0), (frame1, labels_1) = pair
    sides = [PieceMaps.of(to_image(frame[0]), labels[0].numpy(), piece_moments(labels[0], 4).numpy())
             for frame, labels in (pair[0], pair[1])]
    window = _window(sides[0].boxes[1], sides[1].boxes[1], np.array(SHIFTS["bar"]), labels_0.shape[-2:], PIECE_FLOW.margin)
    mask, origin = sides[0].labels[window] == 1, (window[1].start, window[0].start)
    tried = _Pair(_masked(sides[0], window, 1), sides[0].soft[window], mask, sides[1], 1, origin, PIECE_FLOW)
    field = tried.deformed(_shifted(np.array([14.3, 5.8])), False)
    assert (field[mask] == SHIFTS["bar"]).all()


def test_boxes():
    labels = maps([(10, 20, 40, 30), (399, 0, 1, 300)]).labels
    assert piece_boxes(labels, 3).tolist() == [[0, 398, 0, 299], [10, 49, 20, 49], [399, 399, 0, 299]]


# --- networks, sizes, kinds of frames ---


@pytest.mark.parametrize("network", ["model", "features"])
def test_networks_describe_pieces(pair, network):
    """Random weights tell colours apart well enough for so few shapes."""
    torch.manual_seed(0)
    net = {"model": lambda: build(), "features": VGGFeatures}[network]().eval()
    (frame0, labels_0), (frame1, labels_1) = pair
    found = coarse_flow(frame0, frame1, labels_0, labels_1, **{network: net})
    assert found.matches[0].pieces_1.tolist() == found.matches[0].pieces_0.tolist()
    assert describe_pieces(frame0, labels_0, **{network: net}).vectors.shape == (4, {"model": 448, "features": 960}[network])


def test_features_go_before_the_model(pair):
    torch.manual_seed(0)
    pieces = describe_pieces(*pair[0], model=build(), features=VGGFeatures())
    assert pieces.vectors.shape == (4, 960) and pieces.kind == "vgg"


def test_pieces_described_by_unlike_features_are_refused(pair):
    (frame0, labels_0), (frame1, labels_1) = pair
    torch.manual_seed(0)
    one, other = describe_pieces(frame0, labels_0), describe_pieces(frame1, labels_1, features=VGGFeatures())
    with pytest.raises(AnimeInterpError, match="described by pixels and the second's by vgg"):
        match_pieces(one, other, (HEIGHT, WIDTH))


@pytest.mark.parametrize("size", [(64, 64), (65, 131)])
def test_small_and_odd_sizes(size):
    frame = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
    found = coarse_flow(frame, frame.roll(3, dims=-1))
    assert found.flow_01.shape == (1, 2, *size) and found.flow_01.isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.float64])
def test_alpha_and_precisions(pair, found, dtype):
    frames = [torch.cat([frame, torch.ones_like(frame[:, :1])], 1).to(dtype) for frame, _ in pair]
    other = coarse_flow(frames[0], frames[1], pair[0][1], pair[1][1])
    assert other.flow_01.dtype == torch.float32
    assert (other.flow_01 - found.flow_01).abs().mean() < 0.05


def test_one_piece_each_with_texture_pans():
    """A painting without a line is one piece, whose centroid stays where it is, however it pans."""
    noise = torch.rand(1, 3, 30, 50, generator=torch.Generator().manual_seed(0))
    painting = torch.nn.functional.interpolate(noise, scale_factor=8, mode="bicubic").clamp(0, 1)
    labels = torch.zeros(1, 200, 360, dtype=torch.int32)
    found = coarse_flow(painting[..., 20:220, 20:380], painting[..., 17:217, 8:368], labels, labels)
    off = found.flow_01[0, :, 20:-20, 20:-20] - torch.tensor([12.0, 3.0])[:, None, None]
    assert off.norm(dim=0).mean() < 0.5


# --- errors ---


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda labels: labels[..., :-1], "labels_1 has shape"),
        (lambda labels: labels[None], "labels_1 has shape"),
        (lambda labels: labels.float(), "labels_1 holds torch.float32"),
        (lambda labels: labels > 0, "labels_1 holds torch.bool"),
        (lambda labels: labels + 1, "4 different labels from 1 to 4; they should be 0 to 3"),
        (lambda labels: labels * 2, "4 different labels from 0 to 6; they should be 0 to 3"),
        (lambda labels: labels.long() * 10**15, "4 different labels from 0 to 3000000000000000"),  # more than can be counted
        (lambda labels: labels - 1, "from -1 to 2"),
        (lambda labels: labels.numpy(), "labels_1 is a ndarray"),
    ],
)
def test_wrong_labels_are_refused(pair, change, message):
    (frame0, labels_0), (frame1, labels_1) = pair
    with pytest.raises(AnimeInterpError, match=message):
        coarse_flow(frame0, frame1, labels_0, change(labels_1))


def test_wrong_frames_are_refused(pair):
    (frame0, labels_0), (frame1, labels_1) = pair
    with pytest.raises(AnimeInterpError, match="frame1"):
        coarse_flow(frame0, frame1[..., 1:], labels_0, labels_1)
    with pytest.raises(AnimeInterpError, match="frame0 holds 2 frames"):
        coarse_flow(torch.cat([frame0, frame0]), frame1)
    pieces = describe_pieces(frame0, labels_0)
    with pytest.raises(AnimeInterpError, match="pieces_0 is of a frame of 320x192; the frames are 319x192"):
        pair_flow(frame0[..., 1:], frame1[..., 1:], pieces, pieces)


def test_segmenting_is_left_out_where_labels_are_given(pair, monkeypatch):
    from animeinterp.matching import coarse

    calls = []
    monkeypatch.setattr(coarse, "segment", lambda frames: calls.append(1) or segment(frames))
    (frame0, labels_0), (frame1, labels_1) = pair
    coarse_flow(frame0, frame1, labels_0, labels_1)
    assert not calls
    coarse_flow(frame0, frame1, labels_0)
    assert len(calls) == 1
