"""The synthesis network as a whole: times, sizes, holes, both splattings."""

import pytest
import torch

from animeinterp.config import SynthesisConfig
from animeinterp.errors import AnimeInterpError
from animeinterp.synthesis import SynthesisNetwork


def _network(**config):
    torch.manual_seed(0)
    return SynthesisNetwork(SynthesisConfig(**config)).eval()


def _pair(height=64, width=72, count=1):
    torch.manual_seed(1)
    return torch.rand(count, 3, height, width), torch.rand(count, 3, height, width)


@torch.no_grad()
@pytest.mark.parametrize("splatting", ["average", "softmax"])
def test_many_times_are_each_as_alone(splatting):
    network, frames = _network(splatting=splatting), _pair()
    flows = torch.randn(2, 1, 2, 64, 72) * 4
    together = network(*frames, *flows, [0.25, 0.5])
    alone = network(*frames, *flows, [0.5])
    assert together.shape == (2, 1, 3, 64, 72)
    assert torch.equal(together[1], alone[0])
    assert not torch.allclose(together[0], together[1], atol=1e-3)


@torch.no_grad()
def test_a_batch_of_pairs_is_its_pairs():
    network, (frame0, frame1) = _network(splatting="softmax"), _pair(count=2)
    flow_01, flow_10 = torch.randn(2, 2, 2, 64, 72) * 4
    both = network(frame0, frame1, flow_01, flow_10, [0.3])
    for n in range(2):
        one = network(frame0[n : n + 1], frame1[n : n + 1], flow_01[n : n + 1], flow_10[n : n + 1], [0.3])
        torch.testing.assert_close(one[0], both[0, n : n + 1], rtol=0, atol=1e-5)


@torch.no_grad()
def test_splatting_softmax_prefers_what_agrees():
    """Where pixels meet, the one that looks alike in the other frame wins: the metric is used, and its sign right."""
    frame0, frame1 = torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64)
    frame0[..., 20, 20], frame0[..., 20, 30] = 1.0, 0.5
    frame1[..., 20, 28] = frame1[..., 20, 24] = 1.0
    flow = torch.zeros(1, 2, 64, 64)
    flow[:, 0, 20, 20] = 8.0  # right: frame 1 is 1 there
    flow[:, 0, 20, 30] = -12.0  # wrong: frame 1 is 0 there
    network = _network(splatting="softmax")
    prepared = network.prepare_pair(frame0, frame1, flow, torch.zeros_like(flow))
    side = prepared.sides[0]
    landed, _ = network.splat(side.layer(0), 0.5 * side.flows[0], side.metrics[0])
    # The 1 that moves there, not the 0.5 (weight e^-10) that does too, nor the 0 (e^-20) that rests there.
    assert landed[0, 0, 20, 24].item() > 0.999


@torch.no_grad()
def test_hole_mask_reaches_the_network():
    frames, flows = _pair(), torch.zeros(2, 1, 2, 64, 72)
    flows[0, :, 0, :, 30:40] = 60.0  # leaves a hole where it left
    network = _network(hole_mask=True)
    assert network.grid.frames[1].weight.shape[1] == 8
    seen = []
    network.grid.frames.register_forward_pre_hook(lambda _module, inputs: seen.append(inputs[0]))
    network(*frames, *flows, [1.0])
    mask_0, mask_1 = seen[0][0, 3], seen[0][0, 7]
    assert not mask_0[:, 30:40].any() and mask_0[:, :30].all() and mask_1.all()
    assert torch.equal(seen[0][:, 4:7], frames[1])  # at t = 1 frame 1 lies still


@torch.no_grad()
@pytest.mark.parametrize("size", [(64, 64), (65, 67), (66, 101)])
def test_any_size(size):
    network, frames = _network(), _pair(*size)
    out = network(*frames, *torch.randn(2, 1, 2, *size), [0.5])
    assert out.shape == (1, 1, 3, *size) and out.isfinite().all()


def test_unknown_splatting():
    with pytest.raises(AnimeInterpError, match="splatting is 'max'; it should be"):
        _network(splatting="max")
