"""Looked at before anything else is imported, so that what lacks is told in words that help.

Raises ImportError where there is no OpenCV, of any build: none is required by name, since they overwrite each other.
"""

import importlib.util

if importlib.util.find_spec("cv2") is None:
    raise ImportError(
        "AnimeInterp needs OpenCV, of any build, and there is none. In ComfyUI: run install.py of this pack with ComfyUI's "
        "Python. Elsewhere: pip install opencv-python-headless."
    )
