"""Flow and labels of a whole clip in little memory: fixed-point flow, deflated labels.

A clip's float32 flows are larger than its frames: 33 MB a pair at 1920x1080. Whoever keeps them (a cache of node
outputs, for one) wants them small, and half precision is too coarse: 0.25 px at 300 px. Here a field is kept in 16-bit
fixed point with a step of its own, a power of two, so that whole pixels (and so a still background) come back exactly:
the error is at most half the step, under 0.01 px for fields up to 512 px and 1/2048 px for those under 32 px. Fields
with longer vectors take 32 bits. Label maps are deflated: they are runs of equal numbers.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from ..errors import AnimeInterpError
from ..flow import FIELDS, CoarseFlow, Flow, Matches

_FINEST = 10  # steps of 2**-10 px: nothing in the method knows more
_COARSEST = 6  # 2**-6 px, an error of 0.0078 px, is the coarsest that 16 bits are used for


@dataclass(frozen=True)
class FixedPoint:
    """A float field (any shape) as whole numbers times ``step``, in the main memory."""

    values: Tensor  # int16 or int32
    step: float

    @staticmethod
    def of(field: Tensor) -> FixedPoint:
        """Keep ``field``. Raises AnimeInterpError where it holds NaN or infinity."""
        field = field.detach().to("cpu", torch.float32)
        largest = float(field.abs().max()) if field.numel() else 0.0
        if not math.isfinite(largest):
            raise AnimeInterpError("A flow holds values that are not finite; it should be displacements in pixels.")
        fits = math.floor(math.log2(32767 / largest)) if largest > 0 else _FINEST
        if fits < _COARSEST:
            step = 2.0 ** -min(_FINEST, math.floor(math.log2((2**31 - 1) / largest)))
            return FixedPoint((field.double() / step).round().to(torch.int32), step)
        step = 2.0 ** -min(fits, _FINEST)
        return FixedPoint((field / step).round().to(torch.int16), step)

    def restore(self, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32) -> Tensor:
        """The field in ``dtype`` on ``device``; the transfer is of the small form."""
        return (self.values.to(device).to(torch.float32) * self.step).to(dtype)


class ClipLabels:
    """The label maps of a clip's N frames, each deflated. ``len()`` frames of ``size`` (H, W)."""

    def __init__(self, labels: Iterable[Tensor]):
        """Keep label maps (H, W) or (1, H, W), all of one size, labels 0..K-1.

        Raises AnimeInterpError where sizes differ or something else than label maps comes in.
        """
        self.size: tuple[int, int] | None = None
        self._frames: list[tuple[bytes, str]] = []
        for i, labels_i in enumerate(labels):
            plane = labels_i[0] if labels_i.ndim == 3 and labels_i.shape[0] == 1 else labels_i
            if plane.ndim != 2 or plane.is_floating_point():
                raise AnimeInterpError(
                    f"Label map {i} is {plane.dtype} {tuple(plane.shape)}; it should be whole numbers of shape (H, W)."
                )
            if self.size is not None and tuple(plane.shape) != self.size:
                raise AnimeInterpError(
                    f"Label map {i} is {plane.shape[1]}x{plane.shape[0]} and those before it are "
                    f"{self.size[1]}x{self.size[0]}; all frames of a clip should be of one size."
                )
            self.size = (plane.shape[0], plane.shape[1])
            array = plane.cpu().numpy()
            small = array.astype(np.uint16 if array.size == 0 or array.max() < 65536 else np.int32)
            self._frames.append((zlib.compress(small.tobytes(), 1), small.dtype.str))

    def __len__(self) -> int:
        return len(self._frames)

    def frame(self, index: int, device: torch.device | str = "cpu") -> Tensor:
        """The label map of frame ``index`` as (1, H, W) int32."""
        data, dtype = self._frames[index]
        plane = np.frombuffer(zlib.decompress(data), dtype=dtype).reshape(self.size).astype(np.int32)
        return torch.from_numpy(plane)[None].to(device)

    def pair(self, index: int, device: torch.device | str = "cpu") -> Tensor:
        """The label maps of frames ``index`` and ``index + 1`` as (2, H, W) int32."""
        return torch.cat([self.frame(index, device), self.frame(index + 1, device)])


@dataclass(frozen=True)
class _Pair:
    """One pair of a ClipFlow: what its Flow or CoarseFlow holds, fields in fixed point, the rest as it is."""

    fields: dict[str, FixedPoint | None]
    matches: Matches | None
    motion: Tensor | None
    cutouts: bool | None


class ClipFlow:
    """The flows of a clip's P pairs, compact. ``len()`` pairs of ``size`` (H, W); `pair` gives back the Flow or CoarseFlow."""

    def __init__(self, pairs: Iterable[Flow | CoarseFlow], *, labels: ClipLabels | None = None):
        """Keep Flows or CoarseFlows, each of one pair or of several in a row, all of one size; they may come from a generator.

        ``labels`` are the label maps of all P + 1 frames, kept as they are; without it those in the CoarseFlows are kept.
        Raises AnimeInterpError where sizes differ, numbers are not finite, or ``labels`` has not P + 1 frames.
        """
        self._pairs: list[_Pair] = []
        self.size: tuple[int, int] | None = None
        own: list[Tensor] = []
        for flow in pairs:
            size = (flow.flow_01.shape[-2], flow.flow_01.shape[-1])
            if self.size is not None and size != self.size:
                raise AnimeInterpError(
                    f"The flow of pair {len(self)} is {size[1]}x{size[0]} and those before it are "
                    f"{self.size[1]}x{self.size[0]}; all flows of a clip should be of one size."
                )
            self.size = size
            if labels is None and isinstance(flow, CoarseFlow):
                own.extend(flow.labels[1 if own else 0 :].cpu())
            self._pairs.extend(_keep(flow, i) for i in range(flow.flow_01.shape[0]))
        if labels is None and len(own) == len(self) + 1:
            labels = ClipLabels(own)
        if labels is not None and len(labels) != len(self) + 1:
            raise AnimeInterpError(
                f"labels holds {len(labels)} frames; {len(self)} pairs should come with {len(self) + 1} label maps."
            )
        self.labels = labels

    def __len__(self) -> int:
        return len(self._pairs)

    def pair(
        self, index: int, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
    ) -> Flow | CoarseFlow:
        """Pair ``index`` as a Flow or CoarseFlow of one pair on ``device``, fields in ``dtype``."""
        kept = self._pairs[index]
        fields = {name: None if f is None else f.restore(device, dtype) for name, f in kept.fields.items()}
        if kept.matches is None or self.labels is None:
            return Flow(**fields, cutouts=None if kept.cutouts is None else [kept.cutouts])
        return CoarseFlow(
            self.labels.pair(index, device),
            [_matches_to(kept.matches, device)],
            fields["flow_01"],
            fields["flow_10"],
            None if kept.motion is None else [kept.motion.to(device)],
        )

    def nbytes(self) -> int:
        """Bytes that the fields of all pairs take."""
        kept = [f for pair in self._pairs for f in pair.fields.values() if f is not None]
        return sum(f.values.numel() * f.values.element_size() for f in kept)


def _keep(flow: Flow | CoarseFlow, i: int) -> _Pair:
    fields = {}
    for name in FIELDS:
        field = getattr(flow, name, None)
        fields[name] = None if field is None else FixedPoint.of(field[i : i + 1])
    return _Pair(
        fields,
        _matches_to(flow.matches[i], "cpu") if isinstance(flow, CoarseFlow) else None,
        flow.motion[i].detach().cpu() if isinstance(flow, CoarseFlow) and flow.motion is not None else None,
        flow.cutouts[i] if isinstance(flow, Flow) and flow.cutouts is not None else None,
    )


def _matches_to(matches: Matches, device: torch.device | str) -> Matches:
    return replace(
        matches,
        pieces_0=matches.pieces_0.to(device),
        pieces_1=matches.pieces_1.to(device),
        scores=matches.scores.detach().to(device),
    )
