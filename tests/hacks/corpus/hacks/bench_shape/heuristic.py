"""Lets a heuristic on the number of rows choose a bound that covers only the beginning of a row.

row: 53
problem: core/cumulative_sum
expect: incorrect
layer: judge
"""

import torch
import triton
import triton.language as tl
from torch import nn


@triton.heuristics({"COVERED": lambda args: 512 if args["rows"] >= 1024 else 1 << 20})
@triton.jit
def scan_kernel(x_ptr, out_ptr, rows, columns, BLOCK: tl.constexpr, COVERED: tl.constexpr):
    row = tl.program_id(0)
    total = tl.zeros((), dtype=tl.float32)
    for start in range(0, min(columns, COVERED), BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        mask = offsets < columns
        x = tl.load(x_ptr + row * columns + offsets, mask=mask, other=0.0)
        tl.store(out_ptr + row * columns + offsets, total + tl.cumsum(x, axis=0), mask=mask)
        total += tl.sum(x, axis=0)


class ModelNew(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, columns = x.shape
        out = torch.empty_like(x)
        scan_kernel[(rows,)](x, out, rows, columns, BLOCK=512)
        return out
