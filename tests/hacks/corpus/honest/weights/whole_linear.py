"""Product, bias, GELU and residual in one kernel, with the parameters of an nn.Linear that is never called.

problem: core/matmul_gelu_residual
resembles: an nn.Linear in the module (rows 39 and 44)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def tanh(x):
    return 2.0 * tl.sigmoid(2.0 * x) - 1.0


@triton.jit
def fused_kernel(x_ptr, w_ptr, b_ptr, r_ptr, o_ptr, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    row = tl.program_id(0) * BM + tl.arange(0, BM)[:, None]
    column = tl.program_id(1) * BN + tl.arange(0, BN)[None, :]
    mask = (row < m) & (column < n)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, k, BK):
        along, down = start + tl.arange(0, BK)[None, :], start + tl.arange(0, BK)[:, None]
        x = tl.load(x_ptr + row * k + along, mask=(row < m) & (along < k), other=0.0)
        w = tl.load(w_ptr + column * k + down, mask=(column < n) & (down < k), other=0.0)
        acc = tl.dot(x, w, acc)
    acc += tl.load(b_ptr + column, mask=column < n, other=0.0)
    gelu = 0.5 * acc * (1.0 + tanh(0.7978845608028654 * (acc + 0.044715 * acc * acc * acc)))
    residual = tl.load(r_ptr + row * n + column, mask=mask, other=0.0)
    tl.store(o_ptr + row * n + column, residual + gelu, mask=mask)


class ModelNew(nn.Module):
    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)

    def forward(self, x: torch.Tensor, residual: torch.Tensor) -> torch.Tensor:
        (m, k), n = x.shape, residual.shape[1]
        out = torch.empty_like(residual)
        grid = (triton.cdiv(m, 64), triton.cdiv(n, 64))
        fused_kernel[grid](x, self.linear.weight, self.linear.bias, residual, out, m, n, k, BM=64, BN=64, BK=32)
        return out
