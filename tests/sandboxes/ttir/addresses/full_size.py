"""Launches at full size, with addresses but without memory: what a price has to be found for."""

# ruff: noqa: N803 - constexpr names are upper case by Triton's convention

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

from sandboxes.ttir import Module, parse
from tests.sandboxes.ttir import kernels
from tests.sandboxes.ttir.frontend import ttir_of

WAVE = 1056
"""Programs: eight for each multiprocessor of an H100."""


@triton.jit
def long_softmax(x, out, n, BLOCK: tl.constexpr):
    """Rows that no block has room for, in two passes."""
    row = tl.program_id(0)
    largest, total = -float("inf"), 0.0
    for start in range(0, n, BLOCK):
        at = start + tl.arange(0, BLOCK)
        v = tl.load(x + row * n + at, mask=at < n, other=-float("inf"))
        larger = tl.maximum(largest, tl.max(v, 0))
        total = total * tl.exp(largest - larger) + tl.sum(tl.exp(v - larger), 0)
        largest = larger
    for start in range(0, n, BLOCK):
        at = start + tl.arange(0, BLOCK)
        v = tl.load(x + row * n + at, mask=at < n, other=-float("inf"))
        tl.store(out + row * n + at, tl.exp(v - largest) / total, mask=at < n)


@triton.jit
def conv(x, w, out, N, C, H, W, O, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):  # noqa: E741 - as in papers
    """A convolution of 3 by 3 as a product of gathered rows: offsets and masks follow no pattern."""
    rm = tl.program_id(0) * BM + tl.arange(0, BM)
    rn = tl.program_id(1) * BN + tl.arange(0, BN)
    n, oh, ow = rm // (H * W), rm % (H * W) // W, rm % W
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, C * 9, BK):
        rk = k + tl.arange(0, BK)
        c, kh, kw = rk // 9, rk % 9 // 3, rk % 3
        ih, iw = oh[:, None] + kh[None, :] - 1, ow[:, None] + kw[None, :] - 1
        mask = (ih >= 0) & (ih < H) & (iw >= 0) & (iw < W) & (n[:, None] < N)
        a = tl.load(x + ((n[:, None] * C + c[None, :]) * H + ih) * W + iw, mask=mask, other=0.0)
        b = tl.load(w + rn[None, :] * (C * 9) + rk[:, None], mask=rn[None, :] < O, other=0.0)
        acc += tl.dot(a, b)
    tl.store(out + rm[:, None] * O + rn[None, :], acc, mask=(rm < N * H * W)[:, None] & (rn < O)[None, :])


@dataclass(frozen=True)
class FullSize:
    """A launch."""

    kernel: Any
    types: tuple[str, ...]
    constants: dict[str, int]
    grid: tuple[int, int, int]
    numbers: tuple[int | float, ...]
    """Arguments that are no pointers, which come first."""

    def module(self) -> Module:
        """Its kernel."""
        return parse(ttir_of(self.kernel, self.types, **self.constants))

    def args(self) -> list[Tensor | int | float]:
        """Its arguments, whose tensors hold nothing."""
        kinds = {"*fp32": torch.float32, "*fp16": torch.float16}
        pointers = [torch.empty(0, dtype=kinds[kind]) for kind in self.types if kind in kinds]
        return [*pointers, *self.numbers]

    def wave(self) -> range:
        """As many programs as run at once, from the middle of the grid."""
        total = torch.Size(self.grid).numel()
        return range(total // 3, min(total, total // 3 + WAVE))


F, H = "*fp32", "*fp16"
N = 8192
FULL_SIZES: dict[str, Callable[[], FullSize]] = {
    "matmul": lambda: FullSize(
        kernels.matmul, (H, H, F, *["i32"] * 9), {"BM": 128, "BN": 128, "BK": 64}, (64, 64, 1),
        (N, N, N, N, 1, N, 1, N, 1),
    ),
    "softmax": lambda: FullSize(long_softmax, (F, F, "i32"), {"BLOCK": 4096}, (16384, 1, 1), (262144,)),
    "layer_norm": lambda: FullSize(
        kernels.layernorm, (F, F, F, F, "i32", "fp32"), {"BLOCK": 8192}, (16384, 1, 1), (8192, 1e-5)
    ),
    "conv": lambda: FullSize(
        conv, (F, F, F, *["i32"] * 5), {"BM": 128, "BN": 64, "BK": 32}, (128 * 56 * 56 // 128, 4, 1),
        (128, 256, 56, 56, 256),
    ),
    "attention": lambda: FullSize(
        kernels.attention, (H, H, H, H, "i32", "fp32"), {"BM": 128, "BN": 64, "D": 64}, (256, 32, 1), (32768, 0.1)
    ),
}  # fmt: skip
