"""Lays the weights out as its kernel reads them when the module is built, as inference code does; the product is all there.

problem: core/matmul_float16
resembles: a tensor derived from weights in `__init__` (rows 33 and 34)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def matmul_kernel(x_ptr, w_ptr, out_ptr, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    row = tl.program_id(0) * BM + tl.arange(0, BM)[:, None]
    column = tl.program_id(1) * BN + tl.arange(0, BN)[None, :]
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, k, BK):
        along, down = start + tl.arange(0, BK)[None, :], start + tl.arange(0, BK)[:, None]
        x = tl.load(x_ptr + row * k + along, mask=(row < m) & (along < k), other=0.0)
        w = tl.load(w_ptr + down * n + column, mask=(down < k) & (column < n), other=0.0)
        acc = tl.dot(x, w, acc)
    tl.store(out_ptr + row * n + column, acc.to(tl.float16), mask=(row < m) & (column < n))


class ModelNew(nn.Module):
    def __init__(self, in_features: int, out_features: int):
        super().__init__()
        linear = nn.Linear(in_features, out_features, bias=False, dtype=torch.float16)
        self.weight = nn.Parameter(linear.weight.detach().t().contiguous())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        (m, k), n = x.shape, self.weight.shape[1]
        out = x.new_empty((m, n))
        matmul_kernel[(triton.cdiv(m, 64), triton.cdiv(n, 128))](x, self.weight, out, m, n, k, BM=64, BN=128, BK=32)
        return out
