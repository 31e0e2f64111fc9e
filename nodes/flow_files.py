"""Flow from and to files: what other tools found, or what is wanted by them."""

from __future__ import annotations

import os
from pathlib import Path

import folder_paths
import torch
from comfy_api.latest import io, ui
from torch import Tensor

from ..animeinterp.errors import AnimeInterpError
from ..animeinterp.flow import FIELDS, CoarseFlow, Flow, resize_flow
from ..animeinterp.foreign import FORMATS, fill_unknown, flow_series, read_flow, reverse_flow, write_flow
from ..animeinterp.sequence import ClipFlow
from . import base, bridge, types

_NONE = "(no flow file in the input folder)"
_BY_NAME = "by name, else reversed"
_SUFFIXES = {f".{suffix}" for suffix in FORMATS}


def flow_names() -> list[str]:
    """The flow files in ComfyUI's input and output folders, as its own nodes name files."""
    found = []
    for folder, after in ((folder_paths.get_input_directory(), ""), (folder_paths.get_output_directory(), " [output]")):
        for path in sorted(Path(folder).rglob("*")):
            if path.suffix.lower() in _SUFFIXES and _may_be_flow(path):
                found.append(path.relative_to(folder).as_posix() + after)
    return found


def _may_be_flow(path: Path) -> bool:
    """Whether a .png is of 16 bits in three colours, as KITTI's are: others are pictures."""
    if path.suffix.lower() != ".png":
        return True
    with open(path, "rb") as file:
        return file.read(26)[24:26] == b"\x10\x02"


class AnimeInterpLoadFlow(base.Node):
    @classmethod
    def define_schema(cls) -> io.Schema:
        names = flow_names()
        return base.schema(
            node_id="AnimeInterpLoadFlow",
            display_name="Load Flow",
            search_aliases=["optical flow", "flo", "KITTI", "npy", "npz", "read flow"],
            description="Loads motion that another tool found, or that Save Flow saved: .flo, .npy, .npz or KITTI's 16-bit .png "
            "from ComfyUI's input or output folder.",
            inputs=[
                io.Combo.Input(
                    "flow_name",
                    options=names or [_NONE],
                    tooltip="The motion from each drawing to the next. Of a numbered series, any file of it.",
                ),
                io.Combo.Input(
                    "backward_name",
                    options=[_BY_NAME, *names],
                    default=_BY_NAME,
                    tooltip="The motion back. By name: walk_0001_10.flo beside walk_0001_01.flo (or _backward, _bw). Where there "
                    "is none, the motion forward is turned round.",
                ),
                io.Boolean.Input(
                    "sequence", default=True, tooltip="On: all files of the numbered series, a pair each. Off: this file alone."
                ),
                io.Image.Input(
                    "images", optional=True, tooltip="The drawings. Connected: the motion is scaled to their size."
                ),
            ],
            outputs=[types.Flow.Output("flow", display_name="flow", tooltip="The motion between neighbours, both ways.")],
        )

    @classmethod
    def execute(cls, flow_name: str, backward_name: str, sequence: bool, images=None) -> io.NodeOutput:
        size = None if images is None else tuple(images.shape[1:3])
        forward, backward = files_of(flow_name, backward_name, sequence)
        progress = bridge.Progress()

        def flows():
            for index, file in enumerate(forward):
                progress(index, len(forward))
                yield scaled(read_both(file, backward[index] if backward else None), size)
            progress(1, 1)

        return io.NodeOutput(ClipFlow(flows()))

    @classmethod
    def fingerprint_inputs(cls, flow_name: str, backward_name: str, sequence: bool, images=None) -> list:
        try:
            files = sum(files_of(flow_name, backward_name, sequence), [])
            return [(str(file), file.stat().st_mtime_ns) for file in files]
        except (AnimeInterpError, OSError):
            return []


def files_of(flow_name: str, backward_name: str, sequence: bool) -> tuple[list[Path], list[Path]]:
    """The files of the motion forward and, where there are any, as many of the motion back."""
    if flow_name == _NONE:
        raise AnimeInterpError(
            "There is no flow file. Put .flo, .npy, .npz or KITTI .png files into ComfyUI's input folder, press R, and choose."
        )
    chosen = _path(flow_name)
    own = read_flow(chosen)
    if own.both is not None:
        return [chosen], []
    forward, beside = flow_series(chosen)
    if chosen in beside:
        raise AnimeInterpError(
            f"flow_name is {chosen.name}, the motion back; it should be the motion forward. Choose {forward[0].name}."
            if forward
            else f"flow_name is {chosen.name}, by its name the motion back, and there is none forward. Rename it."
        )
    place = forward.index(chosen)
    by_name = backward_name == _BY_NAME
    backward = beside if by_name else flow_series(_path(backward_name))
    if not by_name:
        backward = next((files for files in backward if _path(backward_name) in files), [])
    # A file of several pairs is a series by itself.
    if not sequence or own.flow.shape[0] > 1:
        forward, backward = [chosen], ([_path(backward_name)] if not by_name else backward[place : place + 1])
    if backward and len(backward) != len(forward):
        raise AnimeInterpError(
            f"There are {len(forward)} files forward and {len(backward)} back ({forward[0].name}, {backward[0].name}); there "
            "should be as many. Add what is missing, or take all those back away."
        )
    return forward, backward


def _path(name: str) -> Path:
    path = Path(folder_paths.get_annotated_filepath(name))
    folders = folder_paths.get_input_directory(), folder_paths.get_output_directory(), folder_paths.get_temp_directory()
    if not any(os.path.commonpath((os.path.abspath(f), os.path.abspath(path))) == os.path.abspath(f) for f in folders):
        raise AnimeInterpError(f"{name} is outside of ComfyUI's folders. Put the file into its input folder.")
    return path


def read_both(forward: Path, backward: Path | None) -> Flow:
    """One file's pairs, with the way back from ``backward`` or made by turning."""
    found = read_flow(forward)
    if found.both is not None:
        return found.both
    known = {}

    def complete(name: str, held) -> Tensor:
        if held.known is None:
            return held.flow
        known[name] = held.known.float()
        return fill_unknown(held.flow, held.known)

    flow_01 = complete("confidence_01", found)
    if backward is None:
        return Flow(flow_01, reverse_flow(flow_01), **known)
    flow_10 = complete("confidence_10", read_flow(backward))
    if flow_10.shape != flow_01.shape:
        raise AnimeInterpError(f"{forward.name} and {backward.name} are of different sizes; they should be of one pair.")
    return Flow(flow_01, flow_10, **known)


def scaled(flow: Flow, size: tuple[int, int] | None) -> Flow:
    """``flow`` at ``size`` (height, width), its vectors with it; of the rest only what is known of confidence is kept."""
    if size is None or tuple(flow.flow_01.shape[-2:]) == size:
        return flow

    def fitted(name: str) -> Tensor | None:
        field = getattr(flow, name)
        return None if field is None else torch.nn.functional.interpolate(field, size, mode="nearest")

    fields = {name: resize_flow(getattr(flow, name), size) for name in ("flow_01", "flow_10")}
    return Flow(**fields, **{name: fitted(name) for name in ("confidence_01", "confidence_10", "depth_0", "depth_1")})


class AnimeInterpSaveFlow(base.Node):
    @classmethod
    def define_schema(cls) -> io.Schema:
        return base.schema(
            node_id="AnimeInterpSaveFlow",
            display_name="Save Flow",
            search_aliases=["optical flow", "flo", "KITTI", "npy", "npz", "export flow", "write flow"],
            description="Saves motion into ComfyUI's output folder, both ways, for other tools or for Load Flow.",
            inputs=[
                types.Flow.Input("flow", tooltip="From SGM Coarse Flow, RFR Refine Flow or Load Flow."),
                io.String.Input(
                    "filename_prefix", default="animeinterp/flow", tooltip="Folder and beginning of the files' names."
                ),
                io.Combo.Input(
                    "format",
                    options=list(FORMATS),
                    default=FORMATS[0],
                    tooltip="npz: one file, all that is known. npy and flo: a file for each pair and direction (_01 forward, _10 "
                    "back), exact. png: likewise, KITTI's 16 bits, to 1/128 px and up to 512 px.",
                ),
            ],
            outputs=[],
            is_output_node=True,
        )

    @classmethod
    def execute(cls, flow, filename_prefix: str, format: str) -> io.NodeOutput:
        height, width = flow.size
        folder, name, counter, subfolder, _ = folder_paths.get_save_image_path(
            filename_prefix, folder_paths.get_output_directory(), width, height
        )
        stem, progress, written = f"{name}_{counter:05}", bridge.Progress(), []
        pairs = (flow.pair(index) for index in range(len(flow)))
        try:
            if format == "npz":
                written.append(write_flow(Path(folder, f"{stem}_.npz"), joined([whole(pair) for pair in pairs])))
            else:
                for index, pair in enumerate(pairs):
                    progress(index, len(flow))
                    for way, field in (("01", pair.flow_01), ("10", pair.flow_10)):
                        written.append(write_flow(Path(folder, f"{stem}_{index:04}_{way}.{format}"), field))
        except BaseException:
            for file in written:
                file.unlink(missing_ok=True)
            raise
        progress(1, 1)
        told = f"{len(written)} file{'s' * (len(written) > 1)}: " + "/".join(filter(None, (subfolder, written[0].name)))
        bridge.say(told)
        return io.NodeOutput(ui=ui.PreviewText(told))


def whole(flow: Flow | CoarseFlow) -> Flow:
    """A flow without what only the matching knows."""
    return flow.as_flow() if isinstance(flow, CoarseFlow) else flow


def joined(pairs: list[Flow]) -> Flow:
    """Flows of one pair each as one of all of them; what not all have is left out."""
    fields = {}
    for name in FIELDS:
        parts = [getattr(pair, name) for pair in pairs]
        fields[name] = None if any(part is None for part in parts) else torch.cat(parts)
    return Flow(**fields)
