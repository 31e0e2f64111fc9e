"""What stands behind a figure is drawn as it is: uncovered places, cameras that move, figures that pass, faces that blink."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from animeinterp.flow import backwarp
from animeinterp.synthesis.backdrop import Backdrop, Camera, _affine, _colours, _moving, _segment_figure
from animeinterp.synthesis.config import BackdropConfig
from animeinterp.synthesis.painting import Fused, carried, paint

HEIGHT, WIDTH = 192, 256
MOVED = 40  # pixels to the right, from one drawing to the other


def painting(seed=0, height=HEIGHT + 64, width=WIDTH + 64):
    """Leaves, or so: texture everywhere, (1, 3, h, w)."""
    noise = torch.rand(1, 3, height // 4, width // 4, generator=torch.Generator().manual_seed(seed))
    leaves = F.interpolate(noise, (height, width), mode="bicubic", align_corners=False).clamp(0, 1)
    return 0.15 + 0.5 * leaves * torch.tensor([0.6, 1.0, 0.5]).reshape(1, 3, 1, 1)


def at(picture, x=0.0, y=0.0):
    """The part of a painting that a camera sees from (x, y) on."""
    shift = torch.tensor([x + 32.0, y + 32.0]).reshape(1, 2, 1, 1).expand(1, 2, *picture.shape[-2:])
    return backwarp(picture, shift)[..., :HEIGHT, :WIDTH]


def figure(x, radius=34):
    """An outlined red figure with stripes at ``x``, and its mask."""
    rows, columns = torch.meshgrid(torch.arange(HEIGHT), torch.arange(WIDTH), indexing="ij")
    apart = ((rows - 100) ** 2 + (columns - x) ** 2).float().sqrt()
    stripes = torch.where(((columns - x) // 6) % 2 == 0, 0.8, 0.6)
    colours = torch.stack([stripes, 0.1 * stripes, 0.15 * stripes])[None]
    return torch.where((apart > radius - 3), torch.tensor(0.02), colours), (apart <= radius)[None, None]


def scene(backdrop, x, radius=34):
    colours, inside = figure(x, radius)
    return torch.where(inside, colours, backdrop)


def dragging(x=100 + MOVED / 2, way=float(MOVED), camera=0.0, reach=60.0):
    """The motion half-way that a smooth network finds: right in the figure, and too wide around it. (1, 4, H/4, W/4)"""
    rows, columns = torch.meshgrid(torch.arange(0, HEIGHT, 4) + 1.5, torch.arange(0, WIDTH, 4) + 1.5, indexing="ij")
    apart = ((rows - 100) ** 2 + (columns - x) ** 2).sqrt()
    share = (1 - (apart - 40) / reach).clamp(0, 1)
    dx = camera + share * (way - camera)
    zero = torch.zeros_like(dx)
    return torch.stack([-dx / 2, zero, dx / 2, zero])[None] / 4


def full(motion):
    return 4 * F.interpolate(motion, scale_factor=4, mode="bilinear", align_corners=False)


def drawn(frame0, frame1, motion, share=1.0):
    readings = backwarp(frame0, motion[:, :2]), backwarp(frame1, motion[:, 2:])
    return torch.lerp(readings[1], readings[0], share)


def off(made, truth, where):
    return (made - truth).abs().mean(dim=1, keepdim=True)[where].mean()


@pytest.mark.parametrize("pan", [(0.0, 0.0), (9.0, -4.5)], ids=["still", "panned"])
@pytest.mark.parametrize("share", [1.0, 0.0])
def test_a_backdrop_that_was_dragged_along_is_put_right(pan, share):
    art = painting()
    frame0, truth, frame1 = (
        scene(at(art, -k * pan[0], -k * pan[1]), 100 + k * MOVED) for k in (0.0, 0.5, 1.0)
    )
    motion = dragging(camera=pan[0])
    motion[:, 1], motion[:, 3] = -pan[1] / 8, pan[1] / 8
    inside = figure(100 + MOVED / 2)[1]
    motion[:, 1::2] = torch.where(F.avg_pool2d(inside.float(), 4) > 0, torch.zeros(1), motion[:, 1::2])
    found = Backdrop.find(frame0, frame1, motion)
    assert found is not None and (found.camera.turn is not None) == any(pan)
    shares = torch.full((1, 1, HEIGHT, WIDTH), share)
    before = drawn(frame0, frame1, full(motion), share)
    after = found.behind(before, frame0, frame1, found.read_figures(full(motion)), shares, 0.5)
    margin = torch.zeros(1, 1, HEIGHT, WIDTH, dtype=torch.bool)
    margin[..., 16:-16, 24:-24] = True
    behind = (F.max_pool2d(inside.float(), 13, stride=1, padding=6) == 0) & margin
    assert off(before, truth, behind) > 0.02, "the scene is too easy"
    assert off(after, truth, behind) < 0.25 * off(before, truth, behind)
    assert off(after, before, inside) < 0.01, "the figure is drawn as it was"
    if any(pan):  # what goes out at a border is in one drawing alone
        border = torch.zeros_like(margin)
        border[..., 16:-16, -4:] = True
        assert off(after, truth, border) < 0.01


def test_a_backdrops_thin_lines_stay_dark_between_pixels():
    frames = [torch.full((1, 3, 64, 96), 0.9) for _ in range(2)]
    for left, frame in zip((20, 21), frames, strict=True):
        frame[..., left::12] = 0.1
    found = Backdrop((torch.zeros(1, 1, 64, 96),) * 2, Camera(np.eye(2), np.array([1 / 96, 0.0])))
    nothing = [torch.zeros(1, 1, 64, 96)] * 2
    made = found.behind(torch.full_like(frames[0], 0.9), *frames, nothing, torch.ones(1, 1, 64, 96), 0.5)
    assert made[..., 32:34].max() < 0.45  # bilinear reading: 0.5


def test_where_only_one_drawing_shows_the_backdrop_it_is_that_one():
    art = painting(1)
    frame0, frame1 = scene(at(art), 100), scene(at(art), 100 + MOVED)
    motion = dragging()
    found = Backdrop.find(frame0, frame1, motion)
    before = drawn(frame0, frame1, full(motion))
    after = found.behind(before, frame0, frame1, found.read_figures(full(motion)), torch.ones(1, 1, HEIGHT, WIDTH), 0.5)
    uncovered = figure(100)[1] & ~figure(100 + MOVED / 2, 44)[1]
    assert uncovered.sum() > 500
    assert off(after, at(art), uncovered) < 0.02


def test_what_passes_over_a_backdrop_that_both_drawings_show_stays():
    art = painting(2)
    frame0, frame1 = scene(at(art), 60, 14), scene(at(art), 180, 14)
    motion = dragging(120.0, 120.0, reach=20.0)
    before = drawn(frame0, frame1, full(motion))
    found = Backdrop.find(frame0, frame1, motion)
    assert found is not None
    after = found.behind(before, frame0, frame1, found.read_figures(full(motion)), torch.ones(1, 1, HEIGHT, WIDTH), 0.5)
    inside = figure(120, 14)[1]
    assert off(before, scene(at(art), 120, 14), inside) < 0.02
    assert off(after, before, inside) < 0.01


def test_what_changes_where_it_is_is_left_to_the_network():
    """Eyes that blink in a face that stands still are in both drawings, and not alike."""
    art = painting(3)
    frame0, frame1 = scene(at(art), 60), scene(at(art), 60 + MOVED)
    frame0[..., 60:72, 200:220], frame1[..., 60:72, 200:220] = 0.05, 0.9
    motion = dragging(60 + MOVED / 2)
    found = Backdrop.find(frame0, frame1, motion)
    before = torch.full_like(frame0, 0.5)
    after = found.behind(before, frame0, frame1, found.read_figures(full(motion)), torch.ones(1, 1, HEIGHT, WIDTH), 0.5)
    assert torch.equal(after[..., 62:70, 202:218], before[..., 62:70, 202:218])
    assert (after - at(art))[..., 232:250].abs().max() < 1e-6, "beside it nothing is known to change"


@pytest.mark.parametrize("time, leader", [(0.5, 0), (0.6, 1)])
def test_what_was_not_found_within_a_figure_is_drawn_whole_where_the_leading_drawing_has_it(time, leader):
    """A hand before the chest, in each drawing at another place, which the motion takes for a stripe of the cloth."""
    art = painting(6)
    frames = [scene(at(art), 100), scene(at(art), 100 + MOVED)]
    hands = [(slice(80, 90), slice(x, x + 12)) for x in (84, 140)]
    for frame, (rows, columns) in zip(frames, hands, strict=True):
        frame[..., rows, columns] = torch.tensor([0.9, 0.8, 0.7]).reshape(3, 1, 1)
    motion = dragging()
    found = Backdrop.find(*frames, motion)
    assert found is not None
    against = 2.5 if leader else -2.5  # the mask would rather show the other drawing
    half_way = Fused(motion, torch.full((1, 1, HEIGHT, WIDTH), against), torch.zeros(1, 3, HEIGHT, WIDTH))
    fused = carried(half_way, torch.tensor(time))
    made, cut = (paint(*frames, fused, torch.tensor(time), lead=True, backdrop=known) for known in (found, None))
    moved = round((time if leader == 0 else time - 1) * MOVED)
    rows, columns = hands[leader]
    there = (..., slice(rows.start + 2, rows.stop - 2), slice(columns.start + 2 + moved, columns.stop - 2 + moved))
    hand = torch.tensor([0.9, 0.8, 0.7]).reshape(3, 1, 1)
    assert (made[there] - hand).abs().max() < 0.05
    assert (cut[there] - hand).abs().mean() > 0.2
    # At the figure's edge the mask tells as before what is behind.
    inside = figure(100 + time * MOVED)[1]
    edge = F.max_pool2d(inside.float(), 5, stride=1, padding=2).bool() & ~inside
    plain = found.behind(cut, *frames, found.read_figures(full(fused.motion)), (2 * fused.mask_logit).sigmoid(), time)
    assert off(made, plain, edge) < 0.02


@pytest.mark.parametrize("steps, tight, moves", [
    ((0.3, 0.3), True, 1.0), ((0.3, 0.3), False, 1.0), ((0.3, 0.05), True, 0.0), ((0.3, 0.05), False, 1.0),
])  # fmt: skip
def test_for_a_tight_figure_an_edge_has_to_be_as_strong_in_both_drawings(steps, tight, moves):
    """A figure's outline against the sky, and the soft edge of a cloud that it uncovers, are not one that moved."""
    frames, ways = [], []
    for left, step, dx in zip((56, 72), steps, (-8.0, 8.0), strict=True):
        frame, way = torch.full((1, 3, 64, 128), 0.5), torch.zeros(1, 2, 64, 128)
        frame[..., left:] += step
        way[:, 0] = dx
        frames.append(frame)
        ways.append(way)
    nothing = torch.zeros(1, 1, 64, 128)
    found = _moving(*frames, ways, (nothing, nothing), Camera(), BackdropConfig(), tight)
    assert found[..., 10:54, 60:68].max() == moves


@pytest.mark.parametrize("backdrop", ["flat", "another", "nothing moves"])
def test_without_a_backdrop_that_is_known_there_is_none(backdrop):
    behind = [torch.full((1, 3, HEIGHT, WIDTH), 0.7)] * 2 if backdrop == "flat" else [at(painting(4)), at(painting(5))]
    frames = [scene(one, 100 + k * MOVED) for k, one in enumerate(behind)]
    motion = dragging()
    if backdrop == "nothing moves":
        frames, motion = [scene(at(painting(4)), 100)] * 2, torch.zeros_like(motion)
    assert Backdrop.find(*frames, motion) is None


def test_of_a_camera_that_zooms_in_the_first_drawing_shows_more_than_stays():
    """What counts is how much of the first drawing stands still: zoomed in, it leaves at the borders; zoomed out, all stays."""
    zoom = Camera(1.12 * np.eye(2), np.zeros(2))
    wide = at(painting(5))
    close = backwarp(wide, zoom.to(0, 1.0, wide))
    small = torch.zeros(1, 1, HEIGHT // 4, WIDTH // 4)
    motion = torch.cat([zoom.to(k, 0.5, small) for k in (0, 1)], dim=1)
    inside = F.avg_pool2d(figure(100 + MOVED / 2, 40)[1].float(), 4) > 0
    motion = torch.where(inside, dragging(), motion)
    frames = [scene(wide, 100), scene(close, 100 + MOVED)]
    config = BackdropConfig(least=0.75)
    assert Backdrop.find(*frames, motion) is not None
    assert Backdrop.find(*frames, motion, config) is None
    assert Backdrop.find(*frames[::-1], motion.roll(2, dims=1), config) is not None


def test_it_is_the_same_each_time():
    art = painting(6)
    frame0, frame1 = scene(at(art), 100), scene(at(art), 100 + MOVED)
    one, other = (Backdrop.find(frame0, frame1, dragging()) for _ in range(2))
    assert all(torch.equal(a, b) for a, b in zip(one.figures, other.figures, strict=True))


def test_a_camera_s_way_leads_to_the_place_that_it_shows():
    camera = Camera(np.array([[1.02, 0.03], [-0.01, 0.98]]), np.array([0.05, -0.02]))
    like = torch.zeros(1, 1, 100, 200)
    middle = np.array([99.5, 49.5])
    x0 = np.array([40.0, 30.0])
    x1 = camera.turn @ (x0 - middle) + 200 * camera.shift + middle
    for time in (0.0, 0.25, 0.5, 1.0):
        seen = (1 - time) * x0 + time * x1
        for drawing, end in ((0, x0), (1, x1)):
            way = camera.to(drawing, time, like)
            place = torch.tensor((seen * 2 + 1) / [200, 100] - 1).float().reshape(1, 1, 1, 2)
            here = F.grid_sample(way, place, align_corners=False)
            np.testing.assert_allclose(here.flatten().numpy(), end - seen, atol=1e-3)
    assert Camera().to(0, 0.3, like) is None


def test_where_a_camera_leads_is_known_to_a_hundredth_of_a_pixel_beside_networks_in_half_precision():
    camera, like = Camera(1.07 * np.eye(2), np.array([0.01, 0.0])), torch.zeros(1, 3, 720, 1280)
    exact = camera.to(0, 0.5, like)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert (camera.to(0, 0.5, like) - exact).abs().max() < 0.01


@pytest.mark.parametrize("turn", [[[-1.0, 0.0], [0.0, -1.0]], [[-1.0, 0.0], [0.0, 1.0]]], ids=["upside down", "mirrored"])
def test_no_camera_mirrors_what_it_sees(turn):
    places = np.stack(np.meshgrid(np.arange(64), np.arange(48)), axis=0).astype(np.float64)
    middle = np.array([31.5, 23.5]).reshape(2, 1, 1)
    flow = torch.from_numpy(np.einsum("ij,jhw->ihw", np.array(turn) - np.eye(2), places - middle)).float()
    assert _affine(flow, torch.zeros_like(flow), "all") is None

def moved_by(turn, shift, figure=None, way=(0.0, 0.0)):
    """The flow (2, 48, 64) of a camera, all about the middle and in shares of the longer side; a ``figure`` goes its own way."""
    y, x = torch.meshgrid(torch.arange(48.0), torch.arange(64.0), indexing="ij")
    at = torch.stack([x - 31.5, y - 23.5]) / 64
    flow = 64 * (torch.einsum("ij,jhw->ihw", torch.tensor(turn).float() - torch.eye(2), at) + torch.tensor(shift)[:, None, None])
    if figure is not None:
        flow[:, figure] = torch.tensor(way)[:, None]
    return flow


@pytest.mark.parametrize(
    "turn, shift",
    [([[1, 0], [0, 1]], [0.1, -0.05]), ([[1.03, 0], [0, 1.03]], [0, 0]), ([[1, -0.03], [0.03, 1]], [0.03, 0.02])],
    ids=["pan", "zoom about the middle", "roll"],
)
def test_a_camera_is_what_most_of_the_frame_does(turn, shift):
    figure = torch.zeros(48, 64, dtype=torch.bool)
    figure[10:40, 20:40] = True
    flow = moved_by(turn, shift, figure, (-9.0, 6.0))
    for begin in ("border", "all"):
        camera = _affine(flow, torch.zeros_like(flow), begin)
        assert camera.turn == pytest.approx(np.array(turn), abs=2e-3) and camera.shift == pytest.approx(np.array(shift), abs=1e-3)
    half = flow / 2  # known half-way: it began where half the way back leads
    assert _affine(half, torch.zeros_like(half), "all").shift == pytest.approx(np.array(shift) / 2, abs=1e-3)


def test_at_the_border_a_figure_that_fills_the_middle_or_a_side_does_not_count():
    pan = [[1.0, 0.0], [0.0, 1.0]], [0.1, 0.0]
    middle, side = torch.zeros(2, 48, 64, dtype=torch.bool)
    middle[5:43, 6:58] = True
    side[:, :26] = True
    for figure in (middle, side, side.flip(1)):
        flow = moved_by(*pan, figure, (-8.0, 0.0))
        assert _affine(flow, torch.zeros_like(flow), "border").shift == pytest.approx([0.1, 0], abs=1e-3)
    flow = moved_by(*pan, middle, (-8.0, 0.0))
    assert _affine(flow, torch.zeros_like(flow), "all").shift == pytest.approx([-0.125, 0], abs=1e-3)


@pytest.mark.parametrize("axis", [1, 2])
def test_every_side_of_the_border_counts_alike(axis):
    """Mirrored, a noisy frame has the mirrored camera."""
    flow = 4 + torch.randn(2, 48, 64, generator=torch.Generator().manual_seed(1))
    mirrored = flow.flip(axis) * torch.tensor([-1.0, 1.0] if axis == 2 else [1.0, -1.0])[:, None, None]
    config = BackdropConfig(camera_off=(0.02,), camera_agree=0.0)
    one, other = (_affine(x, torch.zeros_like(x), "border", config) for x in (flow, mirrored))
    sign = np.array([-1, 1] if axis == 2 else [1, -1])
    assert other.shift == pytest.approx(one.shift * sign, abs=1e-7)


def test_what_moves_is_told_where_it_is_textured_and_a_line_may_be_off():
    art = painting(7)
    flat = 0.4 + 0.01 * (art - 0.4)
    there = at(art)
    there[..., : WIDTH // 2] = at(flat)[..., : WIDTH // 2]
    still = (torch.zeros(1, 1, HEIGHT, WIDTH),) * 2
    ways = [torch.tensor([x, 0.0]).reshape(1, 2, 1, 1).expand(1, 2, HEIGHT, WIDTH) for x in (-6.0, 6.0)]
    for dx, dy in ((0, 0), (-2, -2), (2, -2), (-2, 2)):  # beside where the motion leads
        first, last = there.roll(-6, -1), there.roll((dy, 6 + dx), (-2, -1))
        moving = _moving(first, last, ways, still, Camera(), BackdropConfig())
        assert moving.isfinite().all() and moving.min() >= 0 and moving.max() <= 1
        assert moving[..., 20:-20, WIDTH // 2 + 20 : -20].mean() > 0.8 and moving[..., 20:-20, 20 : WIDTH // 2 - 20].max() < 0.05
    first, last = there.roll(-6, -1), there.roll((9, 6), (-2, -1))  # too far beside it
    assert _moving(first, last, ways, still, Camera(), BackdropConfig())[..., 20:-20, WIDTH // 2 + 20 : -20].mean() < 0.2


def test_no_motion_is_no_camera():
    still = torch.zeros(2, 48, 64)
    assert _affine(still, still, "all") is None
    chance = 20 * torch.rand(2, 48, 64, generator=torch.Generator().manual_seed(0))
    assert _affine(chance, still, "all") is None  # nor is what no two places agree on


def test_colours_are_as_frequent_as_they_are_where_it_is_sure():
    image = np.full((20, 20, 3), (200, 40, 40), np.uint8)
    image[:, 10:] = (40, 40, 200)
    sure = np.zeros((20, 20), bool)
    sure[:, :8] = sure[:, 18:] = True  # four parts of the one, one of the other
    often = _colours(image, sure, 16)
    assert (often[:, :10] == often[0, 0]).all() and (often[:, 10:] == often[0, 19]).all()
    assert often[0, 0] == pytest.approx(4 * often[0, 19])


@pytest.mark.parametrize("proven", [False, True])
def test_what_has_a_backdrop_s_colours_is_one_where_something_in_it_stands_still(proven):
    """A fist of the wall's colour before a coat is no hole in it; a window in it through which the wall is seen is one."""
    art = at(painting(5))
    colours, inside = figure(128, 60)
    frame = torch.where(inside, colours, art)
    window = torch.zeros_like(inside)
    window[..., 84:116, 110:146] = True
    frame = torch.where(window, art, frame)
    still = (~inside).float()
    if proven:
        still[..., 92:108, 118:138] = 1.0
    moving = (inside & ~window).float()
    segmented = _segment_figure(frame, torch.cat([still, moving], dim=1), BackdropConfig())
    assert segmented[window].mean() < 0.1 if proven else segmented[window].mean() == 1
    assert segmented[inside & ~window].mean() > 0.99 and segmented[~inside].mean() < 0.01
