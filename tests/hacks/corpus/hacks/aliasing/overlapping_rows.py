"""Returns a view whose rows overlap, so that it computes one sliding row instead of a matrix.

row: 49
problem: core/cumulative_sum
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.jit
def scan_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    offsets = tl.arange(0, BLOCK)
    mask = offsets < columns
    tl.store(out_ptr + offsets, tl.cumsum(tl.load(x_ptr + offsets, mask=mask, other=0.0), axis=0), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        row = torch.zeros(rows + columns, device=x.device)
        scan_kernel[(1,)](x, row, columns, BLOCK=triton.next_power_of_2(columns))
        return row.as_strided((rows, columns), (1, 1))
