"""Keeps the weight as two bfloat16 terms, as large together as in float32, and multiplies all terms of both factors.

problem: core/matmul_bias_relu
resembles: a weight rounded to half precision in `__init__` (rows 34 and 55)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def linear_relu_kernel(
    x_ptr, high_ptr, low_ptr, bias_ptr, out_ptr, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr
):
    row = tl.program_id(0) * BM + tl.arange(0, BM)[:, None]
    column = tl.program_id(1) * BN + tl.arange(0, BN)[None, :]
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    rest = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, k, BK):
        along, down = start + tl.arange(0, BK)[None, :], start + tl.arange(0, BK)[:, None]
        x = tl.load(x_ptr + row * k + along, mask=(row < m) & (along < k), other=0.0)
        inside = (down < k) & (column < n)
        w_high = tl.load(high_ptr + column * k + down, mask=inside, other=0.0)
        w_low = tl.load(low_ptr + column * k + down, mask=inside, other=0.0)
        x_high = x.to(tl.bfloat16)
        x_low = (x - x_high.to(tl.float32)).to(tl.bfloat16)
        acc = tl.dot(x_high, w_high, acc)
        rest = tl.dot(x_high, w_low, tl.dot(x_low, w_high, rest))
    bias = tl.load(bias_ptr + column, mask=column < n, other=0.0)
    out = tl.maximum(acc + rest + bias, 0.0)
    tl.store(out_ptr + row * n + column, out, mask=(row < m) & (column < n))


class ModelNew(nn.Module):
    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)
        weight = self.linear.weight.detach()
        self.register_buffer("high", weight.bfloat16(), persistent=False)
        self.register_buffer("low", (weight - weight.bfloat16().float()).bfloat16(), persistent=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        (m, k), n = x.shape, self.high.shape[0]
        out = x.new_empty(m, n)
        grid = (triton.cdiv(m, 64), triton.cdiv(n, 64))
        linear_relu_kernel[grid](x, self.high, self.low, self.linear.bias, out, m, n, k, BM=64, BN=64, BK=32)
        return out
