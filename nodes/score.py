"""In-between frames and the true ones -> how near they come (evaluation.py)."""

import math

from comfy_api.latest import io

from ..animeinterp.errors import AnimeInterpError
from ..animeinterp.evaluation import score, to_8bit
from . import base, bridge

_WHAT = {  # outputs in their order, and how each is written in the text
    "psnr": ("PSNR", "dB"),
    "ssim": ("SSIM", ""),
    "ie": ("IE", ""),
    "chamfer": ("line distance", "thousandths of the diagonal"),
}


class AnimeInterpScore(base.Node):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return base.schema(
            node_id="AnimeInterpScore",
            display_name="Score In-Betweens",
            search_aliases=["PSNR", "SSIM", "compare images", "metrics", "quality", "chamfer"],
            description="Measures how near in-between frames come to the true ones, to compare settings and methods. "
            "The numbers are means over the frames.",
            inputs=[
                io.Image.Input("images", tooltip="The frames to measure."),
                io.Image.Input("reference", tooltip="The true frames: as many, of the same size, in the same order."),
                io.Mask.Input(
                    "mask",
                    optional=True,
                    tooltip="Only what is white in it counts. One mask for all frames, or one each.",
                ),
            ],
            outputs=[
                io.Float.Output("psnr", display_name="psnr", tooltip="Peak signal to noise ratio in dB. Greater is nearer."),
                io.Float.Output("ssim", display_name="ssim", tooltip="Structural similarity, up to 1. Greater is nearer."),
                io.Float.Output(
                    "ie", display_name="ie", tooltip="Interpolation error: mean colour distance, 0 to 255. Less is nearer."
                ),
                io.Float.Output(
                    "chamfer",
                    display_name="line distance",
                    tooltip="How far drawn lines are from the true ones, in thousandths of the diagonal. Less is nearer.",
                ),
                io.String.Output("text", display_name="text", tooltip="The means, and each frame's numbers, to be read."),
            ],
        )

    @classmethod
    def execute(cls, images, reference, mask=None) -> io.NodeOutput:
        found, true = (bridge.to_frames(batch, least=1)[:, :3] for batch in (images, reference))
        bridge.check_same_clip(true.shape[0], true.shape[-2:], found, name="reference")
        masks = _masks(mask, found)
        progress = bridge.Progress()
        rows = []
        for i in range(found.shape[0]):
            progress(i, found.shape[0])
            rows.append(score(to_8bit(found[i : i + 1]), to_8bit(true[i : i + 1]), mask=masks and masks[i]))
        progress(1, 1)
        means = {name: sum(row[name] for row in rows) / len(rows) for name in _WHAT}
        lines = [_line("all", means), *(_line(f"frame {i}", row) for i, row in enumerate(rows))]
        return io.NodeOutput(*means.values(), "\n".join(lines if len(rows) > 1 else lines[:1]))


def _masks(mask, frames):
    """A (1, 1, H, W) mask for each frame, or None."""
    if mask is None:
        return None
    mask = mask.reshape(-1, 1, *mask.shape[-2:])
    if mask.shape[0] not in (1, frames.shape[0]) or mask.shape[-2:] != frames.shape[-2:]:
        raise AnimeInterpError(
            f"mask is {mask.shape[0]} of {mask.shape[-1]}x{mask.shape[-2]}; it should be one, or one for each of the "
            f"{frames.shape[0]} frames, of {frames.shape[-1]}x{frames.shape[-2]}. Resize it, or leave it out."
        )
    if not (mask > 0.5).flatten(1).any(1).all():
        raise AnimeInterpError("mask is black; it should be white where the frames are to be measured.")
    return mask.expand(frames.shape[0], 1, -1, -1).split(1)


def _line(name: str, values: dict[str, float]) -> str:
    def number(value: float) -> str:
        return "infinite" if math.isinf(value) else f"{value:.4g}"

    numbers = ", ".join(f"{what} {number(values[key])} {unit}".rstrip() for key, (what, unit) in _WHAT.items())
    return f"{name}: {'the same pixels, ' if math.isinf(values['psnr']) else ''}{numbers}"
