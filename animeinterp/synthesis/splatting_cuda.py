"""Splatting by a CUDA kernel, through cupy where that is installed; never needed (``splatting`` says what it does).

One thread carries one value to its four corners with atomic additions; backwards, one thread gathers what a pixel's
values were worth where they landed. Values are read in their own dtype, sums are float32 (float64 for float64).
"""

from __future__ import annotations

import functools
import logging
from typing import Any

import numpy as np
import torch
from torch import Tensor

_log = logging.getLogger(__name__)

# VALUE is what pixels are stored as, SUM what is added in. Sizes are those of one frame; tensors are contiguous
# (N, C, H, W), results have `landing` channels: C of x times the weight, the weight, and 1 where coverage is asked for.
SOURCE = r"""
struct Landing { bool inside; int left, top; SUM right_share, bottom_share; };

static __device__ Landing land(const SUM* flow, long long n, long long pixel, int height, int width) {
    long long area = (long long)height * width;
    SUM x = (SUM)(pixel % width) + flow[2 * n * area + pixel];
    SUM y = (SUM)(pixel / width) + flow[(2 * n + 1) * area + pixel];
    Landing at;
    at.inside = x > -1 && x < width && y > -1 && y < height;  // false for what is no number
    SUM left = at.inside ? floor(x) : 0, top = at.inside ? floor(y) : 0;
    at.left = (int)left;
    at.top = (int)top;
    at.right_share = x - left;
    at.bottom_share = y - top;
    return at;
}

static __device__ SUM value(const VALUE* x, SUM weight, long long n, int c, int channels, long long area, long long pixel) {
    if (c < channels) return (SUM)x[(n * channels + c) * area + pixel] * weight;
    return c == channels ? weight : (SUM)1;
}

extern "C" __global__ void splat_forward(
    const VALUE* x, const SUM* flow, const SUM* weights, SUM* result,
    int batch, int channels, int landing, int height, int width
) {
    long long area = (long long)height * width;
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= batch * landing * area) return;
    long long pixel = i % area, n = i / area / landing;
    int c = (int)(i / area % landing);
    Landing at = land(flow, n, pixel, height, width);
    if (!at.inside) return;
    SUM moved = value(x, weights[n * area + pixel], n, c, channels, area, pixel);
    for (int down = 0; down < 2; down++) {
        for (int across = 0; across < 2; across++) {
            int row = at.top + down, column = at.left + across;
            if (row < 0 || row >= height || column < 0 || column >= width) continue;
            SUM share = (down ? at.bottom_share : 1 - at.bottom_share) * (across ? at.right_share : 1 - at.right_share);
            atomicAdd(result + (n * landing + c) * area + (long long)row * width + column, moved * share);
        }
    }
}

extern "C" __global__ void splat_backward(
    const VALUE* x, const SUM* flow, const SUM* weights, const SUM* worth,
    SUM* of_x, SUM* of_flow, SUM* of_weights,
    int batch, int channels, int landing, int height, int width
) {
    long long area = (long long)height * width;
    long long i = (long long)blockIdx.x * blockDim.x + threadIdx.x;
    if (i >= batch * area) return;
    long long pixel = i % area, n = i / area;
    Landing at = land(flow, n, pixel, height, width);
    SUM weight = weights[n * area + pixel], weight_worth = 0, x_worth = 0, y_worth = 0;
    for (int c = 0; c < landing; c++) {
        SUM landed = 0, along_x = 0, along_y = 0;
        for (int down = 0; at.inside && down < 2; down++) {
            for (int across = 0; across < 2; across++) {
                int row = at.top + down, column = at.left + across;
                if (row < 0 || row >= height || column < 0 || column >= width) continue;
                SUM there = worth[(n * landing + c) * area + (long long)row * width + column];
                SUM vertical = down ? at.bottom_share : 1 - at.bottom_share;
                SUM horizontal = across ? at.right_share : 1 - at.right_share;
                landed += vertical * horizontal * there;
                along_x += vertical * (across ? there : -there);
                along_y += horizontal * (down ? there : -there);
            }
        }
        SUM moved = value(x, weight, n, c, channels, area, pixel);
        x_worth += moved * along_x;
        y_worth += moved * along_y;
        if (c < channels) of_x[(n * channels + c) * area + pixel] = weight * landed;
        if (c <= channels) weight_worth += landed * value(x, 1, n, c, channels, area, pixel);
    }
    of_flow[2 * n * area + pixel] = x_worth;
    of_flow[(2 * n + 1) * area + pixel] = y_worth;
    of_weights[n * area + pixel] = weight_worth;
}
"""
_NAMES = {
    torch.float16: "__half", torch.bfloat16: "__nv_bfloat16", torch.float32: "float", torch.float64: "double"
}  # fmt: skip
_THREADS = 256


def can_splat(x: Tensor) -> bool:
    """Whether ``x`` lies on CUDA and the kernel for it could be compiled (once a device and dtype; else one warning)."""
    return x.device.type == "cuda" and x.dtype in _NAMES and _compiled(x.device.index, x.dtype) is not None


def splat(x: Tensor, flow: Tensor, weights: Tensor | None, coverage: bool) -> Tensor:
    """What ``splatting`` carries of ``x`` (N, C, H, W): (N, C + 1, H, W), or C + 2 with coverage."""
    weights = flow.new_ones(x.shape[0], 1, *x.shape[-2:]) if weights is None else weights
    return _Carry.apply(x.contiguous(), flow.contiguous(), weights.contiguous(), coverage)


class _Carry(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, flow: Tensor, weights: Tensor, coverage: bool) -> Tensor:
        batch, channels, height, width = x.shape
        result = flow.new_zeros(batch, channels + (2 if coverage else 1), height, width)
        _launch("splat_forward", result.numel(), (x, flow, weights, result), result.shape[1])
        ctx.save_for_backward(x, flow, weights)
        return result

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, worth: Tensor) -> tuple[Tensor, Tensor, Tensor, None]:
        x, flow, weights = ctx.saved_tensors
        of_x, of_flow, of_weights = torch.empty_like(x, dtype=flow.dtype), torch.empty_like(flow), torch.empty_like(weights)
        tensors = (x, flow, weights, worth.contiguous(), of_x, of_flow, of_weights)
        _launch("splat_backward", weights.numel(), tensors, worth.shape[1])
        return of_x.to(x.dtype), of_flow, of_weights, None


def _launch(name: str, threads: int, tensors: tuple[Tensor, ...], landing: int) -> None:
    """Run a kernel, a thread for each of ``threads``, on torch's own stream. The first tensor is (N, C, H, W)."""
    import cupy

    x = tensors[0]
    batch, channels, height, width = x.shape
    if not threads:
        return
    numbers = (np.int32(n) for n in (batch, channels, landing, height, width))
    pointers = (np.uint64(tensor.data_ptr()) for tensor in tensors)
    stream = cupy.cuda.ExternalStream(torch.cuda.current_stream(x.device).cuda_stream, x.device.index)
    with cupy.cuda.Device(x.device.index), stream:
        kernel = _compiled(x.device.index, x.dtype).get_function(name)
        kernel((-(-threads // _THREADS),), (_THREADS,), (*pointers, *numbers))


@functools.cache
def _compiled(device: int, dtype: torch.dtype) -> Any:
    """The compiled kernels, or None where cupy is not installed or cannot compile them."""
    try:
        import cupy
    except ImportError:
        return None
    sums = "double" if dtype == torch.float64 else "float"
    headers = "#include <cuda_fp16.h>\n#include <cuda_bf16.h>\n" if dtype in (torch.float16, torch.bfloat16) else ""
    source = f"{headers}#define VALUE {_NAMES[dtype]}\n#define SUM {sums}\n{SOURCE}"
    try:
        with cupy.cuda.Device(device):
            module = cupy.RawModule(code=source)
            module.get_function("splat_forward")
            return module
    except Exception as error:  # whatever a toolchain can lack; plain torch does the same
        _log.warning("Splatting goes without its CUDA kernel, slower: cupy cannot compile it (%s).", error)
        return None
