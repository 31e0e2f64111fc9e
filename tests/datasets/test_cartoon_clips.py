"""The public test clips are for ever: figures measured on them must stay comparable."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from animeinterp.datasets.cartoon.__main__ import main as sheet
from animeinterp.datasets.clips import FIRST_TRAINING_SEED, SPEEDS, demo_frames, main, public_clips
from animeinterp.errors import AnimeInterpError

GOLDEN = Path(__file__).with_name("public_clips.json")
DEMO = Path(__file__).parents[2] / "example_workflows" / "frames"


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Pictures this small are drawn fastest by one thread."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def fingerprint(clip: object) -> list[float]:
    """Six numbers that change when a clip's drawing or motion does."""
    sample = clip.sample
    grid = torch.nn.functional.adaptive_avg_pool2d(torch.cat([sample.frame0, sample.mids[:, 0], sample.frame1]), (1, 2))
    moved = sample.flow_01.norm(dim=1)
    return [round(float(v), 4) for v in (*grid[:, :, 0].mean((1, 2)), grid[1, 0, 0, 1], moved.mean(), moved.max())]


def test_the_clips_are_those_that_were_settled_on() -> None:
    golden = json.loads(GOLDEN.read_text())
    drawn = {clip.name: fingerprint(clip) for clip in public_clips((90, 160), times=[0.5])}
    assert list(drawn) == list(golden) and len(golden) == 24
    for name, numbers in drawn.items():
        assert numbers == pytest.approx(golden[name], abs=0.004), name


def test_speeds_are_as_named() -> None:
    for speed, low, high in (("slow", 0.0, 0.02), ("medium", 0.01, 0.065), ("fast", 0.04, 0.3)):
        clips = list(public_clips((90, 160), times=[0.5], speeds=[speed]))
        largest = torch.cat([c.sample.flow_01.norm(dim=1).flatten(1).quantile(0.999, dim=1) for c in clips]) / 160
        assert low < float(largest.median()) < high
        assert all(c.speed == speed for c in clips)


def test_training_never_sees_them() -> None:
    assert max(seed for _, _, seeds in SPEEDS for seed in seeds) < FIRST_TRAINING_SEED


def test_unknown_speed_is_refused() -> None:
    with pytest.raises(AnimeInterpError, match="slow"):
        next(public_clips(speeds=["ludicrous"]))


def test_exported_as_folders(tmp_path: Path) -> None:
    main([str(tmp_path), "--size", "36", "64"])
    folders = sorted(p.name for p in tmp_path.iterdir())
    assert len(folders) == 24 and "fast_301" in folders
    frames = [cv2.imread(str(tmp_path / "fast_301" / f"frame{k}.png")) for k in (1, 2, 3)]
    assert all(f.shape == (36, 64, 3) for f in frames) and (frames[0] != frames[2]).any()


def test_the_demo_s_frames_are_those_that_ship() -> None:
    shipped = [cv2.imread(str(p))[..., ::-1].astype(np.float32) / 255 for p in sorted(DEMO.glob("animeinterp_*.png"))]
    drawn = demo_frames(shipped[0].shape[:2], count=len(shipped)).permute(0, 2, 3, 1).numpy()
    assert len(shipped) == 4
    assert np.abs(np.stack(shipped) - drawn).mean() < 0.002


def test_a_contact_sheet_is_written(tmp_path: Path) -> None:
    sheet(["--count", "3", "--columns", "2", "--size", "36", "64", str(tmp_path / "sheet.png")])
    picture = cv2.imread(str(tmp_path / "sheet.png"))
    assert picture.shape == (2 * 2 * 36, 2 * 64, 3)
    assert picture[:72].std() > 10 and picture[72:, 64:].max() == 0
