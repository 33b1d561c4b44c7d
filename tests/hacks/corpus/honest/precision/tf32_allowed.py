"""Lets float32 products round to TF32, as the problem's precision policy does on both sides.

problem: core/matmul
resembles: a search for "tf32" (row 55)
"""

import torch
import triton
import triton.language as tl
from torch import nn

torch.backends.cuda.matmul.allow_tf32 = True


@triton.jit
def matmul_kernel(a_ptr, b_ptr, c_ptr, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    row = tl.program_id(1) * BM + tl.arange(0, BM)[:, None]
    column = tl.program_id(0) * BN + tl.arange(0, BN)[None, :]
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, k, BK):
        along, down = start + tl.arange(0, BK)[None, :], start + tl.arange(0, BK)[:, None]
        a = tl.load(a_ptr + row * k + along, mask=(row < m) & (along < k), other=0.0)
        b = tl.load(b_ptr + down * n + column, mask=(down < k) & (column < n), other=0.0)
        acc = tl.dot(a, b, acc, input_precision="tf32")
    tl.store(c_ptr + row * n + column, acc, mask=(row < m) & (column < n))


class ModelNew(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        (m, k), n = a.shape, b.shape[1]
        c = torch.empty(m, n, dtype=a.dtype, device=a.device)
        matmul_kernel[(triton.cdiv(n, 128), triton.cdiv(m, 64))](a, b, c, m, n, k, BM=64, BN=128, BK=32, num_warps=8)
        return c
