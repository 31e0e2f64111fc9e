"""Where nothing is to be interpolated: subtitles, a logo, a heads-up display. There the nearer frame is shown."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import AnimeInterpError


class Protection:
    """Masks of what is kept, of a whole clip or of each of its frames."""

    def __init__(self, masks: Tensor) -> None:
        """``masks`` (1 or N, H, W) or (1 or N, 1, H, W), 0..1: 1 where nothing is interpolated. AnimeInterpError for others."""
        if not isinstance(masks, Tensor) or masks.ndim not in (3, 4) or (masks.ndim == 4 and masks.shape[1] != 1):
            was = tuple(masks.shape) if isinstance(masks, Tensor) else type(masks).__name__
            raise AnimeInterpError(f"protect is {was}; it should be masks (N, H, W), one for all frames or one each.")
        self.masks = masks.reshape(masks.shape[0], 1, *masks.shape[-2:]).detach().float().clamp(0, 1)

    def of(self, index: int, frame: Tensor) -> Tensor:
        """The mask (1, 1, H, W) of the clip's frame number ``index``."""
        if tuple(self.masks.shape[-2:]) != tuple(frame.shape[-2:]):
            raise AnimeInterpError(
                f"protect is {self.masks.shape[-1]}x{self.masks.shape[-2]} and the frames are {frame.shape[-1]}x"
                f"{frame.shape[-2]}; they should be of one size. Resize the mask."
            )
        if self.masks.shape[0] > 1 and index >= self.masks.shape[0]:
            raise AnimeInterpError(
                f"protect holds {self.masks.shape[0]} masks and there are more frames; it should be one mask for all of them, "
                "or one for each."
            )
        return self.masks[index if self.masks.shape[0] > 1 else slice(0, 1)].view(1, 1, *frame.shape[-2:])


def keep_protected(painted: Tensor, time: float, frames: Sequence[Tensor], masks: tuple[Tensor, Tensor]) -> Tensor:
    """``painted`` (1, C, H, W) at ``time``, with the nearer of the two frames wherever either mask (1, 1, H, W) is set: so text
    is there whole, or not at all. Half-set masks mix."""
    nearer = frames[0] if time < 0.5 else frames[1]
    return torch.lerp(painted, nearer.to(painted), torch.maximum(*masks).to(painted))
