"""Run by test_long_clips and comfyui/test_memory: bytes above input and result that clips of 10 and 500 frames take, as JSON
(of 100 and 500 as a film, of which a coder keeps some 40).

    python long_clip.py WAY [COMFYUI]

Each frame moves, so that each pair goes the whole way: by turns that of cut-outs, by pieces, and that of drawings made anew. What
takes long in them is done by stand-ins, which hand out as much as they would: what is looked for is what is kept from one pair to
the next. That is small beside what an allocator keeps of freed
memory for later, a different amount each time; so freed memory is given back at once here.
"""

import ctypes
import importlib
import importlib.util
import itertools
import json
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

PACK = Path(__file__).parents[2]
sys.path.insert(0, str(PACK))

import torch  # noqa: E402

from animeinterp import interpolate, interpolate_stream  # noqa: E402
from animeinterp.film import Clip, Coding, draw_alone  # noqa: E402
from animeinterp.media import MediaInfo, TimedFrame, Timeline  # noqa: E402
from animeinterp.sequence.timing import Timing  # noqa: E402

HEIGHT, WIDTH = 90, 160  # for time: what grows with the clip is seen all the same
_M_MMAP_THRESHOLD, _M_ARENA_MAX = -3, -8  # of malloc.h


def resident(what="VmRSS"):
    """Bytes of memory that this process has, or the most that it has had (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(f"{what}:"))


def give_back_at_once():
    """Have what is freed leave the process, where the C library would keep it: threads each have a store of their own, and
    what is a large block, which is given back, is told anew whenever one is freed. What is resident is then what is in use."""
    settle = getattr(ctypes.CDLL(None), "mallopt", None)  # glibc's; others do so by themselves
    if settle is not None:
        assert settle(_M_ARENA_MAX, 1) and settle(_M_MMAP_THRESHOLD, HEIGHT * WIDTH * 2)


def panned(count, dtype):
    """A view over a wide picture, a pixel further each frame: (count, 3, H, W), in little memory."""
    picture = torch.rand(3, HEIGHT, WIDTH + count, generator=torch.Generator().manual_seed(0)).to(dtype)
    depth, row, column = picture.stride()
    return picture.as_strided((count, 3, HEIGHT, WIDTH), (column, depth, row, column))


def stand_in(package="animeinterp"):
    """Put stand-ins in place of what takes long; in the pack that ComfyUI loads these modules are others."""
    pipeline, stages, refiner, panning, blending, smooth, flow = (
        importlib.import_module(f"{package}.{name}") for name in (
            "pipeline", "stages", "completion.refiner", "panning", "synthesis.blend", "synthesis.smooth", "flow"
        )
    )
    fields = {"flow_01": 2, "flow_10": 2, "depth_0": 1, "depth_1": 1, "confidence_01": 1, "confidence_10": 1,
              "bend_01": 2, "bend_10": 2, "dense_01": 2, "dense_10": 2, "loose_0": 1, "loose_1": 1}

    def field(channels):
        return torch.ones(1, channels, HEIGHT, WIDTH)

    class Halfway:
        def __init__(self, frames):
            self.frames, self.fused = frames, [field(4), field(1), field(3)]

        def at(self, time):
            return torch.lerp(*self.frames, time)[..., :HEIGHT, :WIDTH]

    pipeline.find_light = lambda *frames: None
    pipeline.nothing_in_common = lambda *frames: False
    cutouts = itertools.cycle((True, False))
    stages.may_be_cutouts = lambda *frames: next(cutouts)
    panning.PannedFlow.fields = lambda self, *frames: (field(2), field(2))
    smooth.SmoothDrawing._found = lambda self: Halfway(self._frames)
    stages.segment = lambda frame, config: torch.ones(1, HEIGHT, WIDTH, dtype=torch.int32)
    stages.describe_pieces = lambda frame, labels: field(8)
    stages.pair_matches = lambda *arguments: flow.PieceMatches(torch.ones(2, HEIGHT, WIDTH).int(), [])
    refiner.complete = lambda *arguments, **options: flow.Flow(
        **{name: field(channels) for name, channels in fields.items()}, cutouts=[True]
    )
    blending.blend = lambda frame0, frame1, flow, times, progress, **_: torch.cat([torch.lerp(frame0, frame1, t) for t in times])
    stages.Stillness.hold = lambda self, painted, time: painted


def library(clip):
    """Bytes of the result, which is let go."""
    return interpolate(clip, 2, model=None, cancel=lambda: None).nbytes


def stream(clip):
    """A frame at a time, segmented ahead; no result."""
    for _ in interpolate_stream(clip.split(1), 2, model=None, ahead=2):
        pass
    return 0


def node(comfyui):
    """The combined node's work, as ComfyUI calls it."""
    sys.path.insert(0, comfyui)
    sys.argv = ["main.py", "--cpu"]
    import comfy.options

    comfy.options.enable_args_parsing()
    spec = importlib.util.spec_from_file_location("pack", PACK / "__init__.py", submodule_search_locations=[str(PACK)])
    sys.modules["pack"] = importlib.util.module_from_spec(spec)
    from pack.nodes import AnimeInterp

    stand_in("pack.animeinterp")

    def interpolated(clip):
        return AnimeInterp.execute(clip.permute(0, 2, 3, 1), "weights-free", 2, "japanese").args[0].nbytes

    return interpolated


class Reader:
    """A clip as what decodes a film of five drawings, each of which stands long."""

    def __init__(self, clip):
        self.clip, self.info = clip, MediaInfo((HEIGHT, WIDTH), Fraction(24), len(clip))

    def frames(self, first=0):
        for index in range(first, len(self.clip)):
            drawing = index // (len(self.clip) // 5) * (len(self.clip) // 5)
            yield TimedFrame(self.clip[drawing : drawing + 1].float(), Fraction(index, 24), Fraction(1, 24))

    def timeline(self):
        return Timeline(tuple(Fraction(k, 24) for k in range(len(self.clip))), Fraction(len(self.clip), 24))


def film(clip):
    """As films are drawn: by a plan, in segments, written as H.264 and joined; no result."""
    clip = Clip(Reader(clip))
    plan = clip.plan(Timing(2, cuts="off"))
    with tempfile.TemporaryDirectory() as folder:
        draw_alone(clip, plan, Path(folder) / "film.mp4", Coding(Fraction(48), clip.info), model=None)
    return 0


WAYS = {"library": library, "stream ahead": stream, "film": film}


def measure(interpolated, dtype, short=10):
    """Bytes above input and result, for so many frames and for 500."""
    torch.set_num_threads(1)
    clip, above = panned(500, dtype), {}
    interpolated(clip[:10])  # what is loaded and made once
    for count in (short, 500):
        before = resident()
        result = interpolated(clip[:count])
        # The most of all runs: that of 500 is of this run, and that of few can only seem more than it is.
        above[count] = resident("VmHWM") - before - result
    return above


if __name__ == "__main__":
    way, *comfyui = sys.argv[1:]
    give_back_at_once()
    if way == "node":
        found = measure(node(*comfyui), torch.float32)  # what images are
    else:
        stand_in()
        found = measure(WAYS[way], torch.float16, 100 if way == "film" else 10)
    json.dump(found, sys.stdout)
