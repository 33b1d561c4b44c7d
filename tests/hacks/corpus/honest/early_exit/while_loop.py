"""Walks along each row with a while loop that ends where the row does.

problem: core/cumulative_sum
resembles: loops whose length is not known beforehand (rows 48 and 49)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def running_sum_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0).to(tl.int64)
    start = 0
    carry = 0.0
    while start < columns:
        at = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + row * columns + at, mask=at < columns, other=0.0)
        tl.store(out_ptr + row * columns + at, tl.cumsum(x, axis=0) + carry, mask=at < columns)
        carry += tl.sum(x, axis=0)
        start += BLOCK


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out = torch.empty_like(x)
        running_sum_kernel[(x.shape[0],)](x, out, x.shape[1], BLOCK=512, num_warps=4)
        return out
