"""The network at t: motion found at the frame in between, both drawings read backward along it, a soft mask, and fusion.

What is splatted forward can tear; what is read backward along a smooth motion cannot. So the motion is found where the
frame is wanted: at each pixel of time t, where it comes from in either drawing (bilateral motion: Park et al., "BMBC",
ECCV 2020). It is refined coarse to fine, jointly with its hidden state (as in Kong et al., "IFRNet", CVPR 2022), at 1/16,
1/8 and 1/4 of the size and never finer: what is drawn along it is smooth by construction. At every level the features of
both drawings, read along the motion so far, are correlated around it, so that the network sees how far the two readings
miss each other. At 1/16 there are two things to correlate around: no motion at all, over a wide range; and the *start*,
the flow that SGM, a refiner or anybody else found for this pair, carried to t (``motion_splatting``). The network gates the start
pixel by pixel, and does without where there is none.

The readings are fused (as in Huang et al., "RIFE", ECCV 2022) by a U-Net (Ronneberger et al., MICCAI 2015) at 1/2 to 1/16 of
the size over both and their features: it draws the mask at full size, and a smooth residual, what neither drawing has. What is
added pixel by pixel rubs out the lines of which it is not sure.

Conventions: frames (B, 3, H, W) in 0..1, both sides multiples of 16. *Motion* is (B, 4, h, w) in pixels of its own size:
dx, dy from a pixel at t to drawing 0, then to drawing 1. Time is (B, 1, 1, 1), 0..1. Motions are float32 always.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ..flow import mean_difference
from ..runtime.memory import fastest_layout
from .activation import PReLU
from .cost_volume import RANGE, correlate, cost_volume
from .painting import Fused, paint
from .sampling import backwarp_both, upsample, upsample_motion
from .starts import Found, Start, as_start, restart
from .tiles import tiles

MULTIPLE = 16  # of both sides
AROUND = (2, 3, 2)  # positions to each side of the motion so far, at 1/16 (of the start), 1/8 and 1/4
FEATURES = (24, 40, 64, 96)  # of the encoder, at 1/2, 1/4, 1/8, 1/16
HIDDEN = (40, 48, 64)  # of the hidden state that is handed on, at 1/4, 1/8, 1/16
WIDTHS, DEPTHS = (72, 112, 160), (2, 3, 4)  # of the decoders: channels and residual blocks, at 1/4, 1/8, 1/16
FUSION = (48, 72, 96, 128)  # channels of the U-Net, at 1/2, 1/4, 1/8, 1/16
ITERATIONS = 8  # at the smallest picture
TINT = 8  # pixels, under which nothing is added: what is missing is filled and tinted, and no line rubbed out
REACH = 256  # pixels around that fusion depends on, or more
_SPEED = 16.0  # pixels: motions are shown to the network in these
_TRUST = 6.0  # logit of the start's gate before training: it is followed, however many iterations there are


class _Layers:
    """Layers of ``operations`` (``torch.nn`` or a namespace like it)."""

    def __init__(self, operations: Any) -> None:
        self.operations = operations
        self.prelu = PReLU if operations is nn else operations.PReLU

    def conv(self, channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
        return nn.Sequential(self.plain(channels_in, channels_out, stride), self.prelu(channels_out))

    def plain(self, channels_in: int, channels_out: int, stride: int = 1) -> nn.Module:
        return self.operations.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1)

    def body(self, channels: int, depth: int) -> nn.Sequential:
        return nn.Sequential(*(_Residual(channels, self) for _ in range(depth)))


class _Residual(nn.Module):
    def __init__(self, channels: int, layers: _Layers) -> None:
        super().__init__()
        self.conv1, self.conv2 = layers.conv(channels, channels), layers.plain(channels, channels)
        self.activation = layers.prelu(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.activation(x + self.conv2(self.conv1(x)))


class Encoder(nn.Module):
    """Features of a frame at 1/2, 1/4, 1/8 and 1/16 of its size."""

    def __init__(self, layers: _Layers) -> None:
        super().__init__()
        widths = (3, *FEATURES)
        self.levels = nn.ModuleList(
            nn.Sequential(layers.conv(before, after, 2), layers.conv(after, after))
            for before, after in zip(widths, widths[1:], strict=False)
        )
        self.levels[-1].append(_Residual(FEATURES[-1], layers))

    def forward(self, frame: Tensor) -> list[Tensor]:
        features, x = [], fastest_layout(2 * frame - 1)
        for level in self.levels:
            x = level(x)
            features.append(x)
        return features


class Decoder(nn.Module):
    """One level's change of the motion, of the mask's logit and of the hidden state, from what is seen along it."""

    def __init__(self, channels_in: int, channels: int, depth: int, hidden: int, layers: _Layers, *, gates: int = 0) -> None:
        super().__init__()
        self.enter = layers.conv(channels_in, channels)
        self.body = layers.body(channels, depth)
        self.head = layers.plain(channels, 5 + gates)
        self.hand_on = layers.conv(channels, hidden)

    def forward(self, seen: Tensor) -> tuple[Tensor, Tensor]:
        x = self.body(self.enter(seen))
        return self.head(x).float(), self.hand_on(x)


class FusionNetwork(nn.Module):
    """The U-Net: from both readings, (B, C, H/2, W/2) and features, to the mask's change and what is added."""

    def __init__(self, layers: _Layers) -> None:
        super().__init__()
        top, *below = FUSION
        beside = [2 * FEATURES[1] + HIDDEN[0], 2 * FEATURES[2], 0]
        wide = [top, *below[:-1]]
        self.stem = nn.Sequential(layers.conv(4 * 8 + 1 + 2 * FEATURES[0], top), _Residual(top, layers))
        self.down = nn.ModuleList(layers.conv(a, b, 2) for a, b in zip(wide, below, strict=True))
        self.join = nn.ModuleList(
            nn.Sequential(layers.conv(b + more, b), _Residual(b, layers)) for b, more in zip(below, beside, strict=True)
        )
        self.up = nn.ModuleList(layers.operations.Conv2d(b, a, 1) for a, b in zip(wide, below, strict=True))
        self.merge = nn.ModuleList(_Residual(a, layers) for a in wide)
        self.head = nn.Sequential(layers.conv(top, top), layers.plain(top, 4 * 4))

    def forward(self, seen: Tensor, beside: list[Tensor | None]) -> Tensor:
        x, levels = self.stem(seen), []
        for down, join, more in zip(self.down, self.join, beside, strict=True):
            levels.append(x)
            x = down(x)
            x = join(x if more is None else torch.cat([x, fastest_layout(more.to(x.dtype))], dim=1))
        for up, merge, level in zip(reversed(self.up), reversed(self.merge), reversed(levels), strict=True):
            x = merge(level + upsample(up(x)))
        return F.pixel_shuffle(self.head(x), 2).float()


class BilateralNetwork(nn.Module):
    """See the module's docstring. Parameters are made from ``operations`` (``torch.nn`` or a namespace like it)."""

    def __init__(self, *, operations: Any = nn) -> None:
        super().__init__()
        layers = _Layers(operations)
        self.encoder = Encoder(layers)
        costs = [(2 * reach + 1) ** 2 for reach in (*AROUND, RANGE)]
        # Both drawings' features and how they correlate, the motion, the start and how far it is known, time.
        self.decoders = nn.ModuleList([
            Decoder(4 * FEATURES[3] + costs[0] + costs[3] + 4 + 2 + 1, WIDTHS[2], DEPTHS[2], HIDDEN[2], layers, gates=1),
            Decoder(2 * FEATURES[2] + costs[1] + 4 + 1 + 4 + 2 + 1 + HIDDEN[2], WIDTHS[1], DEPTHS[1], HIDDEN[1], layers),
            Decoder(2 * FEATURES[1] + costs[2] + 4 + 1 + 1 + HIDDEN[1], WIDTHS[0], DEPTHS[0], HIDDEN[0], layers),
        ])
        self.mender = FusionNetwork(layers)  # as weight files call it

    def begin(self) -> None:
        """Set fresh weights so that training begins at the start's own motion, half of either drawing, nothing added.

        He initialisation (He et al., ICCV 2015): the default fades through so many layers that zeroed heads learn nothing.
        """
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, a=0.25)
                nn.init.zeros_(module.bias)
        for module in self.modules():
            if isinstance(module, _Residual):
                module.conv2.weight.data.mul_(0.3)
        for head in (*(decoder.head for decoder in self.decoders), self.mender.head[-1]):
            nn.init.zeros_(head.weight)
            nn.init.zeros_(head.bias)
        nn.init.constant_(self.decoders[0].head.bias[5:], _TRUST)

    def encode(self, frame: Tensor) -> list[Tensor]:
        """Features of frames (B, 3, H, W) at 1/2, 1/4, 1/8, 1/16: the work of a frame, whatever it is paired with."""
        return self.encoder(frame)

    def find(
        self, features0: list[Tensor], features1: list[Tensor], time: Tensor, start: Start | None = None,
        *, volume: Tensor | None = None,
    ) -> Found:
        """The motion at ``time`` from features of both drawings (``encode``) and a start.

        :param volume: their ``cost_volume``, which no start changes, where it is there already.
        """
        f0, f1 = features0[3], features1[3]
        batch, _, height, width = f0.shape
        if start is None:
            zeros = f0.new_zeros(batch, 6, 2 * height, 2 * width, dtype=torch.float32)
            start = Start(zeros[:, :4], zeros[:, 4:])
        coarse = F.avg_pool2d(start.motion, 2) / 2, F.avg_pool2d(start.known, 2)
        both = backwarp_both(f0, f1, coarse[0])
        volume = cost_volume(f0, f1, time) if volume is None else volume
        seen = [f0, f1, *both, volume, correlate(*both, AROUND[0]), coarse[0] / _SPEED, coarse[1]]
        output, hidden = self.decoders[0](_stack(seen, time))
        motion = coarse[0] * output[:, 5:].sigmoid() + output[:, :4]
        logit, motions = output[:, 4:5], [motion]
        for level, decoder in ((2, self.decoders[1]), (1, self.decoders[2])):
            motion, logit, hidden = upsample_motion(motion), upsample(logit), upsample(hidden)
            both = backwarp_both(features0[level], features1[level], motion)
            seen = [*both, correlate(*both, AROUND[3 - level]), motion / _SPEED, logit, hidden]
            if level == 2:
                seen += [(start.motion - motion) * start.known.repeat_interleave(2, 1) / _SPEED, start.known]
            output, hidden = decoder(_stack(seen, time))
            motion, logit = motion + output[:, :4], logit + output[:, 4:]
            motions.append(motion)
        return Found(motions, logit, hidden)

    def fuse(
        self, frame0: Tensor, frame1: Tensor, features0: list[Tensor], features1: list[Tensor], found: Found, time: Tensor,
        *, tile: int | None = None,
    ) -> Fused:
        """The mask and the residual along what was ``found`` in frames (B, C, H, W).

        :param tile: how many pixels it sees at once; None: all.
        """
        motion, logit = found.motions[-1], upsample(found.mask_logit, 4)
        half0, half1 = backwarp_both(features0[0], features1[0], upsample_motion(motion))
        reading0, reading1 = backwarp_both(frame0[:, :3].float(), frame1[:, :3].float(), upsample_motion(motion, 4))
        apart = mean_difference(reading0, reading1)
        pixels = F.pixel_unshuffle(torch.cat([reading0, reading1, logit, apart], dim=1), 2)
        beside: list[Tensor | None] = [
            torch.cat([*backwarp_both(features0[1], features1[1], motion), found.hidden], dim=1),
            torch.cat(backwarp_both(features0[2], features1[2], F.avg_pool2d(motion, 2) / 2), dim=1),
            None,
        ]
        output = self._fusion(_stack([pixels, half0, half1], time, like=half0), beside, tile)
        residual = F.interpolate(F.avg_pool2d(output[:, 1:], TINT), scale_factor=TINT, mode="bilinear", align_corners=False)
        return Fused(motion, logit + output[:, :1], residual)

    def _fusion(self, seen: Tensor, beside: list[Tensor | None], tile: int | None) -> Tensor:
        """The fusion network's change of the mask's logit, and the residual, (B, 4, H, W); in tiles of a frame, with all around
        them that they depend on."""
        height, width = 2 * seen.shape[-2], 2 * seen.shape[-1]
        if tile is None or tile >= height * width:
            return self.mender(seen, beside)
        output = seen.new_empty(len(seen), 4, height, width, dtype=torch.float32)
        for one in tiles(height, width, tile, multiple=MULTIPLE, reach=REACH, smallest=4 * MULTIPLE):
            crops = [None if more is None else one.crop(more, level) for level, more in enumerate(beside, 2)]
            one.paste(self.mender(one.crop(seen, 1), crops), output)
        return output

    def search(
        self, scales0: list[list[Tensor]], scales1: list[list[Tensor]], time: Tensor, start: Start | None = None,
        *, iterations: int = ITERATIONS,
    ) -> Found:
        """The motion at ``time`` found in small pictures first: what each finds, the next larger starts from.

        At the smallest it is refined iteratively, as by a recurrence (paper 3.2): what moves far is not found at once, and
        where it is found, another iteration costs little and changes nothing.

        ``scales0`` and ``scales1``: features (``encode``) of either frame from the smallest picture to the largest, each twice
        the one before or nearly. ``start`` is that of the smallest, where there are so many ``iterations``.
        """
        volume = cost_volume(scales0[0][3], scales1[0][3], time)
        found = self.find(scales0[0], scales1[0], time, start, volume=volume)
        for _ in range(iterations - 1):
            found = self.find(scales0[0], scales1[0], time, restart(found), volume=volume)
        for features0, features1 in zip(scales0[1:], scales1[1:], strict=True):
            found = self.find(features0, features1, time, as_start(found.motions[-1], features0[2]))
        return found

    def forward(self, frame0: Tensor, frame1: Tensor, time: Tensor, start: Start | None = None) -> tuple[Tensor, Found]:
        """The frames at ``time``, of which neither drawing leads, and what was found on the way."""
        features0, features1 = self.encode(frame0), self.encode(frame1)
        found = self.find(features0, features1, time, start)
        return paint(frame0, frame1, self.fuse(frame0, frame1, features0, features1, found, time), time), found


def _stack(seen: list[Tensor], time: Tensor, like: Tensor | None = None) -> Tensor:
    like = seen[0] if like is None else like
    plane = time.to(like.dtype).expand(like.shape[0], 1, *like.shape[-2:])
    return fastest_layout(torch.cat([*(x.to(like.dtype) for x in seen), plane], dim=1))
