"""The yardstick's networks: refinement and synthesis with a model's own weights, and nothing shared.

See ``steps``. Each direction encodes both frames, and the first once more for its context; it has a correlation
volume of its own and brings its flow to full size in each iteration. Each in-between computes the features of both frames,
splats frames and features one after the other, and splats ones beside each channel to divide by. Plain layers in the plain
layout, read off the weights by name: nothing of the library's networks is used, so that no change there makes this faster.

Frames are (1, 3, H, W) in 0..1, flow (1, 2, H, W) in pixels.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

ITERATIONS, LEVELS, RADIUS = 12, 4, 4
LEAST_MASS = 5e-6  # what rounding leaves beside a whole position is a hole


class PublishedNetworks:
    """The networks of a model of the published configuration, on its device: ``refine`` and ``synthesize``."""

    def __init__(self, model: torch.nn.Module) -> None:
        # In the plain layout whatever the model keeps them in: convolutions follow the layout of their weights.
        self._weights = {
            name: tensor.detach().float().clone(memory_format=torch.contiguous_format)
            for name, tensor in model.state_dict().items()
        }

    def _conv(self, name: str, x: Tensor, *, stride: int = 1) -> Tensor:
        weight = self._weights[f"{name}.weight"]
        padding = (weight.shape[-2] // 2, weight.shape[-1] // 2)
        return F.conv2d(x, weight, self._weights[f"{name}.bias"], stride=stride, padding=padding)

    def _prelu(self, name: str, x: Tensor) -> Tensor:
        return F.prelu(x, self._weights[f"{name}.weight"])

    # Refinement -----------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def refine(self, frame0: Tensor, frame1: Tensor, flow_01: Tensor, flow_10: Tensor) -> tuple[Tensor, Tensor]:
        """The fine flows, one direction after the other."""
        return self._direction(frame0, frame1, flow_01), self._direction(frame1, frame0, flow_10)

    def _direction(self, source: Tensor, target: Tensor, coarse: Tensor) -> Tensor:
        size = tuple(side // 8 * 8 for side in source.shape[-2:])
        source, target = (
            F.interpolate(2 * frame - 1, size=size, mode="bilinear", align_corners=False) for frame in (source, target)
        )
        levels = self._volume(self._encode(source), self._encode(target))
        hidden, context = self._encode(source).split(128, dim=1)
        hidden, context = torch.tanh(hidden), torch.relu(context)
        small = (size[0] // 8, size[1] // 8)
        flow = 2 * _resized(coarse, small, "nearest")
        grid = _grid(flow)
        predictions = []
        for _ in range(ITERATIONS):
            found = torch.cat([_look_up(level, (grid + flow) / 2**k) for k, level in enumerate(levels)], dim=1)
            hidden, change = self._update(hidden, context, found, flow)
            flow = flow + change
            predictions.append(_resized(self._upsampled(hidden, flow), tuple(coarse.shape[-2:]), "bilinear"))
        return predictions[-1]

    def _encode(self, x: Tensor) -> Tensor:
        root = "refinement.encoder"
        x = torch.relu(self._conv(f"{root}.stem", x, stride=2))
        for block, stride in enumerate((1, 1, 2, 1, 2, 1)):
            name = f"{root}.blocks.{block}"
            y = torch.relu(self._conv(f"{name}.conv1", x, stride=stride))
            y = torch.relu(self._conv(f"{name}.conv2", y))
            x = torch.relu((self._conv(f"{name}.shortcut", x, stride=stride) if stride > 1 else x) + y)
        return self._conv(f"{root}.head", x)

    @staticmethod
    def _volume(features0: Tensor, features1: Tensor) -> list[Tensor]:
        channels, height, width = features0.shape[1:]
        volume = features0[0].flatten(1).t() @ features1[0].flatten(1) / channels**0.5
        levels = [volume.reshape(-1, 1, height, width)]
        for _ in range(LEVELS - 1):
            levels.append(F.avg_pool2d(levels[-1], 2))
        return levels

    def _update(self, hidden: Tensor, context: Tensor, found: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
        root = "refinement.update"

        def layer(name: str, x: Tensor) -> Tensor:
            return torch.relu(self._conv(f"{root}.{name}", x))

        seen = layer("motion.correlation2", layer("motion.correlation1", found))
        moved = layer("motion.flow2", layer("motion.flow1", flow))
        inputs = torch.cat([context, layer("motion.join", torch.cat([seen, moved], dim=1)), flow], dim=1)
        for unit in ("horizontal", "vertical"):
            both = torch.cat([hidden, inputs], dim=1)
            update = torch.sigmoid(self._conv(f"{root}.{unit}.update", both))
            reset = torch.sigmoid(self._conv(f"{root}.{unit}.reset", both))
            candidate = torch.tanh(self._conv(f"{root}.{unit}.candidate", torch.cat([reset * hidden, inputs], dim=1)))
            hidden = (1 - update) * hidden + update * candidate
        return hidden, self._conv(f"{root}.flow2", layer("flow1", hidden))

    def _upsampled(self, hidden: Tensor, flow: Tensor) -> Tensor:
        root = "refinement.update"
        mask = 0.25 * self._conv(f"{root}.upsampling2", torch.relu(self._conv(f"{root}.upsampling1", hidden)))
        height, width = flow.shape[-2:]
        mask = mask.view(1, 1, 9, 8, 8, height, width).softmax(dim=2)
        near = F.unfold(8 * flow, 3, padding=1).view(1, 2, 9, 1, 1, height, width)
        full = (mask * near).sum(dim=2)  # (1, 2, 8, 8, h, w)
        return full.permute(0, 1, 4, 2, 5, 3).reshape(1, 2, 8 * height, 8 * width)

    # Synthesis ------------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def synthesize(self, frame0: Tensor, frame1: Tensor, flow_01: Tensor, flow_10: Tensor, time: float) -> Tensor:
        """The frame at ``time``, raw: (1, 3, H, W). All of it is done again for each time."""
        height, width = frame0.shape[-2:]
        pad = (0, -width % 4, 0, -height % 4)
        frame0, frame1, flow_01, flow_10 = (F.pad(x, pad, mode="replicate") for x in (frame0, frame1, flow_01, flow_10))
        images, features = [], []
        for frame, flow in ((frame0, time * flow_01), (frame1, (1 - time) * flow_10)):
            images.append(_splatted(frame, flow))
            features.append([_splatted(x, _resized(flow, x.shape[-2:], "nearest")) for x in self._pyramid(2 * frame - 1)])
        levels = [torch.cat(pair, dim=1) for pair in zip(*features, strict=True)]
        return self._grid_network(torch.cat(images, dim=1), levels)[..., :height, :width]

    def _pyramid(self, x: Tensor) -> list[Tensor]:
        features = []
        for level in range(3):
            name = f"synthesis.pyramid.levels.{level}"
            x = self._prelu(f"{name}.1", self._conv(f"{name}.0", x, stride=2 if level else 1))
            x = self._prelu(f"{name}.3", self._conv(f"{name}.2", x))
            features.append(x)
        return features

    def _block(self, name: str, x: Tensor, *, stride: int = 1, first: int = 0) -> Tensor:
        root = f"synthesis.grid.{name}"
        x = self._conv(f"{root}.{first + 1}", self._prelu(f"{root}.{first}", x), stride=stride)
        return self._conv(f"{root}.{first + 3}", self._prelu(f"{root}.{first + 2}", x))

    def _grid_network(self, frames: Tensor, features: list[Tensor]) -> Tensor:
        def lateral(at: str, x: Tensor) -> Tensor:
            return self._block(f"lateral.{at}", x) + x

        def down(at: str, x: Tensor) -> Tensor:
            return self._block(f"down.{at}", x, stride=2)

        def up(at: str, x: Tensor) -> Tensor:
            return self._block(f"up.{at}", F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False), first=1)

        x00 = self._block("frames", frames) + self._block("features.0", features[0])
        x10 = down("10", x00) + self._block("features.1", features[1])
        x20 = down("20", x10) + self._block("features.2", features[2])
        x01 = lateral("01", x00)
        x11 = lateral("11", x10) + down("11", x01)
        x21 = lateral("21", x20) + down("21", x11)
        x24 = lateral("24", x21)
        x25 = lateral("25", x24)
        x14 = up("14", x24) + lateral("14", x11)
        x04 = up("04", x14) + lateral("04", x01)
        x15 = up("15", x25) + lateral("15", x14)
        x05 = up("05", x15) + lateral("05", x04)
        return self._block("tail", x05)


def _grid(like: Tensor) -> Tensor:
    y, x = torch.meshgrid(*(torch.arange(side, dtype=like.dtype, device=like.device) for side in like.shape[-2:]),
                          indexing="ij")
    return torch.stack([x, y])[None]


def _resized(flow: Tensor, size: tuple[int, int], mode: str) -> Tensor:
    scale = flow.new_tensor([size[1] / flow.shape[-1], size[0] / flow.shape[-2]]).view(1, 2, 1, 1)
    return F.interpolate(flow * scale, size=tuple(size), mode=mode, align_corners=None if mode == "nearest" else False)


def _look_up(level: Tensor, centres: Tensor) -> Tensor:
    """The 9x9 neighbours of each position in one level of the volume, x slowest: (1, 81, h, w)."""
    height, width = level.shape[-2:]
    steps = torch.arange(-RADIUS, RADIUS + 1, dtype=centres.dtype, device=centres.device)
    x, y = torch.meshgrid(steps, steps, indexing="ij")
    at = centres.permute(0, 2, 3, 1).reshape(-1, 1, 1, 2) + torch.stack([x, y], dim=-1)
    scale = at.new_tensor([2 / width, 2 / height])
    sampled = F.grid_sample(level, (at + 0.5) * scale - 1, mode="bilinear", padding_mode="zeros", align_corners=False)
    return sampled.view(1, *centres.shape[-2:], -1).permute(0, 3, 1, 2)


def _splatted(x: Tensor, flow: Tensor) -> Tensor:
    """Average splatting: what lands on each pixel over what ones land, channel for channel; 0 in holes."""
    total, mass = _landed(x, flow), _landed(torch.ones_like(x), flow)
    return torch.where(mass > LEAST_MASS, total / mass.clamp(min=LEAST_MASS), 0)


def _landed(x: Tensor, flow: Tensor) -> Tensor:
    channels, height, width = x.shape[1:]
    to_x, to_y = (_grid(x) + flow).unbind(dim=1)
    left, top = to_x.floor(), to_y.floor()
    result = torch.zeros_like(x).flatten(2)
    for corner_x, corner_y in ((left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)):
        share = (1 - (to_x - corner_x).abs()) * (1 - (to_y - corner_y).abs())
        inside = (corner_x >= 0) & (corner_x < width) & (corner_y >= 0) & (corner_y < height)
        index = corner_y.clamp(0, height - 1).long() * width + corner_x.clamp(0, width - 1).long()
        values = x * (share * inside)[:, None]
        result.scatter_add_(2, index.flatten(1)[:, None].expand(-1, channels, -1), values.flatten(2))
    return result.view_as(x)
