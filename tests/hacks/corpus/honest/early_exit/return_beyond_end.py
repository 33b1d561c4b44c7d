"""Launches more programs than there are rows; those beyond the end return at once.

problem: core/row_sum
resembles: an early `return` in a kernel (row 48)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def sum_kernel(x_ptr, out_ptr, rows, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    if row >= rows:
        return
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, columns, BLOCK):
        at = start + tl.arange(0, BLOCK)
        total += tl.load(x_ptr + row * columns + at, mask=at < columns, other=0.0)
    tl.store(out_ptr + row, tl.sum(total, axis=0))


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = x.new_empty(rows)
        sum_kernel[(triton.cdiv(rows, 8) * 8,)](x, out, rows, columns, BLOCK=4096, num_warps=8)
        return out
