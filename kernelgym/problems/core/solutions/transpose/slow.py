"""Reads `x` down its columns, where neighbours are a whole row apart, in one program for each row of the output."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def transpose_kernel(x_ptr, scale_ptr, y_ptr, out_ptr, rows, columns, BLOCK: tl.constexpr):
    column = tl.program_id(0)
    for start in range(0, rows, BLOCK):
        row = start + tl.arange(0, BLOCK)
        mask = row < rows
        x = tl.load(x_ptr + row * columns + column, mask=mask)
        scale = tl.load(scale_ptr + row, mask=mask)
        y = tl.load(y_ptr + column * rows + row, mask=mask)
        tl.store(out_ptr + column * rows + row, x * scale + y, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, scale: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty_like(y)
        transpose_kernel[(columns,)](x, scale, y, out, rows, columns, BLOCK=64, num_warps=1)
        return out
