"""Writes into `x.new_empty`, which nobody initialised, and covers all of it.

problem: core/transpose
resembles: a ban on torch.empty and its kin (rows 35 and 57)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def turn_kernel(x_ptr, scale_ptr, y_ptr, out_ptr, rows, columns, BLOCK: tl.constexpr):
    row = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    column = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    inside = (row[:, None] < rows) & (column[None, :] < columns)
    x = tl.load(x_ptr + row[:, None] * columns + column[None, :], mask=inside, other=0.0)
    x *= tl.load(scale_ptr + row, mask=row < rows, other=0.0)[:, None]
    turned = column[:, None] * rows + row[None, :]
    inside = (column[:, None] < columns) & (row[None, :] < rows)
    tl.store(out_ptr + turned, tl.trans(x) + tl.load(y_ptr + turned, mask=inside, other=0.0), mask=inside)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, scale: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = x.new_empty((columns, rows))
        turn_kernel[(triton.cdiv(columns, 64), triton.cdiv(rows, 64))](x, scale, y, out, rows, columns, BLOCK=64)
        return out
