"""For the tests that read damaged files: how bytes are damaged, and what reading them may take."""

import resource
import time
from contextlib import contextmanager

from hypothesis import strategies as st

SECONDS, MEGABYTES = 20, 700  # that one file may take: what a whole small one takes, and generously
_NUMBERS = [b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\xff\xff", b"\xff\xff\0\0"]


class Short(dict):
    """A dict that a failing example shows in one word, where it would show the bytes of whole files."""

    def __repr__(self):
        return "..."


@st.composite
def damaged(draw, whole):
    """The bytes of a file with some changed, missing or in excess; most of them near the start, where the headers are."""
    data = bytearray(whole)
    for _ in range(draw(st.integers(0, 4))):
        how = draw(st.sampled_from(["bit", "byte", "cut", "insert", "zero", "number", "repeat"]))
        at = draw(st.one_of(st.integers(0, min(200, len(data))), st.integers(0, len(data))))
        if how == "bit" and at < len(data):
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "byte" and at < len(data):
            data[at] = draw(st.integers(0, 255))
        elif how == "cut":
            del data[at:]
        elif how == "insert":
            data[at:at] = draw(st.binary(max_size=20))
        elif how == "zero":
            length = draw(st.sampled_from([8, 40]))
            data[at : at + length] = bytes(len(data[at : at + length]))
        elif how == "number":
            data[at : at + 4] = draw(st.sampled_from(_NUMBERS))
        elif how == "repeat":
            data[at:at] = data[at : at + draw(st.integers(0, 300))]
    return bytes(data)


@contextmanager
def bounded():
    """What is done within takes neither long nor much memory, or the test fails."""
    begun, before = time.monotonic(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield
    assert time.monotonic() - begun < SECONDS
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024 < MEGABYTES
