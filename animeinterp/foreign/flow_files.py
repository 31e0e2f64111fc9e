"""Flow in the files that the field uses: Middlebury's .flo, NumPy's .npy and .npz, KITTI's 16-bit .png.

- ``.flo``: one field, float32, vectors of 1e9 and more being unknown. Baker et al., "A Database and Evaluation
  Methodology for Optical Flow" (IJCV 2011).
- ``.png``: one field in steps of 1/64 px up to 512 px, and which pixels are known. Menze and Geiger, "Object Scene Flow for
  Autonomous Vehicles" (CVPR 2015).
- ``.npy``: one or more fields, (P, 2, H, W) float32; other orders of the axes are read as well.
- ``.npz``: all that a ``Flow`` holds of pixels, both directions of all pairs; of other programs', its first array.

Numbers in .flo, .npy and .npz come back as they were; in .png, to 1/128 px.
"""

from __future__ import annotations

import re
import struct
import zipfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from ..errors import AnimeInterpError
from ..flow import FIELDS, Flow
from .fields import reverse_flow

FORMATS = ("npz", "npy", "flo", "png")
_MAGIC = 202021.25
_UNKNOWN = 1e9
_PNG_STEP, _PNG_ZERO = 64.0, 2**15
_FORWARD, _BACKWARD = ("01", "forward", "fw", "fwd"), ("10", "backward", "bw", "bwd")
_DIRECTION = re.compile(rf"(?P<rest>.*?)(?P<between>[._-]?)(?P<way>{'|'.join(_FORWARD + _BACKWARD)})", re.IGNORECASE)
_NUMBERED = re.compile(r"(?P<name>.*?)(?P<number>\d+)(?P<after>\D*)")


@dataclass
class FlowFile:
    """What a file holds. ``flow`` (P, 2, H, W) float32; ``known`` (P, 1, H, W), False where the file says that it does not
    know, or None for everywhere; ``both``: the whole Flow, where a file of ours holds both directions."""

    flow: Tensor
    known: Tensor | None = None
    both: Flow | None = None


def read_flow(path: str | Path) -> FlowFile:
    """The flow in a file, by its suffix. AnimeInterpError where it is missing, torn or holds something else."""
    path = Path(path)
    readers = {".flo": _read_flo, ".npy": _read_npy, ".npz": _read_npz, ".png": _read_png}
    if path.suffix.lower() not in readers:
        raise AnimeInterpError(f"{path.name} should be a flow file: .flo, .npy, .npz or KITTI's 16-bit .png.")
    if not path.is_file():
        raise AnimeInterpError(f"{path} is not there; it should be a flow file. Check the name.")
    try:
        found = readers[path.suffix.lower()](path)
    except (OSError, ValueError, EOFError, KeyError, struct.error, zipfile.BadZipFile) as error:
        raise AnimeInterpError(
            f"{path.name} cannot be read as flow ({error}). It is torn, or of another kind: save it once more."
        ) from error
    if not torch.isfinite(found.flow).all():
        bad = ~torch.isfinite(found.flow).all(1, keepdim=True)
        found.flow = found.flow.masked_fill(bad, 0.0)
        found.known = ~bad if found.known is None else found.known & ~bad
    return found


def write_flow(path: str | Path, flow: Tensor | Flow) -> Path:
    """Write flow into a new file; the suffix tells how.

    ``flow``: (1, 2, H, W) for .flo and .png, (P, 2, H, W) for .npy, a whole Flow for .npz. AnimeInterpError where the file
    is there already, where there are more fields than it holds, or longer motions (.png: 512 px).
    """
    path = Path(path)
    kind = path.suffix.lower()
    if kind == ".npz":
        flow = flow if isinstance(flow, Flow) else Flow(flow, reverse_flow(flow))
        data = {name: _array(getattr(flow, name)) for name in FIELDS if getattr(flow, name) is not None}
        _new(path, lambda file: np.savez_compressed(file, **data))
        return path
    field = flow.flow_01 if isinstance(flow, Flow) else flow
    if kind not in (".flo", ".png", ".npy"):
        raise AnimeInterpError(f"{path.name} should end in .flo, .npy, .npz or .png.")
    if kind != ".npy" and field.shape[0] != 1:
        raise AnimeInterpError(f"{path.name} would have to hold {field.shape[0]} fields; {kind} holds one. Write one file each.")
    if kind == ".npy":
        _new(path, lambda file: np.save(file, _array(field)))
        return path
    plane = _array(field)[0].transpose(1, 2, 0)
    if kind == ".flo":
        head = struct.pack("<fii", _MAGIC, plane.shape[1], plane.shape[0])
        _new(path, lambda file: file.write(head + plane.astype("<f4").tobytes()))
        return path
    levels = np.rint(plane * _PNG_STEP + _PNG_ZERO)
    if levels.size and (levels.min() < 0 or levels.max() > 65535):
        longest = float(np.abs(plane).max())
        raise AnimeInterpError(f"The flow reaches {longest:.0f} px; a KITTI .png holds up to 512. Save it as .flo or .npz.")
    picture = np.concatenate([np.ones_like(levels[..., :1]), levels[..., ::-1]], axis=2).astype(np.uint16)  # B, G, R
    done, data = cv2.imencode(".png", picture)
    if not done:
        raise AnimeInterpError(f"{path.name} cannot be written as a picture.")
    _new(path, lambda file: file.write(data.tobytes()))
    return path


def flow_series(path: str | Path) -> tuple[list[Path], list[Path]]:
    """The files of a clip that ``path`` is one of: forward, and backward where there are any, each by number.

    A name ends in a direction (_01 or _10, _forward or _backward, _fw or _bw) or in none, which is forward; the number
    before it counts the pairs. ``walk_0003_01.flo`` has ``walk_0004_01.flo`` behind it and ``walk_0003_10.flo`` against it.
    """
    path = Path(path)
    stem, way = _split(path.stem)
    numbered = _NUMBERED.fullmatch(stem)
    found: dict[bool, list[tuple[int, Path]]] = {True: [], False: []}
    for other in path.parent.glob(f"*{path.suffix}"):
        other_stem, other_way = _split(other.stem)
        other_number = _NUMBERED.fullmatch(other_stem)
        if numbered and other_number:
            if (other_number["name"], other_number["after"]) != (numbered["name"], numbered["after"]):
                continue
        elif other_stem != stem:
            continue
        # A bare name beside marked ones is a clip of its own.
        if (other_way is None) == (way is None):
            found[other_way is not False].append((int(other_number["number"]) if other_number else 0, other))
    return [file for _, file in sorted(found[True])], [file for _, file in sorted(found[False])]


def _split(stem: str) -> tuple[str, bool | None]:
    """A stem without its direction, and whether that is forward; None for none."""
    found = _DIRECTION.fullmatch(stem)
    if not found or not found["between"]:
        return stem, None
    return found["rest"], found["way"].lower() in _FORWARD


def _array(field: Tensor) -> np.ndarray:
    return field.detach().float().cpu().numpy()


def _new(path: Path, write) -> None:
    """Write a file that was not there; what is half written is taken away again."""
    try:
        file = open(path, "xb")
    except FileExistsError:
        raise AnimeInterpError(f"{path} is there already, and nothing is overwritten. Choose another name.") from None
    try:
        with file:
            write(file)
    except BaseException:
        path.unlink(missing_ok=True)
        raise


def _read_flo(path: Path) -> FlowFile:
    data = path.read_bytes()
    magic, width, height = struct.unpack("<fii", data[:12])
    if magic != _MAGIC or width < 1 or height < 1 or len(data) != 12 + 8 * width * height:
        raise ValueError("not a .flo of its size")
    plane = np.frombuffer(data, "<f4", offset=12).reshape(height, width, 2)
    field = torch.from_numpy(plane.astype(np.float32)).permute(2, 0, 1)[None].contiguous()
    known = (field.abs() < _UNKNOWN).all(1, keepdim=True)
    return FlowFile(field) if bool(known.all()) else FlowFile(field.masked_fill(~known, 0.0), known)


def _read_npy(path: Path) -> FlowFile:
    return FlowFile(_fields(np.load(path, allow_pickle=False)))


def _read_npz(path: Path) -> FlowFile:
    with np.load(path, allow_pickle=False) as held:
        names = set(held.files)
        if not names:
            raise ValueError("it is empty")
        if {"flow_01", "flow_10"} <= names:
            maps = {}
            for name in (name for name in FIELDS if name in names):
                vectors = name.startswith(("flow", "bend", "dense"))
                maps[name] = _fields(held[name]) if vectors else torch.from_numpy(np.array(held[name], np.float32))
            sizes = {tuple(field.shape[-2:]) for field in maps.values()}
            if len(sizes) != 1 or len({field.shape[0] for field in maps.values()}) != 1:
                raise ValueError("its fields are of more than one size")
            return FlowFile(maps["flow_01"], both=Flow(**maps))
        return FlowFile(_fields(held["flow" if "flow" in names else held.files[0]]))


def _read_png(path: Path) -> FlowFile:
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    if pixels is None or pixels.dtype != np.uint16 or pixels.ndim != 3 or pixels.shape[2] != 3:
        raise ValueError("not 16 bits in three channels")
    known = torch.from_numpy(pixels[..., 0] > 0)[None, None]
    plane = (pixels[..., :0:-1].astype(np.float32) - _PNG_ZERO) / _PNG_STEP
    field = torch.from_numpy(plane).permute(2, 0, 1)[None].contiguous()
    return FlowFile(field) if bool(known.all()) else FlowFile(field.masked_fill(~known, 0.0), known)


def _fields(array: np.ndarray) -> Tensor:
    """An array of flow as (P, 2, H, W) float32, whichever axis its two channels are."""
    if array.ndim not in (3, 4) or not np.issubdtype(array.dtype, np.number) or np.iscomplexobj(array):
        raise ValueError(f"it holds {array.dtype} {array.shape}, and should hold (P, 2, H, W) or (P, H, W, 2)")
    array = array[None] if array.ndim == 3 else array
    if array.shape[1] != 2 and array.shape[3] == 2:
        array = array.transpose(0, 3, 1, 2)
    if array.shape[1] != 2 or 0 in array.shape:
        raise ValueError(f"it holds {array.shape}, and should hold (P, 2, H, W) or (P, H, W, 2)")
    return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32))
