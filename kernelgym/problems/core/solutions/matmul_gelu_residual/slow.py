"""Four kernels, each of which reads and writes the whole output: product, bias, GELU, residual; small blocks."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def matmul_kernel(x_ptr, weight_ptr, out_ptr, m, n, k, BLOCK: tl.constexpr):
    rows = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)[:, None]
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)[None, :]
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(0, k, BLOCK):
        along = start + tl.arange(0, BLOCK)[None, :]
        down = start + tl.arange(0, BLOCK)[:, None]
        x = tl.load(x_ptr + rows * k + along, mask=(rows < m) & (along < k), other=0.0)
        weight = tl.load(weight_ptr + columns * k + down, mask=(columns < n) & (down < k), other=0.0)
        acc += tl.dot(x, weight)
    tl.store(out_ptr + rows * n + columns, acc, mask=(rows < m) & (columns < n))


@triton.jit
def bias_kernel(x_ptr, bias_ptr, total, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < total
    x = tl.load(x_ptr + offsets, mask=mask)
    tl.store(x_ptr + offsets, x + tl.load(bias_ptr + offsets % n, mask=mask), mask=mask)


@triton.jit
def gelu_kernel(x_ptr, total, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < total
    x = tl.load(x_ptr + offsets, mask=mask)
    growth = tl.exp(2.0 * 0.7978845608028654 * (x + 0.044715 * x * x * x))
    tanh = 1.0 - 2.0 / (growth + 1.0)
    tl.store(x_ptr + offsets, 0.5 * x * (1.0 + tanh), mask=mask)


@triton.jit
def add_kernel(x_ptr, y_ptr, out_ptr, total, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < total
    x = tl.load(x_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, x + tl.load(y_ptr + offsets, mask=mask), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)

    def forward(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        m, k = x.shape
        n = self.linear.out_features
        hidden = torch.empty_like(residual)
        out = torch.empty_like(residual)
        grid = (triton.cdiv(m, 32), triton.cdiv(n, 32))
        flat_grid = (triton.cdiv(m * n, 64),)
        matmul_kernel[grid](x, self.linear.weight, hidden, m, n, k, BLOCK=32, num_warps=1, num_stages=1)
        bias_kernel[flat_grid](hidden, self.linear.bias, m * n, n, BLOCK=64, num_warps=1)
        gelu_kernel[flat_grid](hidden, m * n, BLOCK=64, num_warps=1)
        add_kernel[flat_grid](hidden, residual, out, m * n, BLOCK=64, num_warps=1)
        return out
