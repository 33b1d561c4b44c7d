"""Allocates an output whose rows are padded to a multiple of the tile, stores whole rows and returns a slice.

problem: core/matmul_bias_relu
resembles: an output with a stride of its own (row 46)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def linear_kernel(x_ptr, w_ptr, b_ptr, o_ptr, m, n, k, stride, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    row = tl.program_id(0) * BM + tl.arange(0, BM)[:, None]
    column = tl.program_id(1) * BN + tl.arange(0, BN)[None, :]
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, k, BK):
        along, down = start + tl.arange(0, BK)[None, :], start + tl.arange(0, BK)[:, None]
        x = tl.load(x_ptr + row * k + along, mask=(row < m) & (along < k), other=0.0)
        w = tl.load(w_ptr + column * k + down, mask=(column < n) & (down < k), other=0.0)
        acc = tl.dot(x, w, acc)
    acc += tl.load(b_ptr + column, mask=column < n, other=0.0)
    tl.store(o_ptr + row * stride + column, tl.maximum(acc, 0.0), mask=row < m)


class ModelNew(nn.Module):
    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        (m, k), n = x.shape, self.linear.out_features
        padded = x.new_empty(m, triton.cdiv(n, 64) * 64)
        grid = (triton.cdiv(m, 64), triton.cdiv(n, 64))
        linear_kernel[grid](
            x, self.linear.weight, self.linear.bias, padded, m, n, k, padded.stride(0), BM=64, BN=64, BK=32
        )
        return padded[:, :n]
