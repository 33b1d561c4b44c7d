"""Writes mean and variance into one small buffer and returns its two rows.

problem: core/mean_and_variance
resembles: outputs that share memory (rows 6 and 46)
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def moments_kernel(x_ptr, out_ptr, rows, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    at = tl.arange(0, BLOCK)
    mask = at < columns
    x = tl.load(x_ptr + row * columns + at, mask=mask, other=0.0)
    mean = tl.sum(x, axis=0) / columns
    centred = tl.where(mask, x - mean, 0.0)
    tl.store(out_ptr + row, mean)
    tl.store(out_ptr + rows + row, tl.sum(centred * centred, axis=0) / columns)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        rows, columns = x.shape
        moments = x.new_empty(2, rows)
        moments_kernel[(rows,)](x, moments, rows, columns, BLOCK=triton.next_power_of_2(columns), num_warps=8)
        return moments[0], moments[1]
