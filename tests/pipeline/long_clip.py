"""Run by test_long_clips and comfyui/test_memory: bytes above input and result that clips of 10 and 500 frames take, as JSON.

    python long_clip.py WAY [COMFYUI]

Each frame moves, so that each pair goes the whole way. What takes long in it is done by stand-ins, which hand out as much as
they would: what is looked for is what is kept from one pair to the next. That is small beside what an allocator keeps of freed
memory for later, a different amount each time; so freed memory is given back at once here.
"""

import ctypes
import importlib
import importlib.util
import json
import sys
from pathlib import Path

PACK = Path(__file__).parents[2]
sys.path.insert(0, str(PACK))

import torch  # noqa: E402

from animeinterp import interpolate, interpolate_stream  # noqa: E402

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
    stages, refiner, blending, flow = (
        importlib.import_module(f"{package}.{name}") for name in ("stages", "completion.refiner", "synthesis.blend", "flow")
    )
    fields = {"flow_01": 2, "flow_10": 2, "depth_0": 1, "depth_1": 1, "confidence_01": 1, "confidence_10": 1,
              "bend_01": 2, "bend_10": 2, "dense_01": 2, "dense_10": 2}

    def field(channels):
        return torch.ones(1, channels, HEIGHT, WIDTH)

    stages.segment = lambda frame, config: torch.ones(1, HEIGHT, WIDTH, dtype=torch.int32)
    stages.describe_pieces = lambda frame, labels: field(8)
    stages.pair_matches = lambda *arguments: flow.PieceMatches(torch.ones(2, HEIGHT, WIDTH).int(), [])
    refiner.complete = lambda *arguments, **options: flow.Flow(**{name: field(channels) for name, channels in fields.items()})
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


WAYS = {"library": library, "stream ahead": stream}


def measure(interpolated, dtype):
    """Bytes above input and result, for 10 frames and for 500."""
    torch.set_num_threads(1)
    clip, above = panned(500, dtype), {}
    interpolated(clip[:10])  # what is loaded and made once
    for count in (10, 500):
        before = resident()
        result = interpolated(clip[:count])
        # The most of all runs: that of 500 is of this run, and that of 10 can only seem more than it is.
        above[count] = resident("VmHWM") - before - result
    return above


if __name__ == "__main__":
    way, *comfyui = sys.argv[1:]
    give_back_at_once()
    if way == "node":
        found = measure(node(*comfyui), torch.float32)  # what images are
    else:
        stand_in()
        found = measure(WAYS[way], torch.float16)
    json.dump(found, sys.stdout)
