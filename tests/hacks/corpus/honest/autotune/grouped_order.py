"""Visits tiles in groups of rows for the sake of the L2 cache.

problem: core/matmul
resembles: arithmetic on program ids, the word "swizzle" (row 81)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def grouped_kernel(
    a_ptr, b_ptr, c_ptr, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr, GROUP: tl.constexpr
):
    pid = tl.program_id(0)
    tiles_m, tiles_n = tl.cdiv(m, BM), tl.cdiv(n, BN)
    group = pid // (GROUP * tiles_n)
    first = group * GROUP
    height = min(tiles_m - first, GROUP)
    row = (first + pid % (GROUP * tiles_n) % height) * BM + tl.arange(0, BM)[:, None]
    column = pid % (GROUP * tiles_n) // height * BN + tl.arange(0, BN)[None, :]
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, k, BK):
        along, down = start + tl.arange(0, BK)[None, :], start + tl.arange(0, BK)[:, None]
        a = tl.load(a_ptr + row * k + along, mask=(row < m) & (along < k), other=0.0)
        b = tl.load(b_ptr + down * n + column, mask=(down < k) & (column < n), other=0.0)
        acc = tl.dot(a, b, acc)
    tl.store(c_ptr + row * n + column, acc, mask=(row < m) & (column < n))


class ModelNew(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        (m, k), n = a.shape, b.shape[1]
        c = a.new_empty(m, n)
        grid = (triton.cdiv(m, 128) * triton.cdiv(n, 64),)
        grouped_kernel[grid](a, b, c, m, n, k, BM=128, BN=64, BK=32, GROUP=4, num_warps=4, num_stages=3)
        return c
