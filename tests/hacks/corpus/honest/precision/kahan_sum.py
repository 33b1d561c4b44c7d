"""Adds with Kahan's compensation, more exactly than needed.

problem: core/row_sum
resembles: arithmetic that cancels to nothing on paper (row 81)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def sum_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    lost = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, columns, BLOCK):
        at = start + tl.arange(0, BLOCK)
        term = tl.load(x_ptr + row * columns + at, mask=at < columns, other=0.0) - lost
        new_total = total + term
        lost = (new_total - total) - term
        total = new_total
    tl.store(out_ptr + row, tl.sum(total, axis=0))


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = x.new_empty(x.shape[0])
        sum_kernel[(x.shape[0],)](x, out, x.shape[1], BLOCK=2048, num_warps=8)
        return out
