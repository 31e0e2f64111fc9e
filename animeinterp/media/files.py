"""Nothing overwritten unasked, nothing half-written under a name: what all writers share."""

from __future__ import annotations

import os
from pathlib import Path

from ..errors import AnimeInterpError


def part_name(path: Path, suffix: str = "") -> Path:
    """The hidden name, in the same folder, under which ``path`` is while it is being written."""
    return path.with_name(f".{path.stem or path.name}.{os.getpid()}.part{suffix}")


def check_free(path: Path, kept: Path | None = None) -> None:
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
