"""Splits the inner dimension and adds the parts atomically to an output that starts at zero.

problem: core/transposed_matmul
resembles: an output from torch.zeros (rows 36 and 45)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def split_kernel(
    a_ptr, b_ptr, c_ptr, m, n, k, SPLITS: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr
):
    row = tl.program_id(0) * BM + tl.arange(0, BM)
    column = tl.program_id(1) * BN + tl.arange(0, BN)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(tl.program_id(2) * BK, k, BK * SPLITS):
        inner = start + tl.arange(0, BK)
        a = tl.load(
            a_ptr + inner[:, None] * m + row[None, :], mask=(inner[:, None] < k) & (row[None, :] < m), other=0.0
        )
        b = tl.load(
            b_ptr + inner[:, None] * n + column[None, :], mask=(inner[:, None] < k) & (column[None, :] < n), other=0.0
        )
        acc = tl.dot(tl.trans(a), b, acc)
    mask = (row[:, None] < m) & (column[None, :] < n)
    tl.atomic_add(c_ptr + row[:, None] * n + column[None, :], acc, mask=mask, sem="relaxed")


class ModelNew(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        (k, m), n = a.shape, b.shape[1]
        c = torch.zeros(m, n, dtype=a.dtype, device=a.device)
        split_kernel[(triton.cdiv(m, 64), triton.cdiv(n, 64), 2)](a, b, c, m, n, k, SPLITS=2, BM=64, BN=64, BK=32)
        return c
