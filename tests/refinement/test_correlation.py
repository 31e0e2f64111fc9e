"""The correlation pyramid against the plain definition: one product, one average, one sample at a time."""

import pytest
import torch
from torch.nn import functional as F

from animeinterp.flow import pixel_grid
from animeinterp.refinement.correlation import CHANNELS, LEVELS, RADIUS, CorrelationPyramid


def _read(image, x, y):
    """Bilinear, zeros outside, in Python's own arithmetic."""
    height, width = image.shape
    left, top = int(x // 1), int(y // 1)
    value = 0.0
    for row in (top, top + 1):
        for column in (left, left + 1):
            if 0 <= row < height and 0 <= column < width:
                value += (1 - abs(x - column)) * (1 - abs(y - row)) * image[row, column].item()
    return value


@pytest.mark.parametrize("size", [(8, 8), (9, 13), (17, 10)])
def test_look_up(size):
    height, width = size
    torch.manual_seed(0)
    features = torch.randn(2, 2, 256, height, width, dtype=torch.float64)  # frame, pair
    flow = torch.randn(4, 2, height, width, dtype=torch.float64) * 5
    found = CorrelationPyramid(*features).look_up(pixel_grid(flow) + flow)
    assert found.shape == (4, CHANNELS, height, width)
    side = 2 * RADIUS + 1
    generator = torch.Generator().manual_seed(1)
    for _ in range(200):
        n, channel, y, x = (int(torch.randint(0, m, (1,), generator=generator)) for m in found.shape)
        source, target = (0, 1) if n < 2 else (1, 0)
        level, offset_x, offset_y = channel // side**2, channel % side**2 // side, channel % side
        volume = torch.einsum("c,chw->hw", features[source, n % 2, :, y, x], features[target, n % 2]) / 16
        for _ in range(level):
            volume = F.avg_pool2d(volume[None, None], 2)[0, 0]
        at_x = (x + flow[n, 0, y, x].item()) / 2**level + offset_x - RADIUS
        at_y = (y + flow[n, 1, y, x].item()) / 2**level + offset_y - RADIUS
        assert found[n, channel, y, x].item() == pytest.approx(_read(volume, at_x, at_y), abs=1e-9)


def test_a_level_of_one_pixel_is_zero_outside():
    """64 px frames have one-pixel coarsest levels, on which normalised coordinates can divide by zero."""
    features = torch.ones(1, 256, 8, 8)
    found = CorrelationPyramid(features, features).look_up(pixel_grid(features).repeat(2, 1, 1, 1))
    coarsest = found[:, -(CHANNELS // LEVELS) :, 0, 0].view(2, 9, 9)
    wanted = torch.zeros(9, 9)
    wanted[RADIUS, RADIUS] = 16.0
    torch.testing.assert_close(coarsest, wanted.expand(2, 9, 9))


def test_half_precision_does_not_overflow():
    features = torch.full((1, 256, 8, 8), 60.0, dtype=torch.float16)  # the products sum to 921600 before the root
    found = CorrelationPyramid(features, features).look_up(pixel_grid(features.float()).repeat(2, 1, 1, 1))
    assert found.max().item() == pytest.approx(57600)
