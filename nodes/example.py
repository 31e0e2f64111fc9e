"""Drawings of our own, so that a workflow runs as it is loaded."""

from pathlib import Path

import torch
from comfy_api.latest import InputImpl, io

from ..animeinterp.errors import AnimeInterpError
from ..animeinterp.media import read_image
from . import base, bridge

_FOLDER = Path(__file__).resolve().parent.parent / "example_workflows" / "frames"
_FILES = {"girl waving": "animeinterp", "head turning": "head", "fish swimming": "fish"}
_FILM = "animeinterp_video.mp4"
_MOST = 4


class AnimeInterpExample(base.Node):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return base.schema(
            node_id="AnimeInterpExample",
            display_name="Example Drawings",
            search_aliases=["sample images", "test images", "demo", "anime"],
            description="Drawings that come with AnimeInterp, to try a workflow with. Connect Load Image or the images of a "
            "video in its place for your own.",
            inputs=[
                io.Combo.Input(
                    "which",
                    options=list(_FILES),
                    default=next(iter(_FILES)),
                    tooltip="girl waving: 640x360, a girl, a cat and a bird before a meadow. head turning and fish swimming: "
                    "320x320, cut out, with alpha.",
                ),
                io.Int.Input("count", default=2, min=2, max=_MOST, tooltip="How many drawings, from the first one on."),
            ],
            outputs=[
                io.Image.Output("images", display_name="images", tooltip="The drawings, in order."),
                io.Video.Output(
                    "video",
                    display_name="video",
                    tooltip="A second of film with sound, 320x180 at 24 frames a second, whichever drawings are chosen.",
                ),
            ],
        )

    @classmethod
    def execute(cls, which: str, count: int) -> io.NodeOutput:
        if which not in _FILES:
            raise AnimeInterpError(f'which is "{which}"; it should be one of {", ".join(_FILES)}. Choose it anew.')
        files = [_FOLDER / f"{_FILES[which]}_{number:02d}.png" for number in range(1, count + 1)]
        film = InputImpl.VideoFromFile(str(_FOLDER / _FILM))
        return io.NodeOutput(bridge.to_images(torch.cat([read_image(file) for file in files])), film)
