"""What a torch pickle claims to hold, before anything is allocated for it: nothing in it is imported, called or believed."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

from .errors import AnimeInterpError

_HEADERS = 4  # pickles of the format before zip files: magic number, version, system, contents


class _Nothing:
    """Whatever a pickle names: takes everything, does nothing."""

    def __new__(cls, *_args: Any, **_kwargs: Any) -> _Nothing:
        return super().__new__(cls)

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        pass

    def __setstate__(self, _state: Any) -> None:
        pass

    def __setitem__(self, _key: Any, _value: Any) -> None:
        pass

    def append(self, _value: Any) -> None:
        pass

    extend = add = append


class _Reader(pickle._Unpickler):
    """Counts the elements of the storages that a pickle asks for.

    It is Python's own reader in Python: that in C makes room for as many remembered objects as a number in the file says, and for
    arrays of bytes before they are read, so that one wrong bit takes gigabytes.
    """

    dispatch = {code: read for code, read in pickle._Unpickler.dispatch.items() if code != pickle.BYTEARRAY8[0]}

    def __init__(self, file: io.BytesIO) -> None:
        super().__init__(file)
        self.storages: dict[Any, int] = {}  # by their keys: several tensors may be views of one

    @property
    def elements(self) -> int:
        return sum(self.storages.values())

    def find_class(self, _module: str, _name: str) -> type:
        return _Nothing

    def persistent_load(self, pid: Any) -> _Nothing:
        if isinstance(pid, tuple) and len(pid) >= 5 and isinstance(pid[4], int):
            self.storages[str(pid[2])] = max(pid[4], 0)
        return _Nothing()


def check_claims(path: str | os.PathLike[str]) -> None:
    """AnimeInterpError where a torch checkpoint claims more than the file has room for; a file that is none passes."""
    path = Path(path)
    size = path.stat().st_size
    claimed = _claimed(path)
    if claimed > size:  # an element has a byte or more
        raise AnimeInterpError(
            f"The file claims to hold {claimed} numbers and has {size} bytes; it is cut off or damaged. Download it again."
        )


def _claimed(path: Path) -> int:
    try:
        if not zipfile.is_zipfile(path):
            return _elements(io.BytesIO(path.read_bytes()), _HEADERS)
        with zipfile.ZipFile(path) as archive:
            unpacked = sum(entry.file_size for entry in archive.infolist())
            if unpacked > path.stat().st_size:
                return unpacked
            contents = [entry for entry in archive.infolist() if entry.filename.endswith("data.pkl")]
            return max((_elements(io.BytesIO(archive.read(entry)), 1) for entry in contents), default=0)
    except Exception:  # what cannot be read is told of by what reads it
        return 0


def _elements(file: io.BytesIO, pickles: int) -> int:
    """The elements that the first pickles in a file ask for, as far as they can be read."""
    elements = 0
    for _ in range(pickles):
        reader = _Reader(file)
        try:
            reader.load()
        except Exception:
            return elements + reader.elements
        elements += reader.elements
    return elements
