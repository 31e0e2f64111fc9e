"""What code makes a sample, as a digest: it changes when the code does, and not when a comment or a docstring does."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

_LIBRARY = Path(__file__).resolve().parent.parent


@cache
def code_digest(*rooms: str) -> str:
    """The digest of modules and whole rooms of the library, named by their paths in it: "matching", "dense_flow.py"."""
    digest = hashlib.sha256()
    for path in sorted(_sources(rooms)):
        digest.update(f"{path.relative_to(_LIBRARY).as_posix()}\n".encode())
        digest.update(_meaning(path.read_text(encoding="utf-8")).encode())
    return digest.hexdigest()[:16]


def _sources(rooms: Iterable[str]) -> set[Path]:
    found: set[Path] = set()
    for room in rooms:
        path = _LIBRARY / room
        files = [path] if path.is_file() else list(path.rglob("*.py"))
        if not files:
            raise ValueError(f"{room} is neither a module nor a room of the library")
        found.update(files)
    return found


def _meaning(source: str) -> str:
    """The source without comments, layout and docstrings."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        if documented and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return ast.dump(tree)
