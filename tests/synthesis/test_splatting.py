"""Splatting against what is known without it: whole shifts, sums, a slow loop, finite differences."""

import math

import pytest
import torch

from animeinterp.synthesis.splatting import splat, splat_average, splat_softmax


def _random(*shape, seed=0, dtype=torch.float32):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def _shift(dx, dy, height=12, width=16, dtype=torch.float32):
    return torch.tensor([dx, dy], dtype=dtype).view(1, 2, 1, 1).expand(1, 2, height, width)


def _by_hand(x, flow, weights):
    """One pixel and one corner at a time, in Python's own arithmetic."""
    batch, channels, height, width = x.shape
    total, mass = torch.zeros_like(x), torch.zeros(batch, 1, height, width, dtype=x.dtype)
    for n in range(batch):
        for y in range(height):
            for x_ in range(width):
                to_x, to_y = x_ + flow[n, 0, y, x_].item(), y + flow[n, 1, y, x_].item()
                for row in (math.floor(to_y), math.floor(to_y) + 1):
                    for column in (math.floor(to_x), math.floor(to_x) + 1):
                        if 0 <= row < height and 0 <= column < width:
                            share = (1 - abs(to_x - column)) * (1 - abs(to_y - row)) * weights[n, 0, y, x_]
                            total[n, :, row, column] += share * x[n, :, y, x_]
                            mass[n, 0, row, column] += share
    return total, mass


def test_agrees_with_a_slow_loop():
    x, weights = _random(2, 3, 7, 9, dtype=torch.float64), _random(2, 1, 7, 9, seed=1, dtype=torch.float64)
    flow = 8 * _random(2, 2, 7, 9, seed=2, dtype=torch.float64) - 4
    total, mass = splat(x, flow, weights)
    wanted_total, wanted_mass = _by_hand(x, flow, weights)
    torch.testing.assert_close(total, wanted_total)
    torch.testing.assert_close(mass, wanted_mass)


@pytest.mark.parametrize("kind", ["average", "softmax"])
def test_zero_flow_is_identity(kind):
    x, flow = _random(2, 3, 12, 16), torch.zeros(2, 2, 12, 16)
    out, mass = splat_average(x, flow) if kind == "average" else splat_softmax(x, flow, torch.zeros(2, 1, 12, 16))
    assert torch.equal(out, x)
    assert torch.equal(mass, torch.ones(2, 1, 12, 16))


def test_whole_shift_is_exact_and_leaves_a_hole():
    x = _random(1, 3, 12, 16)
    out, mass = splat_average(x, _shift(3, -2))
    assert torch.equal(out[:, :, :10, 3:], x[:, :, 2:, :13])
    assert torch.equal(mass[:, :, :10, 3:], torch.ones(1, 1, 10, 13))
    for hole in (out[:, :, 10:], out[..., :3], mass[:, :, 10:], mass[..., :3]):
        assert not hole.any()


def test_half_a_pixel_is_shared_evenly():
    x = torch.zeros(1, 1, 5, 5)
    x[0, 0, 2, 2] = 1
    total, _ = splat(x, _shift(0.5, 0.5, 5, 5))
    wanted = torch.zeros(5, 5)
    wanted[2:4, 2:4] = 0.25
    assert torch.equal(total[0, 0], wanted)


def test_mass_is_conserved_inside_and_lost_outside():
    x, weights = _random(1, 4, 40, 40), _random(1, 1, 40, 40, seed=1)
    weights[..., :6], weights[..., -6:], weights[:, :, :6], weights[:, :, -6:] = 0, 0, 0, 0
    flow = 10 * _random(1, 2, 40, 40, seed=2) - 5
    total, mass = splat(x, flow, weights)
    torch.testing.assert_close(total.sum(dim=(2, 3)), (x * weights).sum(dim=(2, 3)))
    torch.testing.assert_close(mass.sum(), weights.sum())
    _, mass = splat(x, flow + 100, weights)
    assert not mass.any()


def test_order_of_flow_is_dx_then_dy():
    x = torch.zeros(1, 1, 8, 8)
    x[0, 0, 1, 1] = 1
    assert splat(x, _shift(4, 1, 8, 8))[0][0, 0].nonzero().tolist() == [[2, 5]]


def test_average_of_two_on_one_pixel():
    x = torch.tensor([[[[1.0, 5.0, 0.0, 0.0]]]])
    flow = torch.tensor([[[[2.0, 1.0, 50.0, 50.0]], [[0.0, 0.0, 0.0, 0.0]]]])
    out, mass = splat_average(x, flow)
    assert out.tolist() == [[[[0, 0, 3, 0]]]] and mass.tolist() == [[[[0, 0, 2, 0]]]]
    out, mass = splat_average(x, flow, torch.tensor([[[[3.0, 1.0, 1.0, 1.0]]]]))
    assert out.tolist() == [[[[0, 0, 2, 0]]]] and mass.tolist() == [[[[0, 0, 4, 0]]]]


def test_softmax_lets_the_greater_metric_win():
    x = torch.tensor([[[[1.0, 5.0, 0.0, 0.0]]]])
    flow = torch.tensor([[[[2.0, 1.0, 50.0, 50.0]], [[0.0, 0.0, 0.0, 0.0]]]])
    metric = torch.tensor([[[[0.0, math.log(3.0), 0.0, 0.0]]]])
    out, coverage = splat_softmax(x, flow, metric)
    assert out[0, 0, 0, 2].item() == pytest.approx((1 + 3 * 5) / 4)
    assert coverage.tolist() == [[[[0, 0, 2, 0]]]]
    out, _ = splat_softmax(x, flow, 40 * metric)
    assert out[0, 0, 0, 2].item() == pytest.approx(5)


@pytest.mark.parametrize("offset", [-1e4, 0.0, 1e4])
def test_softmax_does_not_overflow_or_vanish(offset):
    x, flow = _random(1, 3, 12, 16), 6 * _random(1, 2, 12, 16, seed=1) - 3
    metric = offset - 500 * _random(1, 1, 12, 16, seed=2)  # most are over 60 under the greatest
    out, coverage = splat_softmax(x, flow, metric)
    assert out.isfinite().all() and out.max() <= x.max() + 1e-5
    average, mass = splat_average(x, flow)
    assert torch.equal(coverage, mass)
    assert ((out != 0).any(dim=1) == (average != 0).any(dim=1)).all()  # nothing that landed is lost
    assert torch.allclose(splat_softmax(x, flow, metric - offset)[0], out, atol=2e-2)


def test_flow_that_is_no_number_lands_nowhere():
    x, flow = torch.ones(1, 1, 4, 4), torch.zeros(1, 2, 4, 4)
    flow[0, 0, 1, 1], flow[0, 1, 2, 2], flow[0, 0, 3, 3] = math.nan, math.inf, -math.inf
    total, mass = splat(x, flow)
    wanted = torch.ones(4, 4)
    wanted[1, 1] = wanted[2, 2] = wanted[3, 3] = 0
    assert torch.equal(total[0, 0], wanted) and torch.equal(mass[0, 0], wanted)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_inputs_are_summed_in_float32(dtype):
    x, flow = _random(1, 3, 12, 16), 6 * _random(1, 2, 12, 16, seed=1) - 3
    total, mass = splat(x.to(dtype), flow)
    assert total.dtype == mass.dtype == torch.float32
    torch.testing.assert_close(total, splat(x.to(dtype).float(), flow)[0])
    many = torch.ones(1, 1, 64, 64, dtype=dtype)  # 4096 pixels into one: past what half precision can count
    rows, columns = torch.meshgrid(torch.arange(64), torch.arange(64), indexing="ij")
    gather = torch.stack([31 - columns, 31 - rows])[None].float()
    assert splat(many, gather)[1][0, 0, 31, 31] == 4096


def test_gradients_agree_with_finite_differences():
    x = _random(1, 2, 4, 5, dtype=torch.float64).requires_grad_()
    # Away from whole pixels, where the shares have a kink.
    flow = (torch.randint(-2, 2, (1, 2, 4, 5)) + 0.2 + 0.6 * _random(1, 2, 4, 5, seed=1, dtype=torch.float64))
    flow.requires_grad_()
    weights = (0.5 + _random(1, 1, 4, 5, seed=2, dtype=torch.float64)).requires_grad_()
    assert torch.autograd.gradcheck(splat, (x, flow, weights))
    assert torch.autograd.gradcheck(splat_average, (x, flow, weights))
    # The greatest metric is the reference that others are measured from; it has no gradient of its own to check.
    assert torch.autograd.gradcheck(lambda *inputs: splat_softmax(*inputs)[0], (x, flow, weights))


def test_same_bits_every_time():
    x, flow = _random(1, 8, 90, 110), 30 * _random(1, 2, 90, 110, seed=1) - 15
    first = splat_average(x, flow)[0]
    assert all(torch.equal(first, splat_average(x, flow)[0]) for _ in range(3))
