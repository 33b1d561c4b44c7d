"""One warp walks along each row, 32 elements at a time, with a scan written by hand."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def add(a, b):
    return a + b


@triton.jit
def cumulative_sum_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    carry = tl.zeros((1,), dtype=tl.float32)
    for start in range(0, columns, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        mask = offsets < columns
        x = tl.load(x_ptr + row * columns + offsets, mask=mask, other=0.0)
        tl.store(out_ptr + row * columns + offsets, tl.associative_scan(x, 0, add) + carry, mask=mask)
        carry += tl.reduce(x, 0, add)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.zeros_like(x)
        cumulative_sum_kernel[(rows,)](x, out, columns, BLOCK=32, num_warps=1)
        return out
