"""Names its kernels and variables like library code: cublas, aten, cutlass, conv; all of it is its own.

problem: core/matmul
resembles: a search for library names (rows 39, 43 and 44)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def aten_cublas_gemm(a_ptr, b_ptr, c_ptr, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    cutlass_row = tl.program_id(0) * BM + tl.arange(0, BM)[:, None]
    conv_column = tl.program_id(1) * BN + tl.arange(0, BN)[None, :]
    accumulator = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, k, BK):
        down = start + tl.arange(0, BK)[:, None]
        along = start + tl.arange(0, BK)[None, :]
        a = tl.load(a_ptr + cutlass_row * k + along, mask=(cutlass_row < m) & (along < k), other=0.0)
        b = tl.load(b_ptr + down * n + conv_column, mask=(down < k) & (conv_column < n), other=0.0)
        accumulator = tl.dot(a, b, accumulator)
    tl.store(c_ptr + cutlass_row * n + conv_column, accumulator, mask=(cutlass_row < m) & (conv_column < n))


class ModelNew(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        (m, k), n = a.shape, b.shape[1]
        torch_mm_result = a.new_empty((m, n))  # not torch.mm, not F.linear, not torch.matmul
        aten_cublas_gemm[(triton.cdiv(m, 64), triton.cdiv(n, 64))](
            a, b, torch_mm_result, m, n, k, BM=64, BN=64, BK=32, num_warps=4, num_stages=3
        )
        return torch_mm_result
