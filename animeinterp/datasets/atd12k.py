"""ATD-12K, as published: triplets of animation films with annotations and pre-computed SGM flows, read lazily.

Siyao et al., "Deep Animation Video Interpolation in the Wild" (CVPR 2021), section 4. Under one root::

    train_10k/NAME/frame{1,2,3}.jpg
    test_2k_540p/NAME/frame{1,2,3}.png          960x540, what the published figures are measured on
    test_2k_original/NAME/frame{1,2,3}.*        the same at the films' own size
    test_2k_annotations/NAME/NAME.json          level, motion_RoI, image_size, general_motion_type, behavior
    test_2k_pre_calc_sgm_flows/NAME/guide_flo{13,31}.npy    (2, H, W), dx then dy, frame 1 to 3 and back

NAME begins with ``Disney_`` or ``Japan_``, the film's origin.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ..errors import AnimeInterpError
from .triplets import Broken, Triplet, TripletFolder

LEVELS = ("easy", "medium", "hard")
MOTION_TYPES = ("translation", "rotation", "scaling", "deformation")
BEHAVIOURS = ("speaking", "walking", "eating", "sporting", "fetching", "others")
ORIGINS = ("Disney", "Japan")

_FOLDERS = {("train", "540p"): "train_10k", ("test", "540p"): "test_2k_540p", ("test", "original"): "test_2k_original"}
_ANNOTATIONS = "test_2k_annotations"
_FLOWS = {"train": "train_10k_pre_calc_sgm_flows", "test": "test_2k_pre_calc_sgm_flows"}
_TEST_SIZE = (960, 540)


@dataclass(frozen=True)
class Annotation:
    """One test triplet's annotation. ``roi`` (x, y, width, height) is in pixels of ``image_size`` (width, height)."""

    level: str
    roi: tuple[float, float, float, float]
    image_size: tuple[int, int]
    motion_types: tuple[str, ...]
    behaviours: tuple[str, ...]

    def roi_at(self, width: int, height: int) -> tuple[int, int, int, int]:
        """The region of interest in pixels of a frame of another size: scaled and floored, as the authors do."""
        scale_x, scale_y = width / self.image_size[0], height / self.image_size[1]
        x, y, w, h = self.roi
        left, top = math.floor(x * scale_x), math.floor(y * scale_y)
        return left, top, min(math.floor(w * scale_x), width - left), min(math.floor(h * scale_y), height - top)


class ATD12K(TripletFolder):
    """The triplets of a split, as a TripletFolder with annotations as tags, the RoI, and SGM flows.

    - ``split``: "test" or "train" (which has no annotations); ``size``: "540p", or "original" for the test split.
    - ``levels`` ("easy", "medium", "hard"), ``motion_types``, ``behaviours``, ``origins`` ("Disney", "Japan"): keep
      only these; None keeps all. A triplet with several motion types or behaviours is kept for any of them.
    - ``flows``: read the SGM flows too, and miss them where they are not there.
    - ``skip_broken``: list what is broken in ``broken`` instead of raising. Broken are: a frame that is missing, cannot
      be read or is not 960x540 (540p test) or the annotation's size (original); an annotation that is missing, no JSON
      or incomplete; a flow that is missing, unreadable or of another size.

    Raises AnimeInterpError for a folder that is not there, an unknown filter, and filters that nothing passes.
    """

    def __init__(
        self, root: str | Path, split: str = "test", *, size: str = "540p", levels: Collection[str] | None = None,
        motion_types: Collection[str] | None = None, behaviours: Collection[str] | None = None,
        origins: Collection[str] | None = None, flows: bool = False, skip_broken: bool = False,
    ):
        if (split, size) not in _FOLDERS:
            raise AnimeInterpError(
                f"split {split!r} at size {size!r} is not in ATD-12K; it should be test at 540p or original, or train."
            )
        self.base, self.split, self.size, self.flows = Path(root), split, size, flows
        wanted = {"level": (levels, LEVELS), "motion type": (motion_types, MOTION_TYPES),
                  "behaviour": (behaviours, BEHAVIOURS), "origin": (origins, ORIGINS)}
        self._filters = {key: _known(key, kept, known) for key, (kept, known) in wanted.items() if kept is not None}
        annotated = sorted(set(self._filters) - {"origin"})
        if split == "train" and annotated:
            raise AnimeInterpError(f"The train split has no annotations, so it cannot be filtered by {annotated[0]}.")
        folder = self.base / _FOLDERS[split, size]
        if not folder.is_dir():
            raise AnimeInterpError(
                f"{folder} is not there; {self.base} should be ATD-12K as published, with "
                f"{', '.join(_FOLDERS.values())}. Check the path, or unpack the set there."
            )
        super().__init__(folder, skip_broken=skip_broken)
        everything = len(self.names)
        self.names = [name for name in self.names if self._passes(name)]
        if not self.names and not self._broken:
            asked = ", ".join(f"{key} {' or '.join(sorted(kept))}" for key, kept in self._filters.items())
            raise AnimeInterpError(f"None of the {everything} triplets in {folder} is of {asked}. Ask for less.")

    def annotation(self, name: str) -> Annotation:
        """The annotation of a test triplet. Raises AnimeInterpError where it is missing or broken, naming the file."""
        return read_annotation(self.base / _ANNOTATIONS / name / f"{name}.json")

    def read(self, name: str) -> Triplet:
        """The triplet ``name``, checked. Raises AnimeInterpError where it is broken, whatever ``skip_broken`` says."""
        frames = self._frames(self.root / name)
        width, height = frames[0].shape[-1], frames[0].shape[-2]
        tags = {"origin": (_origin(name),)} if _origin(name) else {}
        roi = None
        if self.split == "test":
            annotation = self.annotation(name)
            expected = _TEST_SIZE if self.size == "540p" else annotation.image_size
            if (width, height) != expected:
                raise AnimeInterpError(
                    f"{self.root / name}: the frames are {width}x{height}; they should be {expected[0]}x{expected[1]}. "
                    "Unpack the triplet again."
                )
            roi = annotation.roi_at(width, height)
            tags |= _tags(annotation)
        flows = (None, None)
        if self.flows:
            folder = self.base / _FLOWS[self.split] / name
            flows = tuple(read_flow(folder / f"guide_flo{way}.npy", (height, width)) for way in ("13", "31"))
        return Triplet(name, *frames, tags=tags, roi=roi, flow_01=flows[0], flow_10=flows[1])

    def _passes(self, name: str) -> bool:
        """Whether the filters keep ``name``. What cannot be told for a broken annotation is broken, not left out."""
        if not self._filters:
            return True
        if "origin" in self._filters and _origin(name) not in self._filters["origin"]:
            return False
        others = {key: values for key, values in self._filters.items() if key != "origin"}
        if not others:
            return True
        try:
            tags = _tags(self.annotation(name))
        except AnimeInterpError as error:
            if not self.skip_broken:
                raise
            self._broken[name] = Broken(name, str(error))
            return False
        return all(set(tags[key]) & values for key, values in others.items())


def is_atd12k(root: str | Path) -> bool:
    """Whether ``root`` looks like ATD-12K: one of its folders of frames is in it."""
    return any((Path(root) / folder).is_dir() for folder in _FOLDERS.values())


def read_annotation(path: Path) -> Annotation:
    """An annotation file. Raises AnimeInterpError where it is missing, no JSON, or lacks something, naming the file."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise AnimeInterpError(f"{path} is not there; a test triplet has an annotation. Copy it again.") from None
    except (OSError, ValueError) as error:
        raise AnimeInterpError(f"{path} is no JSON that can be read ({error}). Copy it again.") from None
    try:
        region, size = content["motion_RoI"], content["image_size"]
        roi = tuple(float(region[key]) for key in ("x", "y", "width", "height"))
        image_size = (int(size[0]), int(size[1]))
        level = LEVELS[int(content["level"])] if int(content["level"]) >= 0 else ""
        motion_types = _words(content["general_motion_type"])
        behaviours = _words(content["behavior"])
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise AnimeInterpError(
            f"{path} is not as published ({type(error).__name__}: {error}); it should have level (0-2), motion_RoI "
            "{x, y, width, height}, image_size [width, height], general_motion_type and behavior. Copy it again."
        ) from None
    inside = min(roi[:2]) >= 0 and min(roi[2:]) > 0 and roi[0] < image_size[0] and roi[1] < image_size[1]
    if not (level and inside and all(map(math.isfinite, roi))):
        raise AnimeInterpError(
            f"{path} says level {content['level']}, image_size {list(image_size)} and motion_RoI {region}; the level "
            "should be 0-2 and the region inside the image. Copy it again."
        )
    return Annotation(level, roi, image_size, motion_types, behaviours)


def read_flow(path: Path, size: tuple[int, int]) -> Tensor:
    """A pre-computed flow as (1, 2, H, W) float32.

    Raises AnimeInterpError, naming the file, unless it is a .npy of finite floats, (2, H, W) with ``size`` (H, W).
    """
    try:
        with path.open("rb") as file:
            array = np.lib.format.read_array(file, allow_pickle=False)
    except FileNotFoundError:
        raise AnimeInterpError(f"{path} is not there; copy the SGM flows again, or compute them.") from None
    except (OSError, ValueError, EOFError) as error:
        raise AnimeInterpError(f"{path} is no array that can be read ({error}). Copy it again.") from None
    if array.shape != (2, *size) or array.dtype.kind != "f":
        raise AnimeInterpError(
            f"{path} holds {array.dtype} {array.shape}; it should be floats {(2, *size)}, dx then dy. Copy it again."
        )
    if not np.isfinite(array).all():
        raise AnimeInterpError(f"{path} holds numbers that are not finite. Copy it again.")
    return torch.from_numpy(array.astype(np.float32))[None]


def _known(key: str, values: Collection[str], known: tuple[str, ...]) -> set[str]:
    values = {values} if isinstance(values, str) else set(values)
    unknown = sorted(values - set(known))
    if unknown:
        raise AnimeInterpError(f"The {key} {unknown[0]!r} is not in ATD-12K; it should be one of {', '.join(known)}.")
    return values


def _words(value: object) -> tuple[str, ...]:
    """A word, several in a list, or several with commas, in lower case."""
    words = value.split(",") if isinstance(value, str) else list(value)
    cleaned = tuple(word.strip().lower() for word in words if word.strip())
    if not cleaned:
        raise ValueError("no word")
    return cleaned


def _tags(annotation: Annotation) -> dict[str, tuple[str, ...]]:
    return {"level": (annotation.level,), "motion type": annotation.motion_types, "behaviour": annotation.behaviours}


def _origin(name: str) -> str:
    return next((origin for origin in ORIGINS if name.startswith(f"{origin}_")), "")
