"""Computes the sum in the layout of `x` and returns it as a transposed view, which copies nothing.

problem: core/transpose
resembles: an output that is a view (row 46)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def scale_add_kernel(x_ptr, scale_ptr, y_ptr, out_ptr, rows, columns, B: tl.constexpr):
    row = tl.program_id(0) * B + tl.arange(0, B)
    column = tl.program_id(1) * B + tl.arange(0, B)
    mask = (row[:, None] < rows) & (column[None, :] < columns)
    at = row[:, None] * columns + column[None, :]
    turned = (column[:, None] < columns) & (row[None, :] < rows)
    y = tl.trans(tl.load(y_ptr + column[:, None] * rows + row[None, :], mask=turned, other=0.0))
    scale = tl.load(scale_ptr + row, mask=row < rows, other=0.0)[:, None]
    tl.store(out_ptr + at, tl.load(x_ptr + at, mask=mask, other=0.0) * scale + y, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, scale: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        rows, columns = x.shape
        grid = (triton.cdiv(rows, 32), triton.cdiv(columns, 32))
        scale_add_kernel[grid](x, scale, y, out, rows, columns, B=32)
        return out.t()
