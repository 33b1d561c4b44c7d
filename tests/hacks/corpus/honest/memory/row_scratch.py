"""Softmax in three kernels with scratch memory for the maxima and sums of the rows.

problem: core/softmax
resembles: intermediate results in global memory, several launches (row 37)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def maximum_kernel(x_ptr, top_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * columns + at, mask=at < columns, other=-float("inf"))
    tl.store(top_ptr + row, tl.max(x, axis=0))


@triton.jit
def sum_kernel(x_ptr, top_ptr, sum_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * columns + at, mask=at < columns, other=-float("inf"))
    tl.store(sum_ptr + row, tl.sum(tl.exp(x - tl.load(top_ptr + row)), axis=0))


@triton.jit
def divide_kernel(x_ptr, top_ptr, sum_ptr, out_ptr, n, columns, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = at < n
    row = at // columns
    top, total = tl.load(top_ptr + row, mask=mask), tl.load(sum_ptr + row, mask=mask)
    tl.store(out_ptr + at, tl.exp(tl.load(x_ptr + at, mask=mask) - top) / total, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        top, total = x.new_empty((2, rows)).unbind(0)
        out = torch.empty_like(x)
        block = triton.next_power_of_2(columns)
        maximum_kernel[(rows,)](x, top, columns, BLOCK=block)
        sum_kernel[(rows,)](x, top, total, columns, BLOCK=block)
        divide_kernel[(triton.cdiv(x.numel(), 1024),)](x, top, total, out, x.numel(), columns, BLOCK=1024)
        return out
