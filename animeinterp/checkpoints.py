"""Reading and writing files of named tensors, from anyone: safetensors and torch's pickles.

Nothing is unpickled beyond tensors and plain data: torch's own tensors-only reading does it, and what it refuses stays
unread.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pickle
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import safetensors
import safetensors.torch
import torch
from torch import Tensor

from .claims import check_claims
from .errors import AnimeInterpError

_log = logging.getLogger(__name__)

_WRAPPERS = ("model_state_dict", "state_dict", "model")  # keys that checkpoints keep their weights under

# Plain data that training loops leave in checkpoints beside the weights. Read as nothing at all: an inert object.
_IGNORED_TYPES = (
    "datetime.datetime",
    "datetime.date",
    "datetime.timedelta",
    "argparse.Namespace",
    "easydict.EasyDict",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "numpy.ndarray",
    "numpy.dtype",
)


def read_state_dict(path: str | os.PathLike) -> tuple[dict[str, Tensor], dict[str, str]]:
    """The named tensors in a .safetensors file or a torch pickle, on the CPU, and the metadata of the former.

    Raises:
        AnimeInterpError: no such file; truncated; not a weight file; one that claims more than it holds; a pickle that asks
            for more than tensors; or weights that are no finite numbers.
    """
    if not isinstance(path, str | os.PathLike):
        raise AnimeInterpError(f"The weight file is a {type(path).__name__}; it should be a path. Check what is handed in.")
    path = Path(path)
    if not path.is_file():
        raise AnimeInterpError(f"There is no weight file {str(path)[:200]!r}. Check the path.")
    with open(path, "rb") as file:
        start = file.read(9)
    # By content too: a safetensors file begins with the length of its header, in 8 bytes, and the header with a brace.
    if path.suffix == ".safetensors" or start[8:] == b"{":
        tensors, metadata = _read_safetensors(path)
    else:
        with naming(path):
            check_claims(path)
            tensors, metadata = unwrap(_read_pickle(path)), {}
    with naming(path):
        _check_tensors(tensors, path.stat().st_size)
    return tensors, metadata


def _check_tensors(tensors: Mapping[str, Tensor], size: int) -> None:
    """AnimeInterpError unless they are plain, no larger than their file and finite."""
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.is_quantized or tensor.is_complex() or tensor.device.type != "cpu":
            raise AnimeInterpError(f"{name} is no plain tensor of real numbers; all weights should be. Choose another file.")
        if tensor.numel() * tensor.element_size() > size:
            raise AnimeInterpError(
                f"{name} claims {tensor.numel() * tensor.element_size()} bytes, and the file has {size}. Download it again."
            )
        if tensor.is_floating_point() and not bool(torch.isfinite(tensor.to(torch.float32)).all()):
            raise AnimeInterpError(
                f"{name} holds weights that are no finite numbers (NaN or infinite): a training that went astray, or a damaged "
                "file. Take an earlier one, or download it again."
            )


def _read_safetensors(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    size = path.stat().st_size
    with open(path, "rb") as file:
        header = int.from_bytes(file.read(8), "little")
    if header > size - 8:
        raise AnimeInterpError(
            f"{path} is no whole safetensors file: its header claims {header} bytes, and the file has {size}. Download it again."
        )
    try:
        with safetensors.safe_open(path, framework="pt", device="cpu") as file:
            return {key: file.get_tensor(key) for key in file.keys()}, dict(file.metadata() or {})
    except Exception as error:  # the library's own, and what torch makes of a header that is none
        raise AnimeInterpError(
            f"{path} is no whole safetensors file ({error}); the download may have broken off. Download it again."
        ) from error


def _read_pickle(path: Path) -> Any:
    """What a torch pickle holds, in torch's own tensors-only reading."""
    try:
        with _inert_types():
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a dozen types here, from EOFError to RuntimeError
        # torch's own messages recommend to read the file unsafely, so little of them is repeated.
        message = str(error)
        refused = re.search(r"(?:GLOBAL|class|function) ([\w.]+)", message)
        if isinstance(error, pickle.UnpicklingError) and refused:
            raise AnimeInterpError(
                f"The file asks for {refused[1]}, which is no tensor and may run code; it was refused. If you trust "
                "where it comes from, save its model_state_dict alone with torch.save and load that; if not, delete it."
            ) from error
        detail = re.search(r"WeightsUnpickler error:\s*([^\n]+)", message)
        reason = detail[1] if detail else message.split("\n")[0][:200] or type(error).__name__
        raise AnimeInterpError(
            f"This cannot be read as a torch checkpoint ({reason}); it may be cut off, or a web page saved in its "
            "place. Download it again."
        ) from error


class _Inert:
    """Stands for plain data that is not read: takes anything, keeps nothing."""

    def __new__(cls, *_args: Any, **_kwargs: Any) -> _Inert:
        return super().__new__(cls)

    def __init__(self, *_args: Any, **_kwargs: Any) -> None:
        pass

    def __setstate__(self, _state: Any) -> None:
        pass


def _inert_types() -> contextlib.AbstractContextManager:
    """Within it, torch reads the harmless types of ``_IGNORED_TYPES`` as inert objects instead of refusing the file."""
    safe_globals = getattr(torch.serialization, "safe_globals", None)
    if safe_globals is None:  # torch before 2.5: such a file is refused, with what to do about it
        return contextlib.nullcontext()
    names = (name.rpartition(".") for name in _IGNORED_TYPES)
    return safe_globals([type(name, (_Inert,), {"__module__": module}) for module, _, name in names])


@contextlib.contextmanager
def naming(path: str | os.PathLike) -> Iterator[None]:
    """Errors within it begin with the name of the file."""
    try:
        yield
    except AnimeInterpError as error:
        raise AnimeInterpError(f"{path}: {error}") from error


def unwrap(loaded: Any) -> dict[str, Tensor]:
    """The named tensors of a checkpoint: under one of the usual keys, or the mapping itself."""
    for _ in range(2):
        if isinstance(loaded, Mapping):
            loaded = next((loaded[key] for key in _WRAPPERS if isinstance(loaded.get(key), Mapping)), loaded)
    if not isinstance(loaded, Mapping):
        raise AnimeInterpError(
            f"The file holds a {type(loaded).__name__}; it should hold named tensors (a state dict). Choose another."
        )
    return {str(k).removeprefix("module."): v for k, v in loaded.items() if isinstance(v, Tensor)}


def write_safetensors(target: Path, tensors: Mapping[str, Tensor], metadata: dict[str, str]) -> Path:
    """Write named tensors and a header's metadata. AnimeInterpError where ``target`` exists or cannot be written."""
    data = safetensors.torch.save({key: value.contiguous() for key, value in tensors.items()}, metadata)
    try:
        with open(target, "xb") as file:  # "x": fails where the file exists
            file.write(data)
    except FileExistsError:
        raise AnimeInterpError(
            f"{target} exists already and is not overwritten. Move it away, or choose another name."
        ) from None
    except OSError as error:
        with contextlib.suppress(OSError):
            target.unlink()
        raise AnimeInterpError(
            f"{target} could not be written ({error}). Check the folder and the space left."
        ) from error
    _log.info("wrote %s", target)
    return target
