"""From the motion half-way to frames at any time: both drawings read along it, one of them leading, before their backdrop.

Conventions: as in ``bilateral``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional as F

from ..flow import backwarp, mean_difference
from .backdrop import Backdrop
from .config import PAINTING, PaintingConfig
from .sampling import backwarp_both, upsample, upsample_motion
from .splatting import splat
from .stretching import less_stretched
from .windows import window_mean


@dataclass(frozen=True)
class Fused:
    """All that a frame is drawn from, beside the drawings: ``motion`` (B, 4, h, w) at 1/4; ``mask_logit`` (B, 1, H, W), of which
    the sigmoid is drawing 0's share; ``residual`` (B, 3, H, W), what neither drawing has."""

    motion: Tensor
    mask_logit: Tensor
    residual: Tensor


class Halfway:
    """A pair of which all is known that is to be found out half-way: ready to be drawn at any time."""

    def __init__(self, frames: list[Tensor], fused: Fused, size: tuple[int, int], backdrop: Backdrop | None) -> None:
        """``frames`` are padded to multiples of 16, and what is drawn is cut back to ``size``."""
        self._frames, self._size, self._backdrop = frames, size, backdrop
        small = [F.avg_pool2d(frame[:, :3].float(), 4) for frame in frames]
        prefers = upsample(less_stretched(fused.motion, *backwarp_both(*small, fused.motion)), 4)
        self._fused = replace(fused, mask_logit=fused.mask_logit + prefers)

    def at(self, t: float) -> Tensor:
        """The frame (1, C, H, W), raw, float32."""
        return self.moment(t).drawn()

    def moment(self, t: float) -> Moment:
        """All that the frame at ``t`` is drawn from."""
        time = torch.full((1, 1, 1, 1), t, device=self._fused.motion.device)
        fused = self._fused if t == 0.5 else carried(self._fused, time)
        return Moment(self._frames, fused, time, self._size, self._backdrop)


@dataclass(frozen=True)
class Moment:
    """A time of such a pair, to be drawn as it is or with its places shifted."""

    frames: list[Tensor]
    fused: Fused
    time: Tensor
    size: tuple[int, int]
    backdrop: Backdrop | None

    def drawn(self, shift: Tensor | None = None) -> Tensor:
        """The frame (1, C, H, W), raw, float32; where at each place is drawn what is ``shift`` off, (1, 2, h, w) at 1/4 of the
        padded size, in its pixels."""
        fused = self.fused if shift is None else _read_off(self.fused, shift, self._motion(shift))
        painted = paint(*self.frames, fused, self.time, lead=True, backdrop=self.backdrop)
        return painted[..., : self.size[0], : self.size[1]]

    def apart(self, shift: Tensor) -> Tensor:
        """How far apart the two readings of that are, (1, 1, H, W), in the mean over colours."""
        motion = upsample_motion(self._motion(shift), 4)
        readings = backwarp_both(*(frame[:, :3].float() for frame in self.frames), motion)
        return mean_difference(*readings)[..., : self.size[0], : self.size[1]]

    def _motion(self, shift: Tensor) -> Tensor:
        return backwarp(self.fused.motion, shift) + shift.repeat(1, 2, 1, 1)


def paint(
    frame0: Tensor, frame1: Tensor, fused: Fused, time: Tensor, *, lead: bool = False, backdrop: Backdrop | None = None,
    config: PaintingConfig = PAINTING,
) -> Tensor:
    """The frames (B, C, H, W), raw, float32. C may be 4: alpha is read and shared as the colours are.

    :param lead: whether one drawing leads (``leading``), and the drawings are read sharply; else the mask is what the network
        has learned, over bilinear readings.
    :param backdrop: of a single pair, that is drawn as it is.
    """
    motion, logit = upsample_motion(fused.motion, 4), fused.mask_logit
    reading0, reading1 = backwarp_both(frame0.float(), frame1.float(), motion, sharp=lead)
    figures = None if backdrop is None else backdrop.read_figures(motion)
    if lead:
        apart = mean_difference(reading0[:, :3], reading1[:, :3])
        leads = upsample(leading(fused.motion, apart, time, config), 4)
        if backdrop is None:
            logit = config.decided * logit + leads
        else:
            leader, side = (0, 1.0) if float(time) <= 0.5 else (1, -1.0)
            within = backdrop.within(figures, motion.split(2, dim=1)[leader])
            logit_within = config.decided_within * logit + side * (config.lead_within - config.lead)
            logit = torch.lerp(config.decided * logit, logit_within, within) + leads
    mask = logit.sigmoid()
    made = torch.lerp(reading1, reading0, mask)
    made = torch.cat([made[:, :3] + fused.residual, made[:, 3:]], dim=1)
    return made if backdrop is None else backdrop.behind(made, frame0, frame1, figures, mask, float(time))


def leading(motion: Tensor, apart: Tensor, time: Tensor, config: PaintingConfig = PAINTING) -> Tensor:
    """Which drawing shows each place, a logit (B, 1, h, w) at 1/4: above zero drawing 0, below it drawing 1.

    The nearer drawing leads, so that a line is drawn once and not twice beside itself. But a place of a drawing can be read
    once only: where two places of time t claim it, what looks the same in both drawings is there, and what does not is
    behind it, and to be seen in the other drawing.

    :param motion: (B, 4, h, w) at 1/4, in its pixels.
    :param apart: (B, 1, H, W), how far the two readings are apart in colour, in the mean over channels.
    """
    apart = window_mean(F.avg_pool2d(apart, 4), config.unlike_around)
    claim = (-config.unlike * apart).exp().clamp(min=config.least)
    believed = []
    for to in motion.split(2, dim=1):
        claims = splat(claim, to)[0]
        own = (claim / backwarp(claims, to).clamp(min=config.least / 10)).clamp(config.least, 1.0)  # of all that claim the place
        believed.append(window_mean(own.log(), config.claim_around))
    return torch.where(time <= 0.5, config.lead, -config.lead) + config.claim * (believed[0] - believed[1])


def carried(fused: Fused, time: Tensor) -> Fused:
    """What was found half-way, at another time."""
    return _read_off(fused, *on_the_way(fused.motion, time))


def on_the_way(motion: Tensor, time: Tensor, config: PaintingConfig = PAINTING) -> tuple[Tensor, Tensor]:
    """What moves so half-way, (B, 4, h, w), at another ``time``: where half-way each place was or will be, (B, 2, h, w), and
    the motion from there.

    Each goes on an even curve from drawing 0 through half-way to drawing 1: so a point's path bends smoothly, arrives at the
    drawings without a jump, and costs no search of its own.
    """
    ends, t = motion.split(2, dim=1), time.float()
    # The parabola through both ends and half-way, where it is zero.
    travelled = 2 * (t - 0.5) * (t - 1) * ends[0] + 2 * t * (t - 0.5) * ends[1]
    there = torch.zeros_like(travelled)
    for _ in range(config.path_steps):
        there = -backwarp(travelled, there)
    return there, torch.cat([backwarp(end - travelled, there) for end in ends], dim=1)


def _read_off(fused: Fused, off: Tensor, motion: Tensor) -> Fused:
    """``fused`` with another ``motion``, and all else as it is ``off`` (B, 2, h, w) from each place."""
    full = upsample_motion(off, 4)
    return Fused(motion, backwarp(fused.mask_logit, full), backwarp(fused.residual, full))
