"""The network at t: what it begins as, what it shares, and that it is whole."""

import pytest
import torch

from animeinterp.config import SynthesisConfig
from animeinterp.flow import Flow, backwarp
from animeinterp.frames import EncodedFrame, FramePair
from animeinterp.model import ModelConfig, build
from animeinterp.stages import Stages
from animeinterp.synthesis.between import BilateralSynthesis
from animeinterp.synthesis.bilateral import BilateralNetwork
from animeinterp.synthesis.cost_volume import RANGE, cost_volume
from animeinterp.synthesis.motion_splatting import splat_motion
from animeinterp.synthesis.painting import Fused, carried, leading, paint
from animeinterp.weights import load_model

WHOLE = ModelConfig(refine=None, synthesis=SynthesisConfig(network="bilateral"))


@pytest.fixture(scope="module")
def fresh():
    torch.manual_seed(0)
    synthesis = BilateralSynthesis(WHOLE.synthesis).eval()
    synthesis.network.begin()
    return synthesis


@pytest.fixture(scope="module")
def trained():
    """As if it had learned something: no head is zero."""
    torch.manual_seed(1)
    synthesis = BilateralSynthesis(WHOLE.synthesis).eval()
    synthesis.network.begin()
    for name, weight in synthesis.named_parameters():
        if "head" in name and weight.ndim == 4:
            torch.nn.init.normal_(weight, std=0.01)
    return synthesis


def picture(height, width, seed=0):
    small = torch.rand(1, 3, height // 8, width // 8, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(small, (height, width), mode="bicubic").clamp(0, 1)


def constant(dx, dy, like):
    return torch.tensor([dx, dy]).reshape(1, 2, 1, 1).expand(1, 2, *like.shape[-2:]).float()


@torch.no_grad()
def test_it_begins_as_the_reading_along_its_start(fresh):
    wide = picture(96, 192)
    frame0, frame1 = wide[..., 32:160], wide[..., 16:144]  # moves 16 to the right
    flow = Flow(constant(16, 0, frame0), constant(-16, 0, frame0))
    made = fresh(frame0, frame1, flow, [0.25, 0.5])
    for t, frame in zip((0.25, 0.5), made, strict=True):
        true = backwarp(wide, constant(-16 * t, 0, wide))[0, :, :, 32:160]
        assert (frame - true)[..., 24:-24].abs().mean() < 0.01


@torch.no_grad()
def test_training_begins_with_half_of_either_drawing(fresh):
    """The mask alone tells their shares while it learns: neither drawing leads."""
    frame0, frame1 = picture(64, 64), picture(64, 64, 1)
    made, _ = fresh.network(frame0, frame1, torch.full((1, 1, 1, 1), 0.4))
    torch.testing.assert_close(made, (frame0 + frame1) / 2, atol=1e-5, rtol=0)


@torch.no_grad()
@pytest.mark.parametrize("height, width, working", [(96, 160, 1280), (202, 240, 1280), (404, 480, 320), (410, 487, 333)])
def test_what_it_begins_as_refines_to_its_start(fresh, monkeypatch, height, width, working):
    """At sizes whose smaller pictures are padded by other shares, and where motion is found in smaller ones alone, too."""
    monkeypatch.setattr("animeinterp.synthesis.between.WORKING", working)
    frame = picture(height + 8, width + 8)[..., :height, :width]
    start = Flow(constant(12, -16, frame), constant(-12, 16, frame))
    flow = fresh.refine(FramePair.of(frame, frame), start)
    for found, true in ((flow.flow_01, start.flow_01), (flow.flow_10, start.flow_10)):
        assert found.shape == true.shape
        assert (found - true)[..., 32:-32, 32:-32].abs().max() < 0.4  # at each look nearly all of it is followed
    assert fresh.refine(FramePair.of(frame, frame)).flow_01.abs().max() == 0


@torch.no_grad()
def test_what_ships_refines_a_motion_that_it_is_not_told():
    model = load_model()
    wide = picture(200, 320, seed=3)[..., :192, :]
    frame0, frame1 = wide[..., 8:, 40:280], wide[..., :-8, 24:264]  # moves 16 to the right and 8 down
    stages = Stages(model)
    flow = stages.refine(FramePair.of(frame0, frame1))
    assert (flow.flow_01 - constant(16, 8, frame0))[..., 32:-32, 32:-32].abs().mean() < 0.5
    there_and_back = flow.flow_01 + backwarp(flow.flow_10, flow.flow_01)
    assert there_and_back[..., 32:-32, 32:-32].abs().mean() < 0.1
    assert flow.cutouts == [False]  # whoever draws along it knows that no piece was followed
    assert torch.equal(model.refine(frame0, frame1)[0], flow.flow_01)
    once = stages.refine(FramePair.of(frame0, frame1), iterations=1)
    assert not torch.equal(once.flow_01, flow.flow_01)


@torch.no_grad()
def test_no_motion_and_no_start_is_the_identity(fresh):
    frame = picture(64, 80)
    assert torch.allclose(fresh(frame, frame, None, [0.3])[0], frame[0], atol=1e-3)


@torch.no_grad()
def test_any_size_any_time(trained):
    frame0, frame1 = picture(72, 104), picture(72, 104, 1)
    made = trained(frame0[..., :70, :101], frame1[..., :70, :101], None, [0.0, 0.4, 1.0])
    assert made.shape == (3, 3, 70, 101) and made.isfinite().all()


@torch.no_grad()
def test_large_frames_find_their_motion_small(trained, monkeypatch):
    frame0, frame1 = picture(128, 192), picture(128, 192, 1)
    monkeypatch.setattr("animeinterp.synthesis.between.WORKING", 96)
    flow = Flow(constant(8, 0, frame0), constant(-8, 0, frame0))
    made = trained(frame0, frame1, flow, [0.5])
    assert made.shape == (1, 3, 128, 192) and made.isfinite().all()


@pytest.mark.parametrize(
    "longer, sizes", [(2560, (160, 320, 640, 1280)), (960, (120, 240, 480, 960)), (448, (224, 448)), (200, (200,))]
)
def test_motion_is_looked_for_from_a_small_picture_on(trained, longer, sizes):
    assert trained._scales(torch.empty(1, 3, 64, longer)) == [size / longer for size in sizes]


@torch.no_grad()
def test_times_do_not_depend_on_one_another(trained):
    frame0, frame1 = picture(64, 64), picture(64, 64, 1)
    together = trained(frame0, frame1, None, [0.25, 0.75])
    assert torch.equal(together[1:], trained(frame0, frame1, None, [0.75]))


@torch.no_grad()
def test_the_networks_are_asked_once_whatever_times_are_wanted(trained, monkeypatch):
    asked = []
    for name in ("search", "fuse"):
        work = getattr(trained.network, name)
        monkeypatch.setattr(trained.network, name, lambda *a, work=work, name=name, **k: asked.append(name) or work(*a, **k))
    frames = EncodedFrame(picture(64, 64)), EncodedFrame(picture(64, 64, 1))
    drawing = trained.prepare(FramePair(*frames), None)
    drawing.at([0.25, 0.5]), drawing.at([0.75])
    assert asked == ["search", "fuse"]


@pytest.mark.parametrize("t", [0.0, 0.2, 0.5, 0.9, 1.0])
def test_motion_goes_on_through_both_ends_and_half_way(t):
    """Two places a moment apart: at 0 and 1 they are where the drawings have them, on a bend between."""
    rows, columns = torch.meshgrid(torch.arange(32.0), torch.arange(48.0), indexing="ij")
    bend = 1 + 0.1 * torch.sin(columns / 9)
    motion = torch.stack([-3 * bend, -1 + 0 * rows, 2 * bend, 3 + 0 * rows])[None]
    fused = Fused(motion, torch.zeros(1, 1, 128, 192), torch.zeros(1, 3, 128, 192))
    time = torch.full((1, 1, 1, 1), t)
    there = carried(fused, time).motion
    inner = (..., slice(8, -8), slice(8, -8))
    if t in (0.0, 1.0):  # a drawing is read where it is
        assert there[:, :2][inner].abs().max() < 0.03 if t == 0 else there[:, 2:][inner].abs().max() < 0.03
    # From wherever a place is at t, the whole way from drawing 0 to drawing 1 is what it was half-way.
    whole = there[:, 2:] - there[:, :2]
    assert (whole[:, 1][:, 8:-8, 8:-8] - 4).abs().max() < 1e-4
    assert whole[:, 0][:, 8:-8, 8:-8].min() > 4.4 and whole[:, 0][:, 8:-8, 8:-8].max() < 5.6
    if t == 0.5:
        torch.testing.assert_close(there, motion)
    travelled = 2 * (t - 0.5) * (t - 1) * -1.0 + 2 * t * (t - 0.5) * 3.0  # of y, the same everywhere
    torch.testing.assert_close(there[:, 1][:, 8:-8, 8:-8], torch.full((1, 16, 32), -1 - travelled), atol=1e-4, rtol=0)


def test_every_weight_learns(trained):
    frame0, frame1 = picture(64, 64), picture(64, 64, 1)
    network = trained.network
    start = splat_motion(frame0, frame1, Flow(constant(3, 1, frame0), constant(-3, -1, frame0)), 0.4)
    made, found = network(frame0, frame1, torch.full((1, 1, 1, 1), 0.4), start)
    (made.square().mean() + sum(m.square().mean() for m in found.motions)).backward()
    silent = [name for name, weight in network.named_parameters() if weight.grad is None or not weight.grad.abs().sum() > 0]
    network.zero_grad()
    assert not silent


@torch.no_grad()
@pytest.mark.parametrize("time", [0.5, 0.25])
def test_the_search_finds_opposite_ends(time):
    """A feature that moves by 4 positions from drawing to drawing is found at its place of that time."""
    torch.manual_seed(0)
    wide = torch.randn(1, 16, 12, 40)
    features0, features1 = wide[..., 8:32], wide[..., 4:28]
    cost = cost_volume(features0, features1, torch.full((1, 1, 1, 1), time))
    best = cost[0, :, 4:8, 8:16].mean(dim=(1, 2)).argmax().item()
    row, column = divmod(best, 2 * RANGE + 1)
    assert (row - RANGE, column - RANGE) == (0, 2)  # in units of two positions


@torch.no_grad()
def test_the_search_half_way_is_that_of_just_beside_it():
    """There it reads whole pixels, and by another way."""
    features = torch.randn(2, 2, 16, 9, 13, generator=torch.Generator().manual_seed(1))
    half, beside = (cost_volume(*features, torch.tensor([0.5, time]).reshape(2, 1, 1, 1)) for time in (0.5, 0.4999))
    assert torch.allclose(half[0], beside[0], atol=1e-3) and torch.allclose(half, beside, atol=0.02)


@torch.no_grad()
def test_weights_go_round(tmp_path):
    from animeinterp.weights import load_model, save_model

    torch.manual_seed(2)
    model = build(WHOLE).eval()
    loaded = load_model(save_model(model, tmp_path / "whole.safetensors"))
    assert loaded.config == WHOLE
    frame0, frame1 = picture(64, 64), picture(64, 64, 1)
    zero = torch.zeros(1, 2, 64, 64)
    assert torch.equal(*(m.synthesize(frame0, frame1, zero, zero, [0.5]) for m in (model, loaded)))


def test_its_memory_is_that_of_maps_at_full_size(trained):
    """Of 45 that are read in float32, and of 170 that the networks make, which see larger frames small."""
    need = [trained.memory_used(size, kind, None) for size, kind in (
        ((540, 960), torch.float32), ((540, 960), torch.float16), ((2160, 3840), torch.float32))]
    assert need[0] == 540 * 960 * 4 * (45 + 170) and need[1] == 540 * 960 * (4 * 45 + 2 * 170)
    assert need[2] == pytest.approx(2160 * 3840 * 4 * (45 + 170 / 9))


def test_it_is_small_enough():
    assert 2e6 < sum(p.numel() for p in BilateralNetwork().parameters()) < 6.1e6


@torch.no_grad()
def test_motion_is_carried_to_where_it_is():
    """A square before a still ground: its motion is found where it is at t, the ground's around, each with who sees it."""
    ground, square = picture(96, 128, 3), picture(96, 128, 4)
    frames, boxes = [], (slice(24, 56), slice(56, 88))
    for columns in boxes:
        frame = ground.clone()
        frame[..., 32:64, columns] = square[..., 32:64, :32]
        frames.append(frame)
    fields = [torch.zeros(1, 2, 96, 128) for _ in range(2)]
    fields[0][:, 0, 32:64, boxes[0]], fields[1][:, 0, 32:64, boxes[1]] = 32.0, -32.0
    depths = [torch.zeros(1, 1, 96, 128) for _ in range(2)]
    for depth, columns in zip(depths, boxes, strict=True):
        depth[..., 32:64, columns] = 1.0
    start = splat_motion(*frames, Flow(*fields, depth_0=depths[0], depth_1=depths[1]), 0.5)
    assert start.motion.shape == (1, 4, 12, 16) and start.known.shape == (1, 2, 12, 16)
    carried = torch.tensor([-2.0, 0, 2.0, 0]).reshape(4, 1, 1).expand(4, 2, 2)
    assert torch.allclose(start.motion[0, :, 5:7, 6:8], carried, atol=0.1)
    assert start.motion[0, :, 1:3].abs().max() < 0.05
    assert (start.known[0, :, 1:3, 1:15] > 0.9).all() and (start.known[0, :, 5:7, 6:8] > 0.9).all()


@torch.no_grad()
def test_the_nearer_drawing_leads_and_what_is_claimed_twice_is_behind():
    """A square moves 16 before a ground that stands: what it covers in drawing 0 is taken from drawing 1."""
    motion = torch.zeros(1, 4, 16, 32)
    motion[:, 0, 4:12, 12:20], motion[:, 2, 4:12, 12:20] = -4.0, 4.0  # in positions of 4 pixels
    apart = torch.zeros(1, 1, 64, 128)
    apart[..., 16:48, 32:48] = 0.3  # the ground that drawing 0 hides: its reading is the square
    apart[..., 16:48, 80:96] = 0.3  # and drawing 1
    for t, sign in ((0.4, 1), (0.6, -1)):
        lead = leading(motion, apart, torch.full((1, 1, 1, 1), t))
        assert (sign * lead[..., 1:3, :] > 2).all()  # nobody disputes the ground
        assert lead[0, 0, 6:10, 9:11].max() < -2 and lead[0, 0, 6:10, 21:23].min() > 2
        assert (sign * lead[0, 0, 6:10, 14:18] > 1).all()  # the square itself is the leader's


@torch.no_grad()
@pytest.mark.parametrize("t, behind", [(0.4, 32), (0.6, 80)])
def test_colours_as_bright_as_another_are_told_apart_where_a_place_is_claimed_twice(t, behind):
    """The ground that a drawing hides is red, and its reading there a blue square: that is seen in the other drawing."""
    frames, square, ground = [], torch.tensor([0.0, 0.0, 0.9]).reshape(3, 1, 1), torch.tensor([0.9, 0.0, 0.0]).reshape(3, 1, 1)
    for left in (32, 64):
        frame = ground.expand(1, 3, 64, 128).clone()
        frame[..., 16:48, left : left + 32] = square
        frames.append(frame)
    motion = torch.zeros(1, 4, 16, 32)
    motion[:, 0, 4:12, 12:20], motion[:, 2, 4:12, 12:20] = -4.0, 4.0
    still = Fused(motion, torch.zeros(1, 1, 64, 128), torch.zeros(1, 3, 64, 128))
    made = paint(*frames, still, torch.full((1, 1, 1, 1), t), lead=True)
    assert (made[0, :, 24:40, behind + 4 : behind + 10] - ground).abs().max() < 0.15
    assert (made[0, :, 24:40, 56:72] - square).abs().max() < 0.15


@torch.no_grad()
def test_a_thin_line_half_way_between_pixels_stays_dark():
    """Lines of one pixel that move by one: as dark as two pixels can make them, where bilinear reading halves their contrast."""
    frames = [torch.full((1, 3, 64, 64), 0.9) for _ in range(2)]
    for left, frame in zip((20, 21), frames, strict=True):
        frame[..., left::12] = 0.1
    motion = torch.zeros(1, 4, 16, 16)
    motion[:, 0], motion[:, 2] = -0.125, 0.125
    still = Fused(motion, torch.zeros(1, 1, 64, 64), torch.zeros(1, 3, 64, 64))
    half_way = torch.full((1, 1, 1, 1), 0.5)
    plain, sharp = (paint(*frames, still, half_way, lead=lead) for lead in (False, True))
    assert (plain[..., 32:34] - 0.5).abs().max() < 0.01  # as it is learned: the mean of two pixels
    assert (0.9 - sharp[..., 32:34] > 1.15 * (0.9 - plain[..., 32:34])).all()


@torch.no_grad()
def test_alpha_is_read_along_with_the_colours(fresh):
    frame0, frame1 = picture(64, 96), picture(64, 96, 1)
    alphas = picture(64, 96, 2)[:, :1], picture(64, 96, 3)[:, :1]
    made = fresh(frame0, frame1, None, [0.3], alphas=alphas)
    assert made.shape == (1, 4, 64, 96) and torch.equal(made[:, :3], fresh(frame0, frame1, None, [0.3]))
    share = (made[:, 3:] - alphas[1]) / (alphas[0] - alphas[1])
    assert share[(alphas[0] - alphas[1]).abs() > 0.3].min() > 0.9  # nothing moves: the nearer one's


@torch.no_grad()
def test_tiles_make_the_same_frame(trained):
    frame0, frame1 = picture(64, 640), picture(64, 640, 1)
    whole, tiled = (trained(frame0, frame1, None, [0.5], tile=tile) for tile in (None, 64 * 600))
    assert torch.allclose(whole, tiled, atol=2e-5)


@torch.no_grad()
def test_what_is_encoded_before_gives_the_same(trained):
    frame0, frame1 = picture(64, 80), picture(64, 80, 1)
    encoded = trained.encode(frame0), trained.encode(frame1)
    assert torch.equal(trained(frame0, frame1, None, [0.5]), trained(frame0, frame1, None, [0.5], encoded=encoded))


def test_it_tells_how_far_it_is_and_can_be_stopped(trained):
    frame0, frame1, told = picture(64, 80), picture(64, 80, 1), []
    trained(frame0, frame1, None, [0.25, 0.5], step=told.append)
    assert told == sorted(told) and len(told) > 50 and told[-1] == 1.0 and told[-2] > 0.95

    def stop(share):
        if share > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(frame0, frame1, None, [0.5], step=stop)
