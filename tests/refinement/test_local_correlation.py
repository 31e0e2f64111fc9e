"""The look-up on demand against the volume's: the same numbers, wherever positions point, in far less memory."""

import math

import pytest
import torch

from animeinterp.config import RefineConfig
from animeinterp.flow import pixel_grid
from animeinterp.refinement import RefineNetwork, correlation
from animeinterp.refinement.correlation import CorrelationPyramid, ProgressTick, volume_bytes, volume_fits
from animeinterp.refinement.local import LocalCorrelation


def _features(height, width, pairs=1, dtype=torch.float64):
    torch.manual_seed(0)
    return torch.randn(2, pairs, 32, height, width, dtype=dtype)


def _motion(kind, height, width, pairs=1):
    torch.manual_seed(1)
    flow = torch.zeros(2 * pairs, 2, height, width, dtype=torch.float64)
    if kind == "pieces":  # two motions with an edge between them that no tile keeps to
        flow[..., : width // 3] = 4.3
        flow[..., width // 3 :] = -7.6
    elif kind == "wild":
        flow = torch.randn_like(flow) * 15
    elif kind == "far":  # all of it, and some of it just, out of the frame
        flow += torch.linspace(-1, 1, width, dtype=torch.float64) * 3 * width
        flow[:, :, 0, 0], flow[:, :, 0, 1] = 1e9, -1e9
    return flow


@pytest.mark.parametrize("size", [(8, 8), (9, 13), (21, 34)])
@pytest.mark.parametrize("kind", ["still", "pieces", "wild", "far"])
def test_same_as_the_volume(size, kind):
    features, flow = _features(*size, pairs=2), _motion(kind, *size, pairs=2)
    positions = pixel_grid(flow) + flow
    wanted = CorrelationPyramid(*features).look_up(positions)
    found = LocalCorrelation(*features).look_up(positions)
    assert found.shape == wanted.shape and wanted.abs().max() > 1
    torch.testing.assert_close(found, wanted, rtol=0, atol=1e-9)


def test_what_is_no_number_finds_nothing():
    features, flow = _features(9, 13), _motion("still", 9, 13)
    flow[0, 0, 2, 3], flow[1, 1, 4, 5] = math.nan, math.inf
    found = LocalCorrelation(*features).look_up(pixel_grid(flow) + flow)
    assert not found[0, :, 2, 3].any() and not found[1, :, 4, 5].any() and found.isfinite().all()


def test_same_gradients_as_the_volume():
    flow = _motion("pieces", 9, 13)
    gradients = []
    for kind in (CorrelationPyramid, LocalCorrelation):
        features, positions = _features(9, 13).requires_grad_(), (pixel_grid(flow) + flow).requires_grad_()
        found = kind(*features).look_up(positions)
        gradients.append(torch.autograd.grad(found.sin().sum(), (features, positions)))
    for volume, local in zip(*gradients, strict=True):
        torch.testing.assert_close(local, volume, rtol=0, atol=1e-9)


@torch.no_grad()
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_whole_refinement_without_the_volume(dtype):
    torch.manual_seed(0)
    network = RefineNetwork(RefineConfig()).eval().to(dtype)
    frames = torch.rand(2, 1, 3, 136, 200).to(dtype)
    flows = torch.randn(2, 1, 2, 17, 25).repeat_interleave(8, 3).repeat_interleave(8, 4) * 4
    full, on_demand = (network(*frames, *flows, 12, on_demand=on_demand) for on_demand in (False, True))
    for one, other in zip(full, on_demand, strict=True):
        # Of flows of ten pixels and more; half a network's own rounding is far coarser than either look-up's.
        assert (one - other).abs().max() < (1e-3 if dtype == torch.float32 else 0.5)


@torch.no_grad()
@pytest.mark.parametrize("on_demand", [False, True])
def test_ticks_are_as_many_as_told(on_demand):
    network = RefineNetwork(RefineConfig()).eval()
    heard = []
    network.tick.register_forward_pre_hook(lambda *_: heard.append(1))
    network(*torch.rand(2, 1, 3, 128, 128), None, None, 3, on_demand=on_demand)
    assert len(heard) == 3 * ProgressTick.PER_LOOK_UP + (0 if on_demand else ProgressTick.PER_VOLUME)


def test_it_is_chosen_where_the_volume_does_not_fit(monkeypatch):
    features = torch.empty(1, 256, 60, 80)
    size = volume_bytes(1, 60, 80)
    pyramid = CorrelationPyramid(*torch.zeros(2, 1, 4, 60, 80))
    parts = [level.untyped_storage() for level in (*pyramid.forward_levels, *pyramid.backward_levels)]
    held = {part.data_ptr(): part.nbytes() for part in parts}
    assert sum(held.values()) == size
    for free, fits in ((2 * size, True), (size, False)):
        monkeypatch.setattr(correlation, "free_memory", lambda device, free=free: free)
        assert volume_fits(features) is fits
    chosen = []
    monkeypatch.setattr("animeinterp.refinement.network.volume_fits", lambda features: chosen.append(1) or False)
    with torch.no_grad():
        RefineNetwork(RefineConfig()).eval()(*torch.rand(2, 1, 3, 64, 64), None, None, 1)
    assert chosen


def test_memory_grows_with_pixels_and_not_with_their_square():
    """What it holds and, by torch's own count, the greatest tensor that a look-up makes."""
    most = {}
    for side in (32, 64):
        features, flow = _features(side, side, dtype=torch.float32), _motion("pieces", side, side).float()
        local = LocalCorrelation(*features)
        with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU], profile_memory=True) as seen:
            local.look_up(pixel_grid(flow) + flow)
        held = sum(t.rows.numel() for targets in local._targets for t in targets)
        most[side] = held * 4 + max(event.cpu_memory_usage for event in seen.events())
    assert most[64] < 4.5 * most[32]
