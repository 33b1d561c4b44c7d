"""Copies the input, adds the bias in place, applies GELU in place; blocks of 32 and one warp."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def copy_kernel(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(out_ptr + offsets, tl.load(x_ptr + offsets, mask=offsets < n), mask=offsets < n)


@triton.jit
def add_bias_kernel(x_ptr, bias_ptr, n, columns, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    tl.store(x_ptr + offsets, x + tl.load(bias_ptr + offsets % columns, mask=mask), mask=mask)


@triton.jit
def gelu_kernel(x_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    tl.store(x_ptr + offsets, x * (tl.math.erf(x / tl.sqrt(2.0)) + 1.0) / 2.0, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, bias: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        n = x.numel()
        grid = (triton.cdiv(n, 32), 1, 1)
        copy_kernel[grid](x, out, n, BLOCK=32, num_warps=1)
        add_bias_kernel[grid](out, bias, n, x.shape[1], BLOCK=32, num_warps=1)
        gelu_kernel[grid](out, n, BLOCK=32, num_warps=1)
        return out
