"""How alike two drawings are along motions: as asked pixel by pixel."""

import pytest
import torch

from animeinterp.synthesis.cost_volume import correlate, cost_volume


def _even(x):
    return x / (x.square().mean(dim=1, keepdim=True) + 1e-3).sqrt()


def _at(x, where):
    inside = 0 <= where[0] < x.shape[-2] and 0 <= where[1] < x.shape[-1]
    return x[..., where[0], where[1]] if inside else torch.zeros(x.shape[:2])


@pytest.mark.parametrize("size", [(8, 8), (5, 19), (17, 9), (1, 1)])
@pytest.mark.parametrize("reach", [1, 3])
def test_each_place_around(size, reach):
    torch.manual_seed(0)
    one, other = torch.randn(2, 2, 7, *size)
    found = correlate(one, other, reach)
    assert found.shape == (2, (2 * reach + 1) ** 2, *size)
    even = _even(one), _even(other)
    for y in range(size[0]):
        for x in range(size[1]):
            around = [(y + v, x + u) for v in range(-reach, reach + 1) for u in range(-reach, reach + 1)]
            wanted = torch.stack([(even[0][..., y, x] * _at(even[1], place)).mean(dim=1) for place in around], dim=1)
            torch.testing.assert_close(found[..., y, x], wanted, atol=1e-5, rtol=0)


def test_where_it_was_moved_to_it_is_alike():
    torch.manual_seed(0)
    frame = torch.randn(1, 12, 20, 31)
    found = correlate(frame, torch.roll(frame, (1, -2), dims=(2, 3)), 2)[..., 3:-3, 3:-3]
    assert (found.argmax(dim=1) == 3 * 5 + 0).all() and (found.amax(dim=1) > 0.9).all()


def test_gradients_are_those_of_the_products():
    torch.manual_seed(0)
    one, other = (torch.randn(1, 3, 9, 10, requires_grad=True) for _ in range(2))
    correlate(one, other, 1)[0, 4].sum().backward()  # no shift at all
    got = one.grad.clone(), other.grad.clone()
    one.grad = other.grad = None
    (_even(one) * _even(other)).mean(dim=1).sum().backward()
    torch.testing.assert_close(got, (one.grad, other.grad))


def test_half_way_is_as_any_other_time():
    """The sum over whole pixels half-way is what reading between pixels gives there."""
    torch.manual_seed(0)
    f0, f1 = torch.randn(2, 1, 6, 12, 15)
    whole = cost_volume(f0, f1, torch.full((1, 1, 1, 1), 0.5))
    between = cost_volume(f0.to(torch.float32), f1, torch.full((1, 1, 1, 1), 0.5 + 1e-6))
    torch.testing.assert_close(whole[..., 4:-4, 4:-4], between[..., 4:-4, 4:-4], atol=1e-3, rtol=0)
