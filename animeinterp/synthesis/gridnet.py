"""The synthesis network: splatted frames and features -> a frame (Fourure et al., "Residual Conv-Deconv Grid Network",
BMVC 2017, in the arrangement of 3 rows by 6 columns that Niklaus and Liu use).

Row r works at 1/2^r of the size with 32, 64 or 96 channels. Information flows down the grid in the first half of the
columns, up in the second; the columns that only pass on are left out::

    row 0   X00 - X01 ------- X04 - X05 - tail
             |     |           |     |
    row 1   X10 - X11 ------- X14 - X15
             |     |           |     |
    row 2   X20 - X21 ------- X24 - X25
"""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn

from ..runtime.memory import fastest_layout
from .pyramid import CHANNELS

MULTIPLE = 4  # what both sides have to be a multiple of
# How far a pixel of the output sees, 49 pixels, rounded up to a multiple: two convolutions of each block on the longest
# way there and back, three blocks at 1/4, and the doublings between.
REACH = 52


def _block(channels_in: int, channels_out: int, *, operations: Any, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        operations.PReLU(),
        operations.Conv2d(channels_in, channels_out, 3, stride=stride, padding=1),
        operations.PReLU(),
        operations.Conv2d(channels_out, channels_out, 3, padding=1),
    )


class GridNet(nn.Module):
    """Frames (N, ``image_channels``, H, W) and features of 64, 128 and 192 channels at 1, 1/2, 1/4 -> (N, 3, H, W).

    H and W are multiples of 4. The output is raw: not clamped.
    """

    def __init__(self, *, operations: Any, image_channels: int = 6) -> None:
        super().__init__()
        top, middle, bottom = CHANNELS

        def lateral(channels: int) -> nn.Sequential:
            return _block(channels, channels, operations=operations)

        def down(channels_in: int, channels_out: int) -> nn.Sequential:
            return _block(channels_in, channels_out, operations=operations, stride=2)

        def up(channels_in: int, channels_out: int) -> nn.Sequential:
            double = nn.Upsample(scale_factor=2, mode="bilinear", align_corners=False)
            return nn.Sequential(double, *_block(channels_in, channels_out, operations=operations))

        self.frames = _block(image_channels, top, operations=operations)
        self.features = nn.ModuleList([_block(2 * c, c, operations=operations) for c in CHANNELS])
        # Keys are the row and the column of the node that a block feeds.
        self.lateral = nn.ModuleDict({f"0{c}": lateral(top) for c in (1, 4, 5)})
        self.lateral.update({f"1{c}": lateral(middle) for c in (1, 4, 5)})
        self.lateral.update({f"2{c}": lateral(bottom) for c in (1, 4, 5)})
        self.down = nn.ModuleDict({f"1{c}": down(top, middle) for c in (0, 1)})
        self.down.update({f"2{c}": down(middle, bottom) for c in (0, 1)})
        self.up = nn.ModuleDict({f"0{c}": up(middle, top) for c in (4, 5)})
        self.up.update({f"1{c}": up(bottom, middle) for c in (4, 5)})
        self.tail = _block(top, 3, operations=operations)

    def forward(self, frames: Tensor, features: list[Tensor]) -> Tensor:
        features = [fastest_layout(level) for level in features]
        # Sums are taken in place of a block's output, and each node goes when the last that needs it is there: fresh
        # full-size maps are what a frame's memory goes into, and on a CPU a good part of its time.
        x00 = self.frames(fastest_layout(frames)).add_(self.features[0](features[0]))
        x10 = self.down["10"](x00).add_(self.features[1](features[1]))
        x20 = self.down["20"](x10).add_(self.features[2](features[2]))
        del features
        x01 = self.lateral["01"](x00).add_(x00)
        del x00
        x11 = self.lateral["11"](x10).add_(x10).add_(self.down["11"](x01))
        del x10
        x21 = self.lateral["21"](x20).add_(x20).add_(self.down["21"](x11))
        del x20
        x24 = self.lateral["24"](x21).add_(x21)
        del x21
        x14 = self.up["14"](x24).add_(self.lateral["14"](x11)).add_(x11)
        del x11
        x04 = self.up["04"](x14).add_(self.lateral["04"](x01)).add_(x01)
        del x01
        x25 = self.lateral["25"](x24).add_(x24)
        del x24
        x15 = self.up["15"](x25).add_(self.lateral["15"](x14)).add_(x14)
        del x14, x25
        x05 = self.up["05"](x15).add_(self.lateral["05"](x04)).add_(x04)
        del x04, x15
        return self.tail(x05)
