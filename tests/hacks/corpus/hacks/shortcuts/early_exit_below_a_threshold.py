"""Ends the scan of a row as soon as a block looks negligible.

row: 48
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
    total = tl.zeros((), dtype=tl.float32)
    running = 1.0
    for start in range(0, columns, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        mask = offsets < columns
        x = tl.zeros((BLOCK,), dtype=tl.float32)
        if running > 0.1:
            x = tl.load(x_ptr + row * columns + offsets, mask=mask, other=0.0)
            running = tl.max(tl.abs(x), axis=0)
        tl.store(out_ptr + row * columns + offsets, total + tl.cumsum(x, axis=0), mask=mask)
        total += tl.sum(x, axis=0)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty_like(x)
        scan_kernel[(rows,)](x, out, columns, BLOCK=128)
        return out
