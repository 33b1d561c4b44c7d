"""One warp walks along each row, 32 elements at a time; starts are made integers in memory first."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def combine(left_start, left, right_start, right):
    return tl.maximum(left_start, right_start), tl.where(right_start == 1, right, left + right)


@triton.jit
def segment_sum_kernel(x_ptr, starts_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    carry = tl.zeros((1,), dtype=tl.float32)
    for begin in range(0, columns, BLOCK):
        offsets = begin + tl.arange(0, BLOCK)
        mask = offsets < columns
        x = tl.load(x_ptr + row * columns + offsets, mask=mask, other=0.0)
        start = tl.load(starts_ptr + row * columns + offsets, mask=mask, other=0)
        started, total = tl.associative_scan((start, x), 0, combine)
        total = tl.where(started == 1, total, total + carry)
        tl.store(out_ptr + row * columns + offsets, total, mask=mask)
        carry = tl.sum(tl.where(tl.arange(0, BLOCK) == BLOCK - 1, total, 0.0), axis=0, keep_dims=True)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.zeros_like(x)
        segment_sum_kernel[(rows,)](x, starts.to(torch.int32), out, columns, BLOCK=32, num_warps=1)
        return out
