"""The light synthesis network: it looks over what the blend made of two warped frames, and corrects it.

Where the published method paints a frame from splatted features (``gridnet``), this one starts from the weights-free
in-between (``blend``), which is right nearly everywhere, and decides pixel by pixel among four candidates: the blend
itself, either frame read again a little beside where the flow says, and what stands still. What none of them has, it
adds. With a last layer of zeros (``start_as_blend``) it is nearly the blend: training begins there.

A U-Net (Ronneberger et al., MICCAI 2015) at 1/2, 1/4, 1/8 and 1/16 of the size: full-size maps are what synthesis
spends its time on, and the full-size picture is in the candidates already.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..config import SynthesisConfig
from ..flow import Flow, pixel_grid
from ..frames import FramePair
from ..protocols import Synthesizer
from ..runtime import Runtime
from ..runtime.memory import fastest_layout
from ..runtime.precision import convolution_dtype, fast_convolutions
from .bands import in_bands
from .blend import EMPTY, FrameWarper, WarpedFrames, with_blended_alpha
from .sampling import sample_cubic, upsample
from .tiles import tiles

MULTIPLE = 16  # what both sides are padded to a multiple of
INPUTS = 23
CANDIDATES = 4
SLOPE = 0.1  # of the activations
BLEND_BIAS = 4.0  # of the blend's logit, the first: before training the others count about 2 % each, which they agree on mostly
LOWEST, MASS_SCALE = -32.0, 16.0  # of the logarithm of a mass
SPEED = 16.0  # pixels: a motion of so many comes to half of its greatest value
_SHORTEST = 1e-2  # of a time
_SMALLEST_TILE = 64  # pixels, what is seen around it aside
_SPLAT_CHANNELS, _PAINT_CHANNELS = 100, 120  # full-size maps at the peak: float32, and the network's own


class _Residual(nn.Module):
    def __init__(self, channels: int, *, operations: Any) -> None:
        super().__init__()
        self.conv1 = operations.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = operations.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        inner = F.leaky_relu(self.conv1(x), SLOPE, inplace=True)
        return F.leaky_relu(x + self.conv2(inner), SLOPE, inplace=True)


class Painter(nn.Module):
    """See the module's docstring. ``channels``: of the levels at 1/2, 1/4, 1/8 and so on."""

    def __init__(self, channels: Sequence[int] = (48, 72, 96, 128), *, operations: Any = nn) -> None:
        super().__init__()

        def conv(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
            return nn.Sequential(
                operations.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1), nn.LeakyReLU(SLOPE, inplace=True)
            )

        top = channels[0]
        steps = list(zip(channels, channels[1:], strict=False))
        self.stem = nn.Sequential(conv(4 * INPUTS, top), _Residual(top, operations=operations))
        self.down = nn.ModuleList(
            nn.Sequential(conv(wide, narrow, 2), _Residual(narrow, operations=operations)) for wide, narrow in steps
        )
        self.deepest = _Residual(channels[-1], operations=operations)
        self.up = nn.ModuleList(operations.Conv2d(narrow, wide, 1) for wide, narrow in steps)
        self.join = nn.ModuleList(_Residual(wide, operations=operations) for wide, _ in steps)
        # At half the size: for each of 2x2 pixels the candidates' logits and what is added; and two shifts.
        self.head = nn.Sequential(conv(top, top), operations.Conv2d(top, 4 * (CANDIDATES + 3) + 4, 3, padding=1))

    def start_as_blend(self) -> None:
        """Make an untrained network return nearly the blend (see BLEND_BIAS): its last layer says nothing."""
        nn.init.zeros_(self.head[-1].weight)
        nn.init.zeros_(self.head[-1].bias)

    def forward(
        self, warped: WarpedFrames, frame0: Tensor, frame1: Tensor, time: Tensor, corner: Tensor | None = None,
        *, tile: int | None = None,
    ) -> Tensor:
        """The in-betweens (B, 3, H, W), raw, in float32.

        :param warped: B pairs warped to ``time`` (B,), three channels, (B, C, H, W) each.
        :param frame0: (B, 3, H', W') in 0..1; ``frame1`` likewise.
        :param corner: (B, 2), where x and y of ``warped`` begin in the frames if it is a crop of them.
        :param tile: how many pixels the network sees at once; None: all.
        """
        time = time.to(warped.blended).reshape(-1, 1, 1, 1)
        size, device = tuple(warped.blended.shape[-2:]), warped.blended.device
        if corner is None:
            corner, still = time.new_zeros(1, 2), [frame0, frame1]
        else:
            grid = pixel_grid(warped.blended) + corner.to(time)[..., None, None]
            still = [sample_cubic(frame, grid) for frame in (frame0, frame1)]
        corner = corner.to(time)[..., None, None]

        def see(rows: slice) -> tuple[Tensor]:
            seen = self._inputs(warped.rows(rows), [x[..., rows, :] for x in still], time)
            below = -size[0] % MULTIPLE if rows.stop == size[0] else 0
            padded = F.pad(seen, (0, -size[1] % MULTIPLE, 0, below), mode="replicate")
            return (fastest_layout(F.pixel_unshuffle(padded, 2)),)

        output = self._predict(*in_bands(see, size, device, -(-size[0] // MULTIPLE) * MULTIPLE // 2), tile)

        def paint(rows: slice) -> tuple[Tensor]:
            part, said = warped.rows(rows), output[..., rows, : size[1]]
            logits, added, beside = said.split((CANDIDATES, 3, 4), dim=1)
            grid = pixel_grid(part.blended, rows.start) + corner
            candidates = [
                part.blended,
                *(
                    sample_cubic(frame, grid - shift + move)
                    for frame, shift, move in zip((frame0, frame1), _shifts(part, time), beside.chunk(2, dim=1), strict=True)
                ),
                torch.lerp(*(x[..., rows, :] for x in still), time),
            ]
            weights = (logits + logits.new_tensor([BLEND_BIAS, *[0.0] * (CANDIDATES - 1)])[:, None, None]).softmax(dim=1)
            return (added + sum(w * c for w, c in zip(weights.split(1, dim=1), candidates, strict=True)),)

        return in_bands(paint, size, device)[0]

    def _inputs(self, warped: WarpedFrames, still: list[Tensor], time: Tensor) -> Tensor:
        """All that is known of each pixel, in the network's numbers: (B, 23, H, W)."""
        blended, seen_in = warped.blended, convolution_dtype(warped.blended.device, self.head[-1].weight.dtype)
        landed = [mass > EMPTY for mass in warped.masses]
        apart = [torch.where(there, c - blended, 0) for there, c in zip(landed, warped.colours, strict=True)]
        masses = [m.clamp(min=EMPTY).log().clamp(LOWEST, 0) / MASS_SCALE + 1 for m in warped.masses]
        speeds = [s / (way + _SHORTEST) for s, way in zip(_shifts(warped, time), (time, 1 - time), strict=True)]
        inputs = [
            2 * blended - 1,
            *apart,
            *(picture - blended for picture in still),
            *masses,
            warped.share,
            *(speed / (speed.abs().sum(dim=1, keepdim=True) + SPEED) for speed in speeds),
            time.expand_as(warped.share),
        ]
        return torch.cat([one.to(seen_in) for one in inputs], dim=1)

    def _predict(self, seen: Tensor, tile: int | None) -> Tensor:
        """The network's output (B, 4 + 3 + 4, H, W) float32, of ``seen`` (B, 4 * 23, H / 2, W / 2), both sides being multiples:
        the candidates' logits before their biases, what is added, and the two frames' shifts in pixels."""
        height, width = (2 * side for side in seen.shape[-2:])
        if tile is None or height * width <= tile:
            return self._run(seen)
        output = seen.new_empty(seen.shape[0], CANDIDATES + 3 + 4, height, width, dtype=torch.float32)
        for one in tiles(height, width, tile, multiple=MULTIPLE, reach=self.reach(), smallest=_SMALLEST_TILE):
            one.paste(self._run(fastest_layout(one.crop(seen, 1))), output)
        return output

    def _run(self, seen: Tensor) -> Tensor:
        with fast_convolutions(seen.device, self.head[-1].weight.dtype):
            return self._unet(seen)

    def _unet(self, seen: Tensor) -> Tensor:
        x = self.stem(seen)
        levels = []
        for down in self.down:
            levels.append(x)
            x = down(x)
        x = self.deepest(x)
        for up, join, level in zip(reversed(self.up), reversed(self.join), reversed(levels), strict=True):
            x = join(upsample(up(x)) + level)
        output = self.head(x).float()
        return torch.cat([F.pixel_shuffle(output[:, :-4], 2), upsample(output[:, -4:])], dim=1)

    def reach(self) -> int:
        """How many pixels away there may be what a pixel's output depends on, as a multiple of ``MULTIPLE``."""
        scales = [2**k for k in range(2, len(self.down) + 2)]  # of the levels below the first
        # At the first, two convolutions of the stem's and the joint's residual each, one more of the stem, two of the head,
        # one doubling of its output; at each other a strided convolution of the level above, four at its own, and a doubling.
        furthest = 8 * 2 + sum(scale // 2 + 5 * scale for scale in scales) + max(scales, default=2) - 1
        return -(-furthest // MULTIPLE) * MULTIPLE


def _shifts(warped: WarpedFrames, time: Tensor) -> list[Tensor]:
    """How far each frame's pixel has come; where one frame has none there, as far as the other's motion says."""
    (shift0, shift1), (mass0, mass1) = warped.shifts, warped.masses
    ratio = (time + _SHORTEST) / (1 - time + _SHORTEST)
    return [
        torch.where(mass0 > EMPTY, shift0, -shift1 * ratio),
        torch.where(mass1 > EMPTY, shift1, -shift0 / ratio),
    ]


class PaintedBlend(nn.Module, Synthesizer):
    """The light synthesis, whole: frames and their flow -> frames between them. What it learns is its ``painter``."""

    draws_tiles = True

    def __init__(self, config: SynthesisConfig | None = None, *, operations: Any = nn) -> None:
        super().__init__()
        self.config = SynthesisConfig(network="painter") if config is None else config
        self.painter = Painter(self.config.channels, operations=operations)

    def prepare(self, pair: FramePair, flow: Flow | None) -> PaintedDrawing:
        """See ``Synthesizer``. Colours alone are painted; where there is alpha, it is the blend's."""
        return PaintedDrawing(self.painter, pair, flow)

    def memory_used(self, size: tuple[int, int], dtype: torch.dtype, device: torch.device | None) -> float:
        """Bytes for a frame."""
        return size[0] * size[1] * (4 * _SPLAT_CHANNELS + dtype.itemsize * _PAINT_CHANNELS)


class PaintedDrawing:
    """See ``protocols.Drawing``."""

    def __init__(self, painter: Painter, pair: FramePair, flow: Flow) -> None:
        self._painter, self._pair, self._flow = painter, pair, flow
        self._warper: FrameWarper | None = None

    def at(
        self, times: list[float], *, tile: int | None = None, runtime: Runtime | None = None,
        look: Callable[[WarpedFrames], None] | None = None,
    ) -> Tensor:
        """See ``Drawing``.

        :param look: is shown what each frame is painted from.
        """
        runtime, pair = Runtime() if runtime is None else runtime, self._pair
        if self._warper is None:
            self._warper = FrameWarper(*pair.rgb, self._flow)
        painted = []
        for index, time in enumerate(times):
            runtime.report(index / len(times))
            warped = self._warper.at(time)
            painted.append(self._painter(warped, *self._warper.frames, warped.share.new_tensor([time]), tile=tile))
            if look is not None:
                look(warped)
        painted = torch.cat(painted).to(pair.rgb[0].dtype)
        return painted if pair.opaque else with_blended_alpha(painted, pair, self._flow, times, runtime)
