"""Wrong: only the sum of the previous block is carried over, not the sum of all blocks before."""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def cumulative_sum_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    carry = 0.0
    for start in range(0, columns, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        mask = offsets < columns
        x = tl.load(x_ptr + row * columns + offsets, mask=mask, other=0.0)
        tl.store(out_ptr + row * columns + offsets, tl.cumsum(x, axis=0) + carry, mask=mask)
        carry = tl.sum(x, axis=0)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty_like(x)
        cumulative_sum_kernel[(rows,)](x, out, columns, BLOCK=256)
        return out
