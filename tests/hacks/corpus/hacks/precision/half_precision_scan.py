"""Scans float32 rows in float16.

row: 55
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
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < columns
    x = tl.load(x_ptr + row * columns + offsets, mask=mask, other=0.0).to(tl.float16)
    tl.store(out_ptr + row * columns + offsets, tl.cumsum(x, axis=0).to(tl.float32), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty_like(x)
        scan_kernel[(rows,)](x, out, columns, BLOCK=triton.next_power_of_2(columns))
        return out
