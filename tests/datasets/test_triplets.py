"""Triplets in folders, and the crops that a trainer takes of them."""

import json

import numpy as np
import pytest
import torch

from animeinterp.datasets.triplets import Broken, Triplet, TripletCrops, TripletFolder
from animeinterp.errors import AnimeInterpError
from animeinterp.flow import backwarp
from animeinterp.media import write_image


def write(folder, suffix=".png", size=(20, 30), value=0.5):
    folder.mkdir(parents=True)
    for number in (1, 2, 3):
        write_image(folder / f"frame{number}{suffix}", torch.full((1, 3, *size), value * number / 3))


def test_a_folder_of_triplets(tmp_path):
    write(tmp_path / "b", ".jpg")
    write(tmp_path / "fast_a")
    write(tmp_path / ".cache")
    (tmp_path / "notes.txt").write_text("not a triplet")
    triplets = TripletFolder(tmp_path)
    assert len(triplets) == 2
    first, second = triplets
    assert (first.name, second.name) == ("b", "fast_a")
    assert first.tags == {} and second.tags == {"speed": ("fast",)}
    assert second.frame0.shape == (1, 3, 20, 30)
    assert second.frame0.mean() < second.middle.mean() < second.frame1.mean()


def test_a_triplet_itself_is_a_folder_of_one(tmp_path):
    write(tmp_path / "alone")
    assert [t.name for t in TripletFolder(tmp_path / "alone")] == ["alone"]


def test_meta_json_tells_the_speed(tmp_path):
    write(tmp_path / "slow_but_said_to_be_fast")
    meta = tmp_path / "slow_but_said_to_be_fast" / "meta.json"
    meta.write_text(json.dumps({"speed": "fast"}))
    assert next(iter(TripletFolder(tmp_path))).tags == {"speed": ("fast",)}
    meta.write_text("{")
    with pytest.raises(AnimeInterpError, match="meta.json"):
        list(TripletFolder(tmp_path))


def test_broken_ones_are_named_or_listed(tmp_path):
    write(tmp_path / "a")
    write(tmp_path / "b")
    (tmp_path / "a" / "frame3.png").unlink()
    with pytest.raises(AnimeInterpError, match="a/frame3"):
        list(TripletFolder(tmp_path))
    lenient = TripletFolder(tmp_path, skip_broken=True)
    assert lenient.broken == []
    assert [t.name for t in lenient] == ["b"]
    assert [item.name for item in lenient.broken] == ["a"] and "frame3" in lenient.broken[0].reason
    with pytest.raises(AnimeInterpError, match="frame3"):
        lenient.read("a")


def test_folders_that_hold_nothing(tmp_path):
    with pytest.raises(AnimeInterpError, match="nowhere"):
        TripletFolder(tmp_path / "nowhere")
    with pytest.raises(AnimeInterpError, match="holds no triplet"):
        TripletFolder(tmp_path)


class Moving:
    """A source of triplets that shift by (3, 1) px to ``frame1``, with their flows, some of them broken."""

    root = "moving"

    def __init__(self, count=4, size=(40, 60), flows=True, broken=()):
        self.names = [str(i) for i in range(count)]
        self.size, self.flows, self.bad, self.broken = size, flows, set(broken), []

    def __len__(self):
        return len(self.names)

    def get(self, name):
        if name in self.bad:
            self.broken.append(Broken(name, f"{name} is bad"))
            return None
        height, width = self.size
        sheet = torch.from_numpy(np.random.default_rng(int(name)).random((1, 3, height + 8, width + 8), np.float32))

        def seen(dx, dy):
            return sheet[..., 4 - dy : 4 - dy + height, 4 - dx : 4 - dx + width]

        flow = torch.tensor([3.0, 1.0]).view(1, 2, 1, 1).expand(1, 2, height, width)
        flows = {"flow_01": flow, "flow_10": -flow} if self.flows else {}
        return Triplet(name, seen(0, 0), seen(1, 0), seen(3, 1), **flows)


def inner_error(item, ways=("frame0", "frame1", "flow_01")):
    source, target, flow = (item[key][None] for key in ways)
    return (backwarp(target, flow) - source)[..., 4:-4, 4:-4].abs().max()


@pytest.mark.parametrize("flips", [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 1, 1), (0.5, 0.5, 0.5)])
def test_flows_turn_with_the_frames(flips):
    across, down, reverse = flips
    crops = TripletCrops(Moving(8), crop=24, flip_horizontal=across, flip_vertical=down, reverse=reverse, seed=3)
    for index in range(len(crops)):
        item = crops[index]
        assert item["frame0"].shape == item["middle"].shape == (3, 24, 24) and item["flow_01"].shape == (2, 24, 24)
        assert inner_error(item) < 1e-5
        assert inner_error(item, ("frame1", "frame0", "flow_10")) < 1e-5
    expected = torch.tensor([3.0 * (1 - 2 * across) * (1 - 2 * reverse), 1.0 * (1 - 2 * down) * (1 - 2 * reverse)])
    if 0.5 not in flips:
        assert torch.equal(crops[0]["flow_01"][:, 0, 0], expected)


def test_half_of_the_crops_are_flipped_and_reversed():
    crops = TripletCrops(Moving(200, size=(10, 10)), crop=8)
    signs = torch.stack([crops[index]["flow_01"][:, 0, 0].sign() for index in range(200)])
    for axis in (0, 1):
        assert 60 < int((signs[:, axis] > 0).sum()) < 140
    assert 60 < int((signs[:, 0] == signs[:, 1]).sum()) < 140


def test_a_seed_and_an_epoch_settle_the_crops():
    first, again, other = (TripletCrops(Moving(), crop=24, seed=seed) for seed in (5, 5, 6))
    assert all(torch.equal(first[i]["frame0"], again[i]["frame0"]) for i in range(4))
    assert not all(torch.equal(first[i]["frame0"], other[i]["frame0"]) for i in range(4))
    before = [first[i]["frame0"] for i in range(4)]
    first.set_epoch(1)
    assert not all(torch.equal(first[i]["frame0"], before[i]) for i in range(4))
    first.set_epoch(0)
    assert all(torch.equal(first[i]["frame0"], before[i]) for i in range(4))


def test_crops_go_through_a_data_loader():
    loader = torch.utils.data.DataLoader(TripletCrops(Moving(flows=False), crop=(16, 24)), batch_size=4)
    batch = next(iter(loader))
    assert batch["frame0"].shape == (4, 3, 16, 24) and batch["t"].tolist() == [0.5] * 4
    assert "flow_01" not in batch


def test_no_crop_gives_the_whole_frame():
    crops = TripletCrops(Moving(), crop=None, flip_horizontal=0, flip_vertical=0, reverse=0)
    assert torch.equal(crops[2]["middle"], Moving().get("2").middle[0])


def test_crops_that_do_not_fit_and_sources_with_gaps():
    with pytest.raises(AnimeInterpError, match="60x40.*64x64"):
        TripletCrops(Moving(), crop=64)[0]
    gaps = Moving(3, broken=["1"])
    assert TripletCrops(gaps, crop=8)[1]["name"] == "2"
    assert gaps.broken == [Broken("1", "1 is bad")]
    with pytest.raises(AnimeInterpError, match="every triplet is broken"):
        TripletCrops(Moving(2, broken=["0", "1"]), crop=8)[0]
