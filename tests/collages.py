"""A small archive of drawings for tests: discs and bars with alpha, some of which move by themselves."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import cv2
import numpy as np

SIDE = 64


def write_archive(path: Path, *, moving: bool = True) -> Path:
    """Three still drawings, a clip of five moments if ``moving``, and a backdrop."""
    rng = np.random.default_rng(0)
    index = {"still": {"frames": 1, "size": SIDE, "licence": "MIT", "credit": "us"},
             "scene": {"frames": 1, "size": SIDE, "licence": "MIT", "credit": "us"}}
    with zipfile.ZipFile(path, "w") as archive:
        for k in range(3):
            archive.writestr(f"still/{k}.webp", _encoded(_disc(rng, (32, 32))))
        if moving:
            index["moving"] = {"frames": 5, "size": SIDE, "licence": "MIT", "credit": "us"}
            seed = rng.integers(1000)
            strip = [_disc(np.random.default_rng(seed), (20 + 5 * k, 32)) for k in range(5)]
            archive.writestr("moving/0.webp", _encoded(np.hstack(strip)))
        scene = cv2.resize(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8), (SIDE, SIDE))
        archive.writestr("scene/0.webp", _encoded(scene))
        archive.writestr("index.json", json.dumps(index))
    return path


def _disc(rng: np.random.Generator, centre: tuple[int, int]) -> np.ndarray:
    picture = np.zeros((SIDE, SIDE, 4), np.uint8)
    colours = rng.integers(30, 255, (3, 3)).tolist()
    cv2.circle(picture, centre, 18, (*colours[0], 255), -1, cv2.LINE_AA)
    cv2.circle(picture, centre, 9, (*colours[1], 255), -1, cv2.LINE_AA)
    cv2.line(picture, (centre[0] - 8, centre[1]), (centre[0] + 8, centre[1] + 5), (*colours[2], 255), 3, cv2.LINE_AA)
    return picture


def _encoded(picture: np.ndarray) -> bytes:
    return cv2.imencode(".webp", picture, [cv2.IMWRITE_WEBP_QUALITY, 101])[1].tobytes()
