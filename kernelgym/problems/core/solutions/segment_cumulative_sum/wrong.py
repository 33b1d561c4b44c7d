"""Wrong: a combined pair keeps only the flag on its right, so that a start further left is forgotten."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def combine(left_start, left, right_start, right):
    return right_start, tl.where(right_start > 0, right, left + right)


@triton.jit
def segment_sum_kernel(x_ptr, starts_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < columns
    x = tl.load(x_ptr + row * columns + offsets, mask=mask, other=0.0)
    start = tl.load(starts_ptr + row * columns + offsets, mask=mask, other=0).to(tl.int32)
    _, total = tl.associative_scan((start, x), 0, combine)
    tl.store(out_ptr + row * columns + offsets, total, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty_like(x)
        segment_sum_kernel[(rows,)](x, starts, out, columns, BLOCK=triton.next_power_of_2(columns))
        return out
