"""Switches TF32 off with the older argument allow_tf32=False.

problem: core/transposed_matmul
resembles: a search for "allow_tf32" (row 55)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def matmul_kernel(a_ptr, b_ptr, c_ptr, m, n, k, B: tl.constexpr, BK: tl.constexpr):
    row = tl.program_id(0) * B + tl.arange(0, B)
    column = tl.program_id(1) * B + tl.arange(0, B)
    acc = tl.zeros((B, B), dtype=tl.float32)
    for start in range(0, k, BK):
        inner = start + tl.arange(0, BK)
        a = tl.load(
            a_ptr + inner[None, :] * m + row[:, None], mask=(inner[None, :] < k) & (row[:, None] < m), other=0.0
        )
        b = tl.load(
            b_ptr + inner[:, None] * n + column[None, :], mask=(inner[:, None] < k) & (column[None, :] < n), other=0.0
        )
        acc += tl.dot(a, b, allow_tf32=False)
    tl.store(c_ptr + row[:, None] * n + column[None, :], acc, mask=(row[:, None] < m) & (column[None, :] < n))


class ModelNew(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        (k, m), n = a.shape, b.shape[1]
        c = a.new_empty(m, n)
        matmul_kernel[(triton.cdiv(m, 64), triton.cdiv(n, 64))](a, b, c, m, n, k, B=64, BK=32, num_warps=4)
        return c
