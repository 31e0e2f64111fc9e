"""Films and pictures by URL: read, written and gone on with as by path, and told of by their URL where they cannot be."""

import os
import socket
import time
from dataclasses import replace

import fsspec
import pytest
import torch
from drawings import drawing
from fsspec.registry import known_implementations
from store import Store

from animeinterp.cli import main
from animeinterp.errors import AnimeInterpError
from animeinterp.film import segments
from animeinterp.film.claiming import Claims
from animeinterp.media import PictureReader, VideoReader, VideoWriter, images_in, open_film, write_image
from animeinterp.storage import URL, place, publish
from animeinterp.storage.url import _Reading

fsspec.register_implementation("store", Store, clobber=True)


@pytest.fixture(autouse=True)
def short_segments(monkeypatch):
    monkeypatch.setattr(segments.split, "__defaults__", (4,))


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    path = tmp_path_factory.mktemp("films") / "in.mp4"
    with VideoWriter(path, 12) as writer:
        for k in range(6):
            writer.write(drawing(10 + 2 * k)[..., :64, :96])
    return path


@pytest.fixture(scope="module")
def smooth(film):
    """What a run by path makes of it."""
    patch = pytest.MonkeyPatch()
    patch.setattr(segments.split, "__defaults__", (4,))
    assert run(film, "-o", film.with_name("out.mp4")) == 0
    patch.undo()
    return film.with_name("out.mp4").read_bytes()


def run(*arguments):
    return main(["interpolate", "--quiet", "--model", "none", "--threads", "1", *map(str, arguments)])


def url(path):
    return f"store://{path}"


@pytest.mark.parametrize(("text", "name", "beside", "shown"), [
    ("s3://bucket/a/film.mp4", "film.mp4", "s3://bucket/a/x.png", "s3://bucket/a/film.mp4"),
    ("simplecache::s3://b/film.mp4", "film.mp4", "simplecache::s3://b/x.png", "simplecache::s3://b/film.mp4"),
    ("zip://in/film.mp4::s3://b/a.zip", "film.mp4", "zip://in/x.png::s3://b/a.zip", "zip://in/film.mp4::s3://b/a.zip"),
    ("https://me:secret@host/film.mp4?token=1/2", "film.mp4", "https://me:secret@host/x.png?token=1/2",
     "https://me:***@host/film.mp4"),
])
def test_parts_of_urls(text, name, beside, shown):
    found = place(text)
    assert (found.name, found.stem, found.suffix) == (name, "film", ".mp4")
    assert found.with_name("x.png") == URL(beside) and str(found) == shown and place(found) is found


def test_paths_stay_paths(tmp_path):
    for text in ("film.mp4", "a::b/film.mp4", "C:\\films\\film.mp4", str(tmp_path)):
        assert place(text) == type(tmp_path)(text)
    assert place(f"file://{tmp_path}/a%20film.mp4") == tmp_path / "a film.mp4"


def test_a_film_by_url_has_the_same_frames(film):
    ours, theirs = open_film(place(url(film))), open_film(film)
    assert ours.info == theirs.info and ours.timeline() == theirs.timeline()
    for first in (0, 4):
        pairs = zip(ours.frames(first), theirs.frames(first), strict=True)
        assert all(torch.equal(a.pixels, b.pixels) and a.time == b.time for a, b in pairs)


def test_what_was_seen_of_a_film_spares_reading_it_through(tmp_path, monkeypatch):
    """As by the workers of a cluster: what they read is what they draw from."""
    read, plain = [], _Reading.read
    monkeypatch.setattr(_Reading, "read", lambda self, size=-1: read.append(plain(self, size)) or read[-1])
    with VideoWriter(tmp_path / "in.mp4", 12) as writer:
        for k in range(270):  # a key frame each 250
            writer.write(torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(k)))
    film = place(url(tmp_path / "in.mp4"))
    before = open_film(film, deinterlace="off")
    size, seen = film.size(), before.seen()
    read.clear()
    there = open_film(film, deinterlace="off", seen=seen)
    assert there.timeline() == before.timeline()
    read.clear()
    near = next(there.frames(255))
    assert sum(map(len, read)) < size / 2 and near.time == seen.timeline.times[255]
    assert torch.equal(near.pixels, next(before.frames(255)).pixels)
    with pytest.raises(AnimeInterpError, match="is another film here"):
        open_film(film, seen=replace(seen, size=size - 1))


def test_pictures_by_url(tmp_path):
    for k in (10, 2, 1):
        write_image(place(url(tmp_path / f"{k}.png")), drawing(k)[..., :64, :96])
    (tmp_path / "3.png").mkdir()
    found = images_in(place(url(tmp_path)))
    assert [path.name for path in found] == ["1.png", "2.png", "10.png"]
    frames = zip(PictureReader(found), PictureReader(images_in(tmp_path / "")[:3]), strict=True)
    assert all(torch.equal(a, b) for a, b in frames)


def test_from_url_to_url_is_the_same_to_the_bit(film, smooth, tmp_path, capsys):
    out = url(tmp_path / "new" / "out.mp4")
    assert run(url(film), "-o", out) == 0
    assert (tmp_path / "new" / "out.mp4").read_bytes() == smooth and os.listdir(tmp_path / "new") == ["out.mp4"]
    assert run(film, "-o", out) == 2 and "is there already" in capsys.readouterr().err
    assert run(film, "-o", f"file://{tmp_path}/local.mp4") == 0 and (tmp_path / "local.mp4").read_bytes() == smooth


def test_a_run_that_is_gone_on_with(film, smooth, tmp_path, monkeypatch):
    """One part is there when it breaks off: that one is not drawn again."""
    plain, drawn = VideoWriter.__init__, []

    def counting(self, path, *arguments, **options):
        drawn.append(place(path).name)
        if len(drawn) == 2:
            raise KeyboardInterrupt
        plain(self, path, *arguments, **options)

    monkeypatch.setattr(VideoWriter, "__init__", counting)
    out = url(tmp_path / "out.mp4")
    assert run(url(film), "-o", out, "--resume") == 130
    assert sorted(os.listdir(tmp_path / "out.mp4.parts")) == ["00000.mp4", "plan.json"]
    assert run(url(film), "-o", out, "--resume") == 0
    assert drawn == ["00000.mp4", "00001.mp4", "00001.mp4", "00002.mp4"] and os.listdir(tmp_path) == ["out.mp4"]
    assert (tmp_path / "out.mp4").read_bytes() == smooth


def test_what_cannot_be_uploaded_is_kept(film, smooth, tmp_path, capsys, monkeypatch):
    (tmp_path / "full").touch()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    assert run(film, "-o", url(tmp_path / "out.mp4")) == 2
    (kept,) = (tmp_path / "temporary").iterdir()
    said = capsys.readouterr().err
    assert "No space left" in said and url(tmp_path / "out.mp4") in said and str(kept) in said and said.count("\n") == 1
    assert kept.read_bytes() == smooth and sorted(os.listdir(tmp_path)) == ["full", "temporary"]


def test_errors_name_the_url(film, tmp_path, capsys, monkeypatch):
    lost = {"class": "lostfs.LostFileSystem", "err": "Install lostfs to access lost"}
    monkeypatch.setitem(known_implementations, "lost", lost)
    (tmp_path / "closed").touch()
    (tmp_path / "text.mp4").write_text("This is no film.")
    for asked, told in (
        (["store:///nowhere/in.mp4", "-o", tmp_path / "x.mp4"], "store:///nowhere/in.mp4 is not there"),
        (["lost://b/in.mp4", "-o", tmp_path / "x.mp4"], "lost://b/in.mp4 needs lostfs, which is not installed"),
        (["what://b/in.mp4", "-o", tmp_path / "x.mp4"], "what://b/in.mp4 cannot be made out"),
        ([url(tmp_path / "in.mp4"), "-o", tmp_path / "x.mp4"], f"{url(tmp_path / 'in.mp4')} may not be read"),
        ([film, "-o", "store:///proc/no/out.mp4"], "store:///proc/no/out.mp4 could not be written"),
        ([film, "-o", url(tmp_path.parent / "frames")], "pictures are not written there"),
    ):
        assert run(*asked) == 2
        said = capsys.readouterr().err
        assert told in said and said.count("\n") == 1, said
    (tmp_path / "closed").unlink()
    assert run(url(tmp_path / "text.mp4"), "-o", tmp_path / "x.mp4") == 2
    assert f"{url(tmp_path / 'text.mp4')} is no video" in capsys.readouterr().err


def test_what_breaks_off_on_the_way_is_told_of_by_its_url(film, tmp_path, monkeypatch):
    reader = VideoReader(place(url(film)))
    whole = Store._open

    def breaking(self, path, mode="rb", **options):
        file = whole(self, path, mode, **options)
        monkeypatch.setattr(type(file), "read", lambda *_: (_ for _ in ()).throw(OSError("connection reset")), raising=False)
        return file

    monkeypatch.setattr(Store, "_open", breaking)
    with pytest.raises(AnimeInterpError, match="store://.*in.mp4 could not be read .*connection reset"):
        list(reader.frames())


def test_claims_by_url(tmp_path):
    claims, file = Claims(place(url(tmp_path))), tmp_path / "00001.claim"
    assert claims.take("00001") and not claims.take("00001"), "it is this process's now"
    with claims.held("00001"):
        assert not claims.take("00001")
    assert claims.take("00001"), "let go of"
    file.write_text(f"{2**22 + 1} {socket.gethostname()} {time.time()}")
    assert claims.take("00001"), "its process has ended"
    file.write_text(f"1 elsewhere {time.time()}")
    assert not claims.take("00001")
    file.write_text(f"1 elsewhere {time.time() - 1000}")
    assert claims.take("00001"), "no sign of life"


def test_s3(film, smooth, monkeypatch):
    """A server that speaks S3, and the package that users install for it."""
    server = pytest.importorskip("moto.server", reason="pip install 's3fs' 'moto[server]'").ThreadedMotoServer(port=0)
    pytest.importorskip("s3fs", reason="pip install s3fs")
    server.start()
    host, port = server.get_host_and_port()
    for name, value in {"ENDPOINT_URL": f"http://{host}:{port}", "ACCESS_KEY_ID": "x", "SECRET_ACCESS_KEY": "x",
                        "DEFAULT_REGION": "us-east-1"}.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    try:
        store = fsspec.filesystem("s3")
        store.mkdir("films")
        publish(film, place("s3://films/in.mp4"))
        assert run("s3://films/in.mp4", "-o", "s3://films/new/out.mp4", "--resume") == 0
        assert store.cat("films/new/out.mp4") == smooth
        assert sorted(store.find("films")) == ["films/in.mp4", "films/new/out.mp4"]
        claims = Claims(place("s3://films/parts"))
        assert claims.take("join") and not place("s3://films/parts/join.claim").create("")
        with pytest.raises(AnimeInterpError, match="s3://other/out.mp4 could not be written: its bucket"):
            publish(film, place("s3://other/out.mp4"))
    finally:
        server.stop()
