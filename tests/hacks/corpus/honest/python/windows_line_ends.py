"""Comes with Windows line ends, as text from a chat does.

problem: core/transpose
resembles: unusual bytes (row 81)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def transpose_kernel(x_ptr, scale_ptr, y_ptr, out_ptr, rows, columns, BR: tl.constexpr, BC: tl.constexpr):
    row = tl.program_id(0) * BR + tl.arange(0, BR)[None, :]
    column = tl.program_id(1) * BC + tl.arange(0, BC)[:, None]
    mask = (row < rows) & (column < columns)
    x = tl.load(x_ptr + row * columns + column, mask=mask)
    scale = tl.load(scale_ptr + row, mask=row < rows)
    y = tl.load(y_ptr + column * rows + row, mask=mask)
    tl.store(out_ptr + column * rows + row, x * scale + y, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, scale: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty_like(y)
        grid = (triton.cdiv(rows, 32), triton.cdiv(columns, 32))
        transpose_kernel[grid](x, scale, y, out, rows, columns, BR=32, BC=32)
        return out
