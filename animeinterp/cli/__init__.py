"""The command line: ``animeinterp COMMAND ...``, or ``python -m animeinterp COMMAND ...``.

A command is a module here with ``add_arguments(parser)`` and ``run(options) -> int`` (the exit status). It is imported
when it is asked for, so that one command never waits for what another needs. Bad input is an AnimeInterpError and ends
with its message and status 2; Ctrl-C ends with status 130.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from ..errors import AnimeInterpError

# Module in this package, and what it does.
COMMANDS = {
    "interpolate": "Put new frames between pictures or the frames of a video, into a video or a folder.",
    "evaluate": "Measure in-betweens on ATD-12K or on any folder of triplets, beside other methods.",
    "train": "Learn weights: on drawn cartoons, on ATD-12K or other triplets; on a CPU, one GPU or several.",
    "benchmark": "Measure seconds and memory of each stage and end to end, here, on drawn frames.",
}


def main(arguments: list[str] | None = None) -> int:
    """Run a command with ``arguments`` (default: those of the process) and return the exit status."""
    arguments = sys.argv[1:] if arguments is None else arguments
    parser = argparse.ArgumentParser(prog=_called(), description="The frames between two drawings.")
    choice = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    asked = next((word for word in arguments if not word.startswith("-")), None)
    modules = {}
    for name, summary in COMMANDS.items():
        command = choice.add_parser(name, help=summary, description=summary)
        if name == asked:
            modules[name] = importlib.import_module(f".{name}", __package__)
            modules[name].add_arguments(command)
    options = parser.parse_args(arguments)
    try:
        return modules[options.command].run(options)
    except AnimeInterpError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except KeyboardInterrupt:
        sys.stderr.write("\nstopped\n")
        return 130


def _called() -> str:
    """As what this was started: the command, or the module."""
    return "python -m animeinterp" if Path(sys.argv[0]).name == "__main__.py" else "animeinterp"


def say(text: str = "") -> None:
    """A line for the person at the terminal. The library itself never prints; commands do."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
