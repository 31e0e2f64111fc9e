"""Nothing overwritten unasked, nothing half-written under a name: what all writers share."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from pathlib import Path

from ..errors import AnimeInterpError
from ..storage import URL


def part_name(path: Path | URL, suffix: str = "") -> Path:
    """The hidden name, in the same folder, under which ``path`` is while it is being written; of a URL, among temporary files."""
    folder = Path(tempfile.gettempdir()) if isinstance(path, URL) else path.parent
    return folder / f".{path.stem or path.name}.{os.getpid()}.part{suffix}"


def put_in_place(part: Path, path: Path | URL) -> None:
    """Bring what was written as ``part`` (``part_name``) under its name. What cannot be uploaded is kept, and the error tells."""
    if isinstance(path, Path):
        os.replace(part, path)
        return
    try:
        path.upload(part)
    except AnimeInterpError as error:
        kept = part.with_name(part.name.lstrip("."))  # no longer one that the next run takes away
        os.replace(part, kept)
        raise AnimeInterpError(f"{error} What was made is kept as {kept}; copy it by hand.") from error
    part.unlink()


def remove_abandoned(path: Path | URL, folder: Path | URL) -> None:
    """Take away what killed runs left hidden in ``folder`` on their way to ``path``; what a living one works on stays, and so
    does a folder that was there before (``.old``) while nothing took its place."""
    folder = Path(tempfile.gettempdir()) if isinstance(folder, URL) else folder
    if os.name != "posix" or not folder.is_dir():  # elsewhere, a process cannot be asked whether it lives
        return
    ours = re.compile(rf"\.({re.escape(path.stem)}|{re.escape(path.name)})\.(\d+)\.(old|part({re.escape(path.suffix)})?)")
    for entry in folder.iterdir():
        found = ours.fullmatch(entry.name)
        if found is None or _lives(int(found[2])):
            continue
        if found[3] == "old" and not (found[1] == path.name and path.exists()):
            continue
        if entry.is_dir():
            shutil.rmtree(entry, ignore_errors=True)
        else:
            entry.unlink(missing_ok=True)


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        pass
    return True


def check_free(path: Path | URL, kept: Path | None = None) -> None:
    """AnimeInterpError where there is a file, or a folder with anything in it; ``kept`` is what stays of the work."""
    taken = path.exists()
    if taken and path.is_dir():
        taken = any(entry != kept for entry in path.iterdir())
    if taken:
        stays = "" if kept is None else f" What was made is kept as {kept}."
        raise AnimeInterpError(
            f"{path} is there already, and nothing is overwritten unasked. Choose another name, or ask for it "
            f"(overwrite).{stays}"
        )
