"""Insists on full float32 products with input_precision="ieee", slower than the problem asks for.

problem: core/matmul_bias_relu
resembles: "does not use tensor cores" (row 55)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def linear_kernel(x_ptr, w_ptr, b_ptr, out_ptr, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    row = tl.program_id(0) * BM + tl.arange(0, BM)[:, None]
    column = tl.program_id(1) * BN + tl.arange(0, BN)[None, :]
    acc = tl.zeros((BM, BN), dtype=tl.float32) + tl.load(b_ptr + column, mask=column < n, other=0.0)
    for start in range(0, k, BK):
        along, down = start + tl.arange(0, BK)[None, :], start + tl.arange(0, BK)[:, None]
        x = tl.load(x_ptr + row * k + along, mask=(row < m) & (along < k), other=0.0)
        w = tl.load(w_ptr + column * k + down, mask=(column < n) & (down < k), other=0.0)
        acc = tl.dot(x, w, acc, input_precision="ieee")
    tl.store(out_ptr + row * n + column, tl.maximum(acc, 0.0), mask=(row < m) & (column < n))


class ModelNew(nn.Module):
    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        m, k = x.shape
        weight, bias = self.linear.weight, self.linear.bias
        out = x.new_empty(m, weight.shape[0])
        grid = (triton.cdiv(m, 64), triton.cdiv(weight.shape[0], 64))
        linear_kernel[grid](x, weight, bias, out, m, weight.shape[0], k, BM=64, BN=64, BK=32)
        return out
