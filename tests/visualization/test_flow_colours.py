"""The flow wheel: hue is direction, saturation is length."""

import pytest
import torch

from animeinterp import AnimeInterpError
from animeinterp.visualization.flow_colours import colour_wheel, flow_to_colours, largest_motion


def field(dx: float, dy: float) -> torch.Tensor:
    return torch.tensor([dx, dy]).view(1, 2, 1, 1).expand(1, 2, 4, 5)


def colour(dx: float, dy: float, **options) -> list[float]:
    return flow_to_colours(field(dx, dy), **options)[0, :, 0, 0].tolist()


def test_wheel_has_the_published_55_hues_all_pure():
    wheel = colour_wheel()
    assert wheel.shape == (55, 3)
    assert torch.all(wheel.max(1).values == 1) and torch.all(wheel.min(1).values == 0)
    assert len({tuple(hue) for hue in wheel.tolist()}) == 55


def test_directions():
    assert colour(10, 0, max_motion=10) == pytest.approx([1, 0, 0], abs=1e-6)
    down, left, up = (colour(*v, max_motion=10) for v in [(0, 10), (-10, 0), (0, -10)])
    assert down[0] > 0.8 and down[1] > 0.8 and down[2] < 0.1  # yellow
    assert left[0] < 0.1 and left[1] > 0.7 and left[2] == 1  # cyan
    assert up[2] == 1 and up[1] < 0.1  # blue to violet


def test_length_is_saturation_and_beyond_the_rim_is_dark():
    assert colour(0, 0) == [1, 1, 1]
    assert colour(5, 0, max_motion=10) == pytest.approx([1, 0.5, 0.5])
    assert colour(20, 0, max_motion=10) == pytest.approx([0.75, 0, 0])


def test_scale_ignores_a_few_strays():
    flow = torch.zeros(1, 2, 100, 100)
    flow[:, 0] = 3.0
    flow[:, 0, 0, :5] = 1000.0
    assert largest_motion(flow) == 3.0
    assert flow_to_colours(flow)[0, :, 50, 50].tolist() == pytest.approx([1, 0, 0], abs=1e-6)


@pytest.mark.parametrize("flow", [torch.zeros(2, 4, 4), torch.zeros(1, 3, 4, 4), "flow"])
def test_wrong_input_is_named(flow):
    with pytest.raises(AnimeInterpError, match="flow is .*should be"):
        flow_to_colours(flow)
