"""The synthesis that finds its motion half-way: any size, any times, a flow of anybody's to start from, or none.

What the network (``bilateral``) does on a pair of padded frames is put to use here. The motion is found in small pictures
first, and at WORKING pixels of the longer side at most, where it is as large as the network has learned it: larger frames are
seen by no network. It is found half-way, once a pair, and goes on from there on even curves to all other times. The frame is
drawn at full size along it, one drawing leading, and what stands behind it all is drawn as it is (``backdrop``).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..alpha import from_grey
from ..config import SynthesisConfig
from ..flow import Flow, PieceMatches, resize_flow
from ..frames import FramePair, smaller
from ..padding import enlarge_padded, pad_to_multiple
from ..protocols import Refiner, Synthesizer
from ..runtime import Runtime
from ..runtime.precision import fast_convolutions
from ..runtime.progress import layer_progress, leaf_modules
from .aligning import find_shift, moved_on
from .backdrop import Backdrop
from .bilateral import ITERATIONS, MULTIPLE, BilateralNetwork
from .config import ALIGNING, ISOLATION
from .isolation import find_isolated
from .motion_splatting import splat_motion
from .painting import Fused, Halfway, on_the_way
from .reconcile import follow_exact
from .starts import Found, as_start

WORKING = 1280  # pixels of the longer side at which motion is found at most
# Full-size maps at the peak: float32, and the network's own; from the peaks of an earlier form on a GPU, 540p to 4K.
_READ_CHANNELS, _FIND_CHANNELS = 45, 170
_ESTIMATING = 15  # times what a frame takes to draw, when all is known that the networks have to say
SMALLEST = 224  # pixels of the longer side where the search begins, at most: its motion is small there


Encoded = list[list[Tensor]]  # of a frame: see ``BilateralSynthesis.encode``


class BilateralSynthesis(nn.Module, Synthesizer, Refiner):
    """Frames and a flow of theirs, or none -> frames between them. What it learns is its ``network``.

    What it finds to draw along is a flow too, so that it refines (paper 3.2) where a model has no network for that alone.
    """

    needs_flow = False
    draws_coarse = True
    draws_tiles = True
    seconds = 1.0

    def __init__(self, config: SynthesisConfig | None = None, *, operations: Any = nn) -> None:
        super().__init__()
        self.config = SynthesisConfig(network="bilateral") if config is None else config
        self.network = BilateralNetwork(operations=operations)

    def prepare(self, pair: FramePair, flow: Flow | None) -> BilateralDrawing:
        """See ``Synthesizer``. Alpha is read and shared as the colours are."""
        return BilateralDrawing(self, pair, flow)

    def memory_used(self, size: tuple[int, int], dtype: torch.dtype, device: torch.device | None) -> float:
        """Bytes for a frame."""
        seen = min(1.0, WORKING / max(size)) ** 2
        return size[0] * size[1] * (4 * _READ_CHANNELS + seen * dtype.itemsize * _FIND_CHANNELS)

    def refine(
        self, pair: FramePair, start: PieceMatches | Flow | None = None,
        *, iterations: int | None = None, runtime: Runtime | None = None,
    ) -> Flow:
        """See ``Refiner``: the flow along which the pair is drawn, so that each direction undoes the other.

        :param iterations: at the smallest picture, from 1; None: as many as for drawing.
        """
        runtime = Runtime() if runtime is None else runtime
        iterations = ITERATIONS if iterations is None else max(iterations, 1)
        layers = self.count_layers(pair.rgb[0], encoded=False, iterations=iterations, fuses=False)
        scales = self._scales(pair.rgb[0])
        with runtime.layers(self.network, layers), fast_convolutions(pair.device, self._dtype):
            found, _ = self._find(pair.features(self), start if isinstance(start, Flow) else None, scales, iterations)
        fields, ratio = [], 4 / scales[-1]  # motion is at 1/4 of the largest picture
        for time, way in ((0.0, slice(2, 4)), (1.0, slice(0, 2))):
            motion = on_the_way(found.motions[-1], torch.full((1, 1, 1, 1), time, device=pair.device))[1]
            fields.append(ratio * enlarge_padded(motion[:, way], ratio, pair.size))
        return Flow(*fields)

    def encode(self, frame: Tensor) -> Encoded:
        """Features of a frame (1, 3, H, W) at each size that motion is found at, from the smallest, each with the picture
        that they are of after them: the work of a frame."""
        pictures = [self._picture(frame, scale) for scale in self._scales(frame)]
        with fast_convolutions(frame.device, self._dtype):
            return [[*self.network.encode(picture), picture] for picture in pictures]

    def forward(
        self, frame0: Tensor, frame1: Tensor, flow: Flow | None, times: list[float],
        *, encoded: tuple[Encoded, Encoded] | None = None, alphas: tuple[Tensor, Tensor] | None = None,
        tile: int | None = None, step: Callable[[float], None] | None = None,
    ) -> Tensor:
        """The frames (T, 3 or 4, H, W), raw, float32, at each of ``times``. For the parameters see ``estimate``."""
        found = self.estimate(frame0, frame1, flow, encoded=encoded, alphas=alphas, tile=tile, step=step)
        return torch.cat([found.at(t) for t in times])

    def estimate(
        self, frame0: Tensor, frame1: Tensor, flow: Flow | None,
        *, encoded: tuple[Encoded, Encoded] | None = None, alphas: tuple[Tensor, Tensor] | None = None,
        tile: int | None = None, step: Callable[[float], None] | None = None,
    ) -> Halfway:
        """All that the networks have to say of a pair, whatever times are asked for.

        :param frame0: (1, 3, H, W) in 0..1; ``frame1`` likewise.
        :param flow: where the search begins; None: at no motion. One of cut-outs is followed wherever it fits better than what
            is found without it.
        :param encoded: what ``encode`` made of each frame.
        :param alphas: (1, 1, H, W) of each frame, read and shared as the colours are: then there are four channels.
        :param tile: how many pixels the fusion network sees at once; None: all.
        :param step: called with the share done, several times a second; may raise to stop.
        """
        with layer_progress(self.network, step, self.count_layers(frame0, encoded=encoded is not None)):
            with fast_convolutions(frame0.device, self._dtype):
                return self._estimate(frame0, frame1, flow, encoded, alphas, tile)

    def count_layers(self, frame: Tensor, *, encoded: bool, iterations: int = ITERATIONS, fuses: bool = True) -> int:
        """How many layers run, for the progress: as if there were a backdrop, before which figures are looked for again."""
        scales, network = len(self._scales(frame)), self.network
        again = ISOLATION.rounds * (scales > 1)
        encoding = 2 * (0 if encoded else scales) + 2 * again * (scales - 1)
        finding = scales + iterations - 1 + again * (scales + min(iterations, ISOLATION.iterations) - 2)
        layers = encoding * len(leaf_modules(network.encoder)) + finding * len(leaf_modules(network.decoders))
        return layers + fuses * len(leaf_modules(network.mender))

    def _estimate(self, frame0, frame1, flow, encoded, alphas, tile) -> Halfway:
        size = (frame0.shape[-2], frame0.shape[-1])
        encoded = encoded or (self.encode(frame0), self.encode(frame1))
        scales = self._scales(frame0)
        found, motion = self._find(encoded, flow, scales, ITERATIONS)
        scale = scales[-1]
        frames = [encoded[0][-1][-1], encoded[1][-1][-1]]
        fused = self.network.fuse(*frames, encoded[0][-1], encoded[1][-1], found, _half_way(frame0.device), tile=tile)
        if scale != 1.0:
            frames = [self._picture(frame, 1.0) for frame in (frame0, frame1)]
            height, width = frames[0].shape[-2:]
            fused = Fused(
                enlarge_padded(fused.motion, 1 / scale, (height // 4, width // 4)) / scale,
                *(enlarge_padded(x, 1 / scale, (height, width)) for x in (fused.mask_logit, fused.residual)),
            )
        if alphas is not None:
            frames = [torch.cat([f, pad_to_multiple(a.to(f), MULTIPLE)], dim=1) for f, a in zip(frames, alphas, strict=True)]
        backdrop = self._backdrop(encoded, motion, scales, (frames[0].shape[-2], frames[0].shape[-1]))
        return Halfway(frames, fused, size, backdrop)

    def _find(
        self, encoded: tuple[Encoded, Encoded], flow: Flow | None, scales: list[float], iterations: int
    ) -> tuple[Found, Tensor]:
        """What is found half-way at the largest of ``scales``; and the motion that it went on from at half of that (its own,
        where there is no smaller one)."""
        half, start = _half_way(encoded[0][0][-1].device), None
        exact = flow is not None and flow.cutouts == [True] and len(scales) > 1  # in one picture it can begin there only
        if flow is not None and not exact:
            smallest = [encoded[0][0][-1], encoded[1][0][-1]]
            start = splat_motion(*smallest, _padded_flow(flow, smallest[0], scales[0]), 0.5)
        *smaller0, largest0 = encoded[0]
        *smaller1, largest1 = encoded[1]
        if not smaller0:
            found = self.network.search(*encoded, half, start, iterations=iterations)
            return found, found.motions[-1]

        def search(encoded0: Encoded, encoded1: Encoded, most: int = iterations) -> Tensor:
            return self.network.search(encoded0, encoded1, half, start, iterations=min(iterations, most)).motions[-1]

        def search_alone(*pictures: list[Tensor]) -> Tensor:
            return search(*map(self._encode, pictures), ISOLATION.iterations)

        pictures = [[picture for *_, picture in smaller] for smaller in (smaller0, smaller1)]
        motion = find_isolated(*pictures, search(smaller0, smaller1), search_alone)
        if exact:
            frames = smaller0[-1][-1], smaller1[-1][-1]
            motion = follow_exact(motion, *frames, _padded_flow(flow, frames[0], scales[-2]))
        return self.network.find(largest0, largest1, half, as_start(motion, largest0[2])), motion

    def _backdrop(
        self, encoded: tuple[Encoded, Encoded], motion: Tensor, scales: list[float], size: tuple[int, int]
    ) -> Backdrop | None:
        """The backdrop, by the ``motion`` that ``_find`` tells, for frames of ``size`` (H, W) that are padded."""
        level = max(len(scales) - 2, 0)
        backdrop = Backdrop.find(encoded[0][level][-1], encoded[1][level][-1], motion)
        return None if backdrop is None else backdrop.enlarged(1 / scales[level], size)

    def _encode(self, pictures: list[Tensor]) -> Encoded:
        return [self.network.encode(picture) for picture in pictures]

    @property
    def _dtype(self) -> torch.dtype:
        return self.network.decoders[0].head.weight.dtype

    def _scales(self, frame: Tensor) -> list[float]:
        """How large the pictures are in which motion is found, from the smallest, each twice the one before."""
        longer = max(frame.shape[-2:])
        largest = min(1.0, WORKING / longer)
        halvings = max(0, math.ceil(math.log2(largest * longer / SMALLEST)))
        return [largest / 2**k for k in range(halvings, -1, -1)]

    def _picture(self, frame: Tensor, scale: float) -> Tensor:
        """The frame at ``scale``, padded, as the network sees it."""
        return pad_to_multiple(smaller(frame.to(self._dtype), scale), MULTIPLE)


class BilateralDrawing:
    """See ``protocols.Drawing``."""

    def __init__(self, synthesis: BilateralSynthesis, pair: FramePair, flow: Flow | None) -> None:
        self._synthesis, self._pair, self._flow = synthesis, pair, flow
        self._halfway: Halfway | None = None

    def at(self, times: list[float], *, tile: int | None = None, runtime: Runtime | None = None) -> Tensor:
        runtime = Runtime() if runtime is None else runtime
        estimating, drawing = runtime.parts([_ESTIMATING * (self._halfway is None), len(times)]).both()
        halfway = self._ready(tile, estimating)
        drawn = []
        for done, t in enumerate(times):
            drawing.report(done / len(times))
            drawn.append(self._drawn(halfway.at(t)))
        frames = torch.cat(drawn)
        drawing.report(1.0)
        return frames

    def onto(self, other: Tensor, t: float, *, tile: int | None = None, runtime: Runtime | None = None) -> tuple[Tensor, Tensor]:
        """The frame at ``t`` moved onto the ``other`` in-between (1, 3 or 4, H, W) wherever that shows the same beside it, read
        from the drawings anew; and how far apart, (1, 1, H, W), in colours of 0..1, the two readings of it are."""
        runtime, rounds = Runtime() if runtime is None else runtime, ALIGNING.rounds
        estimating, drawing = runtime.parts([_ESTIMATING * (self._halfway is None), 1 + rounds]).both()
        moment = self._ready(tile, estimating).moment(t)
        frame, shift = self._drawn(moment.drawn()), None
        for done in range(rounds):
            drawing.report((1 + done) / (1 + rounds))
            further = find_shift(other, frame)
            shift = further if shift is None else moved_on(shift, further)
            frame = self._drawn(moment.drawn(shift))
        drawing.report(1.0)
        return frame, moment.apart(shift)

    def _ready(self, tile: int | None, runtime: Runtime) -> Halfway:
        if self._halfway is None:
            self._halfway = self._estimate(tile, runtime)
        return self._halfway

    def _drawn(self, frame: Tensor) -> Tensor:
        frame = frame.to(self._pair.rgb[0].dtype)
        return frame if self._pair.opaque else from_grey(frame[:, :3], frame[:, 3:].clamp(0, 1))

    def _estimate(self, tile: int | None, runtime: Runtime) -> Halfway:
        pair, synthesis = self._pair, self._synthesis
        encode, estimate = runtime.parts([pair.to_encode(synthesis), 4]).both()
        with encode.layers(synthesis.network, 2 * len(leaf_modules(synthesis.network.encoder))):
            features = pair.features(synthesis)
        alphas = None if pair.opaque else (pair.frames[0][:, 3:], pair.frames[1][:, 3:])
        return synthesis.estimate(*pair.rgb, self._flow, encoded=features, alphas=alphas, tile=tile, step=estimate.progress)


def _half_way(device: torch.device) -> Tensor:
    return torch.full((1, 1, 1, 1), 0.5, device=device)


def _padded_flow(flow: Flow, like: Tensor, scale: float) -> Flow:
    """The fields that a start is made of, at the size of the padded frame ``like``."""

    def fit(field: Tensor | None, motion: bool = False) -> Tensor | None:
        if field is None:
            return None
        size = [max(round(n * scale), 1) for n in field.shape[-2:]]
        if scale != 1.0:
            field = resize_flow(field.float(), tuple(size)) if motion else F.interpolate(field.float(), size, mode="bilinear")
        return pad_to_multiple(field.float(), MULTIPLE).to(like.device)

    return Flow(fit(flow.flow_01, True), fit(flow.flow_10, True), depth_0=fit(flow.depth_0), depth_1=fit(flow.depth_1))
