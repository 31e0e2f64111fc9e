"""Where files are: on a disk of this machine, or by URL wherever fsspec reaches (s3://, gs://, abfs://, sftp://, https://, ...).

``place`` makes a Path of a path, and of a URL what has those of Path's methods that are needed here, so that readers and writers
are the same for both. ``publish`` puts a file under its name at once, wherever that is.

A URL may be a chain, as fsspec's are: ``simplecache::s3://bucket/film.mp4`` is read from a copy on this machine's own disk.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import BinaryIO
from urllib.request import url2pathname

from .url import FORM, URL, hidden_name

__all__ = ["URL", "at_hand", "files_in", "for_ffmpeg", "names_in", "opened", "place", "publish", "size_of", "write_whole"]


def place(path: str | os.PathLike[str] | URL) -> Path | URL:
    """A URL of what looks like one; else, and of file://, a Path. Nothing is looked up."""
    if isinstance(path, URL):
        return path
    found = FORM.fullmatch(os.fspath(path)) if isinstance(path, str) else None
    if found is None:
        return Path(path)
    if found["head"].lower() in ("file://", "local://"):
        return Path(url2pathname(found["way"].removeprefix("localhost")))
    return URL(path)


def opened(path: Path | URL | str | os.PathLike[str]) -> BinaryIO:
    """A file to read bytes from."""
    return path.open() if isinstance(path, URL) else open(path, "rb")


def for_ffmpeg(path: Path | URL | str | os.PathLike[str]) -> str | BinaryIO:
    """What PyAV opens: a path, or a file that is read."""
    return path.open() if isinstance(path, URL) else str(path)


def size_of(path: Path | URL | str | os.PathLike[str]) -> int:
    """Bytes."""
    return path.size() if isinstance(path, URL) else os.path.getsize(path)


def at_hand(path: Path | URL) -> Path | URL:
    """The same, but that what a URL names is fetched, once, to be looked at several times: for what is small."""
    return replace(path, content=path.read_bytes()) if isinstance(path, URL) and path.content is None else path


def files_in(folder: Path | URL) -> list[Path | URL]:
    """The files right in a folder, in no order."""
    if isinstance(folder, URL):
        return [folder / name for name, is_file in folder.listed() if is_file]
    return [path for path in folder.iterdir() if path.is_file()]


def names_in(folder: Path | URL) -> set[str]:
    """The names of what is right in a folder; none where there is none."""
    if isinstance(folder, URL):
        return {name for name, _ in folder.listed()}
    try:
        return set(os.listdir(folder))
    except FileNotFoundError:
        return set()


def publish(local: Path, target: Path | URL) -> None:
    """Copy a file to where others see it: it is there, under its name, when it is whole."""
    if isinstance(target, URL):
        target.upload(local)
        return
    hidden = target.with_name(hidden_name(target.name))
    try:
        with open(local, "rb") as source, open(hidden, "wb") as copy:
            shutil.copyfileobj(source, copy, 1 << 20)
            copy.flush()
            os.fsync(copy.fileno())
        os.replace(hidden, target)
    finally:
        hidden.unlink(missing_ok=True)


def write_whole(target: Path | URL, content: str) -> None:
    """Write a small file, as ``publish`` does."""
    if isinstance(target, Path):
        target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="animeinterp") as folder:
        local = Path(folder) / "content"
        local.write_text(content, encoding="utf-8")
        publish(local, target)
