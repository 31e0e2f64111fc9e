"""What the pack's nodes have in common: schemas that every supported ComfyUI takes, and errors that read well in it."""

from __future__ import annotations

import dataclasses
import functools
import inspect
from collections.abc import Callable
from typing import Any

from comfy_api.latest import io

from ..animeinterp.errors import AnimeInterpError
from .types import CATEGORY

# For an input that few touch: newer versions fold it away, older ones do not know the word.
FOLDED = {"advanced": True} if "advanced" in inspect.signature(io.Combo.Input.__init__).parameters else {}


def schema(**fields: Any) -> io.Schema:
    """A schema in the pack's category, without the fields that this ComfyUI does not know: one of them, and it drops the pack."""
    known = {field.name for field in dataclasses.fields(io.Schema)}
    fields = {"category": CATEGORY, **fields}
    return io.Schema(**{name: value for name, value in fields.items() if name in known})


class Node(io.ComfyNode):
    """A node of ours. What is wrong with its input is raised so that the first words a user reads are what to mend."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        execute = cls.__dict__.get("execute")
        # ComfyUI makes a copy of the class for each run: its function is told already.
        if isinstance(execute, classmethod) and not hasattr(execute.__func__, "__wrapped__"):
            cls.execute = classmethod(_in_plain_words(execute.__func__))


def _in_plain_words(execute: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(execute)
    def reported(*arguments: Any, **options: Any) -> Any:
        try:
            return execute(*arguments, **options)
        except AnimeInterpError as error:
            raise Mend(str(error)) from error

    return reported


# ComfyUI shows an exception as its module's path, its name and then its message, and newer versions cut what is long.
# A name of Python's own is shown without a path, so that this one reads "Please check: images holds one image; ...".
Mend = type("Please check", (Exception,), {"__module__": "builtins", "__doc__": "Something that the user can mend."})
