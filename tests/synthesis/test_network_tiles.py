"""Painting in tiles: the same frame, in less memory; and what the choice of tiles stands on."""

import pytest
import torch

from animeinterp.config import SynthesisConfig
from animeinterp.synthesis import SynthesisNetwork, network
from animeinterp.synthesis.gridnet import MULTIPLE, REACH, GridNet


def _network(**config):
    torch.manual_seed(0)
    return SynthesisNetwork(SynthesisConfig(**config)).eval()


def _prepared(painter, height=182, width=238, count=1):  # the middle of 3 x 4 tiles of 64 is cut on all sides
    torch.manual_seed(1)
    frames, flows = torch.rand(2, count, 3, height, width), torch.randn(2, count, 2, height, width) * 4
    return painter.prepare_pair(*frames, *flows)


@torch.no_grad()
@pytest.mark.parametrize(("most", "count", "mask"), [(40000, 1, False), (40000, 2, True), (1, 1, False)])
def test_tiles_make_the_same_frame(most, count, mask):
    painter = _network(hole_mask=mask)
    prepared = _prepared(painter, count=count)
    whole = painter.render(prepared, 0.4, tile=10**9)
    sizes = []
    painter.grid.register_forward_pre_hook(lambda _module, inputs: sizes.append(tuple(inputs[0].shape[-2:])))
    tiled = painter.render(prepared, 0.4, tile=most)
    assert len(sizes) > 1 and all(height * width <= max(most, 30000) for height, width in sizes)
    assert tiled.shape == whole.shape == (count, 3, 182, 238)
    torch.testing.assert_close(tiled, whole, rtol=0, atol=1e-5)


def test_a_pixel_sees_no_further_than_said():
    """And nearly as far, by the gradients of rows of each phase of the grid."""
    torch.manual_seed(0)
    grid, height, reach = GridNet(operations=torch.nn).double().eval(), 4 * REACH, 0
    for parameter in grid.parameters():
        parameter.data.abs_()  # so that nothing cancels out
    for row in range(2 * REACH, 2 * REACH + MULTIPLE):
        shapes = [(1, 6, height, 8), *((1, 2 * c, height >> k, 8 >> k) for k, c in enumerate((32, 64, 96)))]
        levels = [torch.rand(shape, dtype=torch.float64, requires_grad=True) for shape in shapes]
        grid(levels[0], levels[1:])[..., row, :].sum().backward()
        for level in levels:
            cell = height // level.shape[2]
            seen = level.grad.sum(dim=(0, 1, 3)).nonzero()
            reach = max(reach, row - cell * int(seen.min()), cell * (int(seen.max()) + 1) - 1 - row)
    assert REACH - MULTIPLE < reach <= REACH and REACH % MULTIPLE == 0


@torch.no_grad()
def test_tiles_are_chosen_by_what_is_free(monkeypatch):
    painter = _network()
    prepared, sizes = _prepared(painter), []
    painter.grid.register_forward_pre_hook(lambda _module, inputs: sizes.append(inputs[0].shape))
    whole = 184 * 240 * network._GRID_CHANNELS * 4
    for free, tiles in ((2 * whole, 1), (whole, 4)):
        sizes.clear()
        monkeypatch.setattr(network, "free_memory", lambda device, free=free: free)
        painter.render(prepared, 0.5)
        assert len(sizes) >= tiles and (tiles > 1 or len(sizes) == 1)


@torch.no_grad()
@pytest.mark.parametrize("tile", [10**9, 40000])
def test_the_progress_counts_the_layers_of_each_tile(tile):
    painter, counted = _network(), []
    for layer in painter.grid.modules():
        if not list(layer.children()):
            layer.register_forward_hook(lambda *_: counted.append(1))
    painter.render(_prepared(painter), 0.4, tile=tile)
    frame = torch.empty(1, 3, 182, 238)
    alone = painter.count_layers(0, frame, tile=tile)
    splats = 2 * len(painter.pyramid.levels)
    assert painter.count_layers(1, frame, tile=tile) - alone == splats + len(counted)


@pytest.mark.parametrize(("size", "most"), [((540, 960), 10**9), ((540, 960), 200000), ((2160, 4096), 10**6), ((64, 72), 1)])
def test_tiles_cover_each_pixel_once(size, most):
    seen = torch.zeros(size)
    for tile in network._tiles(*size, most):
        seen[tile.inner] += 1
        assert all(part.start % MULTIPLE == 0 for part in (*tile.inner, *tile.seen))
    assert (seen == 1).all()


@torch.no_grad()
def test_what_is_known_before_the_time_is_not_copied():
    painter = _network()
    frames, flows = torch.rand(2, 1, 3, 64, 72), torch.randn(2, 1, 2, 64, 72)
    encoded = tuple(painter.encode(frame) for frame in frames)
    prepared = painter.prepare_pair(*frames, *flows, encoded=encoded)
    for side, levels in zip(prepared.sides, encoded, strict=True):
        assert all(kept is level for kept, level in zip(side.features, levels, strict=True))
