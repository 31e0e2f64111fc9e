"""The refinement network as a whole: starts, directions, batches, upsampling."""

import pytest
import torch

from animeinterp.config import RefineConfig
from animeinterp.flow import resize_flow
from animeinterp.refinement import RefineNetwork
from animeinterp.refinement.update import UpdateBlock


def _network(**config):
    torch.manual_seed(0)
    return RefineNetwork(RefineConfig(**config)).eval()


def _inputs(height=72, width=88, count=1):
    torch.manual_seed(1)
    return torch.rand(2, count, 3, height, width), torch.randn(2, count, 2, height, width) * 3


@torch.no_grad()
def test_directions_are_treated_alike():
    network, (frames, flows) = _network(), _inputs()
    fine_01, fine_10 = network(*frames, *flows, 2)
    back_10, back_01 = network(frames[1], frames[0], flows[1], flows[0], 2)
    torch.testing.assert_close(fine_01, back_01, rtol=0, atol=1e-4)
    torch.testing.assert_close(fine_10, back_10, rtol=0, atol=1e-4)


@torch.no_grad()
def test_a_batch_of_pairs_is_its_pairs():
    network, (frames, flows) = _network(), _inputs(count=2)
    both = network(*frames, *flows, 2)
    for n in range(2):
        one = network(*frames[:, n : n + 1], *flows[:, n : n + 1], 2)
        for direction in range(2):
            torch.testing.assert_close(one[direction], both[direction][n : n + 1], rtol=0, atol=1e-4)


@torch.no_grad()
def test_no_flow_is_a_start_at_zero():
    network, (frames, flows) = _network(), _inputs()
    zero, none = network(*frames, *torch.zeros_like(flows), 2), network(*frames, None, None, 2)
    assert torch.equal(zero[0], none[0]) and torch.equal(zero[1], none[1])
    one_sided = network(frames[0], frames[1], flows[0], None, 2)
    wanted = network(frames[0], frames[1], flows[0], torch.zeros_like(flows[1]), 2)
    assert torch.equal(one_sided[0], wanted[0])


@torch.no_grad()
def test_without_iterations_the_start_comes_back():
    """What the network does to a constant flow that it does not refine is resize it: twice it, as published."""
    frames, _ = _inputs()
    flow = torch.tensor([5.0, -3.0]).view(1, 2, 1, 1).expand(1, 2, 72, 88)
    for doubled, times in ((True, 2), (False, 1)):
        fine, _ = _network(doubled_start=doubled)(*frames, flow, flow, 0)
        # Convex combinations of a constant are that constant, but at the border, where the unfolding reads zeros.
        torch.testing.assert_close(fine[..., 8:-8, 8:-8], times * flow[..., 8:-8, 8:-8])


@torch.no_grad()
def test_iterations_are_those_asked_for():
    frames, flows = _inputs()
    network = _network(iterations=3)
    calls = []
    network.update.register_forward_hook(lambda *_: calls.append(1))
    network(*frames, *flows)
    assert len(calls) == 3
    network(*frames, *flows, 5)
    assert len(calls) == 8


def test_masked_start_is_used_and_learnt():
    frames, flows = _inputs()
    network = _network(masked_start=True, iterations=1)
    masked = network(*frames, *flows)[0]
    masked.square().mean().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.guidance.parameters())
    plain = RefineNetwork(RefineConfig(masked_start=False, iterations=1)).eval()
    plain.load_state_dict(network.state_dict())
    assert not torch.allclose(masked, plain(*frames, *flows)[0], atol=1e-2)


def test_masked_start_only_shrinks():
    network = _network(masked_start=True)
    frames, flows = _inputs(count=1)
    start = network.start(*frames, torch.cat([*flows]), torch.Size((9, 11)))
    coarse = resize_flow(torch.cat([*flows]), (9, 11), mode="nearest")
    assert (start.abs() <= coarse.abs()).all() and (start * coarse >= 0).all()
    assert not torch.equal(start, coarse)


@torch.no_grad()
def test_upsampling_puts_pixels_in_their_place():
    """Weights that pick one neighbour alone: the upsampled flow is that neighbour's, times 8."""
    block = UpdateBlock(operations=torch.nn)
    flow = torch.randn(1, 2, 6, 7)
    for neighbour, (down, right) in ((4, (0, 0)), (3, (0, -1)), (1, (-1, 0)), (8, (1, 1))):
        bias = torch.full((9, 64), -1e3)
        bias[neighbour] = 1e3
        block.upsampling2.weight.zero_()
        block.upsampling2.bias.copy_(bias.flatten())
        fine = block.upsample(torch.zeros(1, 128, 6, 7), flow)
        moved = torch.nn.functional.pad(flow, (1, 1, 1, 1))[..., 1 + down : 7 + down, 1 + right : 8 + right]
        torch.testing.assert_close(fine, 8 * moved.repeat_interleave(8, dim=2).repeat_interleave(8, dim=3))


@pytest.mark.parametrize("size", [(64, 64), (71, 65), (100, 127)])
@torch.no_grad()
def test_any_size_from_64(size):
    frames, flows = _inputs(*size)
    for fine in _network()(*frames, *flows):
        assert fine.shape == (1, 2, *size) and fine.isfinite().all()
