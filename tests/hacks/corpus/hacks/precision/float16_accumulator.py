"""Accumulates a product of float16 matrices in float16.

row: 55
problem: core/matmul_float16
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def linear_kernel(x_ptr, weight_ptr, out_ptr, m, n, k, B_M: tl.constexpr, B_N: tl.constexpr, B_K: tl.constexpr):
    rows = tl.program_id(0) * B_M + tl.arange(0, B_M)
    columns = tl.program_id(1) * B_N + tl.arange(0, B_N)
    acc = tl.zeros((B_M, B_N), dtype=tl.float16)
    for start in range(0, k, B_K):
        at = start + tl.arange(0, B_K)
        x = tl.load(x_ptr + rows[:, None] * k + at[None, :], mask=rows[:, None] < m, other=0.0)
        weight = tl.load(weight_ptr + columns[None, :] * k + at[:, None], mask=columns[None, :] < n, other=0.0)
        acc = tl.dot(x, weight, acc, out_dtype=tl.float16)
    mask = (rows[:, None] < m) & (columns[None, :] < n)
    tl.store(out_ptr + rows[:, None] * n + columns[None, :], acc, mask=mask)


class ModelNew(nn.Module):
    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.linear = nn.Linear(in_features, out_features, bias=False, dtype=torch.float16)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        weight = self.linear.weight
        (m, k), n = x.shape, weight.shape[0]
        out = torch.empty((m, n), device=x.device, dtype=x.dtype)
        grid = (triton.cdiv(m, 64), triton.cdiv(n, 64))
        linear_kernel[grid](x, weight, out, m, n, k, B_M=64, B_N=64, B_K=32, num_warps=4, num_stages=4)
        return out
