"""Motion between frames: what the matching, a refinement or a user hands on, resizing and backward warping.

Convention: flow is (N, 2, H, W), dx then dy, in pixels of its own size. Sampling positions are pixel centres
(``align_corners=True`` in torch's words), so a flow of (1, 0) reads exactly the right-hand neighbour.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F


@dataclass
class Matches:
    """The mutual matches of one pair's pieces (paper 3.1, the matching map).

    ``pieces_0`` and ``pieces_1`` (M,) int64 are labels in frame 0 and frame 1, ``scores`` (M,) the values of
    C = A - lambda_dist L_dist - lambda_size L_size.
    """

    pieces_0: Tensor
    pieces_1: Tensor
    scores: Tensor


@dataclass
class PieceMatches:
    """Whose pieces are whose, in P pairs of neighbours: what the matching knows before anything has moved (paper 3.1).

    - ``labels``: (P + 1, H, W) int32, the pieces of each frame.
    - ``matches``: a Matches for each pair.
    """

    labels: Tensor
    matches: list[Matches]


@dataclass
class CoarseFlow(PieceMatches):
    """How matched pieces move, in P pairs (paper 3.1, "Flow Generation"): what a refinement starts from.

    - ``flow_01``, ``flow_10``: (P, 2, H, W), zero wherever no piece matched.
    - ``motion``: for each pair (M, 6), a similarity per match: centre in frame 0 (x, y), centre in frame 1 (x, y), turn
      in radians (clockwise as seen, y being down) and the logarithm of the scale. None where nobody knows.
    """

    flow_01: Tensor
    flow_10: Tensor
    motion: list[Tensor] | None = None

    def __len__(self) -> int:
        """How many pairs it is of."""
        return self.flow_01.shape[0]

    def pair(self, index: int, device: torch.device | str | None = None) -> CoarseFlow:
        """One of the pairs, its fields on ``device``."""
        return CoarseFlow(
            self.labels[index : index + 2],
            self.matches[index : index + 1],
            self.flow_01[index : index + 1].to(device),
            self.flow_10[index : index + 1].to(device),
            None if self.motion is None else self.motion[index : index + 1],
        )

    def as_flow(self) -> Flow:
        """Its two fields, taken for a flow as they are."""
        return Flow(self.flow_01, self.flow_10)


@dataclass
class Flow:
    """The motion of every pixel of P pairs. Only the two fields are needed by any consumer; the rest is None if unknown.

    - ``flow_01``, ``flow_10``: (P, 2, H, W).
    - ``depth_0``, ``depth_1``: (P, 1, H, W), which pixel is in front: the greater.
    - ``confidence_01``, ``confidence_10``: (P, 1, H, W), 0..1.
    - ``bend_01``, ``bend_10``: (P, 2, H, W) in pixels, how far half-way along a pixel is off the straight line: it has
      moved by t f + 4 t (1 - t) b at time t of its way. What turns moves on an arc.
    - ``dense_01``, ``dense_10``: (P, 2, H, W), whole-frame dense flow that knows no pieces: a second opinion.
    - ``loose_0``, ``loose_1``: (P, 1, H, W), 0..1, what is of a thing by itself whose motion is known: a flake, a thin limb, a
      blade. None where there are none too.
    - ``cutouts``: for each pair, whether its pieces lie in the other drawing as they are, only moved, or are drawn anew.
    """

    flow_01: Tensor
    flow_10: Tensor
    depth_0: Tensor | None = None
    depth_1: Tensor | None = None
    confidence_01: Tensor | None = None
    confidence_10: Tensor | None = None
    bend_01: Tensor | None = None
    bend_10: Tensor | None = None
    dense_01: Tensor | None = None
    dense_10: Tensor | None = None
    loose_0: Tensor | None = None
    loose_1: Tensor | None = None
    cutouts: list[bool] | None = None

    def __len__(self) -> int:
        """How many pairs it is of."""
        return self.flow_01.shape[0]

    def pair(self, index: int, device: torch.device | str | None = None) -> Flow:
        """One of the pairs, its fields on ``device``."""
        fields = {name: getattr(self, name) for name in FIELDS}
        one: dict[str, Any] = {name: None if f is None else f[index : index + 1].to(device) for name, f in fields.items()}
        return Flow(**one, cutouts=None if self.cutouts is None else self.cutouts[index : index + 1])


def displacement(field: Any, bend: Any, share: float) -> Any:
    """How far what moves by ``field`` has moved after a ``share`` of its way, 0..1: on a straight line, or the arc that ``bend``
    tells (``Flow.bend_01``; None: straight). Arrays or Tensors."""
    straight = share * field
    return straight if bend is None else straight + 4 * share * (1 - share) * bend


# What a Flow holds for every pixel of every pair, (P, C, H, W).
FIELDS = ("flow_01", "flow_10", "depth_0", "depth_1", "confidence_01", "confidence_10", "bend_01", "bend_10",
          "dense_01", "dense_10", "loose_0", "loose_1")


def pixel_grid(like: Tensor, top: int = 0) -> Tensor:
    """Pixel positions (1, 2, H, W), x then y, of size, device and dtype of ``like`` (N, C, H, W), whose first row is ``top``."""
    height, width = like.shape[-2:]
    ys, xs = torch.meshgrid(
        torch.arange(top, top + height, device=like.device, dtype=like.dtype),
        torch.arange(width, device=like.device, dtype=like.dtype),
        indexing="ij",
    )
    return torch.stack([xs, ys])[None]


def sampling_grid(x: Tensor, y: Tensor, size: tuple[int, int]) -> Tensor:
    """Pixel positions x and y (...), pixel centres at whole numbers, as ``grid_sample`` wants them without align_corners.

    ``size``: (height, width) of what is sampled. (..., 2). The same samples as 2 x / (w - 1) - 1 with
    align_corners=True, and no division by zero for one pixel.
    """
    height, width = size
    return torch.stack([(2 * x + 1) / width - 1, (2 * y + 1) / height - 1], dim=-1)


def resize_flow(flow: Tensor, size: tuple[int, int], *, mode: str = "bilinear") -> Tensor:
    """A flow (N, 2, H, W) resized to ``size`` (height, width), its values rescaled with it.

    Convention: pixels before and after are pixels of the flow's own size, dx scaled by the ratio of widths and dy by
    that of heights. Image corners are aligned (``align_corners=False``). ``mode``: "bilinear", or "nearest", which
    keeps motion boundaries sharp and takes the upper left of the pixels that it has to choose from.
    """
    if tuple(flow.shape[-2:]) == tuple(size):
        return flow
    dx, dy = flow.split(1, dim=1)
    scaled = torch.cat([dx * (size[1] / flow.shape[-1]), dy * (size[0] / flow.shape[-2])], dim=1)
    return F.interpolate(scaled, size=size, mode=mode, align_corners=None if mode == "nearest" else False)


def mean_difference(image: Tensor, other: Tensor) -> Tensor:
    """How far two images (N, C, H, W) differ at each pixel, |a - b| in the mean over channels: (N, 1, H, W). Of a frame and one
    that is warped to it, what softmax splatting (paper 3.3) and the refinement call brightness constancy."""
    return (image - other).abs().mean(dim=1, keepdim=True)


def backwarp(image: Tensor, flow: Tensor, *, padding: str = "border", top: int = 0) -> Tensor:
    """``image`` (N, C, H, W) read at x + flow(x): frame 1 on frame 0's grid, given ``flow_01``.

    Convention: ``flow`` (N, 2, H, W) in pixels; pixel centres at whole numbers, bilinear between; beyond the border
    the border's value (``padding="border"``) or zero (``"zeros"``). Positions are float32 at least, whatever the
    image's dtype, and so is the arithmetic; the result has the image's dtype. Differentiable in both. ``flow`` may be a part
    of the rows, from ``top`` on.
    """
    precision = torch.promote_types(image.dtype, torch.float32)
    flow = flow.to(precision)
    height, width = image.shape[-2:]
    x, y = (pixel_grid(flow, top) + flow).unbind(dim=1)
    if padding == "border":
        # By hand: not every device's grid_sample knows border padding.
        x, y = x.clamp(0, width - 1), y.clamp(0, height - 1)
    grid = sampling_grid(x, y, (height, width))
    warped = F.grid_sample(image.to(precision), grid, mode="bilinear", padding_mode="zeros", align_corners=False)
    return warped.to(image.dtype)
