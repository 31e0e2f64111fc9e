"""VGG-19 up to relu4_4: the features that pieces are matched by (paper 3.1, "Feature Collection").

Simonyan and Zisserman, "Very Deep Convolutional Networks" (2015). Layers are numbered as torchvision numbers them, so
that its ``vgg19-dcbb9e9d.pth`` loads as it is (weights: torchvision, BSD-3-Clause; trained on ImageNet).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

_LEVELS = ((64, 2), (128, 2), (256, 4), (512, 4))  # channels and number of convolutions
_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)


class VGGFeatures(nn.Module):
    """Frames (N, 3, H, W) in 0..1 -> relu1_2, relu2_2, relu3_4, relu4_4: 64, 128, 256, 512 channels at 1 to 1/8."""

    def __init__(self, *, operations: Any = nn) -> None:
        super().__init__()
        layers, channels_in, self._ends = [], 3, []
        for level, (channels, count) in enumerate(_LEVELS):
            if level:
                layers.append(nn.MaxPool2d(2))
            for _ in range(count):
                layers += [operations.Conv2d(channels_in, channels, 3, padding=1), nn.ReLU()]
                channels_in = channels
            self._ends.append(len(layers) - 1)
        self.features = nn.Sequential(*layers)
        self.register_buffer("mean", torch.tensor(_MEAN).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("deviation", torch.tensor(_DEVIATION).view(1, 3, 1, 1), persistent=False)

    def get_dtype(self) -> torch.dtype:
        """The dtype of the weights, which frames are cast to."""
        return self.features[0].weight.dtype

    def forward(self, frames: Tensor) -> list[Tensor]:
        """The four maps, in the network's dtype; sides halve from each to the next, rounded down."""
        x = (frames - self.mean.to(frames)) / self.deviation.to(frames)
        x = x.to(self.get_dtype())
        found = []
        for number, layer in enumerate(self.features):
            x = layer(x)
            if number in self._ends:
                found.append(x)
        return found

    def piece_features(self, frame: Tensor) -> list[Tensor]:
        """The same of a frame of any size, sides rounded up instead: level k is (N, C, ceil(H / 2^k), ceil(W / 2^k)).

        That is the size of ``labels[::2^k, ::2^k]``. The frame's last row and column are repeated to fill up.
        """
        height, width = frame.shape[-2:]
        padded = F.pad(frame, (0, -width % 8, 0, -height % 8), mode="replicate")
        maps = self(padded)
        return [m[..., : -(-height // 2**k), : -(-width // 2**k)] for k, m in enumerate(maps)]

    def memory_used_forward(
        self, shape: tuple[int, ...], dtype: torch.dtype, device: torch.device | str | None = None
    ) -> int:
        """Bytes that ``forward`` needs beyond the weights for frames of ``shape`` (N, 3, H, W), roughly."""
        pixels = shape[0] * shape[-2] * shape[-1]
        return int(pixels * 64 * 4.5 * dtype.itemsize)
