"""Flow files: what is written comes back, what others write is read, and nothing is overwritten."""

import struct

import cv2
import numpy as np
import pytest
import torch

from animeinterp.errors import AnimeInterpError
from animeinterp.flow import Flow
from animeinterp.foreign import fill_unknown, flow_series, read_flow, reverse_flow, write_flow


def field(pairs=1, height=7, width=9, seed=0):
    return torch.randn(pairs, 2, height, width, generator=torch.Generator().manual_seed(seed)) * 40


@pytest.mark.parametrize("suffix, pairs", [(".flo", 1), (".npy", 3)])
def test_a_field_comes_back_as_it_was(tmp_path, suffix, pairs):
    flow = field(pairs)
    found = read_flow(write_flow(tmp_path / f"a{suffix}", flow))
    assert torch.equal(found.flow, flow) and found.known is None


def test_npz_holds_all_that_is_known_of_the_pixels(tmp_path):
    known = {"depth_0": field(2)[:, :1], "confidence_10": torch.rand(2, 1, 7, 9), "bend_01": field(2, seed=3)}
    flow = Flow(field(2), field(2, seed=1), **known)
    both = read_flow(write_flow(tmp_path / "a.npz", flow)).both
    for name in ("flow_01", "flow_10", "depth_0", "confidence_10", "bend_01"):
        assert torch.equal(getattr(both, name), getattr(flow, name)), name
    assert both.depth_1 is None


def test_kitti_is_exact_to_its_steps(tmp_path):
    flow = field()
    found = read_flow(write_flow(tmp_path / "a.png", flow)).flow
    assert (found - flow).abs().max() <= 1 / 128
    assert torch.equal(read_flow(write_flow(tmp_path / "b.png", found)).flow, found)


def test_kitti_as_its_authors_write_it(tmp_path):
    """(u * 64 + 2^15, v * 64 + 2^15, known) as red, green, blue."""
    red, green = np.full((4, 5), 32768 + 64 * 3, np.uint16), np.full((4, 5), 32768 - 32, np.uint16)
    blue = np.ones((4, 5), np.uint16)
    blue[0, 0] = 0
    cv2.imwrite(str(tmp_path / "k.png"), np.stack([blue, green, red], 2))
    found = read_flow(tmp_path / "k.png")
    assert found.flow[0, :, 1, 1].tolist() == [3.0, -0.5]
    assert not found.known[0, 0, 0, 0] and found.known.sum() == 19


def test_flo_as_its_authors_write_it(tmp_path):
    values = np.array([[[1, 2], [3, 4], [1e10, 0]]], "<f4")
    (tmp_path / "m.flo").write_bytes(b"PIEH" + struct.pack("<ii", 3, 1) + values.tobytes())
    found = read_flow(tmp_path / "m.flo")
    assert found.flow[0, :, 0].tolist() == [[1, 3, 0], [2, 4, 0]]
    assert found.known[0, 0, 0].tolist() == [True, True, False]


@pytest.mark.parametrize("order", ["2HW", "HW2", "PHW2", "P2HW"])
def test_numpy_axes_in_any_order(tmp_path, order):
    flow = field(2 if "P" in order else 1)
    array = flow.numpy() if "P" in order else flow[0].numpy()
    np.save(tmp_path / "a.npy", np.moveaxis(array, -3, -1) if order.endswith("2") else array)
    assert torch.equal(read_flow(tmp_path / "a.npy").flow, flow)
    np.savez(tmp_path / "a.npz", flow=array)
    assert torch.equal(read_flow(tmp_path / "a.npz").flow, flow)


def test_nothing_is_overwritten_and_nothing_half_written(tmp_path):
    write_flow(tmp_path / "a.flo", field())
    before = (tmp_path / "a.flo").read_bytes()
    with pytest.raises(AnimeInterpError, match="there already"):
        write_flow(tmp_path / "a.flo", field(seed=1))
    assert (tmp_path / "a.flo").read_bytes() == before
    with pytest.raises(AnimeInterpError, match=r"reaches 6\d\d px; a KITTI"):
        write_flow(tmp_path / "b.png", torch.full((1, 2, 4, 4), 600.0) + torch.rand(1, 2, 4, 4))
    assert not (tmp_path / "b.png").exists()


@pytest.mark.parametrize("data, name", [(b"PIEH1234", "a.flo"), (b"", "a.npy"), (b"nothing", "a.npz"), (b"\x89PNG", "a.png")])
def test_torn_files_are_named(tmp_path, data, name):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(AnimeInterpError, match=f"{name} cannot be read as flow"):
        read_flow(tmp_path / name)


def test_pickles_are_not_opened(tmp_path):
    np.save(tmp_path / "a.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(AnimeInterpError, match="cannot be read as flow"):
        read_flow(tmp_path / "a.npy")


def test_a_series_by_number_and_direction(tmp_path):
    names = ["walk_2_01", "walk_10_01", "walk_2_10", "walk_10_10", "run_1_01", "walk_2"]
    for name in names:
        (tmp_path / f"{name}.flo").touch()
    (tmp_path / "walk_3_01.png").touch()
    forward, backward = flow_series(tmp_path / "walk_10_10.flo")
    assert [file.stem for file in forward] == ["walk_2_01", "walk_10_01"]
    assert [file.stem for file in backward] == ["walk_2_10", "walk_10_10"]
    assert flow_series(tmp_path / "walk_2.flo") == ([tmp_path / "walk_2.flo"], [])


def test_the_way_back_of_a_shift_is_the_shift_turned():
    flow = torch.zeros(1, 2, 20, 30)
    flow[:, 0], flow[:, 1] = 3.0, -2.0
    assert torch.allclose(reverse_flow(flow), -flow, atol=1e-5)


def test_a_disc_before_a_ground_that_stands_still_covers_it():
    y, x = torch.meshgrid(torch.arange(40.0), torch.arange(60.0), indexing="ij")
    flow = torch.zeros(1, 2, 40, 60)
    flow[0, 0][(x - 20) ** 2 + (y - 20) ** 2 < 64] = 12.0
    back = reverse_flow(flow)[0, 0]
    wanted = torch.where((x - 32) ** 2 + (y - 20) ** 2 < 64, -12.0, 0.0)
    assert (back - wanted).abs().gt(0.01).float().mean() < 0.03  # behind the disc nothing is known


def test_unknown_pixels_take_the_nearest_vector():
    flow = torch.zeros(1, 2, 1, 6)
    flow[0, 0, 0] = torch.tensor([1.0, 9, 9, 9, 9, 5])
    known = torch.tensor([True, False, False, False, False, True]).view(1, 1, 1, 6)
    assert fill_unknown(flow, known)[0, 0, 0].tolist() == [1, 1, 1, 5, 5, 5]
