"""Whatever is handed to the library's face, a result comes back or an AnimeInterpError: nothing else, and no crash."""

import numpy as np
import pytest
import torch
from hostile_files import Short
from hypothesis import given
from hypothesis import strategies as st

import animeinterp as ai
from animeinterp.flow import CoarseFlow, Flow, Matches

DTYPES = [torch.float32, torch.float16, torch.float64, torch.bfloat16, torch.uint8, torch.int64, torch.bool, torch.complex64]
ODD = [float("nan"), float("inf"), -float("inf"), 1e30, -5.0, 255.0, 7.5]
NONSENSE = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 3), st.floats(), st.text(max_size=5), st.binary(max_size=5),
    st.lists(st.floats(), max_size=3), st.dictionaries(st.text(max_size=2), st.integers(), max_size=2),
    st.sampled_from([object(), np.zeros((2, 3, 8, 8)), np.zeros((2, 8, 8, 3), np.uint8), {1, 2}, lambda: None, torch.nn.ReLU()]),
)  # fmt: skip


def rarely(draw):
    """Once in a dozen. Not at the ends of a range, which are drawn oftener: what is sound is what a failure is shrunk to."""
    return draw(st.integers(0, 12)) == 7


@st.composite
def mostly(draw, sound, other=NONSENSE):
    """What is sound, and rarely something else; so that most calls get past the first check of what they are given."""
    return draw(other if rarely(draw) else sound)


@pytest.fixture(scope="module")
def networks(model):
    """The bundled model, one of the published kind with few iterations, and none."""
    return Short(bundled=ai.load_model(), published=model, none=None)


@st.composite
def tensors(draw, shape, dtypes=DTYPES, *, odd=True):
    """A tensor of the shape asked for, of any kind, laid out in any way; now and then with odd values in it."""
    seed = draw(st.integers(0, 2**16))
    generator = torch.Generator().manual_seed(seed)
    tensor = torch.rand(shape, generator=generator)
    dtype = draw(mostly(st.just(dtypes[0]), st.sampled_from(dtypes)))
    if odd and tensor.numel() and rarely(draw):
        tensor.view(-1)[draw(st.integers(0, tensor.numel() - 1))] = draw(st.sampled_from(ODD))
    tensor = tensor.to(dtype) if dtype != torch.uint8 else (tensor.nan_to_num(0, 0, 0) * 255).clamp(0, 255).to(dtype)
    how = draw(st.sampled_from(["plain", "turned", "expanded", "grad"]))
    if how == "turned" and tensor.ndim >= 2:
        tensor = tensor.transpose(-1, -2).contiguous().transpose(-1, -2)
    if how == "expanded" and tensor.shape and tensor.shape[0] > 0:
        tensor = tensor[:1].expand(tensor.shape)
    if how == "grad" and tensor.is_floating_point():
        tensor = tensor.requires_grad_()
    return tensor


@st.composite
def label_maps(draw, shape):
    """A few pieces' labels, of a kind that there may be, or of floating point."""
    labels = draw(tensors(shape)) * draw(st.integers(1, 6))
    return labels.to(draw(st.sampled_from([torch.int64, torch.uint8, torch.int32, torch.float32])))


OPTIONS = ["device", "progress", "cancel", "features", "segment_config", "match_config", "refiner", "synthesizer", "protect"]
TIMES = st.lists(st.floats(0, 1), min_size=1, max_size=3)
SIZES = st.tuples(st.integers(1, 80), st.integers(1, 80))


@st.composite
def clips(draw, count=None):
    """Frames as they should be, mostly."""
    if rarely(draw):
        return draw(NONSENSE)
    height, width = draw(SIZES)
    count = draw(st.integers(1, 3)) if count is None else count
    sound = st.tuples(st.just(count), mostly(st.sampled_from([3, 4]), st.just(1)), st.just(height), st.just(width))
    clip = draw(tensors(draw(mostly(sound, st.lists(st.integers(0, 9), max_size=5).map(tuple)))))
    if draw(st.booleans()) and clip.ndim == 4 and clip.is_floating_point() and clip.shape[0] > 1 and clip.numel():
        clip = clip.detach().clone()
        clip[1:] = clip[:1].roll(2, -1) * 0.9  # so that there is something to match
    return clip


def flow_like(draw, frames):
    """A Flow for the frames, or for others, or something else."""
    if rarely(draw) or not isinstance(frames, torch.Tensor) or frames.ndim != 4:
        return draw(NONSENSE)
    pairs, (height, width) = max(frames.shape[0] - 1, 0), frames.shape[-2:]
    if rarely(draw):
        pairs, height, width = (draw(st.integers(0, 20)) for _ in range(3))
    two = [draw(tensors((pairs, 2, height, width), DTYPES[:4])) * draw(st.sampled_from([0, 1, 30])) for _ in range(2)]
    extra = {}
    if draw(st.integers(0, 3)) == 0:
        known = {"depth_0": 1, "depth_1": 1, "bend_01": 2, "confidence_10": 1, "dense_01": 2}
        name, channels = draw(st.sampled_from(sorted(known.items())))
        extra[name] = draw(mostly(tensors((pairs, channels, height, width), DTYPES[:5])))
    if draw(st.integers(0, 3)) == 0:
        labels = draw(mostly(label_maps((pairs + 1, height, width))))
        some = torch.arange(draw(st.integers(0, 4)))
        matches = draw(mostly(st.just([Matches(some, some, torch.ones(len(some)))] * pairs)))
        return CoarseFlow(labels, matches, *two)
    return Flow(*two, **extra)


def answers(call, *arguments, **options):
    """The result of a call, or None for the one error that there may be; a message has to say something."""
    try:
        return call(*arguments, **options)
    except ai.AnimeInterpError as error:
        assert len(str(error)) > 20 and "\n" not in str(error)
        return None


def finite(result):
    assert bool(torch.isfinite(result.float()).all())


@given(data=st.data())
def test_interpolate(networks, data):
    frames = data.draw(clips())
    options = {}
    if data.draw(st.booleans()):
        options["times"] = data.draw(mostly(TIMES, st.lists(st.floats(-0.2, 1.2), max_size=3) | NONSENSE))
    if data.draw(st.integers(0, 2)) == 0:
        options["flows"] = flow_like(data.draw, frames)
    if rarely(data.draw):
        name = data.draw(st.sampled_from(OPTIONS))
        value = data.draw(NONSENSE)
        # What a callback of the caller's raises is the caller's.
        options[name] = (lambda *_: None) if callable(value) and name in ("progress", "cancel") else value
    model = networks[data.draw(st.sampled_from(["none", "none", "bundled", "published"]))]
    if rarely(data.draw):
        model = data.draw(NONSENSE)
    multiplier = data.draw(mostly(st.integers(1, 3)))
    result = answers(ai.interpolate, frames, multiplier, model=model, **options)
    if result is not None:
        assert result.dtype == frames.dtype and result.shape[1:] == frames.shape[1:]
        finite(result)


@given(data=st.data())
def test_interpolate_stream(networks, data):
    frames = data.draw(mostly(clips(), st.lists(clips(1), max_size=3) | NONSENSE))
    frames = frames.split(1) if isinstance(frames, torch.Tensor) and frames.ndim else frames
    model = networks[data.draw(st.sampled_from(["none", "bundled"]))]
    result = answers(lambda: list(ai.interpolate_stream(frames, model=model)))
    for frame in result or []:
        finite(frame)


@given(data=st.data())
def test_segment(data):
    frames = data.draw(clips())
    values = mostly(st.integers(1, 64), st.integers(-2, 100) | NONSENSE)
    style = mostly(st.sampled_from(["japanese", "disney"]))
    config = st.builds(ai.SegmentConfig, style=style, ball_radius=values, min_piece=values)
    config = data.draw(mostly(st.none() | config))
    labels = answers(ai.segment, frames, config)
    assert labels is None or labels.shape == (frames.shape[0], *frames.shape[-2:])


@given(data=st.data())
def test_coarse_flow(networks, data):
    frame0, frame1 = data.draw(clips(1)), data.draw(clips(1))
    if data.draw(st.integers(0, 4)) != 3 and isinstance(frame0, torch.Tensor):
        frame1 = frame0.detach().flip(-1)
    labels = {}
    if data.draw(st.booleans()) and isinstance(frame0, torch.Tensor):
        labels["labels_0"] = data.draw(mostly(label_maps((1, *frame0.shape[-2:]))))
    weight = mostly(st.floats(0, 1000), st.floats())
    config = st.builds(ai.MatchConfig, distance_weight=weight, size_weight=weight, free_distance=mostly(st.floats(0, 10)))
    config = data.draw(mostly(st.none() | config))
    model = data.draw(mostly(st.sampled_from(sorted(networks))))
    model = networks.get(model) if isinstance(model, str) else model
    flow = answers(ai.coarse_flow, frame0, frame1, **labels, model=model, config=config)
    if flow is not None:
        finite(flow.flow_01)


@given(data=st.data())
def test_the_models_own_calls(networks, data):
    model = networks[data.draw(st.sampled_from(["bundled", "published"]))]
    frame0, frame1 = data.draw(clips(1)), data.draw(clips(1))
    if data.draw(st.integers(0, 4)) != 3 and isinstance(frame0, torch.Tensor):
        frame1 = frame0
    flow = flow_like(data.draw, torch.cat([frame0.detach()] * 2) if isinstance(frame0, torch.Tensor) and frame0.ndim else frame0)
    flows = (flow.flow_01, flow.flow_10) if isinstance(flow, Flow | CoarseFlow) else (flow, data.draw(NONSENSE))
    with torch.no_grad():
        if data.draw(st.booleans()):
            iterations = data.draw(mostly(st.integers(0, 2)))
            result = answers(model.refine, frame0, frame1, *flows, iterations)
            assert result is None or result[0].shape[-2:] == frame0.shape[-2:]
        else:
            times = data.draw(mostly(TIMES, st.lists(st.floats(-0.2, 1.2), max_size=2) | NONSENSE))
            result = answers(model.synthesize, frame0, frame1, *flows, times)
            assert result is None or result.shape[-2:] == frame0.shape[-2:]


@given(path=NONSENSE)
def test_loading_what_is_no_file(path):
    answers(ai.load_model, path)
    if path is not None:
        answers(ai.load_features, path)
