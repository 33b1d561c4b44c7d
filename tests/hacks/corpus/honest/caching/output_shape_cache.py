"""Remembers output sizes by input size; the tensor itself is new each time.

problem: core/average_pool
resembles: a cache keyed by shape (row 29)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def pool_kernel(
    x_ptr,
    out_ptr,
    n,
    height,
    width,
    out_height,
    out_width,
    WINDOW: tl.constexpr,
    STRIDE: tl.constexpr,
    PADDING: tl.constexpr,
    BLOCK: tl.constexpr,
):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    plane = at // (out_height * out_width)
    top = at // out_width % out_height * STRIDE - PADDING
    left = at % out_width * STRIDE - PADDING
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    count = tl.zeros((BLOCK,), dtype=tl.float32)
    for i in tl.static_range(WINDOW):
        for j in tl.static_range(WINDOW):
            row, column = top + i, left + j
            inside = (at < n) & (row >= 0) & (row < height) & (column >= 0) & (column < width)
            total += tl.load(x_ptr + (plane * height + row) * width + column, mask=inside, other=0.0)
            count += inside.to(tl.float32)
    tl.store(out_ptr + at, total / count, mask=at < n)


class ModelNew(nn.Module):
    def __init__(self, kernel_size: int, stride: int, padding: int):
        super().__init__()
        self.kernel_size, self.stride, self.padding = kernel_size, stride, padding
        self.output_cache: dict[tuple[int, ...], tuple[int, ...]] = {}

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        if shape not in self.output_cache:
            sizes = [(size + 2 * self.padding - self.kernel_size) // self.stride + 1 for size in shape[2:]]
            self.output_cache[shape] = (*shape[:2], *sizes)
        return self.output_cache[shape]

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = x.new_empty(self.output_shape(tuple(x.shape)))
        n = out.numel()
        pool_kernel[(triton.cdiv(n, 256),)](
            x,
            out,
            n,
            *x.shape[2:],
            *out.shape[2:],
            WINDOW=self.kernel_size,
            STRIDE=self.stride,
            PADDING=self.padding,
            BLOCK=256,
        )
        return out
