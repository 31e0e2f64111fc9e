"""Installs what requirements.txt cannot ask for: an OpenCV, where there is none. ComfyUI-Manager runs this by itself.

    python install.py

OpenCV has four builds on PyPI (opencv-python, -headless, -contrib, -contrib-headless) that all write the same files: to require
one of them by name would overwrite another that is there, and take ``cv2.ximgproc`` and the like from other nodes. So whatever
build can be imported is left as it is, and the headless one, which needs no system libraries, is installed where none can.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys

BUILD = "opencv-python-headless"


def main() -> int:
    """Install an OpenCV where there is none. The exit status of pip."""
    if importlib.util.find_spec("cv2") is not None:
        print("AnimeInterp: an OpenCV is here and stays as it is.")
        return 0
    print(f"AnimeInterp: there is no OpenCV here; installing {BUILD}.")
    return subprocess.call([sys.executable, "-m", "pip", "install", BUILD])


if __name__ == "__main__":
    sys.exit(main())
