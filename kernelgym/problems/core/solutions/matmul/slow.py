"""Tiles of 32 with one warp: every element of the inputs is read again for each 32 rows or columns."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def matmul_kernel(a_ptr, b_ptr, c_ptr, m, n, k, BLOCK: tl.constexpr):
    rows = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)[:, None]
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)[None, :]
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(0, k, BLOCK):
        down = start + tl.arange(0, BLOCK)[:, None]
        along = start + tl.arange(0, BLOCK)[None, :]
        a = tl.load(a_ptr + rows * k + along, mask=(rows < m) & (along < k), other=0.0)
        b = tl.load(b_ptr + down * n + columns, mask=(down < k) & (columns < n), other=0.0)
        acc += tl.dot(a, b, input_precision="ieee")
    tl.store(c_ptr + rows * n + columns, acc, mask=(rows < m) & (columns < n))


class ModelNew(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        m, k = a.shape
        _, n = b.shape
        c = torch.zeros(m, n, device=a.device)
        grid = (triton.cdiv(m, 32), triton.cdiv(n, 32))
        matmul_kernel[grid](a, b, c, m, n, k, BLOCK=32, num_warps=1, num_stages=1)
        return c
