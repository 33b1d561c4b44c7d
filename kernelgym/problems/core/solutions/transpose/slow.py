"""Three kernels in blocks of 64 with one warp: a scaled copy, its transpose read down the columns, then the sum."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def scale_kernel(x_ptr, scale_ptr, out_ptr, n, columns, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, x * tl.load(scale_ptr + offsets // columns, mask=mask), mask=mask)


@triton.jit
def transpose_kernel(x_ptr, out_ptr, rows, columns, BLOCK: tl.constexpr):
    column = tl.program_id(0)
    for start in range(0, rows, BLOCK):
        row = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + row * columns + column, mask=row < rows)
        tl.store(out_ptr + column * rows + row, x, mask=row < rows)


@triton.jit
def add_kernel(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, x + tl.load(y_ptr + offsets, mask=mask), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, scale: torch.Tensor, y: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        n = x.numel()
        scaled, turned, out = torch.empty_like(x), torch.empty_like(y), torch.empty_like(y)
        grid = (triton.cdiv(n, 64),)
        scale_kernel[grid](x, scale, scaled, n, columns, BLOCK=64, num_warps=1)
        transpose_kernel[(columns,)](scaled, turned, rows, columns, BLOCK=64, num_warps=1)
        add_kernel[grid](turned, y, out, n, BLOCK=64, num_warps=1)
        return out
