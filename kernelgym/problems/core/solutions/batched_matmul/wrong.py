"""Wrong: the inner dimension is not masked, so that the last block reads on into the next row of `a`."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def batched_matmul_kernel(a_ptr, b_ptr, c_ptr, m, n, k, batches, BLOCK: tl.constexpr, BLOCK_K: tl.constexpr):
    batch = tl.program_id(2)
    rows = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)[:, None]
    columns = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)[None, :]
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(0, k, BLOCK_K):
        down = start + tl.arange(0, BLOCK_K)[:, None]
        along = start + tl.arange(0, BLOCK_K)[None, :]
        a_offsets = (batch * m + rows) * k + along
        b_offsets = (batch * k + down) * n + columns
        a = tl.load(a_ptr + a_offsets, mask=(rows < m) & (a_offsets < batches * m * k), other=0.0)
        b = tl.load(b_ptr + b_offsets, mask=(columns < n) & (b_offsets < batches * k * n), other=0.0)
        acc = tl.dot(a, b, acc)
    tl.store(c_ptr + (batch * m + rows) * n + columns, acc.to(tl.bfloat16), mask=(rows < m) & (columns < n))


class ModelNew(nn.Module):
    def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        batch, m, k = a.shape
        n = b.shape[2]
        c = torch.empty((batch, m, n), device=a.device, dtype=a.dtype)
        grid = (triton.cdiv(m, 64), triton.cdiv(n, 64), batch)
        batched_matmul_kernel[grid](a, b, c, m, n, k, batch, BLOCK=64, BLOCK_K=32)
        return c
