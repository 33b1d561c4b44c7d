"""Bias, GELU and residual are applied to a tile of the product while it is still in registers."""

import torch
import triton
import triton.language as tl
from torch import nn

SQRT_8_OVER_PI = tl.constexpr(1.5957691216057308)


@triton.jit
def gelu_tanh(x):
    """Written with the sigmoid, since 0.5 * (1 + tanh(y)) = sigmoid(2 * y)."""
    return x * tl.sigmoid(SQRT_8_OVER_PI * (x + 0.044715 * x * x * x))


@triton.jit
def linear_gelu_residual_kernel(
    x_ptr,
    weight_ptr,
    bias_ptr,
    residual_ptr,
    out_ptr,
    m,
    n,
    k,
    BLOCK_M: tl.constexpr,
    BLOCK_N: tl.constexpr,
    BLOCK_K: tl.constexpr,
):
    rows = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    columns = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    inner = tl.arange(0, BLOCK_K)
    x_ptrs = x_ptr + rows[:, None] * k + inner[None, :]
    weight_ptrs = weight_ptr + columns[None, :] * k + inner[:, None]
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for start in range(0, k, BLOCK_K):
        x = tl.load(x_ptrs, mask=(rows[:, None] < m) & (start + inner[None, :] < k), other=0.0)
        weight = tl.load(weight_ptrs, mask=(columns[None, :] < n) & (start + inner[:, None] < k), other=0.0)
        acc = tl.dot(x, weight, acc)
        x_ptrs += BLOCK_K
        weight_ptrs += BLOCK_K
    offsets = rows[:, None] * n + columns[None, :]
    mask = (rows[:, None] < m) & (columns[None, :] < n)
    bias = tl.load(bias_ptr + columns, mask=columns < n, other=0.0)
    residual = tl.load(residual_ptr + offsets, mask=mask, other=0.0)
    tl.store(out_ptr + offsets, residual + gelu_tanh(acc + bias[None, :]), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)

    def forward(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        m, k = x.shape
        n = self.linear.out_features
        out = torch.empty_like(residual)
        linear_gelu_residual_kernel[(triton.cdiv(m, 128), triton.cdiv(n, 64))](
            x,
            self.linear.weight,
            self.linear.bias,
            residual,
            out,
            m,
            n,
            k,
            BLOCK_M=128,
            BLOCK_N=64,
            BLOCK_K=32,
            num_warps=8,
            num_stages=4,
        )
        return out
