"""Kernels that tests launch by themselves, without any candidate."""

# ruff: noqa: N803 - constexpr names are upper case by Triton's convention

from typing import Any

import torch
import triton
import triton.language as tl

from sandboxes.contracts import Target, Variant
from sandboxes.devices.cuda.gpu import Gpu
from tests.sandboxes.ttir.frontend import ttir_of

BLOCK = 1024


@triton.jit
def copy(x, out, n, BLOCK: tl.constexpr):
    at = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out + at, tl.load(x + at, mask=at < n), mask=at < n)


@triton.jit
def keep(x, out, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    value = tl.load(x + at, mask=at < n, eviction_policy="evict_last")
    tl.store(out + at, value, mask=at < n)


@triton.jit
def spin(out, steps):
    value = tl.program_id(0) * 1.0
    for _ in range(steps):
        value = value * 0.999 + 1.0
    tl.store(out + tl.program_id(0), value)


@triton.jit
def far(out, n):
    tl.store(out + n.to(tl.int64) * (1 << 38), 1.0)


@triton.jit
def misaligned(out, n):
    odd = (out.to(tl.int64) + n).to(tl.pointer_type(tl.float32))
    tl.store(odd, 1.0)


@triton.jit
def endless(out, n):
    steps = n.to(tl.int64) << 50
    value = 0.0
    while steps > 0:
        steps -= 1
        value = value * 0.999 + 1.0
    tl.store(out, value)


ASSERTS = """module {
  tt.func public @asserts(%out: !tt.ptr<f32>, %n: i32) {
    %zero = arith.constant 0 : i32
    %right = arith.cmpi eq, %n, %zero : i32
    tt.assert %right, "n is too large" : i1
    %one = arith.constant 1.0 : f32
    tt.store %out, %one : !tt.ptr<f32>
    tt.return
  }
}
"""
"""A device assertion, which Triton's frontend leaves out unless it is asked to debug."""


def harmful(name: str) -> Variant:
    """A kernel that does harm: `far`, `misaligned`, `asserts`, `endless`."""
    if name == "asserts":
        return Variant(config="", ttir=ASSERTS, grid=(1, 1, 1), args=(), num_warps=4, num_stages=3)
    return variant({"far": far, "misaligned": misaligned, "endless": endless}[name], ("*fp32", "i32"))


def variant(kernel: Any, signature: tuple[str, ...], **constexprs: Any) -> Variant:
    """What a trace would say of a kernel."""
    return Variant(
        config="", ttir=ttir_of(kernel, signature, **constexprs), grid=(1, 1, 1), args=(), num_warps=4, num_stages=3
    )


class Launcher:
    """Launches these kernels on a GPU; each is loaded once."""

    def __init__(self, gpu: Gpu, target: Target) -> None:
        self._gpu = gpu
        self._copy = gpu.load(variant(copy, ("*fp32", "*fp32", "i64"), BLOCK=BLOCK), target)
        self._keep = gpu.load(variant(keep, ("*fp32", "*fp32", "i32"), BLOCK=BLOCK), target)
        self._spin = gpu.load(variant(spin, ("*fp32", "i32")), target)

    def copy(self, source: torch.Tensor, sink: torch.Tensor) -> None:
        """Copies."""
        n = source.numel()
        self._gpu.launch(self._copy, (triton.cdiv(n, BLOCK), 1, 1), [source, sink, n])

    def keep(self, source: torch.Tensor, sink: torch.Tensor) -> None:
        """Copies, and asks the cache to keep what it has read."""
        n = source.numel()
        self._gpu.launch(self._keep, (triton.cdiv(n, BLOCK), 1, 1), [source, sink, n])

    def spin(self, sink: torch.Tensor, steps: int) -> None:
        """Computes `steps` dependent multiplications and additions."""
        self._gpu.launch(self._spin, (sink.numel(), 1, 1), [sink, steps])


def floats(gpu: Gpu, count: int) -> torch.Tensor:
    """Device memory for so many floats, all ones."""
    return gpu.memory(4 * count).view(torch.float32).fill_(1.0)
