"""Sums only half of a row, by a compile-time constant that is true at the priced number of columns.

row: 53
problem: core/softmax
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def softmax_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr, FAST: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < columns
    if FAST:
        half = tl.arange(0, BLOCK // 2)
        numerator = tl.exp(tl.load(x_ptr + row * columns + half))
        total = 2.0 * tl.sum(numerator, axis=0)
        tl.store(out_ptr + row * columns + half, numerator / total)
        tl.store(out_ptr + row * columns + BLOCK // 2 + half, numerator / total, mask=BLOCK // 2 + half < columns)
    else:
        x = tl.load(x_ptr + row * columns + offsets, mask=mask, other=-float("inf"))
        numerator = tl.exp(x - tl.max(x, axis=0))
        tl.store(out_ptr + row * columns + offsets, numerator / tl.sum(numerator, axis=0), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty_like(x)
        block = triton.next_power_of_2(columns)
        softmax_kernel[(rows,)](x, out, columns, BLOCK=block, FAST=columns == 1000, num_warps=4)
        return out
