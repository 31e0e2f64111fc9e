"""A file, or a folder, by its URL, with those methods of Path's that are needed here; all that knows of fsspec."""

from __future__ import annotations

import io
import os
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import AnimeInterpError

# The protocols up to the first "://", the way, and what stands behind it: the rest of a chain, or a web address's question.
FORM = re.compile(r"(?P<head>(?:[a-z][\w+.-]*::)*(?P<protocol>[a-z][\w+.-]+)://)(?P<way>.*?)(?P<tail>::.*)?", re.I | re.S)
_QUESTION = re.compile(r"[?#].*", re.S)
_PASSWORD = re.compile(r"(://[^/@:]*):[^/@]*@")
# Where what is written appears when it is whole: object stores. Elsewhere it is written under another name, and moved.
_WHOLE = frozenset({"s3", "s3a", "gs", "gcs", "abfs", "abfss", "az", "oss", "oci", "tos", "hf", "memory"})
_BLOCK, _BLOCKS = 1 << 22, 8  # bytes that are read at a time, and how many such are kept: films jump to and fro


@dataclass(frozen=True)
class URL:
    """A file, or a folder, by its URL; as far as that goes, a Path. ``str`` hides passwords and the tokens of web addresses.

    ``content``: of a file that is at hand already. Methods raise AnimeInterpError for what cannot be reached or is not allowed.
    """

    text: str
    content: bytes | None = field(default=None, compare=False, repr=False)

    def __str__(self) -> str:
        head, way, _ = self._parts()
        chain = FORM.fullmatch(self.text)["tail"] or ""
        return _PASSWORD.sub(r"\1:***@", head + way + chain)

    @property
    def protocol(self) -> str:
        """Of the first that names a way, such as s3."""
        return FORM.fullmatch(self.text)["protocol"].lower()

    @property
    def name(self) -> str:
        """The last part, without a question."""
        return self._parts()[1].rstrip("/").rpartition("/")[2]

    @property
    def stem(self) -> str:
        """The name without its ending."""
        return Path(self.name).stem

    @property
    def suffix(self) -> str:
        """The ending of the name, with its dot."""
        return Path(self.name).suffix

    @property
    def parent(self) -> URL:
        """The folder that it is in."""
        head, way, tail = self._parts()
        return URL(head + way.rstrip("/").rpartition("/")[0] + tail)

    @property
    def parents(self) -> tuple[URL, ...]:
        """None: folders need not be made."""
        return ()

    def with_name(self, name: str) -> URL:
        """Another file in the same folder."""
        return self.parent / name

    def __truediv__(self, name: str) -> URL:
        head, way, tail = self._parts()
        return URL(f"{head}{way.rstrip('/')}/{name}{tail}")

    def absolute(self) -> URL:
        """As it is: nothing is relative."""
        return self

    def resolve(self) -> URL:
        """As it is: nothing leads elsewhere."""
        return self

    def exists(self) -> bool:
        """Whether there is a file or a folder."""
        return self.content is not None or self._info() is not None

    def is_file(self) -> bool:
        """Whether there is a file."""
        return self.content is not None or (self._info() or {}).get("type") == "file"

    def is_dir(self) -> bool:
        """Whether there is a folder: an object store has those with something in them."""
        return self.content is None and (self._info() or {}).get("type") == "directory"

    def iterdir(self) -> Iterator[URL]:
        """What is in a folder."""
        return (self / name for name, _ in self.listed())

    def listed(self) -> list[tuple[str, bool]]:
        """The names of what is in a folder, and whether each is a file; none where there is no folder."""
        with self._reached("read") as (files, way):
            files.invalidate_cache()
            found = []
            with suppress(FileNotFoundError):
                found = files.ls(way, detail=True)
            inside = [entry for entry in found if entry["name"].strip("/") != way.strip("/")]  # stores may list it, too
            return [(entry["name"].rstrip("/").rpartition("/")[2], entry["type"] == "file") for entry in inside]

    def size(self) -> int:
        """Bytes; 0 where it is not told."""
        return len(self.content) if self.content is not None else (self._info() or {}).get("size") or 0

    def open(self) -> BinaryIO:
        """To read bytes from, anywhere in it."""
        if self.content is not None:
            return io.BytesIO(self.content)
        return _Reading(self)

    def read_bytes(self) -> bytes:
        """All of it."""
        if self.content is not None:
            return self.content
        with self._reached("read") as (files, way):
            return files.cat_file(way)

    def read_text(self) -> str:
        """All of it, as text."""
        return self.read_bytes().decode("utf-8")

    def create(self, content: str) -> bool:
        """Write a small file that is not there; False where it is."""
        with self._reached("written") as (files, way):
            try:
                files.pipe_file(way, content.encode("utf-8"), mode="create")
            except FileExistsError:
                return False
        return True

    def write_bytes(self, content: bytes) -> None:
        """Write a small file, or write it anew."""
        with self._reached("written") as (files, way):
            files.pipe_file(way, content)

    def check_writable(self) -> None:
        """AnimeInterpError where nothing can be written in its folder: known at once, not after hours."""
        with self._reached("written") as (files, way):
            trial = _beside(way)
            files.pipe_file(trial, b"trial")
            files.rm_file(trial)

    def upload(self, local: Path) -> None:
        """Make it of a file of this machine: it is there when it is whole."""
        with self._reached("written") as (files, way):
            if self.protocol in _WHOLE:
                files.put_file(str(local), way)
            else:
                hidden = _beside(way)
                try:
                    files.put_file(str(local), hidden)
                    files.mv(hidden, way)
                except BaseException:
                    with suppress(Exception):
                        files.rm_file(hidden)
                    raise
            files.invalidate_cache()

    def unlink(self, missing_ok: bool = False) -> None:
        """Take the file away."""
        with self._reached("removed") as (files, way), suppress(*([FileNotFoundError] if missing_ok else [])):
            files.rm_file(way)

    def remove_folder(self) -> None:
        """With all that is in it, if it is there."""
        with self._reached("removed") as (files, way), suppress(FileNotFoundError):
            files.invalidate_cache()
            files.rm(way, recursive=True)

    def _parts(self) -> tuple[str, str, str]:
        """What comes before the way, the way, and what comes after it."""
        found = FORM.fullmatch(self.text)
        way, tail = found["way"], found["tail"] or ""
        if found["protocol"].lower() in ("http", "https") and (question := _QUESTION.search(way)):
            return found["head"], way[: question.start()], question[0] + tail
        return found["head"], way, tail

    def _info(self) -> dict[str, Any] | None:
        with self._reached("read") as (files, way), suppress(FileNotFoundError):
            files.invalidate_cache()  # others write there, too
            return files.info(way)
        return None

    @contextmanager
    def _reached(self, what: str) -> Iterator[tuple[Any, str]]:
        """The filesystem and the way in it; whatever goes wrong with it is told as of this URL, which was to be ``what``."""
        try:
            yield self._filesystem()
        except AnimeInterpError:
            raise
        except FileNotFoundError as error:
            wrong = "is not there" if what == "read" else f"could not be {what}: its bucket or folder is not there"
            raise AnimeInterpError(f"{self} {wrong}. Check the name.") from error
        except PermissionError as error:
            raise AnimeInterpError(f"{self} may not be {what} with the rights that this machine has ({_line(error)}). See to "
                                   "them and to the credentials.") from error
        except Exception as error:  # each filesystem has errors of its own
            raise AnimeInterpError(f"{self} could not be {what} ({type(error).__name__}: {_line(error)}). See to its name, the "
                                   "network and the credentials.") from error

    def _filesystem(self) -> tuple[Any, str]:
        try:
            from fsspec.core import url_to_fs
        except ImportError:
            raise AnimeInterpError(f"{self} is a URL, for which fsspec is needed: pip install fsspec.") from None
        try:
            return url_to_fs(self.text)
        except ImportError as error:
            package = getattr(error.__cause__ or error, "name", None) or "its package"
            raise AnimeInterpError(f"{self} needs {package.partition('.')[0]}, which is not installed ({_line(error)}). "
                                   "Install it on every machine that works on this.") from None
        except ValueError as error:
            raise AnimeInterpError(f"{self} cannot be made out ({_line(error)}); it should be such as s3://BUCKET/NAME, "
                                   "gs://BUCKET/NAME or https://HOST/NAME.") from None


class _Reading(io.RawIOBase):
    """A file that is read by URL, some blocks at a time; errors name the URL."""

    def __init__(self, url: URL) -> None:
        self._url = url
        with url._reached("read") as (files, way):
            files.invalidate_cache()
            self._file = files.open(way, "rb", block_size=_BLOCK, cache_type="blockcache", cache_options={"maxblocks": _BLOCKS})

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        with self._url._reached("read"):
            return self._file.read(size)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        with self._url._reached("read"):
            return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def close(self) -> None:
        if not self.closed:
            self._file.close()
        super().close()


def hidden_name(name: str) -> str:
    """Under which a file is while it is written: nobody else's."""
    return f".{name}.{socket.gethostname()}.{os.getpid()}.part"


def _beside(way: str) -> str:
    folder, slash, name = way.rpartition("/")
    return f"{folder}{slash}{hidden_name(name)}"


def _line(error: BaseException) -> str:
    return next(iter(str(error).splitlines()), "") or type(error).__name__
