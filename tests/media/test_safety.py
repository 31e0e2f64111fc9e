"""Whatever happens while a file is written: a whole one is there, or none, and what was there before is kept."""

import multiprocessing
import os
import resource
import signal
import time
from fractions import Fraction
from pathlib import Path

import pytest
import torch

from animeinterp import AnimeInterpError
from animeinterp.cli import main
from animeinterp.media import FolderWriter, MediaInfo, VideoWriter, open_film, read_image, write_image

COUNT, SIZE = 12, (64, 64)
# From a server that has no threads: a fork of this process, whose libraries have some, may wait for them for ever.
processes = multiprocessing.get_context("forkserver")
processes.set_forkserver_preload(["animeinterp.media", "animeinterp.cli"])


def write_noise(path, count=COUNT, begun=None):
    """Noise, which no codec makes small."""
    generator = torch.Generator().manual_seed(1)
    writer = FolderWriter(path, overwrite=True) if path.name.endswith("folder") else VideoWriter(path, 12)
    if begun is not None:
        begun.set()
    with writer:
        for _ in range(count):
            writer.write(torch.rand(1, 3, *SIZE, generator=generator))


TARGETS = ["a.mp4", "a.mkv", "a.webm", "a.gif", "a.png", "a.webp", "a.mov", "folder"]


def frames_of(path):
    return [read_image(one) for one in sorted(path.glob("*.png"))] if path.is_dir() else list(open_film(path))


def visible(folder):
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def write_old(path):
    """What a run before left there."""
    if path.name == "folder":
        path.mkdir()
        write_image(path / "frame_00001.png", torch.zeros(1, 3, *SIZE))
    else:
        with VideoWriter(path, 12) as film:
            film.write(torch.zeros(1, 3, *SIZE))


@pytest.mark.parametrize("target", TARGETS)
def test_a_run_that_is_killed_leaves_the_old_or_the_new(tmp_path, target):
    """Killed at ten moments from beginning to end."""
    path = tmp_path / target
    begun = time.monotonic()
    write_noise(tmp_path / f"whole{target}")
    seconds = time.monotonic() - begun
    write_old(path)
    outcomes = set()
    for moment in range(10):
        event = processes.Event()
        process = processes.Process(target=write_noise, args=(path, COUNT, event))
        process.start()
        assert event.wait(60)
        time.sleep(1.2 * seconds * moment / 9)
        process.kill()
        process.join()
        outcomes.add(len(frames_of(path)))
        assert visible(tmp_path) == sorted([target, f"whole{target}"])
    assert outcomes <= {1, COUNT}
    write_noise(path)  # and what they left hidden is gone
    assert len(frames_of(path)) == COUNT and len(list(tmp_path.iterdir())) == 2


@pytest.mark.parametrize("replaced", [True, False])
def test_what_was_there_before_goes_with_the_next_run_once_something_took_its_place(tmp_path, replaced):
    """Of a run that was killed while it put its folder in the old one's place."""
    process = processes.Process(target=time.sleep, args=(0,))
    process.start()
    process.join()
    old = tmp_path / f".folder.{process.pid}.old"
    write_old(tmp_path / "folder")
    (tmp_path / "folder").rename(old)
    if replaced:
        write_old(tmp_path / "folder")
    FolderWriter(tmp_path / "folder", overwrite=True)
    assert old.exists() != replaced


@pytest.mark.parametrize("target", TARGETS)
def test_a_full_disk_is_told_of_and_nothing_is_left(tmp_path, target):
    """A limit on the size of files stands for a disk that is full: the system fails the same calls."""
    write_old(tmp_path / target)
    before = [frame.clone() for frame in frames_of(tmp_path / target)]
    told = processes.Queue()
    process = processes.Process(target=write_with_little_room, args=(tmp_path / target, told))
    process.start()
    message = told.get(timeout=60)
    process.join()
    assert str(tmp_path / target) in message and "could not be written" in message and "\n" not in message
    assert [path.name for path in tmp_path.iterdir()] == [target]
    assert all(torch.equal(a, b) for a, b in zip(before, frames_of(tmp_path / target), strict=True))


def write_with_little_room(path, told):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8000, 8000))
    try:
        write_noise(path, 60)
        told.put("nothing")
    except AnimeInterpError as error:
        told.put(str(error))


@pytest.mark.parametrize("target", TARGETS)
def test_a_place_that_cannot_be_written_to_is_named(tmp_path, capsys, target):
    for index in range(2):
        write_image(tmp_path / f"{index}.png", torch.rand(1, 3, *SIZE))
    (tmp_path / "file").write_text("no folder")
    inputs = [str(tmp_path / f"{index}.png") for index in range(2)]
    places = [tmp_path / "file" / target, Path("/proc") / target]
    if os.geteuid() != 0:  # to root, nothing is read-only
        locked = tmp_path / "locked"
        locked.mkdir(mode=0o555)
        places.append(locked / target)
    for place in places:
        assert main(["interpolate", *inputs, "-o", str(place), "--model", "none", "--quiet"]) == 2
        error = capsys.readouterr().err
        assert error.startswith("error: ") and error.count("\n") == 1 and str(place.parent) in error
    assert visible(tmp_path) == sorted(["0.png", "1.png", "file"] + ["locked"] * (os.geteuid() != 0))


def test_a_folder_with_other_files_keeps_them_and_loses_no_frame(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "notes.txt").write_text("mine")
    for number in (1, 2, 9):
        write_image(path / f"frame_{number:05d}.png", torch.zeros(1, 3, *SIZE))
    with FolderWriter(path, overwrite=True) as folder:
        for _ in range(3):
            folder.write(torch.ones(1, 3, *SIZE))
    assert sorted(one.name for one in path.iterdir()) == [*(f"frame_0000{n}.png" for n in (1, 2, 3)), "notes.txt"]
    assert all(read_image(path / f"frame_0000{n}.png").min() == 1 for n in (1, 2, 3))


def test_memory_does_not_grow_with_the_length_of_a_film(tmp_path):
    """What is written is on the disk, whatever the container (but for WebP, which is made whole at its end)."""
    frame = torch.rand(1, 3, 90, 160)
    for name in ("a.mp4", "a.gif", "a.png"):
        grown = []
        for count in (20, 120):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
            with VideoWriter(tmp_path / name, 24) as film:
                for index in range(count):
                    film.write(frame.roll(index, -1))
            grown.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        assert grown[1] < 40 * 1024, name


def test_a_writer_that_was_given_nothing_leaves_nothing(tmp_path):
    for target in TARGETS:
        with FolderWriter(tmp_path / target) if target == "folder" else VideoWriter(tmp_path / target, 12):
            pass
    assert list(tmp_path.iterdir()) == []


def test_what_a_file_cannot_hold_is_told_of_before_anything_is_written(tmp_path):
    with pytest.raises(AnimeInterpError, match="ends in nothing"):
        VideoWriter(tmp_path / "name", 12, like=MediaInfo(SIZE, Fraction(12)))
    with pytest.raises(AnimeInterpError, match="rate is 0"):
        VideoWriter(tmp_path / "a.mp4", 0)
