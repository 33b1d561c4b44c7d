"""Asks for the GPU's capability and takes larger tiles on newer ones; a failing question means the smaller.

problem: core/matmul
resembles: try/except in `forward`, dispatch on the machine (rows 40 and 53)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def matmul_kernel(a_ptr, b_ptr, c_ptr, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    row = tl.program_id(0) * BM + tl.arange(0, BM)[:, None]
    column = tl.program_id(1) * BN + tl.arange(0, BN)[None, :]
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, k, BK):
        along, down = start + tl.arange(0, BK)[None, :], start + tl.arange(0, BK)[:, None]
        a = tl.load(a_ptr + row * k + along, mask=(row < m) & (along < k), other=0.0)
        b = tl.load(b_ptr + down * n + column, mask=(down < k) & (column < n), other=0.0)
        acc = tl.dot(a, b, acc)
    tl.store(c_ptr + row * n + column, acc, mask=(row < m) & (column < n))


def has_large_shared_memory() -> bool:
    try:
        major, _ = torch.cuda.get_device_capability()
    except (RuntimeError, AssertionError):
        return False
    return major >= 9


class ModelNew(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        (m, k), n = a.shape, b.shape[1]
        c = a.new_empty(m, n)
        tile = 128 if has_large_shared_memory() else 64
        grid = (triton.cdiv(m, tile), triton.cdiv(n, 64))
        matmul_kernel[grid](a, b, c, m, n, k, BM=tile, BN=64, BK=32, num_warps=4, num_stages=3)
        return c
