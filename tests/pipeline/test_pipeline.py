"""The whole way: what goes in comes out again with frames between, each thing done once, and what is still is held."""


import pytest
import torch
from drawings import HEIGHT, WIDTH, box_alpha, drawing

from animeinterp import stages
from animeinterp.completion import refiner
from animeinterp.errors import AnimeInterpError
from animeinterp.flow import Flow
from animeinterp.frames import FramePair
from animeinterp.model import build
from animeinterp.pipeline import interpolate, interpolate_stream
from animeinterp.sequence import ClipFlow


def counted(monkeypatch, owner, name):
    """Count the calls of ``owner.name``, which does its work all the same."""
    calls, function = [], getattr(owner, name)

    def call(*arguments, **options):
        calls.append(arguments)
        return function(*arguments, **options)

    monkeypatch.setattr(owner, name, call)
    return calls


# --- how many, which, and in which order ---


@pytest.mark.parametrize(("multiplier", "count"), [(1, 3), (2, 5), (3, 7), (5, 11)])
def test_a_multiplier_gives_so_many_and_keeps_the_drawings(clip, multiplier, count):
    found = interpolate(clip, multiplier, model=None)
    assert found.shape == (count, 3, HEIGHT, WIDTH)
    assert torch.equal(found[::multiplier], clip)


def test_times_come_in_the_order_given(clip, way):
    found = interpolate(clip, times=[0.75, 0.25], model=way)
    assert found.shape[0] == 7 and torch.equal(found[::3], clip)
    sorted_ones = interpolate(clip, times=[0.25, 0.75], model=way)
    assert torch.equal(found[[2, 1, 5, 4]], sorted_ones[[1, 2, 4, 5]])
    assert not torch.equal(found[1], found[2])
    assert torch.equal(interpolate(clip, 4, model=way)[[1, 3]], sorted_ones[[1, 2]])


def test_times_0_and_1_are_the_frames_themselves(clip, way):
    found = interpolate(clip, times=[0.0, 0.5, 1.0], model=way)
    assert torch.equal(found[[1, 5]], clip[:2]) and torch.equal(found[[3, 7]], clip[1:])
    assert torch.equal(found[2], interpolate(clip, 2, model=way)[1])


def test_what_is_between_is_between(clip):
    """The box half way stands half way: a test of the stages being put together the right way round."""
    middle = interpolate(clip[:2], times=[0.25, 0.75], model=None)[1:3]
    for frame, x in zip(middle, (33, 39), strict=True):
        error = (frame - drawing(x)[0]).abs().mean()
        assert error < 0.2 * (frame - drawing(30)[0]).abs().mean()
        assert error < 0.2 * (frame - drawing(42)[0]).abs().mean()


def test_one_frame_is_that_frame(clip):
    told = []
    found = interpolate(clip[:1], 4, model=None, progress=lambda done, total: told.append((done, total)))
    assert torch.equal(found, clip[:1]) and told == [(1, 1)]


@pytest.mark.parametrize("size", [(64, 64), (67, 101), (128, 160)])
def test_any_size(way, size):
    frames = torch.cat([drawing(x, height=size[0], width=size[1]) for x in (24, 32)])
    found = interpolate(frames, 2, model=way)
    assert found.shape == (3, 3, *size) and found.isfinite().all()
    assert 0 <= found.min() and found.max() <= 1


def test_a_stream_gives_the_same_one_by_one(clip):
    asked = []

    def source():
        for i, frame in enumerate(clip.split(1)):
            asked.append(i)
            yield frame

    stream = interpolate_stream(source(), 3, model=None, at_once=1)
    assert not asked
    frames = [next(stream)]
    assert asked == [0]
    frames += [next(stream), next(stream), next(stream)]
    assert asked == [0, 1], "a frame is asked for when it is needed"
    frames += stream
    assert torch.equal(torch.cat(frames), interpolate(clip, 3, model=None))
    assert list(interpolate_stream(iter(()), model=None)) == []


@pytest.mark.parametrize("frames", [None, 3, torch.tensor(0.5)])
def test_what_gives_no_frames_is_named(frames):
    with pytest.raises(AnimeInterpError, match="frames is a .*, one by one"):
        list(interpolate_stream(frames, model=None))


def test_the_same_again(clip, way):
    assert torch.equal(interpolate(clip, 3, model=way), interpolate(clip, 3, model=way, cancel=lambda: None))


# --- once ---


def test_each_thing_is_done_once(clip, model, monkeypatch):
    per_frame = [counted(monkeypatch, stages, "segment"), counted(monkeypatch, stages, "describe_pieces")]
    encoded = [counted(monkeypatch, network, "encode") for network in (model.refinement, model.synthesis)]
    per_pair = [counted(monkeypatch, stages, "pair_flow"), counted(monkeypatch, model.refinement, "refine")]
    per_pair.append(counted(monkeypatch, model.synthesis, "prepare_pair"))
    interpolate(clip, 7, model=model)
    assert [len(calls) for calls in [*per_frame, *encoded]] == [3, 3, 3, 3]
    assert [len(calls) for calls in per_pair] == [2, 2, 2]


def test_each_thing_is_done_once_without_a_model(clip, monkeypatch):
    calls = [counted(monkeypatch, stages, name) for name in ("segment", "describe_pieces", "pair_matches")]
    calls.append(counted(monkeypatch, refiner, "complete"))
    interpolate(clip, 7, model=None)
    assert [len(one) for one in calls] == [3, 3, 2, 2]


def test_held_drawings_are_no_work(clip, way, monkeypatch):
    matching = "pair_flow" if way is not None else "pair_matches"
    calls = [counted(monkeypatch, stages, "segment"), counted(monkeypatch, stages, matching)]
    held = clip[[0, 0, 1, 1, 1]]
    found = interpolate(held, 2, model=way)
    assert [len(one) for one in calls] == [2, 1]
    assert torch.equal(found[1], clip[0]) and torch.equal(found[5], clip[1]) and torch.equal(found[7], clip[1])
    assert torch.equal(found[3], interpolate(clip[:2], 2, model=way)[1])


def test_only_frames_that_are_needed_are_worked_on(clip, monkeypatch):
    calls = counted(monkeypatch, stages, "segment")
    interpolate(clip, 1, model=None)
    interpolate(clip, times=[0.0, 1.0], model=None)
    assert not calls


# --- given flows ---


def test_a_given_flow_is_used(way):
    """A flow that leads the wrong way leads the box the wrong way: nothing else is asked where it goes."""
    frames = torch.cat([drawing(48), drawing(48).roll(1, -1)])
    flow = torch.zeros(1, 2, HEIGHT, WIDTH)
    flow[:, 1] = 20.0
    found = [interpolate(frames, model=way, flows=Flow(sign * flow, -sign * flow))[1] for sign in (0, 1)]
    assert (found[0] - found[1]).abs().max() > 0.2


def test_flows_of_a_clip_are_those_of_its_pairs(clip):
    flows = []
    for frame0, frame1 in ((clip[:1], clip[1:2]), (clip[1:2], clip[2:])):
        way = stages.Stages()
        flows.append(way.pair(way.load(frame0), way.load(frame1)).flow)
    wanted = interpolate(clip, 3, model=None)
    compact = interpolate(clip, 3, model=None, flows=ClipFlow(flows))
    assert ((wanted - compact).abs() > 2 / 255).float().mean() < 0.01
    joined = Flow(
        *(torch.cat([getattr(flow, name) for flow in flows]) for name in ("flow_01", "flow_10")),
        depth_0=torch.cat([flow.depth_0 for flow in flows]),
        depth_1=torch.cat([flow.depth_1 for flow in flows]),
        bend_01=torch.cat([flow.bend_01 for flow in flows]),
        bend_10=torch.cat([flow.bend_10 for flow in flows]),
        dense_01=torch.cat([flow.dense_01 for flow in flows]),
        dense_10=torch.cat([flow.dense_10 for flow in flows]),
    )
    assert torch.equal(interpolate(clip, 3, model=None, flows=joined), wanted)


def test_a_coarse_flow_is_completed_where_there_is_no_model(clip, monkeypatch):
    way = stages.Stages()
    coarse = way.match(FramePair(*(way.load(frame) for frame in clip[:2].split(1))))
    wanted = interpolate(clip[:2], 2, model=None)
    calls = counted(monkeypatch, refiner, "complete")
    assert torch.equal(interpolate(clip[:2], 2, model=None, flows=coarse), wanted)
    assert len(calls) == 1


# --- what is still ---


def test_what_is_still_is_held(clip, way):
    """To the bit, wherever the box does not come: even where the network paints nothing like it."""
    found = interpolate(clip[:2], 4, model=way)
    still = torch.ones(HEIGHT, WIDTH, dtype=torch.bool)
    still[36 - 24 : 36 + 25, 30 - 22 : 42 + 23] = False  # where the box is on its way, and around
    assert 0.3 < still.float().mean() < 0.7
    assert torch.equal(found[:, :, still], clip[:1, :, still].expand(5, -1, -1))


def passing():
    """A small box that jumps over a bar: the bar's middle is the same in both frames, but not between."""
    frames = torch.full((2, 3, 64, 96), 0.5)
    frames[:, :, :, 44:52] = 0.9
    flow = torch.zeros(2, 1, 2, 64, 96)
    for k, x in enumerate((16, 70)):
        frames[k, :, 28:38, x : x + 10] = torch.tensor([0.1, 0.2, 0.8]).view(3, 1, 1)
        flow[k, 0, 0, 28:38, x : x + 10] = (54.0, -54.0)[k]
    return frames, flow


def test_what_passes_over_is_seen():
    frames, flow = passing()
    assert torch.equal(frames[0, :, :, 44:52], frames[1, :, :, 44:52])
    depth = [8.0 * (one[:, :1] != 0) for one in flow]
    middle = interpolate(frames, 2, model=None, flows=Flow(flow[0], flow[1], depth_0=depth[0], depth_1=depth[1]))[1]
    assert (middle[:, 30:36, 45:51] - torch.tensor([0.1, 0.2, 0.8]).view(3, 1, 1)).abs().max() < 0.02
    assert torch.equal(middle[:, :25], frames[0, :, :25]) and torch.equal(middle[:, 41:], frames[0, :, 41:])


def test_what_passes_behind_is_not():
    frames, flow = passing()
    depth = torch.zeros(1, 1, 64, 96)
    depth[..., 44:52] = 8.0
    middle = interpolate(frames, 2, model=None, flows=Flow(flow[0], flow[1], depth_0=depth, depth_1=depth))[1]
    assert torch.equal(middle[..., 46:50], frames[0, ..., 46:50])


# --- alpha ---


def test_alpha_bleeds_no_colour(way):
    frames = torch.cat([box_alpha(30), box_alpha(42)])
    found = interpolate(frames, 2, model=way)
    assert found.shape == (3, 4, HEIGHT, WIDTH) and torch.equal(found[::2], frames)
    middle = found[1]
    alpha = middle[3]
    assert alpha[:15].max() == 0 and alpha[:, :10].max() == 0 and alpha[:, 70:].max() == 0
    assert alpha[30:42, 32:40].min() > 0.98
    if way is None:
        seen = alpha > 0.1
        assert middle[1, seen].max() < 0.3, "the hidden green shows"
        assert (alpha[26:46].mean(0) > 0.5).nonzero().float().mean() == pytest.approx(36, abs=1)


def test_opaque_alpha_changes_nothing(clip, way):
    opaque = torch.cat([clip, torch.ones_like(clip[:, :1])], dim=1)
    found = interpolate(opaque, 3, model=way)
    assert torch.equal(found[:, :3], interpolate(clip, 3, model=way))
    assert (found[:, 3] == 1).all()


def test_all_transparent(way):
    frames = torch.rand(2, 4, 64, 64, generator=torch.Generator().manual_seed(0))
    frames[:, 3] = 0
    found = interpolate(frames, 2, model=way)
    assert torch.equal(found[::2], frames) and (found[1, 3] == 0).all()


# --- dtypes, devices, gradients ---


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_precisions_come_back(clip, way, dtype):
    frames = clip.to(dtype)
    found = interpolate(frames, 2, model=way)
    assert found.dtype == dtype and torch.equal(found[::2], frames)
    wanted = interpolate(frames.float(), 2, model=way)
    assert torch.allclose(found, wanted.to(dtype), atol=1e-3)


def test_a_model_of_another_precision(clip, model):
    half = build(model.config).eval()
    half.load_state_dict(model.state_dict())
    half.to(torch.bfloat16)
    found = interpolate(clip[:2], 2, model=half)
    assert found.dtype == torch.float32 and found.isfinite().all()


def test_work_is_done_where_the_model_is(clip, model):
    """On this machine's other device, which computes nothing but knows its own tensors from others'."""
    moved = build(model.config).eval().to("meta")
    looked = stages.Stages(moved).load(clip[:1])
    assert looked.frame.device.type == "meta"
    assert stages.Stages(moved).load(clip[:1], "cpu").frame.device.type == "cpu"
    assert stages.Stages().load(clip[:1].to("meta")).frame.device.type == "meta"


def test_no_gradients_and_no_mode_left_behind(clip, way):
    frames = clip.clone().requires_grad_()
    stream = interpolate_stream(frames.split(1), 2, model=way)
    next(stream)
    between = next(stream)
    assert torch.is_grad_enabled() and not between.requires_grad
    assert not interpolate(frames, 2, model=way).requires_grad


def test_in_inference_mode(clip, way):
    wanted = interpolate(clip[:2], 2, model=way)
    with torch.inference_mode():
        assert torch.equal(interpolate(clip[:2].clone(), 2, model=way, cancel=lambda: None), wanted)
