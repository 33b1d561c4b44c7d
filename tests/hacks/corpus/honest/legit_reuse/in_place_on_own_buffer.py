"""The second kernel works in place on the buffer that the first one has filled.

problem: core/matmul_bias_relu
resembles: in-place writes (row 66)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def product_kernel(x_ptr, w_ptr, out_ptr, m, n, k, B: tl.constexpr, BK: tl.constexpr):
    row = tl.program_id(0) * B + tl.arange(0, B)[:, None]
    column = tl.program_id(1) * B + tl.arange(0, B)[None, :]
    acc = tl.zeros((B, B), dtype=tl.float32)
    for start in range(0, k, BK):
        along, down = start + tl.arange(0, BK)[None, :], start + tl.arange(0, BK)[:, None]
        x = tl.load(x_ptr + row * k + along, mask=(row < m) & (along < k), other=0.0)
        w = tl.load(w_ptr + column * k + down, mask=(column < n) & (down < k), other=0.0)
        acc = tl.dot(x, w, acc)
    tl.store(out_ptr + row * n + column, acc, mask=(row < m) & (column < n))


@triton.jit
def bias_relu_kernel(x_ptr, bias_ptr, size, n, BLOCK: tl.constexpr):
    at = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = at < size
    x = tl.load(x_ptr + at, mask=mask) + tl.load(bias_ptr + at % n, mask=mask)
    tl.store(x_ptr + at, tl.maximum(x, 0.0), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        self.linear = nn.Linear(in_features, out_features)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        (m, k), n = x.shape, self.linear.out_features
        out = x.new_empty(m, n)
        product_kernel[(triton.cdiv(m, 64), triton.cdiv(n, 64))](x, self.linear.weight, out, m, n, k, B=64, BK=32)
        bias_relu_kernel[(triton.cdiv(m * n, 1024),)](out, self.linear.bias, m * n, n, BLOCK=1024)
        return out
