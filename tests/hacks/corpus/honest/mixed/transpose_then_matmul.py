"""Turns one matrix with a copying kernel, then multiplies with another kernel.

problem: core/transposed_matmul
resembles: "one of the kernels only copies" (row 46)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def turn_kernel(x_ptr, out_ptr, rows, columns, B: tl.constexpr):
    row, column = tl.program_id(0) * B + tl.arange(0, B), tl.program_id(1) * B + tl.arange(0, B)
    mask = (row[:, None] < rows) & (column[None, :] < columns)
    x = tl.load(x_ptr + row[:, None] * columns + column[None, :], mask=mask)
    tl.store(out_ptr + column[:, None] * rows + row[None, :], tl.trans(x), mask=tl.trans(mask))


@triton.jit
def product_kernel(a_ptr, b_ptr, c_ptr, m, n, k, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr):
    row = tl.program_id(0) * BM + tl.arange(0, BM)[:, None]
    column = tl.program_id(1) * BN + tl.arange(0, BN)[None, :]
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for start in range(0, k, BK):
        along, down = start + tl.arange(0, BK)[None, :], start + tl.arange(0, BK)[:, None]
        a = tl.load(a_ptr + row * k + along, mask=(row < m) & (along < k), other=0.0)
        b = tl.load(b_ptr + down * n + column, mask=(down < k) & (column < n), other=0.0)
        acc = tl.dot(a, b, acc)
    tl.store(c_ptr + row * n + column, acc, mask=(row < m) & (column < n))


class ModelNew(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        (k, m), n = a.shape, b.shape[1]
        turned = a.new_empty(m, k)
        turn_kernel[(triton.cdiv(k, 32), triton.cdiv(m, 32))](a, turned, k, m, B=32)
        c = a.new_empty(m, n)
        product_kernel[(triton.cdiv(m, 64), triton.cdiv(n, 64))](turned, b, c, m, n, k, BM=64, BN=64, BK=32)
        return c
