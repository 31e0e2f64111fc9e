"""Rows that are worked on by themselves are what they are among all others."""

import pytest
import torch

from animeinterp.config import SynthesisConfig
from animeinterp.flow import Flow
from animeinterp.synthesis.bands import in_bands
from animeinterp.synthesis.blend import FrameWarper
from animeinterp.synthesis.painter import Painter

SIZE = (171, 421)  # more than two bands, of which the last has an odd number of rows
CPU = torch.device("cpu")


def slices(size):
    """Those that a frame is cut into."""
    seen = []

    def work(rows):
        seen.append(rows)
        return (torch.zeros(1, 1, rows.stop - rows.start, size[1]),)

    in_bands(work, size, CPU)
    return seen


@torch.no_grad()
def test_slices_begin_at_even_rows_and_are_joined():
    frame = torch.rand(1, 3, *SIZE)
    assert len(slices(SIZE)) > 2 and all(rows.start % 2 == 0 for rows in slices(SIZE))
    same, first = in_bands(lambda rows: (frame[..., rows, :], frame[:, :1, rows]), SIZE, CPU)
    assert torch.equal(same, frame) and torch.equal(first, frame[:, :1])


@torch.no_grad()
def test_maps_may_have_more_rows_and_keep_their_layout():
    twice = torch.rand(1, 3, *SIZE).repeat_interleave(2, dim=2).contiguous(memory_format=torch.channels_last)
    (made,) = in_bands(lambda rows: (twice[..., 2 * rows.start : 2 * rows.stop, :],), SIZE, CPU, made=2 * SIZE[0])
    assert torch.equal(made, twice) and made.is_contiguous(memory_format=torch.channels_last)


def test_where_gradients_are_wanted_all_is_done_at_once():
    assert slices((5000, 30)) == [slice(0, 5000)]
    with torch.no_grad():
        assert len(slices((5000, 30))) > 1


@pytest.fixture
def pair():
    torch.manual_seed(0)
    one = torch.rand(1, 3, *SIZE)
    flow = torch.nn.functional.interpolate(9 * torch.randn(1, 4, 9, 20), SIZE, mode="bilinear")
    bends = 0.1 * flow
    return one, one.roll((3, 5), (2, 3)), Flow(flow[:, :2], flow[:, 2:], bend_01=bends[:, :2], bend_10=bends[:, 2:])


def test_frames_are_warped_and_painted_as_if_at_once(pair):
    torch.manual_seed(1)
    painter = Painter(SynthesisConfig(network="painter").channels).eval()
    made = []
    for gradients in (True, False):
        with torch.set_grad_enabled(gradients):
            warper = FrameWarper(*pair)
            warped = warper.at(0.3)
            made.append((warped, painter(warped, *warper.frames, torch.tensor([0.3])).detach()))
    (whole, painted), (banded, painted_so) = made
    for name in ("colours", "masses", "shifts"):
        for one, other in zip(getattr(whole, name), getattr(banded, name), strict=True):
            torch.testing.assert_close(one, other, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(whole.blended, banded.blended, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(painted, painted_so, atol=0.02, rtol=0)  # bfloat16, where the processor has it, in other layouts
    assert (painted - painted_so).abs().mean() < 1e-3
