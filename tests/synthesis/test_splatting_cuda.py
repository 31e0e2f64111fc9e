"""The CUDA kernel of splatting: its very source, compiled for the CPU and run a thread after the other, against the torch
way; and itself, where CUDA and cupy are."""

import ctypes
import shutil
import subprocess
import sys
import types

import pytest
import torch

from animeinterp.synthesis import splatting, splatting_cuda

# What CUDA has and C++ has not; and a loop that is a launch.
_ON_CPU = r"""
#include <cmath>
using std::floor;
#define __global__
#define __device__
struct Index { int x; };
static Index blockIdx, blockDim, threadIdx;
template <class T> static void atomicAdd(T* to, T value) { *to += value; }
"""
_LAUNCH = r"""
template <class K, class... A> static void launch(long long threads, K kernel, A... arguments) {
    blockDim.x = 256;
    for (blockIdx.x = 0; (long long)blockIdx.x * 256 < threads; blockIdx.x++)
        for (threadIdx.x = 0; threadIdx.x < 256; threadIdx.x++) kernel(arguments...);
}
extern "C" void forward(long long t, VALUE* x, SUM* f, SUM* w, SUM* r, int b, int c, int d, int h, int v) {
    launch(t, splat_forward, x, f, w, r, b, c, d, h, v);
}
extern "C" void backward(long long t, VALUE* x, SUM* f, SUM* w, SUM* g, SUM* ox, SUM* of, SUM* ow,
                         int b, int c, int d, int h, int v) {
    launch(t, splat_backward, x, f, w, g, ox, of, ow, b, c, d, h, v);
}
"""
_TYPES = {torch.float32: "float", torch.float64: "double"}


@pytest.fixture(scope="module")
def on_cpu(tmp_path_factory):
    """Takes the place of ``_launch``: the same kernels, run here."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        pytest.skip("needs a C++ compiler")
    folder, libraries = tmp_path_factory.mktemp("kernel"), {}
    for dtype, name in _TYPES.items():
        source, library = folder / f"{name}.cpp", folder / f"{name}.so"
        source.write_text(f"#define VALUE {name}\n#define SUM {name}\n{_ON_CPU}{splatting_cuda.SOURCE}{_LAUNCH}")
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library, source], check=True, capture_output=True)
        libraries[dtype] = ctypes.CDLL(str(library))

    def launch(name, threads, tensors, landing):
        batch, channels, height, width = tensors[0].shape
        assert all(t.is_contiguous() for t in tensors)
        run = getattr(libraries[tensors[0].dtype], name.removeprefix("splat_"))
        pointers = [ctypes.c_void_p(t.data_ptr()) for t in tensors]
        run(ctypes.c_longlong(threads), *pointers, *map(ctypes.c_int, (batch, channels, landing, height, width)))

    return launch


def _inputs(dtype=torch.float64, device="cpu", weighted=True):
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, 5, 19, 23, generator=generator, dtype=torch.float64)
    flow = torch.randn(2, 2, 19, 23, generator=generator, dtype=torch.float64) * 6
    flow[0, 0, 3, 3], flow[0, 1, 4, 4], flow[1, 0, 5, 5], flow[1, :, 6] = float("nan"), float("inf"), -1e30, 1.0
    weights = torch.rand(2, 1, 19, 23, generator=generator, dtype=torch.float64) if weighted else None
    sums = torch.promote_types(dtype, torch.float32)
    return (
        x.to(device, dtype).requires_grad_(),
        flow.to(device, sums).requires_grad_(),
        None if weights is None else weights.to(device, sums).requires_grad_(),
    )


def _compare(inputs, coverage, kernel, tolerance):
    """The kernel's landing and gradients against the torch way's in float64 on the CPU."""
    there = [None if t is None else t.detach().double().cpu().requires_grad_() for t in inputs]
    wanted = splatting._accumulate(*there, coverage=coverage)
    found = kernel(*inputs, coverage)
    assert found.shape == wanted.shape and found.dtype == inputs[1].dtype
    torch.testing.assert_close(found.double().cpu(), wanted, rtol=0, atol=tolerance)
    slope = torch.cos(torch.arange(wanted.numel(), dtype=torch.float64)).view_as(wanted)
    (wanted * slope).sum().backward()
    (found * slope.to(found)).sum().backward()
    for ours, theirs in zip(inputs, there, strict=True):
        if ours is not None:
            assert theirs.grad.abs().max() > 0.5
            torch.testing.assert_close(ours.grad.double().cpu(), theirs.grad, rtol=tolerance, atol=10 * tolerance)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("weighted", "coverage"), [(True, True), (True, False), (False, False)])
def test_its_arithmetic_on_a_cpu(on_cpu, monkeypatch, dtype, weighted, coverage):
    monkeypatch.setattr(splatting_cuda, "_launch", on_cpu)
    _compare(_inputs(dtype, weighted=weighted), coverage, splatting_cuda.splat, 1e-5 if dtype == torch.float32 else 1e-12)


def test_cupy_that_cannot_compile_is_told_of_once(monkeypatch, caplog):
    class Device:
        def __init__(self, index):
            raise RuntimeError("no compiler\nfound")

    broken = types.SimpleNamespace(cuda=types.SimpleNamespace(Device=Device))
    monkeypatch.setitem(sys.modules, "cupy", broken)
    splatting_cuda._compiled.cache_clear()
    try:
        for _ in range(2):
            assert splatting_cuda._compiled(0, torch.float32) is None
    finally:
        splatting_cuda._compiled.cache_clear()
    (record,) = caplog.records
    assert record.levelname == "WARNING" and "no compiler" in record.message


def test_never_asked_for_on_a_cpu(monkeypatch):
    monkeypatch.setattr(splatting_cuda, "_compiled", lambda *_: pytest.fail("asked for"))
    assert not splatting_cuda.can_splat(torch.zeros(1, 3, 8, 8))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs CUDA")
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
@pytest.mark.parametrize(("weighted", "coverage"), [(True, True), (True, False), (False, False)])
def test_on_cuda(dtype, weighted, coverage):
    pytest.importorskip("cupy")
    inputs = _inputs(dtype, "cuda", weighted)
    assert splatting_cuda.can_splat(inputs[0])
    _compare(inputs, coverage, splatting_cuda.splat, {torch.float64: 1e-12, torch.float32: 1e-5}.get(dtype, 2e-2))
