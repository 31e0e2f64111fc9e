"""What a painted frame is judged by. All take (B, 3, H, W) in 0..1 and return a number that is 0 for equal frames."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F

SOFTENING = 1e-3  # of the Charbonnier penalty, in 0..1
CENSUS_REACH = 2  # pixels
CENSUS_SCALE = 0.05  # difference in grey at which a census sign is 0.7 of one


def charbonnier(image: Tensor, target: Tensor) -> Tensor:
    """sqrt(d^2 + s^2) - s: an L1 that is smooth at zero (Charbonnier et al., ICIP 1994)."""
    return ((image - target).square() + SOFTENING**2).sqrt().mean() - SOFTENING


def gradient_difference(image: Tensor, target: Tensor) -> Tensor:
    """L1 between the two frames' differences of neighbours: lines and edges, and their sharpness."""
    off = image - target
    return off.diff(dim=-1).abs().mean() + off.diff(dim=-2).abs().mean()


def census(image: Tensor, target: Tensor) -> Tensor:
    """Distance of soft census signs (Zabih and Woodfill, ECCV 1994; soft as in Meister et al., AAAI 2018).

    Which neighbours are lighter and which darker than a pixel: the drawing, whatever its contrast.
    """
    greys = [x.mean(dim=1, keepdim=True) for x in (image, target)]
    height, width = image.shape[-2:]
    total, count = image.new_zeros(()), 0
    padded = [F.pad(grey, (CENSUS_REACH,) * 4, mode="replicate") for grey in greys]
    for dy in range(CENSUS_REACH + 1):
        for dx in range(-CENSUS_REACH, CENSUS_REACH + 1):
            if dy == 0 and dx <= 0:  # the other half says the same
                continue
            signs = []
            for grey, wide in zip(greys, padded, strict=True):
                y, x = CENSUS_REACH + dy, CENSUS_REACH + dx
                off = wide[..., y : y + height, x : x + width] - grey
                signs.append(off / (off.square() + CENSUS_SCALE**2).sqrt())
            apart = (signs[0] - signs[1]).square()
            total, count = total + (apart / (0.1 + apart)).mean(), count + 1
    return total / count


def picture_loss(image: Tensor, target: Tensor) -> tuple[Tensor, dict[str, float]]:
    """The sum that frames are trained on, and its parts for the log."""
    parts = {
        "charbonnier": charbonnier(image, target),
        "gradient": gradient_difference(image, target),
        "census": 0.05 * census(image, target),
    }
    return sum(parts.values()), {name: part.item() for name, part in parts.items()}


def laplacian(image: Tensor, target: Tensor, levels: int = 5) -> Tensor:
    """L1 between Laplacian pyramids, the coarser levels counting more (Niklaus and Liu, CVPR 2018): shapes, not only pixels.

    Each level is what averaging over 2x2 pixels loses; sides are multiples of 2^(levels - 1).
    """
    off, total = image - target, image.new_zeros(())
    for level in range(levels - 1):
        smaller = F.avg_pool2d(off, 2)
        lost = off - F.interpolate(smaller, scale_factor=2, mode="bilinear", align_corners=False)
        total = total + 2**level * lost.abs().mean()
        off = smaller
    return (total + 2 ** (levels - 1) * off.abs().mean()) / levels
