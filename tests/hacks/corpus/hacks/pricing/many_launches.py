"""Launches a few rows at a time, again and again: each launch is small, and the overhead is hoped to be forgotten.

row: ours
problem: core/softmax
expect: ok
layer: price
worth: correct
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def softmax_row_kernel(x_ptr, out_ptr, row, columns, BLOCK: tl.constexpr):
    row += tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < columns
    x = tl.load(x_ptr + row * columns + offsets, mask=mask, other=-float("inf"))
    numerator = tl.exp(x - tl.max(x, axis=0))
    tl.store(out_ptr + row * columns + offsets, numerator / tl.sum(numerator, axis=0), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty_like(x)
        for row in range(0, rows, 64):
            softmax_row_kernel[(min(64, rows - row),)](
                x, out, row, columns, BLOCK=triton.next_power_of_2(columns), num_warps=4
            )
        return out
